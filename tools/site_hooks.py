"""What `make docs` does besides MkDocs: tables from the program, documents from outside ``docs/``, links among all.

Links in the Markdown files are those of the repository, so that they work there as well as on the site.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from site_tables import TABLES

ROOT = Path(__file__).resolve().parents[1]
# Documents of the repository that are pages of the site, too.
OUTSIDE = {
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "ARCHITECTURE.md": "project/architecture.md",
    "SECURITY.md": "project/security.md",
    "assets/classifier/CARD.md": "cards/classifier.md",
    "assets/face_check/CARD.md": "cards/face_check.md",
    "assets/orientation/CARD.md": "cards/orientation.md",
    "assets/placement/CARD.md": "cards/placement.md",
}
_MARKER = re.compile(r"<!-- table: ([\w ]+) -->")
_LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents that lie outside ``docs/``."""
    for path, uri in OUTSIDE.items():
        files.append(File.generated(config, uri, content=(ROOT / path).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fill in tables, and turn links between files of the repository into links between pages."""
    return relinked(with_tables(markdown), page.file.src_uri)


def with_tables(markdown: str) -> str:
    """Markdown with a table for each marker, ``<!-- table: NAME ARGUMENTS -->``.

    Raises:
        KeyError: there is no such table.
    """

    def made(found: re.Match[str]) -> str:
        name, *arguments = found[1].split()
        return TABLES[name](*arguments)

    return _MARKER.sub(made, markdown)


def relinked(markdown: str, uri: str) -> str:
    """Markdown whose relative links lead to pages of the site.

    Args:
        markdown: Of one page.
        uri: Its path below ``docs/``, or the one that `OUTSIDE` gives it.
    """
    paths = {to: path for path, to in OUTSIDE.items()}
    place = paths.get(uri, f"docs/{uri}")

    def led(found: re.Match[str]) -> str:
        if re.match(r"\w+:|/", found[2]):
            return found[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(place), found[2]))
        to = OUTSIDE.get(path, path.removeprefix("docs/"))
        target = posixpath.relpath(to, posixpath.dirname(uri) or ".")
        return f"{found[1]}{target}{found[3] or ''}{found[4]}"

    return _LINK.sub(led, markdown)
