"""The OpenCV window: the only module that opens one. It shows the controller's view, and passes keys on to it."""

import os
import subprocess
import sys
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import cv2
import numpy as np

from maskaug.core.arrays import Image
from maskaug.core.errors import MaskaugError
from maskaug.review_ui.view.actions import ACTIONS
from maskaug.review_ui.view.controller import Controller
from maskaug.review_ui.view.keys import key_of_code, labels
from maskaug.review_ui.window.compose import cell_at, compose

_NAME = "maskaug review"
_SIZE, _SMALLEST = (1200, 750), (320, 240)
_MOST_PIXELS = 2_600_000  # composing takes some 12 ms a million; larger windows enlarge what is drawn
_POLL_MS = 20  # how long to wait for a key before checking whether a picture is ready or the window was closed
_PROBE_SECONDS = 30
# On each start Qt complains that it has no fonts; it needs none.
_QUIET = {"QT_LOGGING_RULES": "qt.qpa.fonts.warning=false"}


class WindowError(MaskaugError):
    """No window can be opened; the message says why and what to do."""


def check_window() -> str:
    """Make sure that a window can be opened, and return the name of the framework that does it.

    Qt aborts the process if there is no display or the display does not answer, and nothing can catch that: so
    another process tries first.

    Raises:
        WindowError: none can be opened.
    """
    framework = cv2.currentUIFramework()
    if not framework:
        raise WindowError(
            "this OpenCV cannot open windows; pip uninstall opencv-python-headless, then pip install --force-reinstall "
            "opencv-python; or review --serve shows a web page"
        )
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise WindowError("there is no display for a window; review --serve shows a web page, or log in with ssh -X")
    probe = [sys.executable, "-c", "import cv2; cv2.namedWindow(' ')"]
    try:
        done = subprocess.run(probe, capture_output=True, timeout=_PROBE_SECONDS, check=False, env=_quiet(os.environ))
        failed = done.returncode != 0
    except subprocess.TimeoutExpired:
        failed = True
    if failed:
        display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or "of this machine"
        raise WindowError(f"no window can be opened on the display {display}; review --serve shows a web page")
    return framework


def _quiet(environment: Mapping[str, str]) -> dict[str, str]:
    return {**_QUIET, **environment}


def run_window(controller: Controller, keys: Mapping[str, str], title: str) -> None:
    """Show a session until its annotator quits or closes the window; call :func:`check_window` first.

    Args:
        controller: Whose view is shown.
        keys: Action of each key.
        title: Of the window.

    Raises:
        ReviewError: a decision could not be recorded.
    """
    os.environ.update(_quiet(os.environ))
    # Frames are composed for any shape of the window; a tool bar would only be in the way.
    cv2.namedWindow(_NAME, cv2.WINDOW_NORMAL | cv2.WINDOW_FREERATIO | cv2.WINDOW_GUI_NORMAL)
    try:
        cv2.setWindowTitle(_NAME, title)
        cv2.resizeWindow(_NAME, *_SIZE)
        _Window(controller, keys).run()
    finally:
        cv2.destroyAllWindows()


class _Window:
    """Qt keeps one key only, so this thread does nothing but listen and show; another one records and composes.

    Keys and clicks that arrive while a picture is read wait until it is on the screen.
    """

    def __init__(self, controller: Controller, keys: Mapping[str, str]) -> None:
        self._controller, self._keys, self._labels = controller, keys, labels(keys)
        self._waiting: deque[str | int] = deque()  # actions, and numbers of cells that were clicked
        self._size = (0, 0)  # of the frame on the screen
        self._ready = False  # whether all of it is
        cv2.setMouseCallback(_NAME, self._on_mouse)

    def run(self) -> None:
        work: Future[tuple[Image, bool]] | None = None
        with ThreadPoolExecutor(1) as worker:
            while not self._controller.closed:
                action = self._listen()
                # A window is closed while we listen: after that, asking for its size would fail, and showing a frame
                # would open it again.
                if not _is_open():
                    break
                size = _composed_size()
                if work is not None:
                    if work.done():
                        self._show(*work.result())
                        work = None
                elif self._waiting and self._may(self._waiting[0]):
                    work = worker.submit(self._do, self._waiting.popleft(), size)
                elif not self._ready or self._size != size:
                    work = worker.submit(self._compose, size)
                if action == "quit" and not self._ready:
                    break
        if work is not None:
            work.result()

    def _listen(self) -> str | None:
        key = key_of_code(cv2.waitKeyEx(1 if self._waiting else _POLL_MS))
        action = None if key is None else self._keys.get(key)
        if action is not None:
            self._waiting.append(action)
        return action

    def _show(self, frame: Image, ready: bool) -> None:
        cv2.imshow(_NAME, frame)
        self._size = (frame.shape[1], frame.shape[0])
        self._ready = ready
        self._controller.drawn()

    def _may(self, wanted: str | int) -> bool:
        """Whether it can be done now: nothing is decided on before it is on the screen."""
        return self._ready or not (isinstance(wanted, int) or ACTIONS[wanted].kind == "decision")

    def _do(self, wanted: str | int, size: tuple[int, int]) -> tuple[Image, bool]:
        if isinstance(wanted, int):
            self._controller.click(wanted)
        else:
            self._controller.do(wanted)
        return self._compose(size)

    def _compose(self, size: tuple[int, int]) -> tuple[Image, bool]:
        """A frame, BGR as OpenCV shows it, and whether all its pictures were ready."""
        view = self._controller.view()
        frame = cv2.cvtColor(compose(view, size, self._labels), cv2.COLOR_RGB2BGR)
        return np.asarray(frame, dtype=np.uint8), all(cell.display is not None for cell in view.cells)

    def _on_mouse(self, event: int, x: int, y: int, _flags: int, _data: object) -> None:
        cell = cell_at(self._size, x, y) if event == cv2.EVENT_LBUTTONDOWN else None
        if cell is not None:
            self._waiting.append(cell)


def _is_open() -> bool:
    try:
        return cv2.getWindowProperty(_NAME, cv2.WND_PROP_VISIBLE) > 0
    except cv2.error:
        return False


def _composed_size() -> tuple[int, int]:
    _, _, width, height = cv2.getWindowImageRect(_NAME)
    scale = min(1.0, (_MOST_PIXELS / max(width * height, 1)) ** 0.5)
    return max(_SMALLEST[0], round(width * scale)), max(_SMALLEST[1], round(height * scale))
