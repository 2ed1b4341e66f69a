"""A screen without a monitor, a window manager and fingers: Xvfb, openbox and xdotool."""

import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

TOOLS = ("Xvfb", "openbox", "xdotool")


def missing():
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def until(condition, seconds=20.0):
    """Wait until a condition holds, and return what it gives."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"the condition did not hold within {seconds} s"
        time.sleep(0.05)
    return found


def skip_where_busy(decide, seconds=0.15):
    """Skip a test of a pace that this machine cannot keep now: of five decisions, the middle one takes longer."""
    times = []
    for _ in range(5):
        started = time.monotonic()
        decide("a")
        times.append(time.monotonic() - started)
    if sorted(times)[2] > seconds:
        pytest.skip(f"this machine is too busy: {sorted(times)[2]:.2f} s from a key to the next picture")


class Screen:
    """A display with a window manager on it."""

    def __init__(self, display):
        self.title = "^maskaug review - "  # of the window that is looked for
        self.environment = {**os.environ, "DISPLAY": display}
        self.environment.pop("WAYLAND_DISPLAY", None)
        self.scenes: Path | None = None  # where the review window says what it shows, see watched_review.py

    def do(self, *arguments, check=True):
        done = subprocess.run(
            ["xdotool", *map(str, arguments)], env=self.environment, capture_output=True, text=True, check=check
        )
        return done.stdout.split()

    def windows(self):
        return self.do("search", "--onlyvisible", "--name", self.title, check=False)

    def focus(self):
        """Wait for the window, and give it the keys."""
        (window,) = until(self.windows)
        until(lambda: self.do("getactivewindow", check=False) == [window])
        self.do("windowfocus", "--sync", window)
        time.sleep(0.3)  # the window manager may yet take the keys, and give them back
        return window

    def press(self, *keys, delay=120):
        """Press keys after each other, so many milliseconds apart."""
        for key in keys:
            started = time.monotonic()
            self.do("key", key)
            time.sleep(max(0.0, delay / 1000 - (time.monotonic() - started)))

    def scene(self):
        """The scene that the review window shows as a whole; None while it shows none."""
        lines = self.scenes.read_text().split() if self.scenes and self.scenes.exists() else []
        return lines[-1] if lines and lines[-1] != "None" else None

    def decide(self, *keys):
        """Press each key when what the last one led to is on the screen."""
        for key in keys:
            before = self.scene()
            self.do("key", key)
            until(lambda before=before: self.scene() not in (before, None))

    def click(self, window, x, y):
        self.do("mousemove", "--window", window, x, y, "click", 1)

    def press_close_button(self, window):
        """Click on the cross that openbox puts at the right of the title."""
        shell = dict(line.split("=") for line in self.do("getwindowgeometry", "--shell", window))
        self.do("windowmove", "--sync", window, 60, 60)
        # Whether that is the corner of the frame or of what it frames depends on who was quicker; elsewhere a click
        # does nothing.
        for below in (10, -10):
            self.do("mousemove", 60 + int(shell["WIDTH"]) - 8, 60 + below, "click", 1)
            end = time.monotonic() + 1
            while time.monotonic() < end:
                if not self.windows():
                    return
                time.sleep(0.05)


@contextmanager
def screen():
    reading, writing = os.pipe()
    xvfb = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as pipe:
        number = pipe.readline().strip()
    found = Screen(f":{number}")
    manager = subprocess.Popen(["openbox"], env=found.environment, stderr=subprocess.DEVNULL)
    try:
        yield found
    finally:
        for process in (manager, xvfb):
            process.terminate()
            process.wait(10)
