"""Makes what a package index shows of maskaug lead to the repository: run before a release is built.

``python tools/absolute_links.py https://HOST/OWNER/NAME v1.2.3`` writes README.md with absolute links, and the
addresses into pyproject.toml, in this checkout. The repository keeps relative links, which also work in a fork and
offline.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?![\w+]+:|#)([^)\s]+)\)")


def absolute(markdown: str, repository: str, tag: str) -> str:
    """Markdown whose relative links lead to a tag of the repository; pictures to their bytes."""

    def led(found: re.Match[str]) -> str:
        kind = "raw" if found[1] else "blob"
        return f"{found[1]}[{found[2]}]({repository}/{kind}/{tag}/{found[3]})"

    return _LINK.sub(led, markdown)


def urls(repository: str, tag: str) -> str:
    """The table of addresses for pyproject.toml."""
    places = {
        "Repository": repository,
        "Documentation": f"{repository}/blob/{tag}/docs/index.md",
        "Changelog": f"{repository}/blob/{tag}/CHANGELOG.md",
        "Issues": f"{repository}/issues",
    }
    return "\n[project.urls]\n" + "".join(f'{name} = "{place}"\n' for name, place in places.items())


def main(repository: str, tag: str) -> None:
    """Rewrite README.md and pyproject.toml."""
    readme, project = ROOT / "README.md", ROOT / "pyproject.toml"
    readme.write_text(absolute(readme.read_text(encoding="utf-8"), repository, tag), encoding="utf-8")
    project.write_text(project.read_text(encoding="utf-8") + urls(repository, tag), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), sys.argv[2])
