"""How far raters agree beyond chance: percent, Cohen's kappa, Krippendorff's alpha; judges, people or both."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ratings = Sequence[Sequence[str | None]]
"""[unit][rater]: a label, or None where that rater did not rate that unit."""


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One measure of agreement.

    Attributes:
        value: None where it is undefined.
        interval: percentile interval over resampled prompts, or None.
        reason: why the value is undefined.
    """

    value: float | None
    interval: tuple[float, float] | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reliability:
    """Agreement of two or more raters.

    Attributes:
        units: rated by at least two raters; only these count.
        clusters: different prompts among them.
        percent: share of agreeing pairs of ratings, each unit counting by its number of ratings.
        kappa: Cohen's, for exactly two raters; undefined for more.
        alpha: Krippendorff's for names (nominal), for any number of raters and missing ratings.
    """

    units: int
    clusters: int
    percent: Coefficient
    kappa: Coefficient
    alpha: Coefficient

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def measure_reliability(
    ratings: Ratings,
    clusters: Sequence[str],
    *,
    seed: int,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Reliability:
    """Agreement of raters on the same units, with intervals from resampling prompts.

    Kappa and alpha fall when one label is very common even if raters rarely differ; read them beside the percentage.
    Agreement is not correctness: two judges may share a mistake.

    Args:
        ratings: [unit][rater], every unit with as many entries as there are raters.
        clusters: the idea behind each unit's prompt; translations of one prompt are resampled together.
        seed: of the resampling.
        resamples: draws.
        confidence: two-sided.

    Raises:
        ValueError: columns of different length, or units with different numbers of raters.

    Source: Cohen 1960; Krippendorff 2011, "Computing Krippendorff's alpha-reliability". The intervals are ours:
    prompts are drawn, not units.
    """
    if len(ratings) != len(clusters):
        raise ValueError(f"{len(ratings)} units but {len(clusters)} clusters")
    if len({len(unit) for unit in ratings}) > 1:
        raise ValueError("every unit needs one entry per rater; write None where a rating is missing")
    kept = [number for number, unit in enumerate(ratings) if sum(label is not None for label in unit) > 1]
    units = [ratings[number] for number in kept]
    names, groups = np.unique(np.array([clusters[number] for number in kept], dtype=str), return_inverse=True)
    weights = _draw_weights(len(names), seed=seed, resamples=resamples)
    raters = len(ratings[0]) if ratings else 0

    def summarise(tables: Floats, statistic: Callable[[Floats], Floats], reason: str) -> Coefficient:
        return _summarise(tables, groups, weights, statistic, confidence, reason)

    coincidences = _coincidences(units)
    crossed = _crosstab(units) if raters == 2 else np.zeros((len(units), 1, 1))
    kappa_reason = "only one label occurs" if raters == 2 else f"kappa compares two raters, these are {raters}"
    return Reliability(
        units=len(units),
        clusters=len(names),
        percent=summarise(coincidences, _observed, "nothing was rated twice"),
        kappa=summarise(crossed, _kappa, kappa_reason),
        alpha=summarise(coincidences, _alpha, "only one label occurs"),
    )


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float | None:
    """Cohen's kappa of two complete columns; None where it is undefined.

    Raises:
        ValueError: the columns differ in length.
    """
    units = list(zip(first, second, strict=True))
    return _plain(_kappa(_crosstab(units).sum(axis=0, keepdims=True))[0]) if units else None


def krippendorff_alpha(ratings: Ratings) -> float | None:
    """Krippendorff's alpha for names; None where fewer than two ratings pair, or one label alone occurs."""
    units = [unit for unit in ratings if sum(label is not None for label in unit) > 1]
    return _plain(_alpha(_coincidences(units).sum(axis=0, keepdims=True))[0]) if units else None


def _summarise(
    tables: Floats,
    groups: NDArray[np.intp],
    weights: Floats,
    statistic: Callable[[Floats], Floats],
    confidence: float,
    reason: str,
) -> Coefficient:
    if not len(tables):
        return Coefficient(None, None, "nothing was rated twice")
    value = _plain(statistic(tables.sum(axis=0, keepdims=True))[0])
    if value is None:
        return Coefficient(None, None, reason)
    per_cluster = np.zeros((weights.shape[1], *tables.shape[1:]))
    np.add.at(per_cluster, groups, tables)
    drawn = statistic(np.tensordot(weights, per_cluster, axes=1))
    drawn = drawn[~np.isnan(drawn)]
    if weights.shape[1] < 2 or drawn.size < 2:
        return Coefficient(value, None, "one prompt alone has no interval")
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Coefficient(value, (float(low), float(high)))


def _draw_weights(clusters: int, *, seed: int, resamples: int) -> Floats:
    if clusters == 0:
        return np.zeros((0, 0))
    generator = np.random.default_rng(seed)
    return generator.multinomial(clusters, np.full(clusters, 1 / clusters), size=resamples).astype(np.float64)


def _codes(units: Ratings) -> tuple[NDArray[np.intp], int]:
    """[unit, rater] numbers of the labels, -1 for a missing rating, and how many labels there are."""
    labels = sorted({label for unit in units for label in unit if label is not None})
    place = {label: number for number, label in enumerate(labels)}
    return np.array([[-1 if label is None else place[label] for label in unit] for unit in units]), len(labels)


def _coincidences(units: Ratings) -> Floats:
    """[unit, label, label]: ordered pairs of ratings of a unit, divided by its number of ratings less one."""
    if not units:
        return np.zeros((0, 1, 1))
    codes, labels = _codes(units)
    counts = np.stack([(codes == label).sum(axis=1) for label in range(labels)], axis=1).astype(np.float64)
    pairs = counts[:, :, None] * counts[:, None, :]
    pairs[:, range(labels), range(labels)] -= counts
    return np.asarray(pairs / (counts.sum(axis=1) - 1)[:, None, None])


def _crosstab(units: Ratings) -> Floats:
    """[unit, first rater's label, second rater's label], one 1 per unit."""
    if not units:
        return np.zeros((0, 1, 1))
    codes, labels = _codes(units)
    table = np.zeros((len(codes), labels, labels))
    table[range(len(codes)), codes[:, 0], codes[:, 1]] = 1.0
    return table


def _observed(tables: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.trace(tables, axis1=1, axis2=2) / tables.sum(axis=(1, 2)))


def _kappa(tables: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = tables / tables.sum(axis=(1, 2))[:, None, None]
        expected = (shares.sum(axis=1) * shares.sum(axis=2)).sum(axis=1)
        agreed = np.trace(shares, axis1=1, axis2=2)
        return np.where(expected < 1 - 1e-12, (agreed - expected) / (1 - expected), np.nan)


def _alpha(tables: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        totals = tables.sum(axis=2)
        n = totals.sum(axis=1)
        agreed = np.trace(tables, axis1=1, axis2=2)
        by_chance = (totals * (totals - 1)).sum(axis=1) / (n - 1)
        return np.where(n - by_chance > 1e-9, 1 - (n - agreed) / (n - by_chance), np.nan)


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
