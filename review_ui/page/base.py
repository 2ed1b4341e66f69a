"""`Page`: what the server offers at an address of its own, and what it answers."""

import json
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from importlib.resources import files

from maskaug.augment.reviews.log import ReviewError
from maskaug.review_ui.view.palette import COLORS, LIGHT, css_variables

Answer = tuple[HTTPStatus, str, bytes]  # status, type, content

ENDED = "maskaug review has ended"


class Page:
    """One page with all that it asks for; whoever knows its address may use it, and nothing else of the server.

    Attributes:
        name: Whom it is for, as the terminal says it beside the address.
        path: Of the page itself, behind the token.
        token: The part of the address that nobody can guess.
        address: Where it is to be opened; the server sets it.
        failed: Why a decision could not be recorded.
        ended: Whether it answers no more.
    """

    path = ""

    def __init__(self, name: str, template: str, setup: Mapping[str, object]) -> None:
        """Fill in the page.

        Args:
            name: Whom it is for.
            template: Its file in this folder.
            setup: What its script is told.
        """
        self.name = name
        self.token = secrets.token_urlsafe(24)
        self.address = ""
        self.failed: ReviewError | None = None
        self.ended = False
        self._nonce = secrets.token_urlsafe(16)
        self._html = _filled(template, setup, self._nonce)

    @property
    def is_over(self) -> bool:
        """Whether the server need not go on for its sake."""
        return True

    @property
    def policy(self) -> str:
        """What the page may load: pictures from here, and its own script and style."""
        here, own = "'self'", f"'nonce-{self._nonce}'"
        return f"default-src 'none'; img-src {here} data:; connect-src {here}; script-src {own}; style-src {own}"

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """What to say to a request that has the token.

        Args:
            method: ``GET`` or ``POST``.
            path: What follows the token in the address.
            body: Of the request.
        """
        if method == "GET" and path == self.path:
            return HTTPStatus.OK, "text/html; charset=utf-8", self._html
        return refused(HTTPStatus.NOT_FOUND, "there is no such page")

    def end(self) -> None:
        """Do nothing from now on; what is being done is finished first."""
        self.ended = True


def refused(status: HTTPStatus, message: str) -> Answer:
    """An answer in words."""
    return status, "text/plain; charset=utf-8", message.encode()


def as_json(status: HTTPStatus, record: object) -> Answer:
    """An answer as JSON."""
    return status, "application/json", json.dumps(record, allow_nan=False).encode()


def _filled(template: str, setup: Mapping[str, object], nonce: str) -> bytes:
    text = files("maskaug.review_ui.page").joinpath(template).read_text(encoding="utf-8")
    filled = text.replace("{{nonce}}", nonce)
    filled = filled.replace("{{colors}}", css_variables(COLORS)).replace("{{light}}", css_variables(LIGHT))
    # In a script element, nothing but "<" could end it.
    return filled.replace("{{setup}}", json.dumps(setup).replace("<", "\\u003c")).encode()
