"""Classes of boxes: which are bare faces, which wear a mask already, and which are no faces."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, get_args

from maskaug.augment.generate.annotations.registry import AnnotationError, Corners, MarkedFace
from maskaug.core.classes import UNMASKED_CLASS

Role = Literal["bare", "masked", "no_face"]
ROLES: tuple[Role, ...] = get_args(Role)

# Names of classes that well-known data sets give bare faces. All others are taken to be masked: a face that gets no
# mask is a loss, one that gets a second is a fault.
_BARE = {
    UNMASKED_CLASS,
    *("without_mask", "withoutmask", "without_a_mask", "no_mask", "nomask", "no_face_mask", "not_masked", "unmasked"),
    *("face", "faces", "human_face", "bare_face", "face_no_mask", "face_without_mask"),
}
_HELD = 0.5  # share of a masked box in a bare one, from which on the two are one face


def normalised(name: str) -> str:
    """A class name without differences of writing: ``Without-Mask`` as ``without_mask``."""
    return re.sub(r"[^0-9a-z]+", "_", name.casefold().strip()) if name.isascii() else name.casefold().strip()


def roles_of(
    source: Path, used: Iterable[str], declared: Iterable[str], chosen: Mapping[str, Role] | None
) -> dict[str, Role]:
    """The role of each class.

    Args:
        source: The annotations, for messages.
        used: Classes that boxes have.
        declared: Classes that the annotations name, also without a box.
        chosen: By the user, as ``--box-classes``; what is not named is masked. None: by the names.

    Raises:
        AnnotationError: no class is bare, or a chosen one does not exist.
    """
    present = sorted(set(used))
    known = sorted({*present, *declared})
    shown = ", ".join(known) or "none"
    if chosen is not None:
        by_name = {normalised(name): role for name, role in chosen.items()}
        strange = sorted(name for name in chosen if normalised(name) not in set(map(normalised, known)))
        if strange:
            raise AnnotationError(f"annotations {source} have no class {strange[0]!r}; they have: {shown}")
        return {name: by_name.get(normalised(name), "masked") for name in known}
    roles: dict[str, Role] = {name: "bare" if normalised(name) in _BARE else "masked" for name in known}
    if present and not any(roles[name] == "bare" for name in present):
        raise AnnotationError(
            f"annotations {source} have the classes {shown}; "
            f"say which are bare faces, such as --box-classes {known[0]!r}"
        )
    return roles


def sorted_out(faces: Iterable[MarkedFace], roles: Mapping[str, Role]) -> tuple[list[MarkedFace], list[MarkedFace]]:
    """Bare faces, and those that wear a mask.

    Where a face and its mask have a box each, it is a face that wears a mask.

    Args:
        faces: All that is marked in a picture; what has no class is a bare face.
        roles: By class.
    """
    by_role: dict[Role, list[MarkedFace]] = {role: [] for role in ROLES}
    for face in faces:
        by_role["bare" if face.label is None else roles[face.label]].append(face)
    worn = [face.box for face in by_role["masked"] if face.box is not None]
    bare = [face for face in by_role["bare"] if face.box is None or not any(_holds(face.box, one) for one in worn)]
    kept = set(map(id, bare))
    return bare, [*by_role["masked"], *(face for face in by_role["bare"] if id(face) not in kept)]


def _holds(outer: Corners, inner: Corners) -> bool:
    width = min(outer[2], inner[2]) - max(outer[0], inner[0])
    height = min(outer[3], inner[3]) - max(outer[1], inner[1])
    area = (inner[2] - inner[0]) * (inner[3] - inner[1])
    return width > 0 and height > 0 and width * height > _HELD * area
