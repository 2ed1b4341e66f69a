"""The OpenCV window: the only module that opens one. It shows the controller's view, and passes keys on to it."""

import os
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from maskaug.core.arrays import Image
from maskaug.core.display import quiet_environment, window_is_open
from maskaug.review_ui.view.controller import Controller
from maskaug.review_ui.view.keys import key_of_code, labels
from maskaug.review_ui.window.compose import cell_at, compose

_NAME = "maskaug review"
_SIZE, _SMALLEST = (1200, 750), (320, 240)
_MOST_PIXELS = 2_600_000  # composing takes some 12 ms a million; larger windows enlarge what is drawn
_POLL_MS = 20  # how long to wait for a key before checking whether a picture is ready or the window was closed


def run_window(controller: Controller, keys: Mapping[str, str], title: str) -> None:
    """Show a session until its annotator quits or closes the window; call :func:`check_window` first.

    Args:
        controller: Whose view is shown.
        keys: Action of each key.
        title: Of the window.

    Raises:
        ReviewError: a decision could not be recorded.
    """
    os.environ.update(quiet_environment(os.environ))
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

    Keys and clicks carry the scene that was on the screen when they came: the controller decides on no other.
    """

    def __init__(self, controller: Controller, keys: Mapping[str, str]) -> None:
        self._controller, self._keys, self._labels = controller, keys, labels(keys)
        # Actions, or numbers of cells that were clicked, and the scene that was on the screen then.
        self._waiting: deque[tuple[str | int, int | None]] = deque()
        self._work: Future[_Frame] | None = None
        self._frame = _Frame(np.zeros((0, 0, 3), dtype=np.uint8), 0, whole=False)  # given to the window
        self._on_screen: int | None = None  # scene of the frame that the window has drawn as a whole
        cv2.setMouseCallback(_NAME, self._on_mouse)

    def run(self) -> None:
        with ThreadPoolExecutor(1) as worker:
            while not self._controller.closed:
                self._listen()
                # A window is closed while we listen: after that, asking for its size would fail, and showing a frame
                # would open it again.
                if not window_is_open(_NAME):
                    break
                size = _composed_size()
                if self._work is not None:
                    if self._work.done():
                        self._frame, self._work = self._work.result(), None
                        cv2.imshow(_NAME, self._frame.pixels)
                elif self._waiting:
                    self._work = worker.submit(self._do, *self._waiting.popleft(), size)
                elif not self._frame.whole or self._frame.size != size:
                    self._work = worker.submit(self._compose, size)
        if self._work is not None:
            self._work.result()

    def _listen(self) -> None:
        """Wait for a key, while the window draws the last frame."""
        code = cv2.waitKeyEx(1 if self._waiting else _POLL_MS)
        if code == -1:
            self._drawn()
            return
        # Whatever was drawn while we waited, the key came before anybody saw it.
        key = key_of_code(code)
        action = None if key is None else self._keys.get(key)
        if action is not None:
            self._waiting.append((action, self._on_screen))

    def _drawn(self) -> None:
        self._on_screen = self._frame.scene if self._frame.whole else None
        if self._on_screen is not None and self._work is None:  # nobody else is at the controller
            self._controller.drawn(self._on_screen)

    def _do(self, wanted: str | int, shown: int | None, size: tuple[int, int]) -> "_Frame":
        if isinstance(wanted, int):
            self._controller.click(wanted, shown)
        else:
            self._controller.do(wanted, shown)
        return self._compose(size)

    def _compose(self, size: tuple[int, int]) -> "_Frame":
        view = self._controller.view()
        pixels = cv2.cvtColor(compose(view, size, self._labels), cv2.COLOR_RGB2BGR)
        return _Frame(np.asarray(pixels, dtype=np.uint8), view.scene, view.whole)

    def _on_mouse(self, event: int, x: int, y: int, _flags: int, _data: object) -> None:
        cell = cell_at(self._frame.size, x, y) if event == cv2.EVENT_LBUTTONDOWN else None
        if cell is not None:
            self._waiting.append((cell, self._on_screen))


@dataclass(frozen=True)
class _Frame:
    """What the window shows.

    Attributes:
        pixels: ``(H, W, 3) uint8`` BGR, as OpenCV wants it.
        scene: Of the controller.
        whole: Whether none of its pictures is still being read.
    """

    pixels: Image
    scene: int
    whole: bool

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        height, width = self.pixels.shape[:2]
        return width, height


def _composed_size() -> tuple[int, int]:
    _, _, width, height = cv2.getWindowImageRect(_NAME)
    scale = min(1.0, (_MOST_PIXELS / max(width * height, 1)) ** 0.5)
    return max(_SMALLEST[0], round(width * scale)), max(_SMALLEST[1], round(height * scale))
