"""`agreement`: how far annotators agree on the masked copies, and which pictures they dispute.

Only people's decisions count: neither acceptance by score, nor control pictures, nor the adjudicator, who settles
disputes.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

import numpy as np
from krippendorff import alpha
from numpy.typing import NDArray
from scipy.stats import DegenerateDataWarning, bootstrap
from statsmodels.stats.inter_rater import cohens_kappa, fleiss_kappa

from maskaug.augment.reviews.log import (
    ADJUDICATOR,
    Event,
    ReviewError,
    Verdict,
    by_people,
    in_dispute,
    judgements,
    read_reviews,
    verdicts,
)
from maskaug.augment.reviews.options import AgreementOptions
from maskaug.core.manifest import read_columns

_QUANTILES = (0.025, 0.975)
_PICKS_AT_ONCE = 10_000_000  # indices of resampled pictures in memory
_REJECT, _ACCEPT, _ABSENT = 0, 1, -1

Table = NDArray[np.int8]  # (pictures, annotators): 0 reject, 1 accept, -1 not decided
Statistic = Callable[[Table], float]


@dataclass(frozen=True)
class Coefficient:
    """A statistic with its 95 % bootstrap interval over pictures.

    Attributes:
        value: The statistic; nan where it is undefined, as kappa is when all decisions are alike.
        low, high: The interval; nan where there is none.
        pictures: How many it rests on.
    """

    value: float
    low: float
    high: float
    pictures: int


@dataclass(frozen=True)
class Annotator:
    """What one annotator did.

    Attributes:
        name: As given to ``review``.
        accepted: Pictures accepted after a look.
        rejected: Pictures rejected.
        by_score: Pictures accepted by score alone.
        flagged: Pictures flagged.
        looked_ms: Median time a picture was looked at before the decision; nan without any.
        controls: Control pictures decided on.
        controls_rejected: Of them rejected, as they should be.
    """

    name: str
    accepted: int
    rejected: int
    by_score: int
    flagged: int
    looked_ms: float
    controls: int
    controls_rejected: int

    @property
    def attention(self) -> float:
        """Share of the control pictures that were rejected; nan without any."""
        return self.controls_rejected / self.controls if self.controls else float("nan")


@dataclass(frozen=True)
class Dispute:
    """A picture that some accept and others reject.

    Attributes:
        output: Its path in the generated set; its SHA-256 where the manifest does not know it.
        decisions: ``accept`` or the reason of a rejection, by annotator.
        settled: The adjudicator's ``accept`` or ``reject``, or None.
    """

    output: str
    decisions: dict[str, str]
    settled: str | None


@dataclass(frozen=True)
class PairAgreement:
    """How far two annotators agree.

    Attributes:
        first, second: Their names.
        pictures: How many both decided.
        alike: Share of these that both accept or both reject; nan without any.
        kappa: Cohen's; nan where it is undefined.
    """

    first: str
    second: str
    pictures: int
    alike: float
    kappa: float


@dataclass(frozen=True)
class Agreement:
    """How far the annotators agree.

    Attributes:
        annotators: By name.
        raw: Share of pairs of decisions on one picture that are alike.
        cohen: Cohen's kappa, by pair of annotators, on the pictures both decided.
        fleiss: Fleiss's kappa on the pictures that all decided.
        alpha: Krippendorff's alpha on the pictures that two or more decided.
        confusion: Pairs of decisions on one picture, by ``accept`` or reason, in alphabetical order.
        disputed: Pictures in dispute, by path.
    """

    annotators: list[Annotator]
    raw: Coefficient
    cohen: dict[tuple[str, str], Coefficient]
    fleiss: Coefficient
    alpha: Coefficient
    confusion: Counter[tuple[str, str]]
    disputed: list[Dispute]


def agreement(options: AgreementOptions) -> Agreement:
    """Compare the decisions recorded in a generated set.

    Raises:
        ReviewError: nobody has reviewed, a record is damaged, or there is no generated set.
    """
    reviews = read_reviews(options.dst)
    if not reviews:
        raise ReviewError(f"{options.dst} holds no reviews; make some with: maskaug review {options.dst}")
    try:
        manifest = read_columns(options.dst, ("output_sha256", "output"))
    except FileNotFoundError as error:
        raise ReviewError(f"{error}; name an output of maskaug generate") from error

    names = {sha256: output for sha256, output in zip(*manifest.to_pydict().values(), strict=True) if output}
    judged = judgements(reviews)
    decided = {sha256: by_people(verdicts_) for sha256, verdicts_ in judged.items()}
    raters = sorted(name for name in reviews if name != ADJUDICATOR)
    table = _table(decided, raters)
    several = table[(table != _ABSENT).sum(axis=1) >= 2]
    whole = several[(several != _ABSENT).all(axis=1)]

    def estimate(statistic: Statistic, rows: Table) -> Coefficient:
        return _estimate(statistic, rows, options.resamples, options.seed)

    cohen = {}
    for first, second in combinations(range(len(raters)), 2):
        pair = table[:, [first, second]]
        cohen[raters[first], raters[second]] = estimate(_cohen, pair[(pair != _ABSENT).all(axis=1)])
    return Agreement(
        annotators=[_annotator(name, events) for name, events in sorted(reviews.items())],
        raw=estimate(_raw, several),
        cohen=cohen,
        fleiss=estimate(_fleiss, whole),
        alpha=estimate(_alpha, several),
        confusion=_confusion(decided),
        disputed=_disputed(decided, judged, names),
    )


def pairwise(reviews: Mapping[str, Sequence[Event]]) -> list[PairAgreement]:
    """How far each two annotators agree, without intervals: for a look while they are at work.

    Args:
        reviews: Their events by name, oldest first.
    """
    decided = {sha256: by_people(verdicts_) for sha256, verdicts_ in judgements(reviews).items()}
    raters = list(reviews)
    table = _table(decided, raters)
    found = []
    for first, second in combinations(range(len(raters)), 2):
        pair = table[:, [first, second]]
        pair = pair[(pair != _ABSENT).all(axis=1)]
        with np.errstate(invalid="ignore", divide="ignore"):
            alike, kappa = (_raw(pair), _cohen(pair)) if len(pair) else (np.nan, np.nan)
        found.append(PairAgreement(raters[first], raters[second], len(pair), alike, kappa))
    return found


def _table(decided: Mapping[str, Mapping[str, Event]], raters: list[str]) -> Table:
    table = np.full((len(decided), len(raters)), _ABSENT, dtype=np.int8)
    for row, (_, events) in enumerate(sorted(decided.items())):
        for annotator, event in events.items():
            table[row, raters.index(annotator)] = _ACCEPT if event.action == "accept" else _REJECT
    return table


def _estimate(statistic: Statistic, table: Table, resamples: int, seed: int) -> Coefficient:
    count = len(table)
    # Where all decisions are alike, kappa is 0 / 0; so it is in a sample of theirs, which the quantiles leave out.
    with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateDataWarning)
        value = statistic(table) if count else np.nan
        if count < 2 or np.isnan(value):
            return Coefficient(value, np.nan, np.nan, count)
        result = bootstrap(
            (np.arange(count),),
            lambda picks: statistic(table[picks]),
            n_resamples=resamples,
            batch=max(1, _PICKS_AT_ONCE // count),
            vectorized=False,
            method="percentile",
            rng=np.random.default_rng(seed),
        )
    low, high = np.nanquantile(result.bootstrap_distribution, _QUANTILES)
    if low == high:  # all samples say the same, as where all decisions are alike: that is no certainty
        low = high = np.nan
    return Coefficient(value, float(low), float(high), count)


def _counts(table: Table) -> NDArray[np.intp]:
    """``(pictures, 2)``: how many reject and accept each."""
    return np.stack([(table == value).sum(axis=1) for value in (_REJECT, _ACCEPT)], axis=1)


def _raw(table: Table) -> float:
    counts = _counts(table)
    total = counts.sum(axis=1)
    return float((counts * (counts - 1)).sum() / (total * (total - 1)).sum())


def _cohen(table: Table) -> float:
    pairs = np.bincount(2 * table[:, 0] + table[:, 1], minlength=4).reshape(2, 2)
    return float(cohens_kappa(pairs, return_results=False))


def _fleiss(table: Table) -> float:
    return float(fleiss_kappa(_counts(table)))


def _alpha(table: Table) -> float:
    return float(alpha(value_counts=_counts(table), level_of_measurement="nominal"))


def _word(event: Event) -> str:
    return "accept" if event.action == "accept" else event.reason or "rejected, no reason"


def _confusion(decided: Mapping[str, Mapping[str, Event]]) -> Counter[tuple[str, str]]:
    confusion: Counter[tuple[str, str]] = Counter()
    for events in decided.values():
        confusion.update(combinations(sorted(map(_word, events.values())), 2))
    return confusion


def _disputed(
    decided: Mapping[str, Mapping[str, Event]], judged: Mapping[str, Mapping[str, Verdict]], names: Mapping[str, str]
) -> list[Dispute]:
    disputed = []
    for sha256, events in decided.items():
        if in_dispute(events):
            final = judged[sha256].get(ADJUDICATOR, Verdict()).decided
            decisions = {annotator: _word(event) for annotator, event in events.items()}
            disputed.append(Dispute(names.get(sha256, sha256), decisions, final.action if final else None))
    return sorted(disputed, key=lambda dispute: dispute.output)


def _annotator(name: str, events: list[Event]) -> Annotator:
    standing = list(verdicts(event for event in events if not event.control).values())
    decisions = [verdict.decided for verdict in standing if verdict.decided is not None]
    seen = [event for event in decisions if not event.auto]
    controls = [verdict.decided for verdict in verdicts(event for event in events if event.control).values()]
    controlled = [event for event in controls if event is not None]
    return Annotator(
        name=name,
        accepted=sum(event.action == "accept" for event in seen),
        rejected=sum(event.action == "reject" for event in seen),
        by_score=len(decisions) - len(seen),
        flagged=sum(verdict.flagged for verdict in standing),
        looked_ms=median(event.looked_ms for event in seen) if seen else float("nan"),
        controls=len(controlled),
        controls_rejected=sum(event.action == "reject" for event in controlled),
    )
