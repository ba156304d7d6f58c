"""What the way of writing changes: the same prompts plain and rewritten, in pairs."""

from dataclasses import dataclass

from isogloss.audit.scorecard import Change, Interval, PerturbationScore, Scorecard
from isogloss.report.cells import Number, points_cell
from isogloss.report.figures.effects import order_effects
from isogloss.report.figures.ladder import order_languages
from isogloss.report.text import count, interval, join, points

NO_PAIRS = "no prompt is scored in both ways of writing"


@dataclass(frozen=True, slots=True)
class EffectRow:
    """One language under one way of writing, or the average over languages."""

    tag: str
    name: str
    tier: str
    harmful: Number
    harmless: Number
    selectivity: Number
    n: str


@dataclass(frozen=True, slots=True)
class Effect:
    """One way of writing."""

    name: str
    average: EffectRow
    languages: tuple[EffectRow, ...]


def list_effects(scorecard: Scorecard) -> list[Effect]:
    """One entry per way of writing, that which lowers harmful refusal most first."""
    return [_effect(name, scorecard.perturbations[name], scorecard) for name in order_effects(scorecard)]


def describe_effects(scorecard: Scorecard) -> list[str]:
    """Which ways of writing clearly change refusal, the strongest with its size; nothing where none was asked."""
    if not scorecard.perturbations:
        return []
    averages = {name: scorecard.perturbations[name].average for name in order_effects(scorecard)}
    falls = [name for name, change in averages.items() if _clear(change.harmful_refusal_interval) < 0]
    rises = [name for name, change in averages.items() if _clear(change.harmless_refusal_interval) > 0]
    rises.sort(key=lambda name: (-(averages[name].harmless_refusal_points or 0), name))
    sentences = []
    if falls:
        first = averages[falls[0]]
        size = _size(first.harmful_refusal_points, first.harmful_refusal_interval)
        sentences.append(
            f"Written as {falls[0]}, harmful refusal falls {_where(first, scorecard)}, {size}{_more(falls)}."
        )
    if rises:
        first = averages[rises[0]]
        size = _size(first.harmless_refusal_points, first.harmless_refusal_interval)
        where = _where(first, scorecard)
        sentences.append(f"Written as {rises[0]}, harmless refusal rises {where}, {size}{_more(rises)}.")
    return sentences or [_say_unclear(list(averages))]


def _size(value: float | None, bounds: Interval | None) -> str:
    return f"{points(value)} points {interval(bounds, signed=True)}".strip()


def _where(change: Change, scorecard: Scorecard) -> str:
    if len(change.languages) != 1:
        return "on average"
    tag = change.languages[0]
    return f"in {scorecard.languages[tag].name if tag in scorecard.languages else tag}"


def _more(names: list[str]) -> str:
    if len(names) == 1:
        return ""
    return f"; so it does written as {join(names[1:])}" if len(names) < 5 else f"; so it does in {len(names) - 1} more"


def _say_unclear(names: list[str]) -> str:
    if len(names) == 1:
        return f"Written as {names[0]}, refusal shows no clear change."
    return f"None of the {len(names)} ways of writing shows a clear change on average."


def _clear(bounds: Interval | None) -> int:
    """-1 where an interval lies below 0, 1 where it lies above, else 0."""
    if bounds is None:
        return 0
    return -1 if bounds[1] < 0 else 1 if bounds[0] > 0 else 0


def _effect(name: str, found: PerturbationScore, scorecard: Scorecard) -> Effect:
    known = [tag for _, tags in order_languages(scorecard) for tag in tags if tag in found.languages]
    tags = [*known, *sorted(found.languages.keys() - set(known))]
    rows = tuple(_row(tag, scorecard, found.languages[tag]) for tag in tags)
    return Effect(name, _average(name, found.average, len(tags)), rows)


def _average(name: str, change: Change, languages: int) -> EffectRow:
    row = _cells(change)
    return EffectRow("", name, "", *row, f"{change.n_harmful} · {change.n_harmless} in {count(languages, 'language')}")


def _row(tag: str, scorecard: Scorecard, change: Change) -> EffectRow:
    score = scorecard.languages.get(tag)
    name, tier = (score.name, score.tier or "unknown") if score else (tag, "unknown")
    return EffectRow(tag, name, tier, *_cells(change), f"{change.n_harmful} · {change.n_harmless}")


def _cells(change: Change) -> tuple[Number, Number, Number]:
    return (
        points_cell(change.harmful_refusal_points, change.harmful_refusal_interval, NO_PAIRS),
        points_cell(change.harmless_refusal_points, change.harmless_refusal_interval, NO_PAIRS),
        points_cell(change.selectivity_points, change.selectivity_interval, NO_PAIRS),
    )
