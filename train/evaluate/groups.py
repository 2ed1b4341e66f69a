"""Groups of pictures that a user's CSV names: who is shown, which camera, which place."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from maskaug.core.containers import locate
from maskaug.core.text import counted
from maskaug.train.errors import TrainError
from maskaug.train.evaluate.slices import Division

_FILE = "file"
_MOST_PARTS = 24  # of a column: names and numbers of single pictures are no groups


class GroupsError(TrainError):
    """A table of groups cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Groups:
    """A table of groups.

    Attributes:
        path: The CSV.
        columns: Names of its columns but for the file.
        rows: Values of a picture by column, by its resolved path.
    """

    path: Path
    columns: list[str]
    rows: dict[Path, dict[str, str]]

    def divide(self, paths: Sequence[Path]) -> tuple[list[Division], list[str]]:
        """A division for each column, and sentences on what is left out.

        Args:
            paths: N pictures, resolved.
        """
        divisions, notes = [], []
        for column in self.columns:
            names = [self.rows.get(path, {}).get(column, "") for path in paths]
            parts = len(set(names) - {""})
            if parts > _MOST_PARTS:
                notes.append(f"{self.path}: column {column} has {parts} values, and is left out: no groups.")
            else:
                divisions.append(Division(column, names))
        without = sum(path not in self.rows for path in paths)
        if without:
            are = "is" if without == 1 else "are"
            notes.append(f"{without} of {counted(len(paths), 'picture')} {are} not in {self.path}, and in no group.")
        return divisions, notes


def read_groups(path: Path, data: Path) -> Groups:
    """Read a table of groups.

    Args:
        path: CSV with a title line: ``file``, whose paths lie below ``data`` or below the CSV's folder, and others.
        data: The folder of the pictures.

    Raises:
        GroupsError: it cannot be read, has no such columns, or names a picture that is not there or named before.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            lines = [(reader.line_num, line) for line in reader]
            titles = [title for title in reader.fieldnames or () if title]
    except OSError as error:
        raise GroupsError(f"{path} cannot be read: {error.strerror or error}; name a CSV by --groups") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise GroupsError(f"{path} is no CSV in UTF-8: {error}; save it as one") from error
    columns = [title for title in titles if title != _FILE]
    if _FILE not in titles or not columns:
        raise GroupsError(
            f"{path} has the columns {', '.join(titles) or 'none'}; it needs one called {_FILE}, and one for each way "
            "to group, such as age"
        )
    rows: dict[Path, dict[str, str]] = {}
    for number, line in lines:
        there = _place(line[_FILE] or "", (data, path.parent))
        if there is None:
            raise GroupsError(
                f"{path}, line {number}: {line[_FILE] or 'an empty file name'} is neither below {data} nor below "
                f"{path.parent}; mend the column {_FILE}, or take the line out"
            )
        if there in rows:
            raise GroupsError(f"{path}, line {number}: {line[_FILE]} is named twice; keep one of its lines")
        rows[there] = {column: (line[column] or "").strip() for column in columns}
    return Groups(path, columns, rows)


def _place(name: str, folders: Sequence[Path]) -> Path | None:
    return next(((folder / name).resolve() for folder in folders if name and locate(str(folder / name))), None)
