"""A source as it is worked on: read, its faces found, and sorted out which of them can wear a mask."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskaug.augment.generate.annotations import Annotations
from maskaug.augment.generate.crops import FaceCrop, crop_about, holds
from maskaug.augment.generate.options import GenerateOptions
from maskaug.augment.generate.scan import Source
from maskaug.augment.masking.engine import is_upright_known, turned_upright
from maskaug.core.pictures import DecodedPicture, read_picture
from maskaug.core.turns import turn_boxes, turn_image
from maskaug.masktheface_wrapper import Face, FaceFinder

Boxes = NDArray[np.float32]  # (N, 4): left, top, right, bottom in pixels
# Tells of a picture, (H, W, 3) uint8 RGB, and boxes of faces in it, which of these already wear a mask: (N,) bool.
MaskedCheck = Callable[[NDArray[np.uint8], Boxes], NDArray[np.bool_]]

# A picture is called masked for the faces that are at least as wide as this share of its largest.
_COUNTS = 0.5


@dataclass(frozen=True)
class Task:
    """What one round wants of a source.

    Attributes:
        source: The picture.
        copies: Numbers of the masked copies.
        original: Whether the unmasked picture itself is still to be written.
        faces: Its faces, where an earlier round found them, at their places in the picture as it was turned.
        others: Boxes of its faces without landmarks, there.
        turned: By how many quarter turns counterclockwise that picture was turned.
    """

    source: Source
    copies: range
    original: bool
    faces: tuple[Face, ...] | None = None
    others: tuple[tuple[float, ...], ...] = ()
    turned: int = 0


@dataclass(frozen=True)
class Prepared:
    """A source as it is written.

    Attributes:
        source: The picture.
        sha256: Of its file.
        pixels: ``(H, W, 3) uint8`` RGB.
        turned: Quarter turns counterclockwise by which it was turned.
        faces: Those that are masked, largest first.
        others: ``(N, 4) float32``: boxes of faces in sight that cannot be masked, for want of landmarks.
        problem: Reason and sentence, where there is no face to mask.
    """

    source: Source
    sha256: str
    pixels: NDArray[np.uint8]
    turned: int
    faces: tuple[Face, ...]
    others: Boxes
    problem: tuple[str, str] | None

    def bare_that_count(self, worn: Sequence[bool], crop: FaceCrop | None = None) -> tuple[int, int]:
        """How many faces in sight wear no mask of ours, and how many of them count for what the picture is called.

        Args:
            worn: Whether each of the faces wears one.
            crop: The part of the picture that is looked at; None: all of it.
        """
        boxes = np.concatenate([np.stack([face.box for face in self.faces]), self.others])
        bare = np.array([*(not one for one in worn), *(True for _ in self.others)])
        if crop is not None:
            inside = holds(crop.region, boxes)
            boxes, bare = boxes[inside], bare[inside]
        widths = boxes[:, 2] - boxes[:, 0]
        return int(bare.sum()), int((bare & (widths >= _COUNTS * widths.max())).sum())


class SourceReader:
    """Reads sources and finds their faces."""

    def __init__(self, options: GenerateOptions, finder: FaceFinder, wears_mask: MaskedCheck | None = None) -> None:
        self._options = options
        self._finder = finder
        self._annotations = Annotations(options.annotations) if options.annotations else None
        self._wears_mask = wears_mask if options.already_masked == "refuse" else None
        # Crops are cut out of the picture at its full size, and made smaller themselves.
        self._max_size = None if options.crop == "faces" else options.max_size

    def read(self, task: Task) -> Prepared:
        """Read a source and find its faces, unless an earlier round has found them.

        Raises:
            PictureError: the source cannot be used.
        """
        source = task.source
        picture = read_picture(source.path, self._max_size)
        if task.faces is not None:
            others = np.array(task.others, dtype=np.float32).reshape(-1, 4)
            pixels = turn_image(picture.pixels, task.turned)
            return Prepared(source, picture.sha256, pixels, task.turned, task.faces, others, None)
        if not self._options.gets_masks(source.label):
            return Prepared(source, picture.sha256, picture.pixels, 0, (), np.zeros((0, 4), np.float32), None)
        return self._found(source, picture)

    def _found(self, source: Source, picture: DecodedPicture) -> Prepared:
        pixels, turned, problem = picture.pixels, 0, None
        faces, others = self._find_faces(source, picture)
        if not is_upright_known(faces):
            message = f"which way up the face in {source.relative} is cannot be told; turn the picture upright"
            faces, problem = [], ("face_not_upright", message)
        elif (masked := self._already_masked(pixels, faces, others)).any():
            faces, others, problem = self._unmasked(source, pixels, faces, others, masked)
        if not faces and problem is None:
            seen = "a face is seen, but its eyes, nose and mouth are not found," if len(others) else "no face found"
            problem = ("no_face", f"{seen} in {source.relative}")
        if self._options.auto_rotate:
            size = pixels.shape[:2]
            pixels, faces, turned = turned_upright(pixels, faces)
            others = turn_boxes(others, turned, size)
        if self._options.faces == "largest":
            boxes = [face.box for face in faces[1:]]
            faces, others = faces[:1], np.concatenate([*(box[None] for box in boxes), others])
        return Prepared(source, picture.sha256, pixels, turned, tuple(faces), others, problem)

    def _find_faces(self, source: Source, picture: DecodedPicture) -> tuple[list[Face], Boxes]:
        if self._annotations is not None:
            known = self._annotations.faces(source.relative, picture.sha256, picture.pixels, self._finder)
            if known is not None:
                return known, np.zeros((0, 4), np.float32)
        return self._finder.search(picture.pixels)

    def _already_masked(self, pixels: NDArray[np.uint8], faces: list[Face], others: Boxes) -> NDArray[np.bool_]:
        """Whether each face, with and without landmarks, already wears a mask."""
        boxes = np.concatenate([*(face.box[None] for face in faces), others])
        if self._wears_mask is None or not len(boxes):
            return np.zeros(len(boxes), dtype=bool)
        return self._wears_mask(pixels, boxes)

    def _unmasked(
        self, source: Source, pixels: NDArray[np.uint8], faces: list[Face], others: Boxes, masked: NDArray[np.bool_]
    ) -> tuple[list[Face], Boxes, tuple[str, str] | None]:
        """Faces that wear no mask yet, with and without landmarks, and why the picture is refused, if it is."""
        boxes = np.concatenate([*(face.box[None] for face in faces), others])
        widths = boxes[:, 2] - boxes[:, 0]
        bare = [face for face, one in zip(faces, masked, strict=False) if not one]
        others = others[~masked[len(faces) :]]
        refused = bool((masked & (widths >= _COUNTS * widths.max())).any())
        if self._options.crop == "faces":
            crops = [crop_about(face, pixels.shape[:2], self._options.crop_margin).region for face in bare]
            bare = [face for face, crop in zip(bare, crops, strict=True) if not holds(crop, boxes[masked]).any()]
            refused = not bare
        if not refused:
            return bare, others, None
        message = f"a mask is already worn in {source.relative}; move it, or give --already-masked keep"
        return [], others, ("already_masked", message)
