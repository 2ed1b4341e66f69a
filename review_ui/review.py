"""`review`: opens the sessions of one annotator or of several, and shows them in a window or on web pages."""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from maskaug.augment.reviews.log import ReviewError, ReviewLog, read_reviews
from maskaug.core.display import check_window
from maskaug.core.files import write_atomic
from maskaug.core.manifest import REVIEWS_FOLDER
from maskaug.core.version import __version__
from maskaug.review_ui.options import ReviewOptions
from maskaug.review_ui.page.progress_page import Compare, ProgressPage, Seat
from maskaug.review_ui.page.review_page import ReviewPage
from maskaug.review_ui.page.server import PageServer, check_port
from maskaug.review_ui.session.controls import Controls
from maskaug.review_ui.session.queue import Queue, read_queue
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


@dataclass(frozen=True)
class _Opened:
    """One annotator's session and controller; neither if there is nothing to decide on."""

    options: ReviewOptions
    queue: Queue
    log: ReviewLog
    session: Session | None
    controller: Controller | None

    @property
    def title(self) -> str:
        return f"maskaug review - {self.options.name} - {self.options.dst}"

    @property
    def reviewed(self) -> Reviewed:
        counts = self.session.counts if self.session else None
        return Reviewed(self.options.name, counts, len(self.queue.by_score), self.log.torn)


def review(
    options: ReviewOptions, announce: Callable[[str, str], None], compare: Compare | None = None
) -> list[Reviewed]:
    """Let people decide on pictures until they quit; every decision is on disk before the next picture appears.

    Args:
        options: See :class:`ReviewOptions`.
        announce: Called with the name and the address of each web page, once it can be opened: an annotator's, and
            ``progress`` where there are several.
        compare: Tells how far several annotators agree: ``augment.reviews.agreement.pairwise``, which needs the extra
            ``curate``. None: the page of progress does without.

    Returns:
        How the session of each of ``options.names`` ended.

    Raises:
        ReviewError: there is no generated set, the options leave none of its pictures, or a record cannot be used.
        LockedError: an annotator is reviewing already.
        KeysError: the file of key bindings cannot be used.
        WindowError: no window can be opened.
        PageError: the page cannot be offered.
    """
    own = Path(os.path.expanduser(_OWN_KEYS))  # noqa: PTH111  Path.expanduser fails where there is no home
    keys = read_keys(options.keys or (own if own.is_file() else None))
    with ExitStack() as until_closed:
        opened = _open(options, until_closed)
        if options.serve:
            seats = [_seat(one, keys) for one in opened]
            if pages := [seat.page for seat in seats if seat.page is not None]:
                title = f"maskaug review - progress - {options.dst}"
                progress = [ProgressPage(seats, title, compare)] if len(seats) > 1 else []
                PageServer([*pages, *progress], options.port).run(announce)
        elif (controller := opened[0].controller) is not None:
            run_window(controller, keys, opened[0].title)
        return [one.reviewed for one in opened]


def _seat(opened: _Opened, keys: dict[str, str]) -> Seat:
    name, controller = opened.options.name, opened.controller
    page = None if controller is None else ReviewPage(name, controller, keys, opened.title)
    return Seat(name, opened.log, opened.session, page)


def _open(options: ReviewOptions, until_closed: ExitStack) -> list[_Opened]:
    """The session of each annotator. Nothing is recorded before all of them are known to be possible."""
    reviews = read_reviews(options.dst)
    chosen = [options.of(name) for name in options.names]
    queues = [read_queue(one, reviews.get(one.name, [])) for one in chosen]
    if any(map(len, queues)):  # else nothing is to be shown, and scripts that accept all by score need no display
        _check_display(options)
    controls = Controls(options.dst) if any(queue.controls.any() for queue in queues) else None
    logs = []
    for one in chosen:
        logs.append(ReviewLog(options.dst, one.name))
        until_closed.callback(logs[-1].close)
    opened = []
    for one, queue, log in zip(chosen, queues, logs, strict=True):
        _save(one)
        accept_by_score(queue, log)
        session = controller = None
        if len(queue):
            session = Session(queue, log, controls.made if controls else None)
            picture_cache = PictureCache(options.dst, queue, controls)
            until_closed.callback(picture_cache.close)
            controller = Controller(session, picture_cache)
        opened.append(_Opened(one, queue, log, session, controller))
    return opened


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
