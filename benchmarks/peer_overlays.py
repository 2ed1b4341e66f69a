"""The data set that a user of MaskTheFace makes: unmasked faces, and its overlays of those that it finds.

python benchmarks/peer_overlays.py FACES PEER OUT [--seed 0]

FACES has {train,val}/not_wearing_mask, as the SRC of maskaug generate; PEER is a checkout of MaskTheFace (it needs
tqdm, dotmap, requests and imutils). Each picture is masked once: the kind drawn at random from N95, KN95, surgical and
cloth, then one of the colours that MaskTheFace has of the kind. To train on, OUT gets all unmasked faces and the
overlays, as {train,val}/{not_wearing_mask,wearing_mask}, both through the same JPEG encoder, as by maskaug generate:
no class is known by its compression.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from masktheface import TYPES, mask_with_peer
from rich.console import Console
from rich.table import Table

from maskaug.augment.generate.scan import ScanError, Source, check_apart, scan
from maskaug.core.arrays import Image
from maskaug.core.classes import CLASSES
from maskaug.core.files import write_atomic
from maskaug.core.pictures import PictureError, encode_picture, read_picture

_UNMASKED, _MASKED = CLASSES
_SPLITS = ("train", "val")
_PEER_CODE = Path("utils/aux_functions.py")  # in any checkout of it
_AT_ONCE = 256  # pictures in memory; for each batch MaskTheFace starts anew

Place = tuple[str, str]  # split, mask type


class PeerError(Exception):
    """The data set cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Counts:
    """How many of what, by split and mask type.

    Attributes:
        drawn: Readable faces.
        masked: Those that MaskTheFace put a mask on.
        unread: Sentences on pictures that cannot be read.
    """

    drawn: Counter[Place]
    masked: Counter[Place]
    unread: list[str]


def main() -> None:
    """Make the data set, print how many of what."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("peer", type=Path, help="checkout of MaskTheFace")
    parser.add_argument("out", type=Path, help="new or empty folder")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of masks")
    arguments = parser.parse_args()
    try:
        sources = unmasked_sources(arguments.faces)
        check_places(arguments.faces, arguments.peer, arguments.out)
        counts = make(sources, arguments.peer, arguments.out, arguments.seed)
    except (PeerError, ScanError) as error:
        sys.exit(f"peer_overlays: {error}")
    except OSError as error:
        sys.exit(f"peer_overlays: cannot write {error.filename or arguments.out}: {error.strerror}")
    console = Console()
    console.print(counted(counts))
    for sentence in counts.unread:
        console.print(f"left out: {sentence}", highlight=False, soft_wrap=True, markup=False)


def unmasked_sources(faces: Path) -> list[Source]:
    """The unmasked faces of both splits.

    Raises:
        ScanError: there is no such folder.
        PeerError: a split has no unmasked face.
    """
    sources = [source for source in scan(faces, _UNMASKED, _MASKED).sources if source.label == _UNMASKED]
    for split in _SPLITS:
        if all(source.split != split for source in sources):
            raise PeerError(f"{faces} has no picture in {split}/{_UNMASKED}; both {' and '.join(_SPLITS)} are needed")
    return [source for source in sources if source.split in _SPLITS]


def check_places(faces: Path, peer: Path, out: Path) -> None:
    """Before the first file is written.

    Raises:
        PeerError: PEER is no checkout, or OUT is taken.
        ScanError: OUT and FACES lie in each other.
    """
    if not (peer / _PEER_CODE).is_file():
        raise PeerError(
            f"{peer} is no checkout of MaskTheFace: it has no {_PEER_CODE}; "
            "give: git clone https://github.com/aqeelanwar/MaskTheFace"
        )
    check_apart(faces, out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise PeerError(f"{out} is not empty; choose another folder, or delete it")


def make(sources: list[Source], peer: Path, out: Path, seed: int) -> Counts:
    """Write the data set."""
    counts = Counts(Counter(), Counter(), [])
    jobs = zip(sources, mask_types(len(sources), seed), strict=True)
    while batch := list(islice(jobs, _AT_ONCE)):
        read = list(_read(batch, counts.unread))
        with tempfile.TemporaryDirectory() as folder:
            overlays = mask_with_peer(peer, [(picture, name) for _, name, picture in read], Path(folder))
            for (source, name, picture), overlay in zip(read, overlays, strict=True):
                counts.drawn[source.split, name] += 1
                _write(out, source, _UNMASKED, picture)
                if overlay is not None:
                    counts.masked[source.split, name] += 1
                    _write(out, source, _MASKED, overlay[0])
    return counts


def mask_types(count: int, seed: int) -> list[str]:
    """A mask type for each of ``count`` pictures: every kind is as likely, and so is every colour of a kind."""
    rng, kinds = np.random.default_rng(seed), list(TYPES)
    return [str(rng.choice(TYPES[kinds[rng.integers(len(kinds))]])) for _ in range(count)]


def counted(counts: Counts) -> Table:
    """Faces and overlays, by split and type."""
    table = Table("split", "mask", "faces", "overlays", "share")
    for split in _SPLITS:
        names = sorted(name for place, name in counts.drawn if place == split)
        rows = [(name, counts.drawn[split, name], counts.masked[split, name]) for name in names]
        total = ("all", sum(drawn for _, drawn, _ in rows), sum(masked for _, _, masked in rows))
        for name, drawn, masked in [*rows, total]:
            table.add_row(split, name, str(drawn), str(masked), f"{masked / max(drawn, 1):.1%}")
        table.add_section()
    return table


def _read(jobs: list[tuple[Source, str]], unread: list[str]) -> Iterator[tuple[Source, str, Image]]:
    """Sources that can be read, with their mask types and ``(H, W, 3) uint8`` RGB pixels; sentences on the others."""
    for source, name in jobs:
        try:
            yield source, name, read_picture(source.path).pixels
        except PictureError as error:
            unread.append(str(error))


def _write(out: Path, source: Source, label: str, pixels: Image) -> None:
    folder = out / source.split / label / source.subfolder
    write_atomic(folder / f"{source.stem}.jpg", encode_picture(pixels, "jpeg"), folder)


if __name__ == "__main__":
    main()
