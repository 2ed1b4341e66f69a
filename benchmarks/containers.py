"""The same pictures as files, in a tar shard and in parquet: seconds of processor time to list and to read them.

python benchmarks/containers.py FACES [--pictures 2000] [--rounds 3] [--json PATH]

FACES is a folder of pictures, which are repeated until there are enough. Each kind is listed, and read in its order, by
one process; the fastest of the rounds counts, on files that the system's cache holds.
"""

import argparse
import io
import json
import tarfile
import tempfile
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from maskaug.augment.generate.scan import scan
from maskaug.core.containers import Member
from maskaug.core.files import PICTURE_SUFFIXES

_LABEL, _OTHER = "not_wearing_mask", "wearing_mask"


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    files = sorted(path for path in options.faces.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
    pictures = [path.read_bytes() for path in islice(cycle(files), options.pictures)]
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, write in _KINDS.items():
            place = Path(folder, kind)
            place.mkdir()
            write(place, pictures)
            rounds = [_measure(place) for _ in range(options.rounds)]
            found[kind] = {name: round(min(one[name] for one in rounds), 3) for name in rounds[0]}
            print(kind, found[kind])
    if options.json:
        options.json.write_text(json.dumps({"pictures": options.pictures, **found}, indent=2) + "\n")


def _measure(place: Path) -> dict[str, float]:
    started = time.process_time()
    sources = scan(place, _LABEL, _OTHER).sources
    listed = time.process_time()
    paths = [source.path for source in sources]
    size = sum(len(path.read_bytes()) for path in sorted(paths, key=_place))
    return {"list": listed - started, "read": time.process_time() - listed, "megabytes": size / 1e6}


def _place(path: Path | Member) -> tuple[str, tuple[int, ...]]:
    return (str(path.container), path.place) if isinstance(path, Member) else (str(path), ())


def _write_files(folder: Path, pictures: list[bytes]) -> None:
    (folder / "train" / _LABEL).mkdir(parents=True)
    for number, data in enumerate(pictures):
        (folder / "train" / _LABEL / f"{number:08d}.jpg").write_bytes(data)


def _write_tar(folder: Path, pictures: list[bytes]) -> None:
    with tarfile.open(folder / "train-000000.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        for number, data in enumerate(pictures):
            facts = json.dumps({"label": _LABEL, "source_sha256": "0" * 64}).encode()
            for suffix, content in ((".jpg", data), (".cls", b"0"), (".json", facts)):
                member = tarfile.TarInfo(f"{number:08d}{suffix}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


def _write_parquet(folder: Path, pictures: list[bytes]) -> None:
    images = pa.array([{"bytes": data, "path": f"{number:08d}.jpg"} for number, data in enumerate(pictures)])
    table = pa.table({"image": images, "label": [_LABEL] * len(pictures)})
    pq.write_table(table, folder / "train-00000-of-00001.parquet", row_group_size=100)


_KINDS: dict[str, Callable[[Path, list[bytes]], None]] = {
    "files": _write_files,
    "tar": _write_tar,
    "parquet": _write_parquet,
}


if __name__ == "__main__":
    main()
