"""`SourceWorker`: makes of one source picture its files and its manifest rows, in one process."""

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskaug.augment.generate.annotations import KnownFaces, PictureAnnotationError, open_annotations
from maskaug.augment.generate.generated_set import GeneratedSet
from maskaug.augment.generate.options import GenerateOptions
from maskaug.augment.generate.records import overlay_record
from maskaug.augment.generate.scan import COPY_MARK, Source
from maskaug.augment.masking.engine import is_upright_known, load_engine, mask_all, turned_upright
from maskaug.core.files import write_atomic
from maskaug.core.manifest import Row, face_record
from maskaug.core.pictures import SUFFIXES, DecodedPicture, PictureError, encode_picture, read_picture
from maskaug.core.seeds import copy_seed
from maskaug.core.turns import turn_boxes, turn_image
from maskaug.masktheface_wrapper import Face


@dataclass(frozen=True)
class Task:
    """What one round wants of a source.

    Attributes:
        source: The picture.
        copies: Numbers of the masked copies.
        original: Whether the unmasked picture itself is still to be written.
        faces: Its faces, where an earlier round found them, at their places in the picture as it was written.
        turned: By how many quarter turns counterclockwise that picture was turned.
        masked: Boxes of faces that wear a mask already, in the picture as it was written.
    """

    source: Source
    copies: range
    original: bool
    faces: tuple[Face, ...] | None = None
    turned: int = 0
    masked: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class _Prepared:
    """A source as it is written.

    Attributes:
        source: The picture.
        sha256: Of its file.
        pixels: ``(H, W, 3) uint8`` RGB.
        turned: Quarter turns counterclockwise by which it was turned.
        faces: Those that are masked, largest first.
        problem: Reason and sentence, where there is none.
        masked: ``(N, 4)``: boxes of faces that wear a mask already.
    """

    source: Source
    sha256: str
    pixels: NDArray[np.uint8]
    turned: int
    faces: list[Face]
    problem: tuple[str, str]
    masked: NDArray[np.float32]


class SourceWorker:
    """Turns tasks into files below DST and manifest rows; one for each process, because it holds the models."""

    def __init__(self, options: GenerateOptions) -> None:
        self._options = options
        self._generated = GeneratedSet(options.dst)
        self._engine, self._distribution = load_engine(options)
        self._annotations = open_annotations(options.annotations, options.box_classes) if options.annotations else None
        # Waiting for the disk takes no processor: one picture is written while the next is made.
        self._writer = ThreadPoolExecutor(max_workers=1)
        self._writing: list[Future[None]] = []

    def process(self, task: Task) -> list[Row]:
        """Write the pictures that a task wants; returns their rows.

        Raises:
            OSError: an output cannot be written, as on a full disk. A source that cannot be used gives a row instead.
        """
        source = task.source
        try:
            picture = read_picture(source.path, self._options.max_size)
        except PictureError as error:
            return [refusal(source, error.reason, str(error), sha256=error.sha256)]

        try:
            prepared = self._prepare(task, picture)
        except PictureAnnotationError as error:
            return [refusal(source, "bad_annotation", str(error), sha256=picture.sha256)]
        faceless = source.label == self._options.source_class and not prepared.faces
        # What a classifier would learn from pictures without a face may be wanted; a mask is not to be called bare.
        refused = faceless and (self._options.faceless == "refuse" or prepared.problem[0] == "already_masked")
        rows = [self._write_original(prepared)] if task.original and not refused else []
        if refused or (faceless and task.copies):
            rows.append(refusal(source, *prepared.problem, sha256=picture.sha256))
        else:
            rows += [self._write_copy(prepared, number) for number in task.copies]
        # Rows are recorded only when their files are on the disk.
        while self._writing:
            self._writing.pop().result()
        return rows

    def close(self) -> None:
        """Wait for the files that are being written."""
        self._writer.shutdown(wait=True)

    def _prepare(self, task: Task, picture: DecodedPicture) -> _Prepared:
        source, pixels, turned = task.source, picture.pixels, task.turned
        problem = ("no_face", f"no face found in {source.relative}")
        faces: list[Face] = []
        masked = np.array(task.masked, dtype=np.float32).reshape(-1, 4)
        if task.faces is not None:
            pixels, faces = turn_image(pixels, turned), list(task.faces)
        elif source.label == self._options.source_class:
            known = self._known_faces(source, picture)
            faces, masked = known.faces, known.masked
            if known.shows_masks:
                message = f"a face in {source.relative} wears a mask already, by its annotations; move the picture"
                faces, problem = [], ("already_masked", message)
            elif not is_upright_known(faces):
                message = f"which way up the face in {source.relative} is cannot be told; turn the picture upright"
                faces, problem = [], ("face_not_upright", message)
            elif self._options.auto_rotate:
                size = pixels.shape[:2]
                pixels, faces, turned = turned_upright(pixels, faces)
                masked = turn_boxes(masked, turned, size)
        if self._options.faces == "largest":
            faces = faces[:1]
        return _Prepared(source, picture.sha256, pixels, turned, faces, problem, masked)

    def _known_faces(self, source: Source, picture: DecodedPicture) -> KnownFaces:
        if self._annotations is not None:
            known = self._annotations.known(source.relative, picture, self._engine.finder)
            if known is not None:
                return known
        return KnownFaces(self._engine.find(picture.pixels))

    def _write_original(self, prepared: _Prepared) -> Row:
        source, faces = prepared.source, prepared.faces
        row = _row(prepared)
        row["status"] = "original"
        row["label"] = source.label
        if faces:
            row.update(face_record(faces[0]))  # type: ignore[typeddict-item]
            row["other_faces"] = [face_record(face) for face in faces[1:]]
        self._write_picture(row, source.label, source.stem, prepared.pixels)
        return row

    def _write_copy(self, prepared: _Prepared, number: int) -> Row:
        source, seed = prepared.source, copy_seed(self._options.seed, prepared.sha256, number)
        rng = np.random.default_rng(seed)
        overlays = mask_all(self._engine, prepared.pixels, prepared.faces, self._distribution, rng)
        correct = overlays[0].params.wear == "correct"
        label = self._options.masked_class if correct else self._options.incorrect_class
        row = _row(prepared)
        row.update(overlay_record(overlays[0]))  # type: ignore[typeddict-item]
        row["other_faces"] = [overlay_record(overlay) for overlay in overlays[1:]]
        worst = min(overlays, key=lambda overlay: overlay.quality)
        row["quality"] = worst.quality
        row["reasons"] = list(dict.fromkeys(reason for overlay in overlays for reason in overlay.reasons))
        row["label"] = label
        row["copy"] = number
        row["seed"] = seed
        if worst.quality < self._options.min_quality:
            row["status"] = "refused"
            row["reasons"] = ["low_quality", *row["reasons"]]
            row["message"] = f"quality {worst.quality:.2f} is below {self._options.min_quality:g}"
            return row
        row["status"] = "masked"
        stem = f"{source.stem}{COPY_MARK}{row['kind']}_{number}"
        self._write_picture(row, label, stem, overlays[-1].image)
        if self._options.alpha:
            alpha = np.maximum.reduce([overlay.alpha for overlay in overlays])
            place = Path(self._generated.alpha.name, source.split, label, source.subfolder, f"{stem}.png")
            self._save(place, encode_picture(alpha, "png"))
            row["alpha"] = place.as_posix()
        return row

    def _write_picture(self, row: Row, label: str, stem: str, pixels: NDArray[np.uint8]) -> None:
        kind = self._options.format
        data = encode_picture(pixels, kind, self._options.jpeg_quality)
        place = Path(row["split"], label, Path(row["subfolder"]), stem + SUFFIXES[kind])
        self._save(place, data)
        row["output"] = place.as_posix()
        row["output_sha256"] = hashlib.sha256(data).hexdigest()

    def _save(self, place: Path, data: bytes) -> None:
        path = self._generated.path / place
        self._writing.append(self._writer.submit(write_atomic, path, data, self._generated.partial))


def refusal(source: Source, reason: str, message: str, *, sha256: str | None = None) -> Row:
    """The row of a source that cannot be used."""
    row = Row(status="refused", source=source.relative, split=source.split, label=source.label)
    row["reasons"] = [reason]
    row["message"] = message
    if sha256 is not None:
        row["source_sha256"] = sha256
    return row


def _row(prepared: _Prepared) -> Row:
    source, pixels = prepared.source, prepared.pixels
    return Row(
        source=source.relative,
        source_sha256=prepared.sha256,
        split=source.split,
        subfolder=source.subfolder,
        width=pixels.shape[1],
        height=pixels.shape[0],
        turned=prepared.turned,
        masked_boxes=prepared.masked.tolist(),
    )
