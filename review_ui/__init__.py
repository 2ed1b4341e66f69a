"""Reviews: a person looks at the masked copies of a data set, quickly, and no decision is lost.

``queue`` says which pictures, ``session`` what is decided, ``desk`` what a key does; ``window`` (OpenCV) and ``serve``
(a local web page) show the ``scene`` that the desk tells of.
"""

from maskaug.review_ui.options import ReviewOptions
from maskaug.review_ui.page.server import PageError
from maskaug.review_ui.review import Reviewed, review
from maskaug.review_ui.session.queue import Queue, read_queue
from maskaug.review_ui.session.session import Counts, Session
from maskaug.review_ui.view.keys import KeysError
from maskaug.review_ui.window.window import WindowError

__all__ = [
    "Counts",
    "KeysError",
    "PageError",
    "Queue",
    "ReviewOptions",
    "Reviewed",
    "Session",
    "WindowError",
    "read_queue",
    "review",
]
