"""How far annotators agree on each label, pooled over pairs of annotators, with intervals over papers."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss.judges.reliability import Coefficient, cohen_kappa, krippendorff_alpha
from isogloss.survey.agreement_sets import alpha_for_distance, masi_distance, mean_jaccard
from isogloss.survey.agreement_width import warn_small
from isogloss.survey.annotations import Annotation, label_of

Floats = NDArray[np.float64]
NOMINAL = ("relevant", "topic", "coverage", "stated", "artefact")
NOTHING = "no paper was labelled by two people"
ONE_LABEL = "only one label occurs"


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """One pair of annotators on one label.

    Attributes:
        annotators: the two.
        papers: that both labelled.
        kappa: Cohen's; None where only one label occurs.
    """

    annotators: tuple[str, str]
    papers: int
    kappa: float | None


@dataclass(frozen=True, slots=True)
class LabelAgreement:
    """Agreement on one label; the intervals resample papers.

    Attributes:
        label: its name.
        papers: labelled by at least two annotators.
        annotators: that labelled any of them.
        labels: different labels that occur.
        percent: share of agreeing pairs of annotations.
        kappa: Cohen's, pooled over pairs of annotators; undefined for sets of languages.
        alpha: Krippendorff's: for names, or with the MASI distance for sets.
        jaccard: mean overlap of the sets of languages; undefined for other labels.
        pairs: each pair of annotators alone.
        warning: where the papers are too few to tell, else None.
    """

    label: str
    papers: int
    annotators: int
    labels: int
    percent: Coefficient
    kappa: Coefficient
    alpha: Coefficient
    jaccard: Coefficient
    pairs: tuple[PairAgreement, ...]
    warning: str | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Units:
    """The papers that at least two people labelled: ids, annotators, and [paper][annotator] values."""

    papers: tuple[str, ...]
    annotators: tuple[str, ...]
    values: list[list[Any]]


def measure_label_agreement(
    annotations: Iterable[Annotation],
    *,
    seed: int,
    resamples: int = 2000,
    confidence: float = 0.95,
    source: str = "human",
) -> list[LabelAgreement]:
    """Agreement on every label, and on the sets of languages.

    Different pairs may have labelled different papers, as in a design of four pairs with twenty papers each. Pooled
    kappa takes observed and chance agreement of each pair, weighs them by its papers, and corrects once; alpha takes
    all annotators as one pool. Both fall where one label is very common: read them beside the percentage.

    Args:
        annotations: of all annotators; those of another source are left out.
        seed: of the resampling.
        resamples: draws.
        confidence: two-sided.
        source: whose agreement: people's, unless a model is to be compared with itself.

    Source: De Vries et al. 2008 (pooled kappa); Krippendorff 2011; Passonneau 2006. Papers are drawn within the set of
    annotators that labelled them, so that every draw keeps the design.
    """
    kept = [annotation for annotation in annotations if annotation.source == source]
    found = [
        _measure_names(name, _gather(kept, name), seed=seed, resamples=resamples, confidence=confidence)
        for name in NOMINAL
    ]
    sets = _gather(kept, "languages")
    return [*found, _measure_sets(sets, seed=seed, resamples=resamples, confidence=confidence)]


def _gather(annotations: Sequence[Annotation], label: str) -> _Units:
    by_paper: dict[str, dict[str, Any]] = {}
    for annotation in annotations:
        value = label_of(annotation, label)
        if value is not None:
            shown = frozenset(value) if label == "languages" else str(value)
            by_paper.setdefault(annotation.paper, {})[annotation.annotator] = shown
    double = {paper: given for paper, given in by_paper.items() if len(given) > 1}
    annotators = tuple(sorted({name for given in double.values() for name in given}))
    values = [[given.get(name) for name in annotators] for given in double.values()]
    return _Units(tuple(double), annotators, values)


def _measure_names(label: str, units: _Units, *, seed: int, resamples: int, confidence: float) -> LabelAgreement:
    weights = _draw_weights(units, seed=seed, resamples=resamples)
    per_pair = _cross_pairs(units)
    kappa = _summarise(lambda drawn: _pool_kappa(per_pair, drawn), weights, confidence, ONE_LABEL)
    alike = np.array([_share_alike(unit) for unit in units.values])
    occurring = {value for unit in units.values for value in unit if value is not None}
    codes = [[None if value is None else frozenset((value,)) for value in unit] for unit in units.values]
    alpha = _summarise(lambda drawn: alpha_for_distance(codes, _differ, drawn), weights, confidence, ONE_LABEL)
    if units.papers:
        # The same number by the judges' own routine: two ways to one figure.
        alpha = Coefficient(krippendorff_alpha(units.values), alpha.interval, alpha.reason)
    return LabelAgreement(
        label=label,
        papers=len(units.papers),
        annotators=len(units.annotators),
        labels=len(occurring),
        percent=_summarise(lambda drawn: drawn @ alike / drawn.sum(axis=1), weights, confidence, NOTHING),
        kappa=kappa,
        alpha=alpha,
        jaccard=Coefficient(None, None, "a measure for sets of languages"),
        pairs=_list_pairs(units),
        warning=warn_small(len(units.papers), labels=len(occurring), kappa=kappa.value, seed=seed),
    )


def _measure_sets(units: _Units, *, seed: int, resamples: int, confidence: float) -> LabelAgreement:
    weights = _draw_weights(units, seed=seed, resamples=resamples)
    overlap = mean_jaccard(units.values)
    alike = np.array([_share_alike(unit) for unit in units.values])
    occurring = {value for unit in units.values for value in unit if value is not None}
    return LabelAgreement(
        label="languages",
        papers=len(units.papers),
        annotators=len(units.annotators),
        labels=len(occurring),
        percent=_summarise(lambda drawn: drawn @ alike / drawn.sum(axis=1), weights, confidence, NOTHING),
        kappa=Coefficient(None, None, "kappa compares names, these are sets"),
        alpha=_summarise(
            lambda drawn: alpha_for_distance(units.values, masi_distance, drawn), weights, confidence, ONE_LABEL
        ),
        jaccard=_summarise(lambda drawn: drawn @ overlap / drawn.sum(axis=1), weights, confidence, NOTHING),
        pairs=(),
        warning=warn_small(len(units.papers), labels=len(occurring), kappa=None, seed=seed),
    )


def _differ(first: frozenset[str], second: frozenset[str]) -> float:
    return float(first != second)


def _share_alike(unit: Sequence[Any]) -> float:
    given = [value for value in unit if value is not None]
    pairs = list(combinations(given, 2))
    return sum(1 for one, other in pairs if one == other) / len(pairs)


def _draw_weights(units: _Units, *, seed: int, resamples: int) -> Floats:
    """[draw, paper] how often each paper is drawn; the first row is the sample itself."""
    generator = np.random.default_rng(seed)
    weights = np.ones((resamples + 1, len(units.papers)))
    teams: dict[tuple[bool, ...], list[int]] = {}
    for number, unit in enumerate(units.values):
        teams.setdefault(tuple(value is not None for value in unit), []).append(number)
    for members in teams.values():
        chances = np.full(len(members), 1 / len(members))
        weights[1:, members] = generator.multinomial(len(members), chances, size=resamples)
    return weights


def _summarise(statistic: Callable[[Floats], Floats], weights: Floats, confidence: float, reason: str) -> Coefficient:
    if not weights.shape[1]:
        return Coefficient(None, None, NOTHING)
    drawn = statistic(weights)
    value, drawn = drawn[0], drawn[1:]
    if np.isnan(value):
        return Coefficient(None, None, reason)
    drawn = drawn[~np.isnan(drawn)]
    if weights.shape[1] < 2 or drawn.size < 2:
        return Coefficient(float(value), None, "one paper alone has no interval")
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Coefficient(float(value), (float(low), float(high)))


def _cross_pairs(units: _Units) -> list[tuple[list[int], Floats]]:
    """For each pair of annotators: the papers of both, and [paper, first's label, second's label] of ones and zeros."""
    labels = sorted({value for unit in units.values for value in unit if value is not None})
    place = {label: number for number, label in enumerate(labels)}
    crossed: list[tuple[list[int], Floats]] = []
    for first, second in combinations(range(len(units.annotators)), 2):
        shared = [n for n, unit in enumerate(units.values) if unit[first] is not None and unit[second] is not None]
        table = np.zeros((len(shared), len(labels), len(labels)))
        for row, number in enumerate(shared):
            table[row, place[units.values[number][first]], place[units.values[number][second]]] = 1
        if shared:
            crossed.append((shared, table))
    return crossed


def _pool_kappa(crossed: Sequence[tuple[list[int], Floats]], weights: Floats) -> Floats:
    """[draw] kappa from observed and chance agreement, each summed over pairs in proportion to their papers."""
    agreed = np.zeros(len(weights))
    by_chance = np.zeros(len(weights))
    papers = np.zeros(len(weights))
    for shared, table in crossed:
        counts = np.tensordot(weights[:, shared], table, axes=1)
        n = counts.sum(axis=(1, 2))
        agreed += np.trace(counts, axis1=1, axis2=2)
        margins = (counts.sum(axis=1) * counts.sum(axis=2)).sum(axis=1)
        by_chance += np.divide(margins, n, out=np.zeros_like(n), where=n > 0)
        papers += n
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(papers - by_chance > 1e-9, (agreed - by_chance) / (papers - by_chance), np.nan)


def _list_pairs(units: _Units) -> tuple[PairAgreement, ...]:
    pairs: list[PairAgreement] = []
    for first, second in combinations(range(len(units.annotators)), 2):
        both = [(u[first], u[second]) for u in units.values if u[first] is not None and u[second] is not None]
        if both:
            kappa = cohen_kappa([one for one, _ in both], [other for _, other in both])
            pairs.append(PairAgreement((units.annotators[first], units.annotators[second]), len(both), kappa))
    return tuple(pairs)
