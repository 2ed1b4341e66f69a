"""Where people look: whether a window can be opened here, and who may see a page of this machine."""

from maskaug.core.display.loopback import from_this_machine
from maskaug.core.display.window import WindowError, check_window, quiet_environment, window_is_open

__all__ = ["WindowError", "check_window", "from_this_machine", "quiet_environment", "window_is_open"]
