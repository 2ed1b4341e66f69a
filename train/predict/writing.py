"""Results as files: drawings, crops, a table, and a folder of all of them."""

import csv
import os
import shutil
from pathlib import Path
from typing import Any, TextIO

from maskaug.core.files import sync_tree, write_atomic
from maskaug.core.pictures import encode_picture
from maskaug.train.errors import TrainError
from maskaug.train.predict.drawings import Drawings
from maskaug.train.predict.options import PredictOptions
from maskaug.train.predict.results import Predicted, PredictedFace, PredictedPicture, PredictSummary

COLUMNS = (
    *("picture", "frame", "seconds", "face", "left", "top", "width", "height", "class", "verdict", "probability"),
    *("masked", "person", "smoothed", "drawn", "saved_crop", "problem"),
)

_EARLIER = b"picture,frame,seconds,face,"  # how tables of all versions begin


class WritingError(TrainError):
    """Results cannot be written as asked; the message says why and what to do."""


class ResultWriter:
    """Writes what the options ask for; a table and OUT get their names in :meth:`finish`, and not before."""

    def __init__(self, options: PredictOptions) -> None:
        """Open the files.

        Raises:
            WritingError: OUT is not empty, or what is to be written is there and is something else.
            OSError: they cannot be written.
        """
        for option, folder in (("--draw", options.draw), ("--save-crops", options.save_crops), ("--out", options.out)):
            if folder and folder.exists() and not folder.is_dir():
                raise WritingError(f"{folder} is a file; name a folder for {option}")
        self._out = options.out
        self._folder = _building(options.out) if options.out else None
        draw = self._folder / "drawn" if self._folder else options.draw
        self._crops = self._folder / "crops" if self._folder else options.save_crops
        self._drawings = Drawings(draw, options.every) if draw else None
        self._taken = set[Path]()
        self._table = self._folder / "results.csv" if self._folder else options.csv
        if options.csv:
            _check_table(options.csv)
        self._rows = _Partial(self._table) if self._table else None
        self._lines = _Partial(self._folder / "results.jsonl") if self._folder else None
        self._writer = csv.DictWriter(self._rows.file, COLUMNS) if self._rows else None
        if self._writer:
            self._writer.writeheader()

    def write(self, predicted: Predicted) -> PredictedPicture:
        """Write one picture or frame, and say it with the names of its files.

        Raises:
            DrawingsError: a drawing would replace its input, or cannot be written.
            OSError: a file cannot be written.
        """
        drawn = None
        if self._drawings and predicted.drawn is not None:
            drawn = self._named(self._drawings.write(predicted.frame, predicted.drawn))
        said = predicted.picture
        faces = list(said.faces)
        if self._crops:
            places = self._save_crops(predicted, self._crops)
            faces = [face.model_copy(update={"saved_crop": place}) for face, place in zip(faces, places, strict=True)]
        said = said.model_copy(update={"drawn": drawn, "faces": faces})
        if self._writer:
            self._writer.writerows(_table_rows(said))
        if self._lines:
            self._lines.file.write(said.model_dump_json(by_alias=True) + "\n")
        return said

    def finish(self, summary: PredictSummary) -> None:
        """Give all of it its names."""
        if self._drawings:
            self._drawings.close()
        for partial in (self._rows, self._lines):
            if partial:
                partial.finish()
        if self._folder and self._out:
            data = summary.model_dump_json(indent=2).encode() + b"\n"
            write_atomic(self._folder / "summary.json", data, self._folder)
            sync_tree(self._folder)
            if self._out.is_dir():
                self._out.rmdir()  # it is empty, as was seen before
            self._folder.rename(self._out)

    def discard(self) -> None:
        """Remove what is not finished; drawings and crops outside of OUT stay."""
        if self._drawings:
            self._drawings.discard()
        for partial in (self._rows, self._lines):
            if partial:
                partial.discard()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def drawn(self) -> int:
        """How many drawings there are."""
        return len(self._drawings.written) if self._drawings else 0

    def _named(self, path: Path) -> str:
        return (path.relative_to(self._folder) if self._folder else path).as_posix()

    def _save_crops(self, predicted: Predicted, folder: Path) -> list[str]:
        frame, places = predicted.frame, list[str]()
        for number, pixels in enumerate(predicted.cut, 1):
            moment = "" if frame.number is None else f"_frame{frame.number}"
            place = folder / frame.place.with_name(f"{frame.place.stem}{moment}_face{number}.png")
            again = 1
            while place in self._taken:
                again += 1
                place = place.with_name(f"{frame.place.stem}{moment}_{again}_face{number}.png")
            self._taken.add(place)
            write_atomic(place, encode_picture(pixels, "png"), place.parent)
            places.append(self._named(place))
        return places


class _Partial:
    """A text file that gets its name when it is finished."""

    def __init__(self, path: Path) -> None:
        self._path, self._partial = path, path.with_name(f".{path.name}.partial")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file: TextIO = self._partial.open("w", encoding="utf-8", newline="")

    def finish(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        self._partial.replace(self._path)

    def discard(self) -> None:
        self.file.close()
        self._partial.unlink(missing_ok=True)


def _check_table(path: Path) -> None:
    """Make sure that no file is replaced but an earlier table."""
    if path.is_dir():
        raise WritingError(f"{path} is a folder; name a file for --csv")
    if not path.exists():
        return
    with path.open("rb") as file:
        earlier = file.read(len(_EARLIER)) in (b"", _EARLIER)
    if not earlier:
        raise WritingError(f"{path} is there, and no table of predict's; name another file for --csv")


def _building(out: Path) -> Path:
    """The folder that becomes OUT."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise WritingError(f"{out} is not empty; name a new folder for --out")
    folder = out.absolute().with_name(f".{out.absolute().name}.partial")
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    folder.mkdir(parents=True)
    return folder


def _table_rows(said: PredictedPicture) -> list[dict[str, Any]]:
    """A row a face; one without where there is none."""
    row = said.model_dump(include={"picture", "frame", "seconds", "drawn", "problem"})
    return [row | _face_cells(face, number) for number, face in enumerate(said.faces, 1)] or [row]


def _face_cells(face: PredictedFace, number: int) -> dict[str, Any]:
    cells = face.model_dump(by_alias=True, exclude={"box", "crop", "probabilities"})
    return {"face": number, **face.box.model_dump(), **cells}
