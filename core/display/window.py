"""Whether OpenCV can open a window here."""

import os
import subprocess
import sys
from collections.abc import Mapping

import cv2

from maskaug.core.errors import MaskaugError

_PROBE_SECONDS = 30
# On each start Qt complains that it has no fonts; it needs none.
_QUIET = {"QT_LOGGING_RULES": "qt.qpa.fonts.warning=false"}


class WindowError(MaskaugError):
    """No window can be opened; the message says why and what to do."""


def check_window(instead: str = "review --serve shows a web page") -> str:
    """Make sure that a window can be opened, and return the name of the framework that does it.

    Qt aborts the process if there is no display or the display does not answer, and nothing can catch that: so
    another process tries first.

    Args:
        instead: What to do without one, as the message says it.

    Raises:
        WindowError: none can be opened.
    """
    framework = cv2.currentUIFramework()
    if not framework:
        raise WindowError(
            "this OpenCV cannot open windows; pip uninstall opencv-python-headless, then pip install --force-reinstall "
            f"opencv-python; or {instead}"
        )
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise WindowError(f"there is no display for a window; {instead}, or log in with ssh -X")
    probe = [sys.executable, "-c", "import cv2; cv2.namedWindow(' ')"]
    try:
        environment = quiet_environment(os.environ)
        done = subprocess.run(probe, capture_output=True, timeout=_PROBE_SECONDS, check=False, env=environment)
        failed = done.returncode != 0
    except subprocess.TimeoutExpired:
        failed = True
    if failed:
        display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or "of this machine"
        raise WindowError(f"no window can be opened on the display {display}; {instead}")
    return framework


def window_is_open(name: str) -> bool:
    """Whether a window is there still: who looks at it may have closed it."""
    try:
        return cv2.getWindowProperty(name, cv2.WND_PROP_VISIBLE) > 0
    except cv2.error:
        return False


def quiet_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The same without Qt's complaints, unless who calls wants others."""
    return {**_QUIET, **environment}
