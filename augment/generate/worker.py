"""`SourceWorker`: makes of one source picture its files and its manifest rows, in one process."""

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskaug.augment.generate.annotations import Annotations
from maskaug.augment.generate.generated_set import GeneratedSet
from maskaug.augment.generate.options import GenerateOptions
from maskaug.augment.generate.records import overlay_record
from maskaug.augment.generate.scan import COPY_MARK, Source
from maskaug.augment.masking.engine import load_engine, mask_all
from maskaug.core.files import write_atomic
from maskaug.core.manifest import Row, face_record
from maskaug.core.pictures import SUFFIXES, DecodedPicture, PictureError, encode_picture, read_picture
from maskaug.core.seeds import copy_seed
from maskaug.masktheface_wrapper import Face


@dataclass(frozen=True)
class Task:
    """What one round wants of a source.

    Attributes:
        source: The picture.
        copies: Numbers of the masked copies.
        original: Whether the unmasked picture itself is still to be written.
        faces: Its faces, where an earlier round found them.
    """

    source: Source
    copies: range
    original: bool
    faces: tuple[Face, ...] | None = None


class SourceWorker:
    """Turns tasks into files below DST and manifest rows; one for each process, because it holds the models."""

    def __init__(self, options: GenerateOptions) -> None:
        self._options = options
        self._generated = GeneratedSet(options.dst)
        self._engine, self._distribution = load_engine(options)
        self._annotations = Annotations(options.annotations) if options.annotations else None
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

        faces: list[Face] = []
        if source.label == self._options.source_class:
            faces = list(task.faces) if task.faces is not None else self._find_faces(source, picture)
            if self._options.faces == "largest":
                faces = faces[:1]
        rows = [self._write_original(source, picture, faces)] if task.original else []
        if not faces and task.copies:
            rows.append(refusal(source, "no_face", f"no face found in {source.relative}", sha256=picture.sha256))
        else:
            rows += [self._write_copy(source, picture, faces, number) for number in task.copies]
        # Rows are recorded only when their files are on the disk.
        while self._writing:
            self._writing.pop().result()
        return rows

    def close(self) -> None:
        """Wait for the files that are being written."""
        self._writer.shutdown(wait=True)

    def _find_faces(self, source: Source, picture: DecodedPicture) -> list[Face]:
        if self._annotations is not None:
            known = self._annotations.faces(source.relative, picture.sha256, picture.pixels, self._engine.finder)
            if known is not None:
                return known
        return self._engine.find(picture.pixels)

    def _write_original(self, source: Source, picture: DecodedPicture, faces: list[Face]) -> Row:
        row = _row(source, picture.sha256, picture.pixels)
        row["status"] = "original"
        row["label"] = source.label
        if faces:
            row.update(face_record(faces[0]))  # type: ignore[typeddict-item]
            row["other_faces"] = [face_record(face) for face in faces[1:]]
        self._write_picture(row, source.label, source.stem, picture.pixels)
        return row

    def _write_copy(self, source: Source, picture: DecodedPicture, faces: list[Face], number: int) -> Row:
        seed = copy_seed(self._options.seed, picture.sha256, number)
        overlays = mask_all(self._engine, picture.pixels, faces, self._distribution, np.random.default_rng(seed))
        correct = overlays[0].params.wear == "correct"
        label = self._options.masked_class if correct else self._options.incorrect_class
        row = _row(source, picture.sha256, picture.pixels)
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


def _row(source: Source, sha256: str, pixels: NDArray[np.uint8]) -> Row:
    return Row(
        source=source.relative,
        source_sha256=sha256,
        split=source.split,
        subfolder=source.subfolder,
        width=pixels.shape[1],
        height=pixels.shape[0],
    )
