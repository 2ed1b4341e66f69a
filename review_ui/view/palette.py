"""The one palette: the window draws with it, and the web page gets it, and a light one, as CSS variables."""

from dataclasses import asdict, dataclass

Color = tuple[int, int, int]  # RGB


@dataclass(frozen=True)
class Palette:
    """Colours by what they are used for."""

    background: Color = (22, 24, 29)
    panel: Color = (30, 33, 39)
    cell: Color = (28, 30, 36)
    line: Color = (58, 63, 72)
    text: Color = (222, 225, 230)
    muted: Color = (140, 147, 158)
    bright: Color = (250, 250, 250)
    accepted: Color = (76, 195, 138)
    rejected: Color = (235, 98, 82)
    flagged: Color = (232, 184, 72)
    outline: Color = (64, 214, 224)
    landmark: Color = (255, 214, 92)
    halo: Color = (0, 0, 0)  # around outlines and landmarks


COLORS = Palette()
# Of the page, where the browser prefers light colours; what is drawn on photographs is the same.
LIGHT = Palette(
    background=(255, 255, 255),
    panel=(242, 244, 247),
    cell=(230, 233, 238),
    line=(203, 208, 216),
    text=(29, 33, 41),
    muted=(78, 86, 97),
    bright=(11, 87, 208),
    accepted=(20, 108, 60),
    rejected=(179, 38, 30),
    flagged=(116, 78, 0),
)


def css_variables(palette: Palette) -> str:
    """A palette as declarations of CSS variables: ``--background: #16181d; ...``."""
    return " ".join(f"--{name}: #{bytes(color).hex()};" for name, color in asdict(palette).items())
