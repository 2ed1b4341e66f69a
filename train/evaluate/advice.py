"""What the errors have in common: parts of the pictures with more of them than the rest, and what may help."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import binomtest, false_discovery_control, fisher_exact

from maskaug.core.classes import MASKED, UNMASKED
from maskaug.core.text import counted
from maskaug.train.data.classes import Classes
from maskaug.train.evaluate import photographs as of
from maskaug.train.evaluate.slices import Slice
from maskaug.train.model.scores import Scores

_FALSE_DISCOVERIES = 0.05  # share of the parts named that may be named by chance
_FEWEST_ERRORS = 3
_ROBUST = "--recipe robust has it"

# By division and part: what to learn from. Bare faces are what is added: generate puts masks on them.
_ADVICE = {
    (of.LIGHT, of.DARK): f"the corruption underexposed ({_ROBUST}), and bare faces photographed in the dark",
    (of.LIGHT, of.DIM): f"the corruption underexposed ({_ROBUST}), and bare faces photographed in dim light",
    (of.LIGHT, of.BRIGHT): f"the corruptions overexposed and glare ({_ROBUST}), and bare faces in bright light",
    (of.CONTRAST, of.FLAT): f"the corruption haze ({_ROBUST}), and bare faces behind haze, glass or dirty lenses",
    (of.BACKLIGHT, of.BACKLIT): f"the corruption backlit ({_ROBUST}), and bare faces before windows and lamps",
    (of.BLUR, of.BLURRED): f"the corruption blur ({_ROBUST}), and bare faces out of focus or in motion",
    (of.SIZE, of.TINY): f"the corruption resolution ({_ROBUST}), and small bare faces; or a camera that comes closer",
    (of.SIZE, of.SMALL): f"the corruption resolution ({_ROBUST}), and small bare faces",
    (of.TURN, of.FAR): "bare faces that are turned as far",
    (of.TURN, of.PROFILE): "bare faces in profile; what generate refuses of them, its manifest says",
    (of.TURN, of.NO_LANDMARKS): "hard negatives (occluder_share of --recipe robust), and bare faces in profile or half "
    "hidden by hands, hair, scarves and things",
    (of.LEAN, of.LEANING): "turned pictures (--set rotation=30), and bare faces that lean",
    (of.FACE, of.NO_FACE): "nothing: the middle of the picture was judged instead of a face; crop closer, and look "
    "whether a face is large enough and upright",
}
# Colours as generate takes them.
_COLORS = {
    "white": "#f4f4f2",
    "grey": "#8c8c8c",
    "black": "#1e1e20",
    "pink": "#f2a7bd",
    "red": "#b32a34",
    "like skin": "#b5825f",
    "yellow": "#e6d36b",
    "green": "#5f9f76",
    "blue": "#6fa5d8",
    "purple": "#8d6bb0",
}


@dataclass(frozen=True)
class Weakness:
    """A part of the pictures of one class that has more errors than other parts.

    Attributes:
        by, name: The part.
        label: The class.
        errors, count: Pictures of it in the part that are called otherwise, and in all.
        other_errors, other_count: The same of its pictures in the parts that it is compared with.
        p: Of Fisher's exact test, one-sided.
    """

    by: str
    name: str
    label: int
    errors: int
    count: int
    other_errors: int
    other_count: int
    p: float


def find_weaknesses(slices: Sequence[Slice]) -> list[Weakness]:
    """Parts that have three errors and more, and more than chance gives them, the surest first.

    Each part is compared with the usual parts of its division, or where none is called usual with all others, a class
    at a time, for classes come from different sources. Of the parts named, one in twenty is expected to be named by
    chance (Benjamini and Hochberg 1995).
    """
    tested = []
    for one in slices:
        if _is_usual(one):
            continue
        others = [other for other in slices if other.by == one.by and other is not one]
        others = [other for other in others if _is_usual(other)] or others
        for label, (count, errors) in enumerate(zip(one.counts, one.errors, strict=True)):
            other_count = sum(other.counts[label] for other in others)
            if not count or not other_count:
                continue
            other_errors = sum(other.errors[label] for other in others)
            table = [[errors, count - errors], [other_errors, other_count - other_errors]]
            p = float(fisher_exact(table, alternative="greater").pvalue)
            tested.append(Weakness(one.by, one.name, label, errors, count, other_errors, other_count, p))
    if not tested:
        return []
    adjusted = false_discovery_control([one.p for one in tested])
    pairs = zip(tested, adjusted, strict=True)
    found = [one for one, q in pairs if q <= _FALSE_DISCOVERIES and one.errors >= _FEWEST_ERRORS]
    return sorted(found, key=lambda one: one.p)


def _is_usual(one: Slice) -> bool:
    """Whether it is a part of photographs that calls for nothing."""
    return (one.by, one.name) not in _ADVICE and any(by == one.by for by, _ in _ADVICE)


def advise(slices: Sequence[Slice], by: Sequence[str], scores: Scores, classes: Classes) -> list[str]:
    """Sentences on where errors lie and what may help.

    Args:
        slices: Parts of N pictures.
        by: The divisions that count here.
        scores: What the classifier says of the pictures.
        classes: Names of the classes, by label.
    """
    parts = [one for one in slices if one.by in by]
    told = [*_lopsided(scores, classes), *(_told(one, classes) for one in find_weaknesses(parts))]
    if told:
        return told
    wrong = int((scores.decided != scores.labels).sum())
    if not wrong:
        return [f"There is no error in {counted(len(scores), 'picture')}."]
    return [
        f"No part of these pictures has clearly more errors than the rest: there {'is' if wrong == 1 else 'are'} "
        f"{counted(wrong, 'error')} in {counted(len(scores), 'picture')}. A part of ten pictures is named only where "
        "most of it fails: the more pictures, the more is seen."
    ]


def _lopsided(scores: Scores, classes: Classes) -> list[str]:
    """Whether one of two classes has more errors by far: that is a matter of the threshold, too."""
    if len(classes) != 2 or not scores.masked.both:
        return []
    missed, alarms = (int(scores.confusion[label, 1 - label]) for label in (MASKED, UNMASKED))
    masked, unmasked = scores.counts[MASKED], scores.counts[UNMASKED]
    if missed + alarms < _FEWEST_ERRORS:
        return []
    if fisher_exact([[missed, masked - missed], [alarms, unmasked - alarms]]).pvalue > _FALSE_DISCOVERIES:
        return []
    sides = [_rate(missed, masked, classes[MASKED]), _rate(alarms, unmasked, classes[UNMASKED])]
    if missed / masked > alarms / unmasked:
        help_ = (
            "other masks than those it learnt from (--variety wide or wild for generate, --recipe robust), and a lower "
            "threshold (--set false_alarms=0.005)"
        )
    else:
        sides.reverse()
        help_ = "more bare faces like these, and hard negatives before them (occluder_share of --recipe robust)"
    return [f"One class fails far more often than the other: {sides[0]}, {sides[1]}. What may help: {help_}."]


def _told(weak: Weakness, classes: Classes) -> str:
    rate, other = _rate(weak.errors, weak.count, classes[weak.label]), weak.other_errors / weak.other_count
    others = "usual ones" if (weak.by, weak.name) in _ADVICE else "the others"
    return (
        f"{weak.by}, {weak.name}: {rate}; of {others} {weak.other_errors} of {weak.other_count} ({other:.1%}). "
        f"What may help: {_help(weak)}."
    )


def _rate(errors: int, count: int, name: str) -> str:
    low, high = binomtest(errors, count).proportion_ci(method="wilson")
    are = "is" if errors == 1 else "are"
    return f"{errors} of {count} of class {name} {are} called otherwise ({errors / count:.1%}, {low:.1%} to {high:.1%})"


def _help(weak: Weakness) -> str:
    if weak.by == of.COLOR:
        return f"masks of such colours (--color '{_COLORS[weak.name]}' --color-weight 0.3 for generate)"
    return _ADVICE.get((weak.by, weak.name), "more bare faces of this kind for generate to put masks on")
