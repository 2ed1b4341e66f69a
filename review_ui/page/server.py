"""A server for this machine alone: each page it offers has a token of its own."""

import secrets
import socket
import sys
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer

from maskaug.core.display import from_this_machine
from maskaug.core.errors import MaskaugError
from maskaug.review_ui.page.base import ENDED, Answer, Page, refused

_LONGEST_BODY = 1000  # bytes; a key and a number need no more
_TURN = 0.5  # seconds between checks whether the server is to stop


class PageError(MaskaugError):
    """The page cannot be offered; the message says why and what to do."""


def check_port(port: int) -> None:
    """Make sure that a port is free, before there is anything that its page would show.

    Raises:
        PageError: it is taken.
    """
    try:
        HTTPServer(("127.0.0.1", port), BaseHTTPRequestHandler).server_close()
    except OSError as error:
        raise _taken(port, error) from error


def _taken(port: int, error: OSError) -> PageError:
    return PageError(f"port {port} cannot be used: {error.strerror}; give --port another")


class PageServer(ThreadingHTTPServer):
    """Offers pages on this machine only. Threads answer requests.

    Attributes:
        pages: What it offers.
    """

    daemon_threads = True

    def __init__(self, pages: Sequence[Page], port: int = 0) -> None:
        """Take a port.

        Args:
            pages: What to offer; each gets its address.
            port: Number of the port; 0: any that is free.

        Raises:
            PageError: the port is taken.
        """
        self.pages = pages
        self._stopped = False
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise _taken(port, error) from error
        for page in pages:
            page.address = f"http://127.0.0.1:{self.server_port}/{page.token}/{page.path}"

    def run(self, announce: Callable[[str, str], None]) -> None:
        """Answer requests until every annotator has quit.

        Args:
            announce: Called with the name and the address of each page.

        Raises:
            ReviewError: a decision could not be recorded; nobody's session goes on then.
        """
        for page in self.pages:
            announce(page.name, page.address)
        self.timeout = _TURN
        try:
            while not (self._stopped or any(page.failed for page in self.pages)):
                if all(page.is_over for page in self.pages):
                    break
                self.handle_request()
        finally:
            for page in self.pages:
                page.end()
            self.server_close()
        for page in self.pages:
            if page.failed is not None:
                raise page.failed

    def page_of(self, token: str) -> Page | None:
        """The page that a token opens, or None; how long it takes tells nothing of the tokens."""
        found = None
        for page in self.pages:
            if secrets.compare_digest(token.encode(), page.token.encode()):
                found = page
        return found

    def handle_error(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: tuple[str, int]
    ) -> None:
        """Say nothing of a browser that went before its answer came."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Let :meth:`run` end soon."""
        self._stopped = True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer leaves as a whole
    timeout = 60
    server: PageServer

    def do_GET(self) -> None:
        self._respond("GET")

    def do_HEAD(self) -> None:
        self._respond("GET")

    def do_POST(self) -> None:
        self._respond("POST")

    def log_message(self, format: str, *_: object) -> None:
        """Say nothing."""

    def _respond(self, method: str) -> None:
        body = self._body()
        token, slash, path = self.path[1:].partition("/")
        known = slash and from_this_machine(self.headers.get("Host", ""), self.headers.get("Origin"))
        page = self.server.page_of(token) if known else None
        if body is None:
            self._send(refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the request is too large"))
        elif page is None:
            self._send(refused(HTTPStatus.FORBIDDEN, "open the address that maskaug review printed"))
        elif page.ended:  # a browser keeps its connection
            self.close_connection = True
            self._send(refused(HTTPStatus.SERVICE_UNAVAILABLE, ENDED))
        else:
            self._send(page.answer(method, path, body), page.policy)

    def _body(self) -> bytes | None:
        """The request's body; None, and no more of this connection, if it is too long or its length is not given."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > _LONGEST_BODY or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def _send(self, answer: Answer, policy: str = "default-src 'none'") -> None:
        status, kind, content = answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "private, max-age=600" if kind == "image/jpeg" else "no-store")
        self.send_header("Content-Security-Policy", policy)
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
