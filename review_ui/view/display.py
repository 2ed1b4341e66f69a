"""What is shown of a picture: decoded, with the outline of its mask, as a whole and close up."""

from dataclasses import dataclass

import cv2
import numpy as np

from maskaug.core.arrays import Image, Points
from maskaug.core.containers import Location
from maskaug.core.manifest import Row, faces_of
from maskaug.core.pictures import PictureError, read_picture

_WHOLE, _CLOSE, _CELL = 1400, 1000, 320  # longest sides that are kept, in pixels
_MARGIN = 0.25  # around the face close up, in its own size
_CHANGED = 14  # grey levels; re-encoding alone changes less
# Columns of the manifest that a large view needs.
COLUMNS = ("box", "landmarks", "stability", "detector", "template", "yaw", "pitch", "roll", "reasons", "other_faces")


@dataclass(frozen=True)
class DisplayImage:
    """A picture, or a part of it, with what can be drawn over it.

    Attributes:
        after: ``(H, W, 3) uint8`` RGB, with the mask.
        before: The same without the mask, or None.
        outlines: ``(N, 2) float32`` each: around what the mask covers, in pixels of ``after``.
        landmarks: ``(68, 2) float32`` for each face, in the same pixels.
    """

    after: Image
    before: Image | None
    outlines: tuple[Points, ...] = ()
    landmarks: tuple[Points, ...] = ()


@dataclass(frozen=True)
class DisplayItem:
    """All that is shown of one picture.

    Attributes:
        sha256: Of the file that was read; of the expected one if it could not be read.
        whole, close: The picture, and its largest face; None if it cannot be shown.
        problem: Why not.
        template: Name of the mask.
        pose: Yaw, pitch and roll of the head in degrees.
        reasons: What lowers its score, by the engine's names.
    """

    sha256: str
    whole: DisplayImage | None = None
    close: DisplayImage | None = None
    problem: str | None = None
    template: str = ""
    pose: tuple[float, float, float] = (0.0, 0.0, 0.0)
    reasons: tuple[str, ...] = ()


def read_large(after: Location, before: Location | None, row: Row, sha256: str | None) -> DisplayItem:
    """Read a picture for a large view.

    Args:
        after: The masked picture.
        before: The unmasked one.
        row: The ``COLUMNS`` of its row in the manifest.
        sha256: SHA-256 that the masked picture must have; None: any.
    """
    try:
        pixels, found = _read(after, sha256)
    except PictureError as error:
        return DisplayItem(sha256 or error.sha256 or "", problem=str(error))
    unmasked = _read_before(before, pixels)
    faces = faces_of(row)
    full = DisplayImage(pixels, unmasked, _outlines(pixels, unmasked), tuple(face.landmarks for face in faces))
    return DisplayItem(
        sha256=found,
        whole=_shrunk(full, _WHOLE),
        close=_shrunk(_cropped(full, _region(full)), _CLOSE),
        template=row.get("template") or "",
        pose=tuple(float(row.get(angle) or 0.0) for angle in ("yaw", "pitch", "roll")),  # type: ignore[arg-type]
        reasons=tuple(row.get("reasons") or ()),
    )


def read_small(after: Location, before: Location | None, sha256: str | None) -> DisplayItem:
    """Read a picture for a small view; see :func:`read_large`."""
    try:
        pixels, found = _read(after, sha256)
    except PictureError as error:
        return DisplayItem(sha256 or error.sha256 or "", problem=str(error))
    return DisplayItem(found, whole=_shrunk(DisplayImage(pixels, _read_before(before, pixels)), _CELL))


def _read(path: Location, sha256: str | None) -> tuple[Image, str]:
    picture = read_picture(path)
    if sha256 not in (None, picture.sha256):
        raise PictureError("changed", f"{path} was changed since it was generated; put the original back", sha256)
    return picture.pixels, picture.sha256


def _read_before(path: Location | None, after: Image) -> Image | None:
    try:
        before = read_picture(path).pixels if path is not None else None
    except PictureError:
        return None
    return before if before is not None and before.shape == after.shape else None


def _outlines(after: Image, before: Image | None) -> tuple[Points, ...]:
    """Around what differs: where there is no mask, both are encoded alike."""
    if before is None:
        return ()
    changed = (cv2.absdiff(after, before).max(axis=2) > _CHANGED).astype(np.uint8)
    reach = max(1, round(max(after.shape) / 100))
    changed = cv2.morphologyEx(changed, cv2.MORPH_CLOSE, np.ones((2 * reach + 1, 2 * reach + 1), dtype=np.uint8))
    found, _ = cv2.findContours(changed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_TC89_L1)
    areas = [cv2.contourArea(contour) for contour in found]
    least = max(areas, default=0) / 200
    return tuple(
        contour.reshape(-1, 2).astype(np.float32) for contour, area in zip(found, areas, strict=True) if area > least
    )


def _region(image: DisplayImage) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the largest face with a margin; if there is none, of the mask, or of everything."""
    height, width = image.after.shape[:2]
    points = image.landmarks[:1] or image.outlines
    if not points:
        return 0, 0, width, height
    low, high = np.concatenate(points).min(axis=0), np.concatenate(points).max(axis=0)
    margin = _MARGIN * float((high - low).max())
    left, top = np.clip(np.floor(low - margin), 0, (width - 2, height - 2)).astype(int)
    right, bottom = np.clip(np.ceil(high + margin), (left + 2, top + 2), (width, height)).astype(int)
    return int(left), int(top), int(right), int(bottom)


def _cropped(image: DisplayImage, region: tuple[int, int, int, int]) -> DisplayImage:
    left, top, right, bottom = region
    part = (slice(top, bottom), slice(left, right))
    corner = np.array([left, top], dtype=np.float32)
    return DisplayImage(
        image.after[part],
        None if image.before is None else image.before[part],
        tuple(points - corner for points in image.outlines),
        tuple(points - corner for points in image.landmarks),
    )


def _shrunk(image: DisplayImage, side: int) -> DisplayImage:
    height, width = image.after.shape[:2]
    factor = side / max(height, width)
    if factor >= 1:
        return image
    size = (max(1, round(width * factor)), max(1, round(height * factor)))

    def small(pixels: Image) -> Image:
        return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)

    # Pixel centres are at whole numbers in either grid.
    def moved(points: Points) -> Points:
        return np.asarray((points + 0.5) * factor - 0.5, dtype=np.float32)

    return DisplayImage(
        small(image.after),
        None if image.before is None else small(image.before),
        tuple(moved(points) for points in image.outlines),
        tuple(moved(points) for points in image.landmarks),
    )
