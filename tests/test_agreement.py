from math import isnan

import numpy as np
import pytest
from generated import Generated, digest, review, texture

from maskaug.augment import AgreementOptions, ReviewError
from maskaug.augment.reviews.agreement import Dispute, agreement
from maskaug.augment.reviews.log import ADJUDICATOR

DECISIONS = {"a": "accept", "r": "reject"}


def compare(dst, **options):
    return agreement(AgreementOptions(dst=dst, resamples=200, **options))


@pytest.fixture
def dst(tmp_path):
    made = Generated(tmp_path / "dst")
    made.original("train", "face", texture(0))
    return made.finish()


def decide(dst, **decisions):
    """Decisions on pictures 0, 1 ... by annotator: ``a`` accept, ``r`` reject, ``-`` none."""
    for annotator, letters in decisions.items():
        made = {digest(n): DECISIONS[letter] for n, letter in enumerate(letters) if letter != "-"}
        review(dst, annotator, made)


def test_cohens_kappa_of_the_textbook(dst):
    """20 accepted by both, 15 rejected by both, 5 and 10 disputed: 0.7 observed, 0.5 by chance."""
    decide(dst, anna="a" * 25 + "r" * 25, bert="a" * 20 + "r" * 5 + "a" * 10 + "r" * 15)
    found = compare(dst)
    kappa = found.cohen["anna", "bert"]
    assert kappa.value == pytest.approx(0.4)
    assert kappa.pictures == 50
    assert found.raw.value == pytest.approx(0.7)
    # The textbook's standard error is 0.127: the interval is about 2 x 1.96 of it wide.
    assert kappa.low < 0.4 < kappa.high
    assert 0.35 < kappa.high - kappa.low < 0.65
    assert len(found.disputed) == 15
    assert compare(dst).cohen == found.cohen
    assert compare(dst, seed=1).cohen != found.cohen


def test_fleisss_kappa_by_hand(dst):
    """Three raters: 2/3 of pairs alike, 1/2 by chance. A fifth picture, which one left out, does not count."""
    decide(dst, anna="araar", bert="arara", carla="arrr-")
    found = compare(dst)
    assert found.fleiss.value == pytest.approx(1 / 3)
    assert found.fleiss.pictures == 4
    assert found.raw.value == pytest.approx((3 + 3 + 1 + 1 + 0) / 13)
    assert found.alpha.pictures == 5
    assert set(found.cohen) == {("anna", "bert"), ("anna", "carla"), ("bert", "carla")}


def test_krippendorffs_alpha_of_his_example(dst):
    """Two raters, ten units, binary: 0.095 in "Computing Krippendorff's Alpha-Reliability"."""
    letters = {"0": "r", "1": "a"}
    decide(
        dst,
        anna="".join(letters[n] for n in "0100000010") + "a",
        bert="".join(letters[n] for n in "1110010000") + "-",
    )
    found = compare(dst)
    assert found.alpha.value == pytest.approx(0.095, abs=5e-4)
    assert found.alpha.pictures == 10


def test_more_pictures_narrow_the_interval(dst):
    rng = np.random.default_rng(0)
    truth = rng.random(800) < 0.3

    def letters(count):
        return "".join("r" if bad else "a" for bad in truth[:count] ^ (rng.random(count) < 0.1))

    decide(dst, anna=letters(60), bert=letters(60))
    few = compare(dst).alpha
    (dst / "reviews" / "anna.jsonl").unlink()
    (dst / "reviews" / "bert.jsonl").unlink()
    decide(dst, anna=letters(800), bert=letters(800))
    many = compare(dst).alpha
    assert many.high - many.low < 0.5 * (few.high - few.low)


def test_where_all_are_alike_kappa_is_undefined(dst):
    decide(dst, anna="aaaa", bert="aaaa")
    found = compare(dst)
    assert found.raw.value == 1
    assert isnan(found.raw.low), "that all samples are alike is no certainty"
    for estimate in (found.fleiss, found.alpha, found.cohen["anna", "bert"]):
        assert isnan(estimate.value)
        assert isnan(estimate.low)
    decide(dst, carla="aaar")
    assert not isnan(compare(dst).alpha.value)
    assert not isnan(compare(dst).alpha.low)  # though some samples are alike


def test_a_single_annotator_agrees_with_nobody(dst):
    decide(dst, anna="aarr")
    found = compare(dst)
    assert found.cohen == {}
    assert found.disputed == []
    for estimate in (found.raw, found.alpha):
        assert isnan(estimate.value)
        assert estimate.pictures == 0


def test_only_peoples_decisions_count(dst):
    decide(dst, anna="aarr", bert="aarr")
    alone = compare(dst)
    review(dst, "anna", {digest("control 0"): "reject", digest("control 1"): "accept"}, control=True)
    review(dst, "bert", {digest("control 0"): "accept"}, control=True)
    review(dst, "carla", {digest(0): "accept", digest(2): "accept"}, auto=True)
    review(dst, ADJUDICATOR, {digest(0): "reject"})
    found = compare(dst)
    assert found.raw == alone.raw
    assert found.alpha == alone.alpha
    assert found.confusion == alone.confusion
    assert found.disputed == []
    people = {annotator.name: annotator for annotator in found.annotators}
    assert (people["anna"].controls, people["anna"].attention) == (2, 0.5)
    assert (people["anna"].accepted, people["anna"].rejected) == (2, 2)
    assert people["bert"].attention == 0
    assert isnan(people["carla"].attention)
    assert (people["carla"].by_score, people["carla"].accepted) == (2, 0)


def test_disputes_are_named_and_settled(tmp_path):
    made = Generated(tmp_path / "dst")
    made.original("train", "face", texture(0))
    shas = [made.mask("train", "face", copy) for copy in range(3)]
    dst = made.finish()
    review(dst, "anna", {shas[0]: "accept", shas[1]: "reject: floating", shas[2]: "accept"}, looked_ms=100)
    review(dst, "anna", {shas[0]: "flag"})
    review(dst, "bert", {shas[0]: "reject: misaligned", shas[1]: "accept", shas[2]: "reject"})
    review(dst, "bert", {shas[2]: "undo"})
    review(dst, ADJUDICATOR, {shas[1]: "reject"})
    found = compare(dst)
    assert found.disputed == [
        Dispute("train/wearing_mask/face__n95_0.jpg", {"anna": "accept", "bert": "misaligned"}, None),
        Dispute("train/wearing_mask/face__n95_1.jpg", {"anna": "floating", "bert": "accept"}, "reject"),
    ]
    assert found.confusion == {("accept", "misaligned"): 1, ("accept", "floating"): 1}
    anna = next(annotator for annotator in found.annotators if annotator.name == "anna")
    assert (anna.flagged, anna.looked_ms) == (1, 100)


def test_what_cannot_be_compared(dst, tmp_path):
    with pytest.raises(ReviewError, match="holds no reviews"):
        compare(dst)
    review(tmp_path, "anna", {digest(0): "accept"})
    with pytest.raises(ReviewError, match="no finished data set"):
        compare(tmp_path)
