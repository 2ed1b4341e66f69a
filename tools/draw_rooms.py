"""Draws docs/rooms.svg: the packages with their folders, and which imports which.

python tools/draw_rooms.py [--check]

The picture is made from the imports that are in the code. With --check nothing is written: the command fails where the
picture is not that of today's code.
"""

import argparse
import sys
from collections import defaultdict
from html import escape
from pathlib import Path

import grimp

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "rooms.svg"
ROOT = "maskaug"
# From the ground floor up; tests/test_structure.py and .importlinter hold the order.
FLOORS = (("core",), ("assets",), ("masktheface_wrapper",), ("augment",), ("review_ui", "train"), ("cli",))

_WIDTH, _LEFT, _TOP, _GAP = 900, 20, 20, 44  # pixels
_TITLE, _LINE, _PAD = 22, 18, 10
_LETTER = 7.1  # pixels, of the monospaced 12-pixel font
_STYLE = (
    "text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#24292f}.t{font-weight:bold;font-size:14px}"
    ".n{fill:#57606a}rect{fill:#f6f8fa;stroke:#8c959f}path,polyline{stroke:#57606a;fill:none}path{marker-end:url(#a)}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.n{fill:#8d96a0}rect{fill:#161b22;stroke:#6e7681}"
    "path,polyline{stroke:#8d96a0}}"
)


def main() -> None:
    """Write the picture, or check it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, fail where the picture is out of date")
    check = parser.parse_args().check
    graph = grimp.build_graph(ROOT, cache_dir=None)
    drawn = draw(rooms(graph), arrows(graph))
    if check:
        if not PICTURE.exists() or PICTURE.read_text(encoding="utf-8") != drawn:
            sys.exit(f"{PICTURE} is not of today's code: python tools/draw_rooms.py, and look at it")
    else:
        PICTURE.write_text(drawn, encoding="utf-8", newline="\n")


def rooms(graph: grimp.ImportGraph) -> dict[str, list[str]]:
    """The folders of each package."""
    return {
        name: sorted(
            child.rpartition(".")[2] for child in graph.find_children(f"{ROOT}.{name}") if graph.find_children(child)
        )
        for floor in FLOORS
        for name in floor
    }


def arrows(graph: grimp.ImportGraph) -> dict[str, list[str]]:
    """The packages that each package imports."""
    found: dict[str, set[str]] = defaultdict(set)
    for module in graph.modules:
        for other in graph.find_modules_directly_imported_by(module):
            importer, imported = (name.split(".")[1] if "." in name else "" for name in (module, other))
            if importer and imported and importer != imported:
                found[importer].add(imported)
    return {name: sorted(others) for name, others in found.items()}


def draw(folders: dict[str, list[str]], imports: dict[str, list[str]]) -> str:
    """The picture, as SVG."""
    parts, bottom = [], {}
    top = float(_TOP)
    for floor in reversed(FLOORS):
        width = (_WIDTH - 2 * _LEFT - (len(floor) - 1) * _GAP) / len(floor)
        texts = {name: _room_lines(folders[name], imports.get(name, []), width) for name in floor}
        height = _TITLE + 2 * _PAD + _LINE * max(map(len, texts.values()))
        for place, name in enumerate(floor):
            left = _LEFT + place * (width + _GAP)
            bottom[name] = (left + width / 2, top + height)
            parts.append(f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" rx="6"/>')
            parts.append(f'<text class="t" x="{left + _PAD:g}" y="{top + _TITLE:g}">maskaug.{name}</text>')
            for number, (style, text) in enumerate(texts[name]):
                y = top + _TITLE + _PAD + (number + 0.7) * _LINE
                parts.append(f'<text class="{style}" x="{left + _PAD:g}" y="{y:g}">{escape(text)}</text>')
        top += height + _GAP
    for x, y in (bottom[name] for floor in FLOORS[1:] for name in floor):
        parts.append(f'<path d="M{x:g} {y:g}v{_GAP - 8}"/>')
    size = f'width="{_WIDTH}" height="{top - _GAP + _TOP:g}"'
    marker = '<defs><marker id="a" markerWidth="8" markerHeight="8" refX="6" refY="3" orient="auto">'
    marker += '<polyline points="0 0 6 3 0 6"/></marker></defs>'
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n<style>{_STYLE}</style>{marker}\n{body}\n</svg>\n'
    )


def _room_lines(folders: list[str], imports: list[str], width: float) -> list[tuple[str, str]]:
    """Class and text of the lines in a room: its folders, and what it imports."""
    inside = [("", line) for line in _wrapped(folders, width)] if folders else []
    below = [("n", line) for line in _wrapped(imports, width, "imports ")] if imports else []
    return inside + below


def _wrapped(words: list[str], width: float, before: str = "") -> list[str]:
    """Words in lines of at most that width in pixels, with commas between them."""
    room, lines = int((width - 2 * _PAD) / _LETTER), [before]
    for number, word in enumerate(words):
        text = word + (", " if number < len(words) - 1 else "")
        if len(lines[-1]) + len(text) > room:
            lines.append("  ")
        lines[-1] += text
    return [line.rstrip() for line in lines]


if __name__ == "__main__":
    main()
