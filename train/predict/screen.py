"""A video as it is judged: in a window, or without a display on a page for this machine's browser."""

import os
import secrets
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Protocol

import cv2

from maskaug.core.arrays import Image
from maskaug.core.display import WindowError, check_window, from_this_machine, quiet_environment, window_is_open
from maskaug.core.pictures import encode_picture

_TITLE = "maskaug predict"
_SIZE = (960, 720)
_ESCAPE = 27
_BOUNDARY = "frame"
_TURN = 0.05  # seconds between checks whether it is to end
_QUALITY = 85  # of JPEGs that are looked at for a moment
_PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{_TITLE}</title>
<style nonce="NONCE">
body {{ margin: 0; min-height: 100vh; display: grid; place-content: center; font: 1rem system-ui, sans-serif }}
img {{ max-width: 100vw; max-height: 92vh }}
p {{ margin: .5rem; text-align: center }}
</style>
<main>
<h1 hidden>{_TITLE}</h1>
<img src="frames" alt="The latest frame; each face has a box with its verdict in words">
<p>It ends with the video, or by Ctrl-C in the terminal.</p>
</main>
"""


class Screen(Protocol):
    """Where frames are looked at."""

    def show(self, drawn: Image) -> bool:
        """Show a frame, ``(H, W, 3) uint8`` RGB; False if whoever looks has seen enough."""

    def close(self) -> None:
        """Show nothing more."""


def open_screen(announce: Callable[[str], None]) -> Screen:
    """A window, or where none can be opened a page.

    Args:
        announce: Called with a sentence that says where to look, if that is not plain to see.
    """
    try:
        check_window()
    except WindowError:
        page = _Page()
        announce(
            f"there is no display for a window; open {page.address} in this machine's browser: it begins when the page "
            "is open"
        )
        return page
    return _Window()


class _Window:
    def __init__(self) -> None:
        os.environ.update(quiet_environment(os.environ))
        cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        cv2.resizeWindow(_TITLE, *_SIZE)

    def show(self, drawn: Image) -> bool:
        cv2.imshow(_TITLE, cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
        key = cv2.waitKeyEx(1)  # a window draws and listens only while somebody waits
        return key not in (_ESCAPE, ord("q")) and window_is_open(_TITLE)

    def close(self) -> None:
        cv2.destroyAllWindows()


class _Page(ThreadingHTTPServer):
    """The latest frame as Motion JPEG, on this machine only, for whoever has the address; the first waits for them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.token = secrets.token_urlsafe(24)
        self.nonce = secrets.token_urlsafe(16)
        self.address = f"http://127.0.0.1:{self.server_port}/{self.token}/"
        self.changed = Condition()
        self.number, self.frame, self.ended, self.seen = 0, b"", False, False
        Thread(target=self.serve_forever, args=(_TURN,), daemon=True).start()

    def show(self, drawn: Image) -> bool:
        data = encode_picture(drawn, "jpeg", _QUALITY)
        with self.changed:
            while not self.seen:  # a short video would be over before anybody has opened the page
                self.changed.wait()
            self.number, self.frame = self.number + 1, data
            self.changed.notify_all()
        return True

    def close(self) -> None:
        with self.changed:
            if self.ended:
                return
            self.ended = True
            self.changed.notify_all()
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: _Page
    timeout = 60

    def do_GET(self) -> None:
        page = self.path == f"/{self.server.token}/"
        if not from_this_machine(self.headers.get("Host", ""), self.headers.get("Origin")):
            self.send_error(HTTPStatus.FORBIDDEN)
        elif page:
            content = _PAGE.replace("NONCE", self.server.nonce).encode()
            self._begin("text/html; charset=utf-8")
            self.wfile.write(content)
        elif self.path == f"/{self.server.token}/frames":
            self._begin(f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
            self._send_frames()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *_: object) -> None:
        """Say nothing."""

    def _begin(self, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header(
            "Content-Security-Policy", f"default-src 'none'; img-src 'self'; style-src 'nonce-{self.server.nonce}'"
        )
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()

    def _send_frames(self) -> None:
        """Each frame that comes while the one before is on its way is left out."""
        seen = 0
        with self.server.changed:
            self.server.seen = True
            self.server.changed.notify_all()
        while True:
            with self.server.changed:
                while self.server.number == seen and not self.server.ended:
                    self.server.changed.wait()
                seen, data, ended = self.server.number, self.server.frame, self.server.ended
            if ended:
                return
            head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + data + b"\r\n")
            except (ConnectionError, TimeoutError):  # the browser has gone
                return
