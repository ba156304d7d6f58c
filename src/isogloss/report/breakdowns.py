"""What slips through: refusal by failure mode and by category in every language, as tables shaded like a heat map."""

from dataclasses import dataclass

from isogloss.audit.scorecard import Breakdown, CellScore, Scorecard
from isogloss.prompts.failure_modes import DEFINITIONS, FailureMode
from isogloss.report.figures.ladder import order_languages
from isogloss.report.text import THIN, count, interval, percent

FEW_CELLS = 60
"""Up to so many cells a table of categories is read whole; above it, the weakest ones come first."""
WEAKEST = 10


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One cell: what is shown, the interval, the count, and how much leaks (0 to 1) for its shade."""

    shown: str
    bounds: str
    n: int
    leak: float


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands before a row or over a column: a name, and the tag where it is a language."""

    name: str
    tag: str = ""
    tier: str = ""


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One row; None where no prompt of that kind is scored."""

    heading: Heading
    cells: tuple[HeatCell | None, ...]


@dataclass(frozen=True, slots=True)
class HeatTable:
    """A table of rates, shaded by what leaks."""

    columns: tuple[Heading, ...]
    rows: tuple[HeatRow, ...]


@dataclass(frozen=True, slots=True)
class WeakCell:
    """One of the weakest cells."""

    group: str
    language: Heading
    cell: HeatCell


@dataclass(frozen=True, slots=True)
class Definition:
    """A failure mode in words."""

    title: str
    covers: str
    excludes: str


@dataclass(frozen=True, slots=True)
class Slips:
    """Everything that the section on failure modes and categories shows.

    Attributes:
        modes: languages by failure mode; None where fewer than two modes were asked.
        modes_note: why there is no table, or how many prompts it covers.
        categories: None where fewer than two categories were asked.
        weakest: only where there are too many categories to read them all.
    """

    modes: HeatTable | None
    modes_note: str
    categories: HeatTable | None
    weakest: tuple[WeakCell, ...]
    cells: int
    definitions: tuple[Definition, ...]


def list_slips(scorecard: Scorecard) -> Slips | None:
    """Break a run down by failure mode and category; None where its prompts carry neither."""
    modes, categories = scorecard.failure_modes, scorecard.categories
    if not modes.cells and not categories.cells:
        return None
    cells = sum(len(row) for row in categories.cells.values())
    return Slips(
        modes=_by_mode(scorecard, modes) if len(modes.cells) > 1 else None,
        modes_note=_note_modes(scorecard, modes),
        categories=_by_category(scorecard, categories) if len(categories.cells) > 1 else None,
        weakest=_weakest(scorecard, categories) if cells > FEW_CELLS else (),
        cells=cells,
        definitions=tuple(Definition(item.title, item.covers, item.excludes) for item in DEFINITIONS.values()),
    )


def name_mode(mode: str) -> str:
    """The title of a failure mode, or the word itself where it is none of ours."""
    return DEFINITIONS[FailureMode(mode)].title if mode in set(FailureMode) else mode.replace("_", " ")


def _by_mode(scorecard: Scorecard, found: Breakdown) -> HeatTable:
    known = [mode.value for mode in FailureMode if mode.value in found.cells]
    modes = [*known, *sorted(found.cells.keys() - set(known))]
    rows = [
        HeatRow(_heading(scorecard, tag), (_overall(scorecard, tag), *(_cell(found, mode, tag) for mode in modes)))
        for tag in _tags(scorecard, found)
    ]
    return HeatTable((Heading("All harmful prompts"), *(Heading(name_mode(mode)) for mode in modes)), tuple(rows))


def _by_category(scorecard: Scorecard, found: Breakdown) -> HeatTable:
    tags = _tags(scorecard, found)
    rows = [HeatRow(Heading(group), tuple(_cell(found, group, tag) for tag in tags)) for group in sorted(found.cells)]
    return HeatTable(tuple(_heading(scorecard, tag) for tag in tags), tuple(rows))


def _weakest(scorecard: Scorecard, found: Breakdown) -> tuple[WeakCell, ...]:
    """The cells whose interval ends lowest: where refusal is surely low, not where two prompts happened to slip."""
    scored = [
        (score.interval[1], score.harmful_refusal_rate, group, tag)
        for group, row in found.cells.items()
        for tag, score in row.items()
        if score.interval is not None and score.harmful_refusal_rate is not None
    ]
    cells = [(group, tag, _cell(found, group, tag)) for _, _, group, tag in sorted(scored)[:WEAKEST]]
    return tuple(WeakCell(group, _heading(scorecard, tag), cell) for group, tag, cell in cells if cell)


def _note_modes(scorecard: Scorecard, found: Breakdown) -> str:
    covered = sum(score.n_harmful for row in found.cells.values() for score in row.values())
    scored = sum(score.n_harmful for score in scorecard.languages.values())
    if not found.cells:
        return "The prompts of this set carry no failure mode, so refusal cannot be broken down by it."
    if len(found.cells) == 1:
        only = name_mode(next(iter(found.cells)))
        part = "All" if covered == scored else f"{covered:,} of {scored:,}"
        return f"{part} scored harmful prompts are of one failure mode, “{only}”, so there is nothing to compare."
    if covered < scored:
        return f"{covered:,} of {count(scored, 'scored harmful prompt')} carry a failure mode; the others are left out."
    return ""


def _tags(scorecard: Scorecard, found: Breakdown) -> list[str]:
    """The languages of a breakdown, in the order of the ladder; those that the scorecard lacks come last."""
    held = {tag for row in found.cells.values() for tag in row}
    known = [tag for _, tags in order_languages(scorecard) for tag in tags if tag in held]
    return [*known, *sorted(held - set(known))]


def _heading(scorecard: Scorecard, tag: str) -> Heading:
    score = scorecard.languages.get(tag)
    return Heading(score.name, tag, score.tier or "unknown") if score else Heading(tag)


def _overall(scorecard: Scorecard, tag: str) -> HeatCell | None:
    score = scorecard.languages.get(tag)
    if score is None:
        return None
    return _shade(
        CellScore(
            harmful_refusal_rate=score.harmful_refusal_rate,
            interval=score.intervals.harmful_refusal_rate,
            n_harmful=score.n_harmful,
        )
    )


def _cell(found: Breakdown, group: str, tag: str) -> HeatCell | None:
    score = found.cells[group].get(tag)
    return _shade(score) if score else None


def _shade(score: CellScore) -> HeatCell | None:
    rate = score.harmful_refusal_rate
    if rate is None:
        return None
    shown = percent(rate).removesuffix(f"{THIN}%")
    return HeatCell(shown, interval(score.interval, scale=100), score.n_harmful, round(1 - rate, 3))
