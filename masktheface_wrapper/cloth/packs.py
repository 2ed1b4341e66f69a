"""Reading template packs: our own format here, MaskTheFace's in `masktheface_pack`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from maskaug.core.errors import first_problem
from maskaug.core.files import path_inside
from maskaug.core.text import parse_json, printable
from maskaug.masktheface_wrapper.cloth.masktheface_pack import find_masks_cfg, read_masks_cfg
from maskaug.masktheface_wrapper.cloth.template import (
    FARTHEST_ANCHOR,
    AnchorName,
    Pack,
    PackError,
    ShellName,
    Straps,
    Template,
    template_picture,
)

PACK_FILE = "pack.json"
# Pixels; an anchor may lie beside its picture, but not where no picture is.
Coordinate = Annotated[float, Field(ge=-FARTHEST_ANCHOR, le=FARTHEST_ANCHOR, allow_inf_nan=False)]


class _TemplateEntry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1)
    kind: str = Field(pattern=r"^[a-z0-9_]+$")
    file: str
    half: str | None = None
    weight: float = Field(1.0, ge=0, allow_inf_nan=False)
    shell: ShellName
    anchors: dict[AnchorName, tuple[Coordinate, Coordinate]] = Field(min_length=6)
    straps: Straps | None = None


class _PackFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: Literal["maskaug-pack"]
    version: Literal[1]
    name: str
    licence: str = ""
    templates: Annotated[list[_TemplateEntry], Field(min_length=1)]


def load_pack(folder: Path) -> Pack:
    """Read a pack in our format (``pack.json``) or in MaskTheFace's (``masks.cfg``).

    Raises:
        PackError: the folder holds neither, or a picture or an anchor in it is unusable.
    """
    if (folder / PACK_FILE).is_file():
        return _read_own(folder / PACK_FILE)
    config = find_masks_cfg(folder)
    if config is not None:
        return read_masks_cfg(config)
    raise PackError(f"{folder} is no template pack: it holds neither {PACK_FILE} nor MaskTheFace's masks.cfg")


def _read_own(file: Path) -> Pack:
    try:
        content = _PackFile.model_validate(parse_json(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise PackError(f"{file}: {first_problem(error)}") from error
    templates: dict[str, Template] = {}
    for entry in content.templates:
        if entry.name in templates:
            raise PackError(f"{file}: two templates are called {entry.name!r}; rename one")
        templates[entry.name] = Template(
            name=entry.name,
            kind=entry.kind,
            picture=template_picture(_beside(file, entry.file), _beside(file, entry.half) if entry.half else None),
            anchors=entry.anchors,
            weight=entry.weight,
            shell=entry.shell,
            straps=entry.straps,
        )
    return Pack(content.name, templates)


def _beside(file: Path, name: str) -> Path:
    path = path_inside(file.parent, name)
    if path is None:
        raise PackError(f"{file} names {printable(name)}, outside of its folder; put the picture into the pack")
    return path
