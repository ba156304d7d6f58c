"""The key figures at the top of the page."""

from dataclasses import dataclass

from isogloss.audit.comparison import Comparison
from isogloss.audit.scorecard import Change, Interval, Measures, Scorecard
from isogloss.report.breakdowns import name_mode
from isogloss.report.text import DASH, THIN, count, interval, percent, points

PAIRED = "points, paired difference"


@dataclass(frozen=True, slots=True)
class Tile:
    """One key figure."""

    name: str
    value: str
    bounds: str
    note: str


def list_run_tiles(card: Scorecard) -> list[Tile]:
    """The key figures of one run."""
    mean, worst, bounds = card.average, card.worst, card.average.intervals
    name = card.languages[worst.language].name if worst.language in card.languages else "no reply could be scored"
    scores = card.languages.values()
    languages = count(len(scores), "language")

    def explain(kind: str, value: float | None) -> str:
        if value is not None:
            return f"mean over {languages}"
        asked = any(getattr(score, f"asked_{kind}") for score in scores)
        return "undefined: not scored in every language" if asked else f"undefined: no {kind} prompts were asked"

    harmful, harmless = mean.harmful_refusal_rate, mean.harmless_refusal_rate
    difference = (
        "points, harmful minus harmless" if mean.selectivity_points is not None else "undefined: needs both rates"
    )
    asked = sum(score.asked_harmful + score.asked_harmless for score in scores)
    return [
        Tile(
            "Harmful refused",
            percent(harmful),
            interval(bounds.harmful_refusal_rate, scale=100),
            explain("harmful", harmful),
        ),
        Tile("In the worst language", percent(worst.harmful_refusal_rate), interval(worst.interval, scale=100), name),
        Tile(
            "Harmless refused",
            percent(harmless),
            interval(bounds.harmless_refusal_rate, scale=100),
            explain("harmless", harmless),
        ),
        Tile("Selectivity", points(mean.selectivity_points), interval(bounds.selectivity_points), difference),
        Tile("Prompts", f"{asked:,}", "", f"in {languages}"),
    ]


def list_worst_tiles(card: Scorecard) -> list[Tile]:
    """The lowest refusal seen from several sides: as observed, without the luck of the search, and cell by cell."""
    worst = card.worst
    if worst.language is None:
        return []
    name = card.languages[worst.language].name if worst.language in card.languages else worst.language
    tiles = [
        Tile("Lowest observed", percent(worst.harmful_refusal_rate), interval(worst.interval, scale=100), name),
        Tile(
            "Without the luck of the search",
            percent(worst.split_estimate),
            "",
            "worst language chosen on one half of the prompts, measured on the other"
            if worst.split_estimate is not None
            else "undefined: needs two languages and enough prompts",
        ),
        Tile(
            "May be the worst",
            f"{len(worst.may_be_worst)} of {len(card.languages)}",
            "",
            "languages that the data cannot rule out",
        ),
    ]
    return [*tiles, *_cell_tiles(card)]


def _cell_tiles(card: Scorecard) -> list[Tile]:
    """The worst cell of failure modes and of categories, where they are broken down."""
    tiles = []
    for what, found in (("failure mode", card.failure_modes.worst), ("category", card.categories.worst)):
        if found is None:
            continue
        group = name_mode(found.group) if what == "failure mode" else found.group
        language = card.languages[found.language].name if found.language in card.languages else found.language
        rivals = f"{found.may_be_worst} of {found.cells} cells may be the worst"
        bounds = interval(found.interval, scale=100)
        tiles.append(
            Tile(
                f"Worst {what} and language",
                percent(found.harmful_refusal_rate),
                bounds,
                f"{group}, {language}; {rivals}",
            )
        )
    return tiles


def list_comparison_tiles(old: Scorecard, new: Scorecard, changes: Comparison | None) -> list[Tile]:
    """The key figures of a comparison: before, after, and the paired change."""
    mean = changes.average if changes else None
    tiles = [_change_tile("Harmful refused", "harmful_refusal", old.average, new.average, mean)]
    has_low = "low" in old.tiers and "low" in new.tiers
    first, second = (card.tiers["low"] if has_low else card.average for card in (old, new))
    change = changes.tiers.get("low") if changes and has_low else mean
    if has_low:
        tiles.append(_change_tile("Harmful refused, low-resource", "harmful_refusal", first, second, change))
    tiles.append(_change_tile("Harmless refused", "harmless_refusal", old.average, new.average, mean))
    words = _change_words(change.selectivity_points, change.selectivity_interval) if change else ""
    value = f"{points(first.selectivity_points)} → {points(second.selectivity_points)}"
    tiles.append(
        Tile("Selectivity, low-resource" if has_low else "Selectivity", value, words, PAIRED if change else "")
    )
    return tiles


def _change_tile(name: str, measure: str, old: Measures, new: Measures, change: Change | None) -> Tile:
    rates = [getattr(score, f"{measure}_rate") for score in (old, new)]
    words = ""
    if change:
        words = _change_words(getattr(change, f"{measure}_points"), getattr(change, f"{measure}_interval"))
    return Tile(
        name, f"{percent(rates[0]).replace(f'{THIN}%', '')} → {percent(rates[1])}", words, PAIRED if change else ""
    )


def _change_words(value: float | None, bounds: Interval | None) -> str:
    return f"{points(value)} {interval(bounds, signed=True)}".strip() if value is not None else DASH
