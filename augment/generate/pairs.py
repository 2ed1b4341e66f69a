"""Pairs of pictures to verify persons by: one person with and without a mask, and two persons; drawn by a seed.

As in LFW (Labeled Faces in the Wild), pairs come in folds that share no person, and in each fold as many pairs show two
persons as show one: a threshold is chosen on nine folds and judged on the tenth.
"""

import csv
import hashlib
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeVar

_Any = TypeVar("_Any")

FOLDS, _FEWEST = 10, 4  # folds, as in LFW, and persons in one: there are fewer folds of fewer persons

# The first four as in LFW's pairs.csv, which has no name for the fourth.
_COLUMNS = (
    *("name", "imagenum1", "imagenum2", ""),
    *("split", "fold", "same", "file1", "file2", "file2_unmasked", "kind", "same_photograph"),
)


@dataclass(frozen=True, slots=True)
class Portrait:
    """A written picture of a person.

    Attributes:
        file: Its path below the set's folder, with ``/``.
        split: Its split; may be empty.
        identity: Name of the person.
        source: Path of the photograph it was made from, below SRC.
        source_sha256: Of that file.
        kind: Of the mask it was given; None if it was given none.
    """

    file: str
    split: str
    identity: str
    source: str
    source_sha256: str
    kind: str | None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures of a split.

    Attributes:
        fold: From 1; no person lies in two folds of a split.
        first: Without a mask.
        second: With a mask.
        unmasked: The picture that ``second`` was made from, if the set still has it.
    """

    fold: int
    first: Portrait
    second: Portrait
    unmasked: Portrait | None

    @property
    def same(self) -> bool:
        """Whether both show one person."""
        return self.first.identity == self.second.identity

    @property
    def same_photograph(self) -> bool:
        """Whether both were made from one photograph, as where there is but one of the person."""
        return self.first.source_sha256 == self.second.source_sha256


def draw_pairs(portraits: Iterable[Portrait], count: int, seed: int) -> list[Pair]:
    """Pairs by split, fold, and one person before two; the same whatever the order of the pictures.

    The second picture of a pair is a masked copy; each that is chosen is in one pair with its person, and, where its
    fold has another person, in one pair with that. A person is paired with another photograph of theirs where there is
    one. Persons take turns: one of many photographs has no more pairs than others while those have copies left; those
    of a single photograph come last.

    Args:
        portraits: Pictures of any splits.
        count: Most pairs of one person in each split; of two persons there are no more than of one.
        seed: Of all choices.
    """
    by_split: dict[str, list[Portrait]] = defaultdict(list)
    for portrait in sorted(portraits, key=lambda portrait: portrait.file):
        by_split[portrait.split].append(portrait)
    return [pair for _, members in sorted(by_split.items()) for pair in _of_split(members, count, seed)]


def pairs_csv(pairs: Sequence[Pair], portraits: Iterable[Portrait]) -> bytes:
    """The pairs as CSV, UTF-8.

    Columns ``name, imagenum1, imagenum2`` and a nameless fourth are those of LFW's ``pairs.csv``: a name and two
    numbers for one person; a name, a number, a name and a number for two. What these cannot say stands in those that
    follow: the files, which of them wears what, and the fold.

    Args:
        pairs: See :func:`draw_pairs`.
        portraits: The pictures that they were drawn from, which the numbers count.
    """
    numbers = _numbers(portraits)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for pair in pairs:
        first, second = pair.first, pair.second
        number1, number2 = (numbers[one.identity, one.source] for one in (first, second))
        lfw = (number1, number2, "") if pair.same else (number1, second.identity, number2)
        files = (first.file, second.file, pair.unmasked.file if pair.unmasked else "")
        flags = (second.kind, int(pair.same_photograph))
        table.writerow((first.identity, *lfw, first.split, pair.fold, int(pair.same), *files, *flags))
    return text.getvalue().encode()


def _of_split(portraits: Sequence[Portrait], count: int, seed: int) -> list[Pair]:
    originals: dict[str, list[Portrait]] = defaultdict(list)
    copies: dict[str, list[Portrait]] = defaultdict(list)
    for portrait in portraits:
        (copies if portrait.kind else originals)[portrait.identity].append(portrait)
    persons = sorted(originals, key=lambda name: _random(seed, "person", name))
    folds = max(1, min(FOLDS, len(persons) // _FEWEST))
    members = [persons[fold::folds] for fold in range(folds)]
    made_from = {(one.identity, one.source_sha256): one for name in persons for one in reversed(originals[name])}

    found = []
    for place, name in enumerate(persons):
        shuffled = sorted(copies[name], key=lambda copy: _random(seed, "copy", copy.file))
        for turn, copy in enumerate(shuffled):
            others = [one for one in originals[name] if one.source_sha256 != copy.source_sha256]
            first = _chosen(others or originals[name], seed, "same", copy.file)
            pair = Pair(place % folds + 1, first, copy, made_from.get((name, copy.source_sha256)))
            found.append((not others, turn, place, pair))
    same = [pair for *_, pair in sorted(found, key=lambda item: item[:3])[:count]]
    pairs = [*same, *(other for pair in same for other in _with_another(pair, members[pair.fold - 1], originals, seed))]
    return sorted(pairs, key=lambda pair: (pair.fold, not pair.same))


def _with_another(pair: Pair, persons: Sequence[str], originals: Mapping[str, list[Portrait]], seed: int) -> list[Pair]:
    """The masked copy of a pair with an unmasked picture of another person of the fold, or nothing."""
    copy = pair.second
    others = [name for name in persons if name != copy.identity]
    # A photograph that lies with both persons says nothing of either.
    while others:
        name = _chosen(others, seed, "other", copy.file)
        usable = [one for one in originals[name] if one.source_sha256 != copy.source_sha256]
        if usable:
            return [Pair(pair.fold, _chosen(usable, seed, "picture", copy.file), copy, pair.unmasked)]
        others.remove(name)
    return []


def _numbers(portraits: Iterable[Portrait]) -> dict[tuple[str, str], int]:
    """The number of each photograph by person and source: LFW's own, or where names have none, the place by name."""
    sources: dict[str, set[str]] = defaultdict(set)
    for portrait in portraits:
        sources[portrait.identity].add(portrait.source)
    numbers = {}
    for identity, found in sources.items():
        ordered = sorted(found)
        named = [re.fullmatch(rf"{re.escape(identity)}_(\d+)", PurePosixPath(source).stem) for source in ordered]
        own = [int(match[1]) for match in named if match]
        if len(set(own)) < len(ordered):
            own = list(range(1, len(ordered) + 1))
        numbers.update({(identity, source): number for source, number in zip(ordered, own, strict=True)})
    return numbers


def _random(seed: int, use: str, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{use}:{name}".encode()).digest()


def _chosen(among: Sequence[_Any], seed: int, use: str, name: str) -> _Any:
    return among[int.from_bytes(_random(seed, use, name)[:8], "big") % len(among)]
