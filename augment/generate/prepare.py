"""A source as it is worked on: read, its faces found, and sorted out which of them can wear a mask."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskaug.augment.generate.annotations import Annotations, KnownFaces, PictureAnnotationError
from maskaug.augment.generate.annotations.known import COUNTS
from maskaug.augment.generate.crops import FaceCrop, crop_about
from maskaug.augment.generate.options import GenerateOptions
from maskaug.augment.generate.scan import Source
from maskaug.augment.masking.engine import is_upright_known, turned_upright
from maskaug.core.pictures import DecodedPicture, PictureError, read_picture
from maskaug.core.turns import turn_boxes, turn_image
from maskaug.masktheface_wrapper import Face, FaceFinder
from maskaug.masktheface_wrapper.detect.detector import Boxes, no_boxes

# Tells of a picture, (H, W, 3) uint8 RGB, and boxes of faces in it, which of these already wear a mask: (N,) bool.
MaskedCheck = Callable[[NDArray[np.uint8], Boxes], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
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
        masked: ``(N, 4) float32``: boxes of faces that wear a mask already.
        problem: Reason and sentence, where there is no face to mask.
        warnings: About its file, where that is odd but could be read.
    """

    source: Source
    sha256: str
    pixels: NDArray[np.uint8]
    turned: int
    faces: tuple[Face, ...]
    others: Boxes
    masked: Boxes
    problem: tuple[str, str] | None
    warnings: tuple[str, ...]

    def bare_that_count(self, worn: Sequence[bool], crop: FaceCrop | None = None) -> tuple[int, int]:
        """How many faces in sight wear no mask of ours, and how many of them count for what the picture is called.

        Args:
            worn: Whether each of the faces wears one.
            crop: The part of the picture that is looked at; None: all of it.
        """
        boxes = np.concatenate([np.stack([face.box for face in self.faces]), self.others])
        bare = np.array([*(not one for one in worn), *(True for _ in self.others)])
        if crop is not None:
            inside = crop.holds(boxes)
            boxes, bare = boxes[inside], bare[inside]
        widths = boxes[:, 2] - boxes[:, 0]
        return int(bare.sum()), int((bare & (widths >= COUNTS * widths.max())).sum())


class SourceReader:
    """Reads sources and finds their faces."""

    def __init__(
        self,
        options: GenerateOptions,
        finder: FaceFinder,
        wears_mask: MaskedCheck | None = None,
        marked: Annotations | None = None,
    ) -> None:
        self._options = options
        self._finder = finder
        self._annotations = marked
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
        odd = picture.warnings
        if task.faces is not None:
            others = np.array(task.others, dtype=np.float32).reshape(-1, 4)
            pixels = turn_image(picture.pixels, task.turned)
            return Prepared(source, picture.sha256, pixels, task.turned, task.faces, others, no_boxes(), None, odd)
        if not self._options.gets_masks(source.label):
            return Prepared(source, picture.sha256, picture.pixels, 0, (), no_boxes(), no_boxes(), None, odd)
        try:
            return self._with_faces(source, picture)
        except PictureAnnotationError as error:
            raise PictureError("bad_annotation", str(error), picture.sha256) from error

    def _with_faces(self, source: Source, picture: DecodedPicture) -> Prepared:
        pixels, turned = picture.pixels, 0
        marked = self._annotations.known(source.relative, picture, self._finder) if self._annotations else None
        known, told = (self._seen_faces(picture), False) if marked is None else (marked, True)
        faces, others, masked = known.faces, known.others, known.masked
        if self._options.crop == "faces":
            crops = [crop_about(face, pixels.shape[:2], self._options.crop_margin) for face in faces]
            faces = [face for face, crop in zip(faces, crops, strict=True) if not crop.holds(masked).any()]
            refused = bool(len(masked)) and not faces
        else:
            refused = known.shows_masks
        problem = None
        if refused:
            message = f"a mask is already worn in {source.relative}; move it"
            # What annotations say of the picture is not to be overruled by an option.
            message += "" if told else ", or give --already-masked keep"
            faces, problem = [], ("already_masked", message)
        elif not is_upright_known(faces):
            message = f"which way up the face in {source.relative} is cannot be told; turn the picture upright"
            faces, problem = [], ("face_not_upright", message)
        elif not faces:
            seen = "a face is seen, but its eyes, nose and mouth are not found," if len(others) else "no face found"
            problem = ("no_face", f"{seen} in {source.relative}")
        if self._options.auto_rotate:
            size = pixels.shape[:2]
            pixels, faces, turned = turned_upright(pixels, faces)
            others, masked = turn_boxes(others, turned, size), turn_boxes(masked, turned, size)
        if self._options.faces == "largest":
            others = np.concatenate([*(face.box[None] for face in faces[1:]), others])
            faces = faces[:1]
        return Prepared(source, picture.sha256, pixels, turned, tuple(faces), others, masked, problem, picture.warnings)

    def _seen_faces(self, picture: DecodedPicture) -> KnownFaces:
        """Faces as they are found, where no annotations tell of the picture."""
        faces, others = self._finder.search(picture.pixels)
        boxes = np.concatenate([*(face.box[None] for face in faces), others])
        if self._wears_mask is None or not len(boxes):
            return KnownFaces(faces, others)
        worn = self._wears_mask(picture.pixels, boxes)
        bare = [face for face, one in zip(faces, worn, strict=False) if not one]
        return KnownFaces(bare, others[~worn[len(faces) :]], boxes[worn])
