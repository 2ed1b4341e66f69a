"""Reviews: a person looks at the masked copies of a data set, quickly, and no decision is lost.

``session`` holds what is decided, ``desk`` what a key does; ``window`` (OpenCV) and ``serve``
(a local web page) show it.
"""

from maskaug.review_ui.options import ReviewOptions
from maskaug.review_ui.queue import Queue, read_queue
from maskaug.review_ui.session import Counts, Session

__all__ = ["Counts", "Queue", "ReviewOptions", "Session", "read_queue"]
