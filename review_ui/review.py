"""`review`: opens an annotator's session and shows it in a window or on a web page."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from maskaug.augment.reviews.log import ReviewError, ReviewLog, read_reviews
from maskaug.core.display import check_window
from maskaug.core.files import write_atomic
from maskaug.core.manifest import REVIEWS_FOLDER
from maskaug.core.version import __version__
from maskaug.review_ui.options import ReviewOptions
from maskaug.review_ui.page.server import PageServer, check_port
from maskaug.review_ui.session.controls import Controls
from maskaug.review_ui.session.queue import read_queue
from maskaug.review_ui.session.session import Counts, Session, accept_by_score
from maskaug.review_ui.view.controller import Controller
from maskaug.review_ui.view.keys import read_keys
from maskaug.review_ui.view.picture_cache import PictureCache
from maskaug.review_ui.window.window import run_window

_OWN_KEYS = "~/.config/maskaug/keys.json"
_NOT_SAVED = {"dst", "keys", "serve", "port", "annotator"}


@dataclass(frozen=True)
class Reviewed:
    """How a session ended.

    Attributes:
        annotator: Who decided.
        counts: How many pictures are decided; None if there was nothing left to decide on.
        by_score: Number of pictures that were accepted by score when the session was opened.
        torn: File that an incomplete last line of the record was moved to, or None.
    """

    annotator: str
    counts: Counts | None
    by_score: int
    torn: Path | None


def review(options: ReviewOptions, announce: Callable[[str], None]) -> Reviewed:
    """Let a person decide on pictures until they quit; every decision is on disk before the next picture appears.

    Args:
        options: See :class:`ReviewOptions`.
        announce: Called with the address of the web page, once it can be opened.

    Raises:
        ReviewError: there is no generated set, the options leave none of its pictures, or a record cannot be used.
        LockedError: the annotator is reviewing already.
        KeysError: the file of key bindings cannot be used.
        WindowError: no window can be opened.
        PageError: the page cannot be offered.
    """
    own = Path(os.path.expanduser(_OWN_KEYS))  # noqa: PTH111  Path.expanduser fails where there is no home
    keys = read_keys(options.keys or (own if own.is_file() else None))
    with _open(options) as (session, controller, log, by_score):
        if session is not None and controller is not None:
            title = f"maskaug review - {options.name} - {options.dst}"
            if options.serve:
                PageServer(controller, keys, title, options.port).run(announce)
            else:
                run_window(controller, keys, title)
        return Reviewed(options.name, session.counts if session else None, by_score, log.torn)


@contextmanager
def _open(options: ReviewOptions) -> Iterator[tuple[Session | None, Controller | None, ReviewLog, int]]:
    """A session and its controller; neither if there is nothing to decide on."""
    queue = read_queue(options, read_reviews(options.dst).get(options.name, []))
    if len(queue):  # else nothing is to be shown, and scripts that accept all by score need no display
        _check_display(options)
    controls = Controls(options.dst) if queue.controls.any() else None
    log = ReviewLog(options.dst, options.name)
    try:
        _save(options)
        accept_by_score(queue, log)
        if not len(queue):
            yield None, None, log, len(queue.by_score)
            return
        session = Session(queue, log, controls.made if controls else None)
        picture_cache = PictureCache(options.dst, queue, controls)
        try:
            yield session, Controller(session, picture_cache), log, len(queue.by_score)
        finally:
            picture_cache.close()
    finally:
        log.close()


def _check_display(options: ReviewOptions) -> None:
    """Whether pictures can be shown, before anything is recorded."""
    if options.serve:
        check_port(options.port)
    else:
        check_window()


def _save(options: ReviewOptions) -> None:
    """Write down the options of the annotator's latest session."""
    content = {"maskaug": __version__, "annotator": options.name, **options.model_dump(mode="json", exclude=_NOT_SAVED)}
    folder = options.dst / REVIEWS_FOLDER
    partial = folder / f".{options.name}.partial"
    try:
        write_atomic(folder / f"{options.name}.options.json", json.dumps(content, indent=2).encode() + b"\n", partial)
    except OSError as error:
        raise ReviewError(f"cannot write below {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)  # also what a killed process has left
