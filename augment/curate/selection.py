"""Selection: which pictures a curated data set keeps, and in which split; from light records, without any file."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from maskaug.augment.reviews.log import ADJUDICATOR, Verdict
from maskaug.core.errors import MaskaugError

Policy = Literal["majority", "unanimous", "any"]
VAL_SPLIT = "val"


class CurateError(MaskaugError):
    """The set cannot be curated; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A picture of the generated set that may be kept.

    Attributes:
        path: Where it is below the generated set's folder, with ``/``.
        sha256: Of the file.
        source_sha256: Of the source it was made from.
        split: Split it was made in.
        label: Name of its class, or of its person.
        quality: Score of a masked copy, 0 to 1; None for an original.
        kind: Of a masked copy's mask.
        template: Of a masked copy's mask.
        has_face: Whether a face is known in it.
        identity: Name of its person, where the set has a folder a person.
        tree: ``original`` or ``masked``, where that keeps these apart.
        source: Path of the source, below SRC of ``maskaug generate``.
    """

    path: str
    sha256: str
    source_sha256: str
    split: str
    label: str
    quality: float | None = None
    kind: str | None = None
    template: str | None = None
    has_face: bool = True
    identity: str | None = None
    tree: str = ""
    source: str = ""

    @property
    def category(self) -> str:
        """What it counts as: its class; or of a person's pictures ``original`` or ``masked``."""
        if self.identity is None:
            return self.label
        return "original" if self.quality is None else "masked"


def accepted(verdicts: Mapping[str, Verdict], policy: Policy) -> bool | None:
    """What the annotators' verdicts on one picture come to; None if nobody has decided.

    The adjudicator overrides all. Acceptance by score counts only where no person decided. A tie is no majority.
    """
    decided = {annotator: verdict.decided for annotator, verdict in verdicts.items() if verdict.decided is not None}
    if ADJUDICATOR in decided:
        return decided[ADJUDICATOR].action == "accept"
    counted = [event for event in decided.values() if not event.auto] or list(decided.values())
    if not counted:
        return None
    accepts = sum(event.action == "accept" for event in counted)
    rejects = len(counted) - accepts
    return {"majority": accepts > rejects, "unanimous": rejects == 0, "any": accepts > 0}[policy]


def objection(candidate: Candidate, verdict: bool | None, undecided: str, min_quality: float | None) -> str | None:
    """Why a picture is left out for itself: ``rejected``, ``undecided``, ``low_quality``, or None if it is not.

    Originals need no decision, but can be rejected.
    """
    if verdict is not None:
        return None if verdict else "rejected"
    if candidate.quality is None or undecided == "keep":
        return None
    if undecided == "drop":
        return "undecided"
    return "low_quality" if min_quality is not None and candidate.quality < min_quality else None


def whole(groups: Mapping[str, str], candidates: Iterable[Candidate]) -> dict[str, str]:
    """What must lie in one split, by source: groups of near-duplicates, joined where they share a person.

    Args:
        groups: Group of each source, by SHA-256.
        candidates: All pictures. A set of classes has no persons: there the groups stay as they are.
    """
    leader = {group: group for group in groups.values()}

    def lead(group: str) -> str:
        while leader[group] != group:
            leader[group] = leader[leader[group]]
            group = leader[group]
        return group

    first: dict[str, str] = {}
    for candidate in candidates:
        if candidate.identity is not None:
            own = lead(groups[candidate.source_sha256])
            other = lead(first.setdefault(candidate.identity, own))
            leader[max(own, other)] = min(own, other)
    return {source: lead(group) for source, group in groups.items()}


def one_side(candidates: Sequence[Candidate], groups: Mapping[str, str]) -> dict[str, str]:
    """The split that each group of sources belongs to, so that none lies in two.

    A group goes where it has most pictures; on a tie, to the smaller split, which needs them more.

    Args:
        candidates: Pictures that are kept.
        groups: Group of each source, by SHA-256.
    """
    sizes = Counter(candidate.split for candidate in candidates)
    sides: dict[str, str] = {}
    torn = set[str]()
    for candidate in candidates:
        group = groups[candidate.source_sha256]
        if sides.setdefault(group, candidate.split) != candidate.split:
            torn.add(group)
    # Few groups lie in several splits; to count the pictures of all would take ten times the memory.
    members: dict[str, Counter[str]] = {group: Counter() for group in torn}
    for candidate in candidates:
        if (counts := members.get(groups[candidate.source_sha256])) is not None:
            counts[candidate.split] += 1
    for group, counts in members.items():
        sides[group] = min(counts, key=lambda split: (-counts[split], sizes[split], split))
    return sides


def set_apart(candidates: Sequence[Candidate], groups: Mapping[str, str], share: float, seed: int) -> dict[str, str]:
    """A split for each group, when there is but one: ``val`` for about ``share`` of the pictures.

    Groups are stratified by their classes, so that rare classes get their share, too; persons are no classes.

    Raises:
        CurateError: there are several splits already, the one is called ``val``, or persons cannot be divided so.
    """
    splits = sorted({candidate.split for candidate in candidates})
    if len(splits) > 1:
        raise CurateError(f"the set has splits already ({', '.join(splits)}); leave out --val-share")
    if splits == [VAL_SPLIT]:
        raise CurateError(f"the only split is called {VAL_SPLIT} itself; leave out --val-share")
    sizes: Counter[str] = Counter()
    labels: dict[str, set[str]] = defaultdict(set)
    for candidate in candidates:
        group = groups[candidate.source_sha256]
        sizes[group] += 1
        if candidate.identity is None:
            labels[group].add(candidate.label)
    strata: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for group in shuffled(sizes, seed):
        strata[tuple(sorted(labels[group]))].append(group)
    result = dict.fromkeys(sizes, splits[0] if splits else "")
    for stratum in strata.values():
        wanted = share * sum(sizes[group] for group in stratum)
        for group in stratum:
            if sizes[group] <= 2 * wanted:  # nearer to what is wanted with it than without it
                result[group] = VAL_SPLIT
                wanted -= sizes[group]
    if VAL_SPLIT not in result.values() and any(candidate.identity is not None for candidate in candidates):
        raise CurateError(
            f"with --val-share {share:g} no person goes to val: persons stay whole, and the {len(sizes)} that "
            "near-duplicates do not join are too large or too few; give a larger --val-share"
        )
    return result


def repetitions(candidates: Iterable[Candidate], splits: Mapping[str, str]) -> dict[str, str]:
    """Pictures, by path, that are left out since another file has the same bytes.

    The reason is ``identical`` where one of them stays, by preference one that need not move, and ``two_classes`` or
    ``two_persons`` where they disagree about these: then none can be trusted.
    """
    candidates = list(candidates)
    contents = sorted(candidate.sha256 for candidate in candidates)
    # Of very many pictures, very few are repeated.
    repeated = {sha256 for sha256, following in pairwise(contents) if sha256 == following}
    by_content: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        if candidate.sha256 in repeated:
            by_content[candidate.sha256].append(candidate)
    reasons = {}
    for same in by_content.values():
        if len({candidate.label for candidate in same}) > 1:
            reason = "two_classes" if same[0].identity is None else "two_persons"
            reasons.update({candidate.path: reason for candidate in same})
        else:
            _, *others = sorted(same, key=lambda candidate: (splits[candidate.path] != candidate.split, candidate.path))
            reasons.update({candidate.path: "identical" for candidate in others})
    return reasons


def surplus(placed: Iterable[tuple[str, str, str]], seed: int) -> set[str]:
    """Paths of what each class of a split has more than its smallest, chosen by the seed.

    Args:
        placed: Path, split and class of each picture. Classes that a split lacks do not count there.
        seed: Of the choice, which depends on the paths, not on their order.
    """
    classes: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path, split, label in placed:
        classes[split][label].append(path)
    left_out = set()
    for members in classes.values():
        count = min(map(len, members.values()))
        for paths in members.values():
            if len(paths) > count:
                left_out.update(shuffled(paths, seed)[count:])
    return left_out


def shuffled(names: Iterable[str], seed: int) -> list[str]:
    """Names in an order that depends on the seed and on them alone."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
