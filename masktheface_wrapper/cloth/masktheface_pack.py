"""MaskTheFace's own pack format: ``masks.cfg`` beside PNG sprites with six points a to f."""

import configparser
from pathlib import Path
from typing import Literal

from maskaug.core.files import is_inside
from maskaug.core.text import printable
from maskaug.masktheface_wrapper.cloth.template import (
    FARTHEST_ANCHOR,
    AnchorName,
    Pack,
    PackError,
    Template,
    template_picture,
)

# Its points a, b, c run along the top edge and d, e, f along the bottom edge, left to right.
_ANCHOR_KEYS: dict[AnchorName, str] = {
    "left_top": "mask_a",
    "nose": "mask_b",
    "right_top": "mask_c",
    "left_bottom": "mask_d",
    "chin": "mask_e",
    "right_bottom": "mask_f",
}
# `empty` leaves the face bare and `inpaint` paints a black hole: neither is a mask.
_NOT_MASKS = ("empty", "inpaint")
_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


def find_masks_cfg(folder: Path) -> Path | None:
    """``masks.cfg`` in a folder, or in the ``masks`` folder below it as in MaskTheFace's checkout."""
    for candidate in (folder / "masks.cfg", folder / "masks" / "masks.cfg"):
        if candidate.is_file():
            return candidate
    return None


def read_masks_cfg(config: Path) -> Pack:
    """Read the file unmodified.

    Each section is a template. ``NAME_left`` and ``NAME_right`` are sprites of NAME for turned faces. The
    kind is the name up to the first ``_``, in lower case: ``surgical_blue`` is of kind ``surgical``.

    Raises:
        PackError: the file cannot be parsed, a point is missing, or a picture is unusable.
    """
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(config.read_text(encoding="utf-8"), source=str(config))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise PackError(f"{config}: {printable(str(error).splitlines()[0])}") from error
    sections = [name for name in parser.sections() if not name.lower().startswith(_NOT_MASKS)]
    flat = {name: _template(parser[name], config) for name in sections}
    templates: dict[str, Template] = {}
    for name, template in flat.items():
        if any(name == f"{front}_{side}" for side in _SIDES for front in flat):
            continue
        templates[name] = Template(
            name=name,
            kind=template.kind,
            picture=template.picture,
            anchors=template.anchors,
            turned={side: flat[f"{name}_{side}"] for side in _SIDES if f"{name}_{side}" in flat},
        )
    if not templates:
        raise PackError(f"{config} names no mask")
    return Pack(config.resolve().parent.name, templates)


def _template(section: configparser.SectionProxy, config: Path) -> Template:
    def point(key: str) -> tuple[float, float]:
        try:
            x, y = (float(number) for number in section[key].split(","))
        except (KeyError, ValueError) as error:
            raise PackError(f"{config}: [{section.name}] needs {key}: x, y") from error
        if not max(abs(x), abs(y)) <= FARTHEST_ANCHOR:
            raise PackError(f"{config}: [{section.name}] has {key} where no picture is: {x:g}, {y:g}")
        return x, y

    relative = section.get("template")
    if not relative:
        raise PackError(f"{config}: [{section.name}] names no template picture")
    # Paths in the file are relative to the folder that holds `masks/`.
    candidates = [config.parent.parent / relative, config.parent / relative]
    try:
        file = next((path for path in candidates if path.is_file()), candidates[0])
    except OSError as error:  # such as a name longer than any file's
        raise PackError(f"{config}: [{section.name}] names a picture that cannot be read: {error.strerror}") from error
    if not (is_inside(relative) and file.resolve().is_relative_to(config.parent.resolve())):
        raise PackError(f"{config}: [{section.name}] names {printable(relative)}, outside of {config.parent}")
    return Template(
        name=section.name,
        kind=section.name.split("_")[0].lower(),
        picture=template_picture(file),
        anchors={name: point(key) for name, key in _ANCHOR_KEYS.items()},
    )
