"""Reviews: a person looks at the masked copies of a data set, quickly, and no decision is lost.

``session`` knows which pictures there are and what is decided, ``view`` what keys do and what there is to draw;
``window`` (OpenCV) and ``page`` (a local web page) show it; ``exchange`` has decisions that are made in other programs.
"""

from maskaug.core.display import WindowError
from maskaug.review_ui.exchange.exchange import (
    ExportedDecisions,
    ImportedDecisions,
    export_decisions,
    import_decisions,
)
from maskaug.review_ui.exchange.options import DecisionsExportOptions, DecisionsImportOptions
from maskaug.review_ui.options import ReviewOptions
from maskaug.review_ui.page.server import PageError
from maskaug.review_ui.review import Reviewed, review
from maskaug.review_ui.session.session import Counts
from maskaug.review_ui.view.keys import KeysError

__all__ = [
    "Counts",
    "DecisionsExportOptions",
    "DecisionsImportOptions",
    "ExportedDecisions",
    "ImportedDecisions",
    "KeysError",
    "PageError",
    "ReviewOptions",
    "Reviewed",
    "WindowError",
    "export_decisions",
    "import_decisions",
    "review",
]
