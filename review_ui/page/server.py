"""A local web page instead of a window: the same view and keys, for whoever has the address with its token."""

import json
import re
import secrets
import socket
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from importlib.resources import files
from threading import Lock
from urllib.parse import urlsplit

from maskaug.augment.reviews.log import ReviewError
from maskaug.core.errors import MaskaugError
from maskaug.core.pictures import encode_picture
from maskaug.core.text import parse_json
from maskaug.review_ui.page.view_json import view_json
from maskaug.review_ui.view.actions import ACTIONS, HELP_NOTE, help_columns
from maskaug.review_ui.view.controller import Controller
from maskaug.review_ui.view.keys import key_of_browser, labels, named_browser_keys
from maskaug.review_ui.view.palette import COLORS, LIGHT, css_variables

_HOSTS = {"127.0.0.1", "localhost", "::1"}
_LONGEST_BODY = 1000  # bytes; a key and a number need no more
_PATIENCE = 20.0  # seconds to wait for a picture that is being read
_TURN = 0.5  # seconds between checks whether the server is to stop

Answer = tuple[HTTPStatus, str, bytes]  # status, type, content


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
    """Offers a session on this machine only. Threads answer requests; one at a time gets at the controller.

    Attributes:
        address: Of the page; whoever knows it may decide.
        token: The part of it that nobody can guess.
        failed: Why a decision could not be recorded.
    """

    daemon_threads = True

    def __init__(self, controller: Controller, keys: Mapping[str, str], title: str, port: int = 0) -> None:
        """Take a port.

        Args:
            controller: Whose view is shown.
            keys: Action of each key.
            title: Of the page.
            port: Number of the port; 0: any that is free.

        Raises:
            PageError: the port is taken.
        """
        self.controller, self._keys = controller, keys
        self._lock = Lock()
        self._stopped = False
        self._shown: int | None = None  # the latest scene that a page has put on the screen
        self.failed: ReviewError | None = None
        self.token = secrets.token_urlsafe(24)
        self._nonce = secrets.token_urlsafe(16)
        self._page = _page(title, keys, self._nonce)
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise _taken(port, error) from error
        self.address = f"http://127.0.0.1:{self.server_port}/{self.token}/"

    def run(self, announce: Callable[[str], None]) -> None:
        """Answer requests until the annotator quits.

        Args:
            announce: Called with the address.

        Raises:
            ReviewError: a decision could not be recorded.
        """
        announce(self.address)
        self.timeout = _TURN
        try:
            while not (self.controller.closed or self._stopped or self.failed):
                self.handle_request()
        finally:
            self.server_close()
        if self.failed is not None:
            raise self.failed

    def handle_error(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: tuple[str, int]
    ) -> None:
        """Say nothing of a browser that went before its answer came."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Let :meth:`run` end soon."""
        self._stopped = True

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """What to say to a request that has the token.

        Args:
            method: ``GET`` or ``POST``.
            path: What follows the token in the address.
            body: Of the request.
        """
        parts = path.split("/")
        if method == "GET" and path == "":
            return HTTPStatus.OK, "text/html; charset=utf-8", self._page
        if method == "GET" and path == "view":
            with self._lock:
                return self._view(HTTPStatus.OK)
        if method == "POST" and path == "shown":
            return self._note_shown(body)
        if method == "POST" and path == "do":
            return self._do(body)
        if method == "GET" and len(parts) == 4 and parts[0] == "picture":
            return self._picture(parts[1], parts[2], parts[3])
        return _refused(HTTPStatus.NOT_FOUND, "there is no such page")

    @property
    def policy(self) -> str:
        """What the page may load: pictures from here, and its own script and style."""
        here, own = "'self'", f"'nonce-{self._nonce}'"
        return f"default-src 'none'; img-src {here} data:; connect-src {here}; script-src {own}; style-src {own}"

    def _do(self, body: bytes) -> Answer:
        """Do what a key or a click stands for; a decision only on what a page has said to show."""
        try:
            wanted = parse_json(body)
            scene, key, cell = wanted["scene"], wanted.get("key"), wanted.get("cell")
            button = wanted.get("action")
        except (ValueError, KeyError, TypeError, AttributeError):
            return _refused(HTTPStatus.BAD_REQUEST, "the request is not understood")
        action = self._keys.get(key_of_browser(key) or key) if isinstance(key, str) else None
        if isinstance(button, str) and button in ACTIONS:
            action = button
        with self._lock:
            shown, done = scene if scene == self._shown else None, True
            try:
                if action is not None:
                    done = self.controller.do(action, shown)
                elif isinstance(cell, int) and cell >= 0:
                    done = self.controller.click(cell, shown)
            except ReviewError as error:
                self.failed = error
                return _refused(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
            return self._view(HTTPStatus.OK if done else HTTPStatus.CONFLICT)

    def _note_shown(self, body: bytes) -> Answer:
        """A page says which scene it shows as a whole."""
        try:
            scene = parse_json(body)["scene"]
        except (ValueError, KeyError, TypeError):
            return _refused(HTTPStatus.BAD_REQUEST, "the request is not understood")
        with self._lock:
            view = self.controller.view()
            if scene != view.scene or not view.whole:
                return _refused(HTTPStatus.CONFLICT, "another picture is to be shown")
            self._shown = scene
            self.controller.drawn(scene)
        return HTTPStatus.OK, "application/json", b"{}"

    def _view(self, status: HTTPStatus) -> Answer:
        view = self.controller.view()
        record = view_json(view)
        picture = self.controller.session.queue.picture
        coming = [[place, picture(place).before is not None] for place in self.controller.coming()]
        record.update(closed=self.controller.closed, next=coming)
        return status, "application/json", json.dumps(record).encode()

    def _picture(self, place: str, part: str, side: str) -> Answer:
        known = re.fullmatch("[0-9]{1,9}", place) and int(place) < len(self.controller.session.queue)
        if not known or part not in ("whole", "close", "cell") or side not in ("after", "before"):
            return _refused(HTTPStatus.NOT_FOUND, "there is no such picture")
        display = self.controller.picture_cache.get(int(place), large=part != "cell", wait=_PATIENCE)
        image = None if display is None else display.close if part == "close" else display.whole
        pixels = None if image is None else image.after if side == "after" else image.before
        if pixels is None:
            return _refused(HTTPStatus.NOT_FOUND, "this picture cannot be shown")
        return HTTPStatus.OK, "image/jpeg", encode_picture(pixels, "jpeg")


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
        path = self._path()
        if body is None:
            self._send(_refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the request is too large"))
        elif not self._from_here() or path is None:
            self._send(_refused(HTTPStatus.FORBIDDEN, "open the address that maskaug review printed"))
        else:
            self._send(self.server.answer(method, path, body))

    def _body(self) -> bytes | None:
        """The request's body; None, and no more of this connection, if it is too long or its length is not given."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > _LONGEST_BODY or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def _from_here(self) -> bool:
        """Whether this machine's own page asks: another page would name its own origin, and a page that has taken over
        a host name would address this machine by that name.
        """
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        try:
            known = urlsplit(f"//{host}").hostname in _HOSTS
        except ValueError:
            return False
        return known and origin in (None, f"http://{host}")

    def _path(self) -> str | None:
        """What follows the token; None if that is not there."""
        token, slash, rest = self.path[1:].partition("/")
        known = secrets.compare_digest(token.encode(), self.server.token.encode())
        return rest if known and slash else None

    def _send(self, answer: Answer) -> None:
        status, kind, content = answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "private, max-age=600" if kind == "image/jpeg" else "no-store")
        self.send_header("Content-Security-Policy", self.server.policy)
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _refused(status: HTTPStatus, message: str) -> Answer:
    return status, "text/plain; charset=utf-8", message.encode()


def _page(title: str, keys: Mapping[str, str], nonce: str) -> bytes:
    help_ = [[(action.name, action.help) for action in column] for column in help_columns()]
    setup = {
        "title": title,
        "keys": labels(keys),
        "named": named_browser_keys(keys),
        "help": help_,
        "note": HELP_NOTE,
        "buttons": [(action.name, action.button) for action in ACTIONS.values() if action.button],
        "switches": [action.name for action in ACTIONS.values() if action.kind == "switch"],
        "tones": {action.name: action.tone for action in ACTIONS.values()},
    }
    template = files("maskaug.review_ui.page").joinpath("page.html").read_text(encoding="utf-8")
    # In a script element, nothing but "<" could end it.
    text = json.dumps(setup).replace("<", "\\u003c")
    filled = template.replace("{{nonce}}", nonce)
    filled = filled.replace("{{colors}}", css_variables(COLORS)).replace("{{light}}", css_variables(LIGHT))
    return filled.replace("{{setup}}", text).encode()
