from collections import Counter
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskaug.augment.curate.selection import (
    Candidate,
    CurateError,
    Policy,
    accepted,
    objection,
    one_side,
    repetitions,
    set_apart,
    surplus,
)
from maskaug.augment.reviews.log import ADJUDICATOR, Event, Verdict

SPLITS, LABELS = ["train", "val", "test"], ["not_wearing_mask", "wearing_mask", "mask_worn_incorrectly"]


def verdict(action, auto=False):
    event = Event(output_sha256="0" * 64, action=action, auto=auto, time=datetime(2026, 1, 1, tzinfo=timezone.utc))
    return Verdict(decided=event)


def candidate(path, source="s", split="train", label="wearing_mask", *, sha256=None, quality=0.5):
    return Candidate(path, sha256 or path, source, split, label, quality)


@pytest.mark.parametrize(
    ("actions", "majority", "unanimous", "any_"),
    [
        ("", None, None, None),
        ("a", True, True, True),
        ("r", False, False, False),
        ("ar", False, False, True),
        ("aar", True, False, True),
        ("arr", False, False, True),
        ("aarr", False, False, True),
        ("aaa", True, True, True),
        ("rrr", False, False, False),
    ],
)
def test_policies(actions, majority, unanimous, any_):
    verdicts = {str(n): verdict({"a": "accept", "r": "reject"}[action]) for n, action in enumerate(actions)}
    expected: dict[Policy, bool | None] = {"majority": majority, "unanimous": unanimous, "any": any_}
    assert {policy: accepted(verdicts, policy) for policy in expected} == expected
    flagged_only = {**verdicts, "flagging": Verdict(flagged=True)}
    assert {policy: accepted(flagged_only, policy) for policy in expected} == expected
    for final in ("accept", "reject"):
        for policy in expected:
            assert accepted({**verdicts, ADJUDICATOR: verdict(final)}, policy) is (final == "accept")
    by_score = {**verdicts, "by score": verdict("accept", auto=True)}
    for policy, value in expected.items():
        assert accepted(by_score, policy) is (True if value is None else value)


@pytest.mark.parametrize(
    ("quality", "decision", "undecided", "reason"),
    [
        (0.5, True, "drop", None),
        (0.5, False, "keep", "rejected"),
        (0.5, None, "keep", None),
        (0.5, None, "drop", "undecided"),
        (0.5, None, "by-score", "low_quality"),
        (0.7, None, "by-score", None),
        (None, None, "drop", None),
        (None, None, "by-score", None),
        (None, False, "keep", "rejected"),
    ],
)
def test_objections(quality, decision, undecided, reason):
    assert objection(candidate("a", quality=quality), decision, undecided, 0.7) == reason


@st.composite
def sets(draw, splits=SPLITS):
    """Candidates, and the group of each source."""
    count = draw(st.integers(1, 40))
    sources = [f"s{n}" for n in range(draw(st.integers(1, 12)))]
    groups = {source: draw(st.sampled_from(sources[: n + 1])) for n, source in enumerate(sources)}
    pick = st.tuples(st.sampled_from(sources), st.sampled_from(splits), st.sampled_from(LABELS))
    items = draw(st.lists(pick, min_size=count, max_size=count))
    return [candidate(f"p{n}", *item) for n, item in enumerate(items)], groups


@given(sets())
def test_a_group_goes_where_it_has_most_pictures(case):
    candidates, groups = case
    sides = one_side(candidates, groups)
    sizes = Counter(item.split for item in candidates)
    for group in {groups[item.source_sha256] for item in candidates}:
        counts = Counter(item.split for item in candidates if groups[item.source_sha256] == group)
        assert counts[sides[group]] == max(counts.values())
        for split, count in counts.items():
            assert count < counts[sides[group]] or sizes[sides[group]] <= sizes[split]


@given(sets(["train"]), st.floats(0.05, 0.95), st.integers(0, 5))
def test_what_is_set_apart(case, share, seed):
    candidates, groups = case
    sides = set_apart(candidates, groups, share, seed)
    assert sides == set_apart(candidates[::-1], groups, share, seed)
    assert set(sides) == {groups[item.source_sha256] for item in candidates}
    assert set(sides.values()) <= {"train", "val"}
    labels = {group: {item.label for item in candidates if groups[item.source_sha256] == group} for group in sides}
    sizes = Counter(groups[item.source_sha256] for item in candidates)
    for kind in {frozenset(names) for names in labels.values()}:
        members = [group for group in sides if labels[group] == kind]
        apart = sum(sizes[group] for group in members if sides[group] == "val")
        wanted = share * sum(sizes[group] for group in members)
        assert abs(apart - wanted) <= max(sizes[group] for group in members)


@pytest.mark.parametrize("splits", [["train", "test"], ["val"]])
def test_splits_are_not_split_again(splits):
    candidates = [candidate(split, split=split) for split in splits]
    with pytest.raises(CurateError, match="leave out --val-share"):
        set_apart(candidates, {"s": "s"}, 0.2, 0)


@given(st.lists(st.tuples(st.sampled_from(SPLITS), st.sampled_from(LABELS)), max_size=60), st.integers(0, 5))
def test_balance_is_exact(places, seed):
    placed = [(f"p{n}", split, label) for n, (split, label) in enumerate(places)]
    left_out = surplus(placed, seed)
    assert left_out == surplus(placed[::-1], seed)
    before = Counter((split, label) for _, split, label in placed)
    after = Counter((split, label) for path, split, label in placed if path not in left_out)
    for split in SPLITS:
        smallest = min((count for (name, _), count in before.items() if name == split), default=0)
        assert {count for (name, _), count in after.items() if name == split} <= {smallest}
    assert set(before) == set(after)


def test_balance_draws_by_the_seed():
    placed = [(f"p{n}", "train", "wearing_mask") for n in range(50)] + [("q", "train", "not_wearing_mask")]
    assert len({frozenset(surplus(placed, seed)) for seed in range(20)}) > 10


def test_identical_files_stay_once_and_in_one_class():
    candidates = [
        candidate("train/a", sha256="1", split="train"),
        candidate("val/a", sha256="1", split="val"),
        candidate("val/b", sha256="2", split="val"),
        candidate("x", sha256="3", label="wearing_mask"),
        candidate("y", sha256="3", label="not_wearing_mask"),
    ]
    splits = {"train/a": "val", "val/a": "val", "val/b": "val", "x": "train", "y": "train"}
    expected = {"train/a": "identical", "x": "two_classes", "y": "two_classes"}
    assert repetitions(candidates, splits) == expected
