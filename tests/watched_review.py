"""The review with a window that says what it shows: it has no other way to tell a test that it is ready for a key.

``python watched_review.py FILE SECONDS …`` is the command ``maskaug …``; FILE gets the number of each scene that is on
the screen as a whole, or None, a line each. Reading a picture takes so many seconds more.
"""

import sys
import time
from pathlib import Path

from maskaug.review_ui.view.picture_cache import PictureCache
from maskaug.review_ui.window.window import _Window


def main():
    place, seconds = Path(sys.argv.pop(1)), float(sys.argv.pop(1))
    drawn, read = _Window._drawn, PictureCache._read

    def watched(self):
        before = self._on_screen
        drawn(self)
        if self._on_screen != before:
            with place.open("a") as file:
                file.write(f"{self._on_screen}\n")

    def slow(self, number, *, large):
        time.sleep(seconds)
        return read(self, number, large=large)

    setattr(_Window, "_drawn", watched)  # noqa: B010
    setattr(PictureCache, "_read", slow)  # noqa: B010

    from maskaug.cli.app import main as maskaug

    maskaug()


if __name__ == "__main__":
    main()
