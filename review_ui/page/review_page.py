"""`ReviewPage`: the same view and keys as in the window, for whoever has the address of one annotator's session."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from threading import Lock

from maskaug.augment.reviews.log import ReviewError
from maskaug.core.pictures import encode_picture
from maskaug.core.text import parse_json
from maskaug.review_ui.page.base import ENDED, Answer, Page, as_json, refused
from maskaug.review_ui.page.view_json import view_json
from maskaug.review_ui.view.actions import ACTIONS, HELP_NOTE, help_columns
from maskaug.review_ui.view.controller import Controller
from maskaug.review_ui.view.keys import key_of_browser, labels, named_browser_keys

_PATIENCE = 20.0  # seconds to wait for a picture that is being read


class ReviewPage(Page):
    """One annotator's session; one request at a time gets at the controller.

    Attributes:
        controller: Whose view is shown.
    """

    def __init__(self, name: str, controller: Controller, keys: Mapping[str, str], title: str) -> None:
        """Offer a session.

        Args:
            name: The annotator's.
            controller: Whose view is shown.
            keys: Action of each key.
            title: Of the page.
        """
        super().__init__(name, "page.html", _setup(title, keys))
        self.controller, self._keys = controller, keys
        self._lock = Lock()
        self._shown: int | None = None  # the latest scene that a page has put on the screen

    @property
    def is_over(self) -> bool:
        """Whether the annotator has quit."""
        return self.controller.closed

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """See :meth:`Page.answer`; opening the page again takes up a session that its annotator had quit."""
        parts = path.split("/")
        if method == "GET" and path == self.path:
            self.controller.closed = False
        if method == "GET" and path == "view":
            with self._lock:
                return self._view(HTTPStatus.OK)
        if method == "POST" and path == "shown":
            return self._note_shown(body)
        if method == "POST" and path == "do":
            return self._do(body)
        if method == "GET" and len(parts) == 4 and parts[0] == "picture":
            return self._picture(parts[1], parts[2], parts[3])
        return super().answer(method, path, body)

    def end(self) -> None:
        """Record nothing from now on; a decision that is being recorded is finished first."""
        with self._lock:
            super().end()

    def _do(self, body: bytes) -> Answer:
        """Do what a key or a click stands for; a decision only on what a page has said to show."""
        try:
            wanted = parse_json(body)
            scene, key, cell = wanted["scene"], wanted.get("key"), wanted.get("cell")
            button = wanted.get("action")
        except (ValueError, KeyError, TypeError, AttributeError):
            return refused(HTTPStatus.BAD_REQUEST, "the request is not understood")
        action = self._keys.get(key_of_browser(key) or key) if isinstance(key, str) else None
        if isinstance(button, str) and button in ACTIONS:
            action = button
        with self._lock:
            if self.ended:
                return refused(HTTPStatus.SERVICE_UNAVAILABLE, ENDED)
            shown, done = scene if scene == self._shown else None, True
            try:
                if action is not None:
                    done = self.controller.do(action, shown)
                elif isinstance(cell, int) and cell >= 0:
                    done = self.controller.click(cell, shown)
            except ReviewError as error:
                self.failed = error
                return refused(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
            return self._view(HTTPStatus.OK if done else HTTPStatus.CONFLICT)

    def _note_shown(self, body: bytes) -> Answer:
        """A page says which scene it shows as a whole."""
        try:
            scene = parse_json(body)["scene"]
        except (ValueError, KeyError, TypeError):
            return refused(HTTPStatus.BAD_REQUEST, "the request is not understood")
        with self._lock:
            view = self.controller.view()
            if scene != view.scene or not view.whole:
                return refused(HTTPStatus.CONFLICT, "another picture is to be shown")
            self._shown = scene
            self.controller.drawn(scene)
        return HTTPStatus.OK, "application/json", b"{}"

    def _view(self, status: HTTPStatus) -> Answer:
        view = self.controller.view()
        record = view_json(view)
        picture = self.controller.session.queue.picture
        coming = [[place, picture(place).before is not None] for place in self.controller.coming()]
        record.update(closed=self.controller.closed, next=coming)
        return as_json(status, record)

    def _picture(self, place: str, part: str, side: str) -> Answer:
        known = re.fullmatch("[0-9]{1,9}", place) and int(place) < len(self.controller.session.queue)
        if not known or part not in ("whole", "close", "cell") or side not in ("after", "before"):
            return refused(HTTPStatus.NOT_FOUND, "there is no such picture")
        display = self.controller.picture_cache.get(int(place), large=part != "cell", wait=_PATIENCE)
        image = None if display is None else display.close if part == "close" else display.whole
        pixels = None if image is None else image.after if side == "after" else image.before
        if pixels is None:
            return refused(HTTPStatus.NOT_FOUND, "this picture cannot be shown")
        return HTTPStatus.OK, "image/jpeg", encode_picture(pixels, "jpeg")


def _setup(title: str, keys: Mapping[str, str]) -> dict[str, object]:
    return {
        "title": title,
        "keys": labels(keys),
        "named": named_browser_keys(keys),
        "help": [[(action.name, action.help) for action in column] for column in help_columns()],
        "note": HELP_NOTE,
        "buttons": [(action.name, action.button) for action in ACTIONS.values() if action.button],
        "switches": [action.name for action in ACTIONS.values() if action.kind == "switch"],
        "tones": {action.name: action.tone for action in ACTIONS.values()},
    }
