"""From pairs of numbers to effects: per language, per tier and on average, each with a decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from isogloss.core import TIERS, Language, select_tier
from isogloss.repair.utility.record import Effect, Firing, Measure, Unit
from isogloss.stats.equivalence import decide_non_inferiority
from isogloss.stats.paired import Estimate, Term, estimate_from_influence, estimate_linear
from isogloss.stats.rates import Interval, wilson_interval

UNBOUNDED: Interval = (-np.inf, np.inf)


@dataclass(frozen=True, slots=True)
class Pair:
    """One question or prompt under both conditions.

    Attributes:
        language: it was asked in.
        cluster: the question or idea, shared by the languages.
        before: plain; 0 or 1, or nats per token.
        after: repaired, in the same unit.
    """

    language: Language
    cluster: str
    before: float
    after: float


def measure_effects(
    name: str,
    pairs: Sequence[Pair],
    *,
    unit: Unit,
    worse: Literal["lower", "higher"],
    margin: float,
    confidence: float,
    limits: Interval = UNBOUNDED,
    notes: tuple[str, ...] = (),
) -> Measure:
    """Paired changes of one measure.

    Args:
        name: of the measure.
        pairs: every prompt once; shares as 0 or 1 where the unit is points.
        unit: points multiply by 100.
        worse: the bad direction.
        margin: the loss that is tolerable, in ``unit``; positive.
        confidence: of the two-sided interval whose bad end decides.
        limits: the smallest and largest change in nats; shares have their own.
        notes: kept beside the figures.
    """
    cells: dict[Language, list[Pair]] = {}
    for pair in pairs:
        cells.setdefault(pair.language, []).append(pair)
    languages = tuple(cells)

    def effect(group: Sequence[Language]) -> Effect:
        return _measure_group([cells[language] for language in group], unit, worse, margin, confidence, limits)

    return Measure(
        name=name,
        unit=unit,
        worse=worse,
        margin=margin,
        languages={language.tag: effect([language]) for language in languages},
        tiers={tier: effect(chosen) for tier in TIERS if (chosen := select_tier(languages, tier))},
        average=effect(languages),
        notes=notes,
    )


def count_firing(fired: Sequence[bool], languages: Sequence[Language], *, confidence: float) -> dict[str, Firing]:
    """Per language, how often the gate fired."""
    counts: dict[str, list[bool]] = {}
    for language, fires in zip(languages, fired, strict=True):
        counts.setdefault(language.tag, []).append(fires)
    return {tag: _count(cell, confidence) for tag, cell in counts.items()}


def _count(cell: Sequence[bool], confidence: float) -> Firing:
    share = sum(cell) / len(cell)
    return Firing(
        fired=sum(cell), n=len(cell), share=share, interval=wilson_interval(share, len(cell), confidence=confidence)
    )


def _measure_group(
    cells: Sequence[Sequence[Pair]],
    unit: Unit,
    worse: Literal["lower", "higher"],
    margin: float,
    confidence: float,
    limits: Interval,
) -> Effect:
    """The mean over some languages, one cell each, of the language's mean change."""
    scale = 100.0 if unit == "points" else 1.0
    found = _estimate(cells, unit, confidence, limits)
    interval = None if found.interval is None else (scale * found.interval[0], scale * found.interval[1])
    return Effect(
        before=_mean([[pair.before for pair in cell] for cell in cells], scale),
        after=_mean([[pair.after for pair in cell] for cell in cells], scale),
        change=None if found.value is None else scale * found.value,
        interval=interval,
        decision=decide_non_inferiority(interval, margin, worse=worse),
        n=sum(len(cell) for cell in cells),
        clusters=found.clusters,
    )


def _estimate(cells: Sequence[Sequence[Pair]], unit: Unit, confidence: float, limits: Interval) -> Estimate:
    """Shares get the allowance for rare changes that a sample may lack; nats, which have no ceiling, cannot."""
    terms = [
        Term(1 / len(cells), [pair.after - pair.before for pair in cell], [pair.cluster for pair in cell])
        for cell in cells
    ]
    if unit == "points" or not terms or any(not term.outcomes for term in terms):
        return estimate_linear(terms, confidence=confidence)
    labels = sorted({label for term in terms for label in term.clusters})
    place = {label: index for index, label in enumerate(labels)}
    influence, value = np.zeros(len(labels)), 0.0
    for term in terms:
        outcomes = np.asarray(term.outcomes, dtype=np.float64)
        value += term.weight * float(outcomes.mean())
        moved = term.weight * (outcomes - outcomes.mean()) / len(outcomes)
        np.add.at(influence, [place[label] for label in term.clusters], moved)
    return estimate_from_influence(value, influence, confidence=confidence, limits=limits)


def _mean(cells: Sequence[Sequence[float]], scale: float) -> float | None:
    if not cells or any(not cell for cell in cells):
        return None
    return scale * float(np.mean([np.mean(cell) for cell in cells]))
