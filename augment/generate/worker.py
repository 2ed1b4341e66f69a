"""`SourceWorker`: makes of one source picture its files and its manifest rows, in one process."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskaug.augment.generate.annotations import Annotations
from maskaug.augment.generate.crops import FaceCrop, crop_about
from maskaug.augment.generate.generated_set import GeneratedSet, folder_of
from maskaug.augment.generate.options import GenerateOptions
from maskaug.augment.generate.outputs import Made
from maskaug.augment.generate.prepare import MaskedCheck, Prepared, SourceReader, Task
from maskaug.augment.generate.records import bare_record, overlay_record, told_faces
from maskaug.augment.generate.scan import COPY_MARK, Source
from maskaug.augment.masking.engine import MaskedPicture, load_engine, mask_all
from maskaug.core.containers import sha256_of
from maskaug.core.errors import MaskaugError, failure
from maskaug.core.files import is_address, remove_files, write_atomic
from maskaug.core.manifest import FaceRecord, Row, face_record
from maskaug.core.pictures import SUFFIXES, PictureError, encode_picture
from maskaug.core.seeds import copy_seed
from maskaug.masktheface_wrapper import FaceContext

_STORE_WRITERS = 8  # pictures that are on their way to an object store at once, of each process


class SourceWorker:
    """Turns tasks into files below DST and manifest rows; one for each process, because it holds the models."""

    def __init__(
        self, options: GenerateOptions, wears_mask: MaskedCheck | None = None, marked: Annotations | None = None
    ) -> None:
        """Load the models.

        Args:
            options: Of the run.
            wears_mask: Tells which faces of a source already wear a mask; None: nothing does.
            marked: The annotations that the options name.

        Raises:
            ModelError, PackError: an input cannot be used.
        """
        self._options = options
        self._generated = GeneratedSet(options.dst)
        self._engine, self._distribution = load_engine(options)
        self._reader = SourceReader(options, self._engine.finder, wears_mask, marked)
        # Waiting for the disk takes no processor: one picture is written while the next is made. A store answers later.
        self._writer = ThreadPoolExecutor(max_workers=_STORE_WRITERS if is_address(options.dst) else 1)
        self._writing: dict[Path, Future[None]] = {}  # the files of one task
        self._kept: dict[str, bytes] | None = None if options.to == "imagefolder" else {}  # or these, for a shard

    def process(self, task: Task) -> Callable[[], Made]:
        """Make the pictures that a task wants; returns what gives their rows once they are on the disk.

        Pictures that go into shards are not written, but come with their rows.

        Raises:
            OSError: an output cannot be written, as on a full disk. A source that cannot be used gives a row instead,
                and so does one over which the engine or a library raises anything.
            MaskaugError: a model or the pack cannot be used, whatever the source.
        """
        source = task.source
        self._writing = {}
        self._kept = None if self._kept is None else {}
        try:
            rows = self._rows(task)
        except PictureError as error:
            rows = [refusal(source, error.reason, str(error), sha256=error.sha256)]
        except (MaskaugError, OSError):
            raise
        except Exception as error:
            self._forget()
            sha256 = sha256_of(source.path)
            rows = [refusal(source, "failed", f"{source.relative}: {failure(error)}", sha256=sha256)]
        return partial(_when_written, Made(rows, self._kept or {}), tuple(self._writing.values()))

    def close(self) -> None:
        """Wait for the files that are being written."""
        self._writer.shutdown(wait=True)

    def _rows(self, task: Task) -> list[Row]:
        source, prepared = task.source, self._reader.read(task)
        problem = prepared.problem
        # What a classifier would learn from pictures without a face may be wanted; a mask is not to be called bare.
        refused = problem is not None and (self._options.faceless == "refuse" or problem[0] == "already_masked")
        rows = self._write_originals(prepared) if task.original and not refused else []
        if problem is not None and (refused or task.copies):
            rows.append(refusal(source, *problem, sha256=prepared.sha256, warnings=prepared.warnings))
        else:
            # Later faces are measured where the masks of those before show; the first one is the same for all copies.
            first = [self._engine.measure(prepared.pixels, face) for face in prepared.faces[:1] if task.copies]
            rows += [row for number in task.copies for row in self._write_copy(prepared, number, first)]
        return rows

    def _forget(self) -> None:
        """Remove what a task has written before it failed: nothing lies in the set without a row."""
        self._kept = None if self._kept is None else {}
        while self._writing:
            path, writing = self._writing.popitem()
            writing.result()
            remove_files([path])

    def _crops(self, prepared: Prepared) -> list[FaceCrop]:
        size, options = prepared.pixels.shape[:2], self._options
        return [
            crop_about(face, size, options.crop_margin, number=number, max_size=options.max_size)
            for number, face in enumerate(prepared.faces if prepared.source.identity is None else prepared.faces[:1])
        ]

    def _write_originals(self, prepared: Prepared) -> list[Row]:
        faces = [face_record(face) for face in prepared.faces]
        cropped = self._options.crop == "faces" and bool(prepared.faces)
        rows = []
        for crop in self._crops(prepared) if cropped else [None]:
            row = _row(prepared, crop)
            row["status"] = "original"
            row["label"] = prepared.source.label
            corner, scale = (crop.region[:2], crop.scale) if crop else ((0, 0), 1.0)
            row["masked_boxes"] = ((prepared.masked - np.tile(corner, 2)) * scale).tolist()
            row.update(told_faces(faces, prepared.others, crop=crop))
            self._write_picture(row, _stem(prepared.source, crop), prepared.pixels, crop)
            rows.append(row)
        return rows

    def _write_copy(self, prepared: Prepared, number: int, first: Sequence[FaceContext]) -> list[Row]:
        options, seed = self._options, copy_seed(self._options.seed, prepared.sha256, number)
        rng = np.random.default_rng(seed)
        faces, distribution = prepared.faces, self._distribution
        masked = mask_all(
            self._engine, prepared.pixels, faces, distribution, rng, min_quality=options.min_quality, contexts=first
        )
        correct = masked.overlays[0].params.wear == "correct"
        bare, counting = _bare(prepared, masked)
        cropped = options.crop == "faces" or (options.bare_faces == "crop" and counting > 0 and any(masked.worn))
        records, rows = _records(masked), []
        for crop in self._crops(prepared) if cropped else [None]:
            row = _row(prepared, crop)
            row["label"] = options.masked_class if correct else options.incorrect_class
            if prepared.source.identity is not None:
                row["label"] = prepared.source.label
            row["copy"] = number
            row["seed"] = seed
            shown = list(range(len(faces))) if crop is None else [crop.number]
            worn = [place for place in shown if masked.worn[place]]
            row.update(told_faces(records, prepared.others, first=(worn or shown)[0], crop=crop))
            told = [masked.overlays[place] for place in worn or shown]
            row["quality"] = min(overlay.quality for overlay in told)
            row["reasons"] = list(dict.fromkeys(reason for overlay in told for reason in overlay.reasons))
            if crop is not None:
                bare, counting = _bare(prepared, masked, crop)
            row["faces_bare"] = bare
            rows.append(row)
            if not worn:
                _refuse(row, "low_quality", f"quality {row['quality']:.2f} is below {options.min_quality:g}")
            elif counting and options.bare_faces != "keep":
                advice = "--bare-faces keep" if crop else "--crop faces, or --bare-faces crop or keep"
                _refuse(row, "bare_face", f"{counting} of its larger faces would stay bare; give {advice}")
            else:
                row["status"] = "masked"
                self._write_masked(row, _stem(prepared.source, crop, f"{row['kind']}_{number}"), masked, crop)
        return rows

    def _write_masked(self, row: Row, stem: str, masked: MaskedPicture, crop: FaceCrop | None) -> None:
        self._write_picture(row, stem, masked.image, crop)
        if not self._options.alpha:
            return
        alpha = masked.alpha
        place = Path(self._generated.alpha.name, folder_of(row, self._options.apart), f"{stem}.png")
        data = encode_picture(alpha if crop is None else crop.cut(alpha), "png")
        self._save(place, data)
        row["alpha"] = place.as_posix()
        row["alpha_sha256"] = hashlib.sha256(data).hexdigest()

    def _write_picture(self, row: Row, stem: str, pixels: NDArray[np.uint8], crop: FaceCrop | None) -> None:
        kind = self._options.format
        pixels = pixels if crop is None else crop.cut(pixels)
        row["height"], row["width"] = pixels.shape[:2]
        data = encode_picture(pixels, kind, self._options.jpeg_quality)
        place = Path(folder_of(row, self._options.apart), stem + SUFFIXES[kind])
        self._save(place, data)
        row["output"] = place.as_posix()
        row["output_sha256"] = hashlib.sha256(data).hexdigest()

    def _save(self, place: Path, data: bytes) -> None:
        if self._kept is not None:
            self._kept[place.as_posix()] = data
            return
        path = self._generated.path / place
        self._writing[path] = self._writer.submit(write_atomic, path, data, self._generated.partial)


def _when_written(made: Made, writing: Sequence[Future[None]]) -> Made:
    for one in writing:
        one.result()
    return made


def refusal(
    source: Source, reason: str, message: str, *, sha256: str | None = None, warnings: Sequence[str] = ()
) -> Row:
    """The row of a source that cannot be used."""
    row = Row(status="refused", source=source.relative, split=source.split, label=source.label)
    row["identity"] = source.identity
    row["reasons"] = [reason]
    row["message"] = message
    if sha256 is not None:
        row["source_sha256"] = sha256
    if warnings:
        row["warnings"] = list(warnings)
    return row


def _bare(prepared: Prepared, masked: MaskedPicture, crop: FaceCrop | None = None) -> tuple[int, int]:
    """Faces that stay bare, and how many of them speak against what the picture, or a crop of it, is called."""
    bare, counting = prepared.bare_that_count(masked.worn, crop)
    # A person's picture is about its largest face: bystanders may be bare.
    return bare, counting if prepared.source.identity is None else int(not masked.worn[0])


def _refuse(row: Row, reason: str, message: str) -> None:
    row["status"] = "refused"
    row["reasons"] = [reason, *row["reasons"]]
    row["message"] = message


def _row(prepared: Prepared, crop: FaceCrop | None) -> Row:
    source, pixels = prepared.source, prepared.pixels
    row = Row(
        source=source.relative,
        source_sha256=prepared.sha256,
        split=source.split,
        identity=source.identity,
        subfolder=source.subfolder,
        width=pixels.shape[1],
        height=pixels.shape[0],
        turned=prepared.turned,
    )
    if prepared.warnings:
        row["warnings"] = list(prepared.warnings)
    if crop is not None:
        row["face"] = crop.number
        row["crop"] = list(crop.region)
    return row


def _stem(source: Source, crop: FaceCrop | None, made: str = "") -> str:
    parts = [f"face{crop.number}"] if crop else []
    marked = "_".join([*parts, made] if made else parts)
    return f"{source.stem}{COPY_MARK}{marked}" if marked else source.stem


def _records(masked: MaskedPicture) -> list[FaceRecord]:
    pairs = zip(masked.overlays, masked.worn, strict=True)
    return [overlay_record(overlay) if worn else bare_record(overlay) for overlay, worn in pairs]
