"""Forest plot of ways of writing: how each changes refusal, on average and in every language."""

from dataclasses import dataclass

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from isogloss.audit.scorecard import Change, Interval, Scorecard
from isogloss.report.figures.canvas import (
    LIGHT,
    NARROW_INCHES,
    STYLE,
    Palette,
    dress_axes,
    known_tier,
    label_language,
    make_figure,
    shorten,
)
from isogloss.report.figures.ladder import order_languages
from isogloss.report.text import points

ROW_INCHES = 0.235
MOST_ROWS = 90
"""Above so many rows only the averages are drawn; the table holds the rest."""
REACHES = (20.0, 40.0, 60.0, 100.0)
"""The points to the left and right of 0 that the axes may show; the least that holds every interval."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the plot: the average of a way of writing (no tag) or one of its languages."""

    y: float
    name: str
    change: Change
    tag: str = ""
    tier: str | None = None


def order_effects(scorecard: Scorecard) -> list[str]:
    """Ways of writing, that which lowers harmful refusal most first; undefined averages come last."""

    def rank(name: str) -> tuple[bool, float, str]:
        change = scorecard.perturbations[name].average.harmful_refusal_points
        return (change is None, change or 0.0, name)

    return sorted(scorecard.perturbations, key=rank)


def draw_effects(scorecard: Scorecard, *, width_inches: float = 8.8, palette: Palette = LIGHT) -> Figure:
    """Draw the paired change of harmful (left) and harmless refusal (right) under every way of writing.

    A diamond is the mean over languages, a dot a language in the colour of its tier; lines are intervals. Languages
    are left out where the plot would grow past ninety rows.

    Args:
        scorecard: a run with perturbations.
        width_inches: under 5 inches the labels become short.
        palette: colours; ``LIGHT`` where the figure goes into a page.
    """
    with rc_context(STYLE):
        rows = _place_rows(scorecard)
        wide = width_inches >= NARROW_INCHES
        left = 2.15 if wide else 1.05
        depth = (rows[-1].y if rows else 0.0) + 1.2
        figure, panels = make_figure(
            width_inches,
            0.35 + depth * ROW_INCHES + 0.5,
            left=left,
            right=0.25,
            top=0.35,
            bottom=0.5,
            shares=(1.0, 1.0),
            gap=0.35 if wide else 0.2,
        )
        for axes, kind in zip(panels, ("harmful", "harmless"), strict=True):
            _dress(axes, kind, depth, _reach(rows), wide=wide, palette=palette)
            for row in rows:
                _draw_row(axes, row, kind, palette)
        for row in rows:
            _label(panels[0], row, width_inches, left, palette)
    return figure


def _place_rows(scorecard: Scorecard) -> list[_Row]:
    found = scorecard.perturbations
    order = [(tag, tier) for tier, tags in order_languages(scorecard) for tag in tags]
    full = sum(len(effect.languages) + 1 for effect in found.values()) <= MOST_ROWS
    rows: list[_Row] = []
    y = 0.0
    for name in order_effects(scorecard):
        rows.append(_Row(y, name, found[name].average))
        y += 1.1
        for tag, tier in order:
            if full and tag in found[name].languages:
                rows.append(_Row(y, scorecard.languages[tag].name, found[name].languages[tag], tag, known_tier(tier)))
                y += 1.0
        y += 0.35
    return rows


def _reach(rows: list[_Row]) -> float:
    ends = [0.0]
    for row in rows:
        for bounds in (row.change.harmful_refusal_interval, row.change.harmless_refusal_interval):
            ends += [abs(end) for end in bounds or ()]
    return next((reach for reach in REACHES if max(ends) <= reach), REACHES[-1])


def _dress(axes: Axes, kind: str, depth: float, reach: float, *, wide: bool, palette: Palette) -> None:
    dress_axes(axes, palette)
    edge = 1.06 * reach
    axes.set(xlim=(-edge, edge), ylim=(depth - 0.6, -0.8), yticks=[])
    ticks = [-reach, -reach / 2, 0, reach / 2, reach] if wide else [-reach, 0, reach]
    axes.set_xticks(ticks, [points(tick, decimals=1).replace(".0", "") for tick in ticks])
    axes.axvline(0, color=palette.muted, lw=1.0, zorder=1)
    axes.set_xlabel(f"change of {kind} refusal (points)" if wide else f"{kind} (points)", fontsize=8.5)
    sides = ("← weaker", "stronger →") if kind == "harmful" else ("← fewer", "more refused →")
    if not wide:
        sides = ("← weaker", "") if kind == "harmful" else ("", "more →")
    for words, x, align in zip(sides, (-edge, edge), ("left", "right"), strict=True):
        axes.text(
            x,
            1.0,
            words,
            transform=axes.get_xaxis_transform(),
            ha=align,
            va="bottom",
            fontsize=7.5,
            color=palette.muted,
        )


def _draw_row(axes: Axes, row: _Row, kind: str, palette: Palette) -> None:
    value: float | None = getattr(row.change, f"{kind}_refusal_points")
    bounds: Interval | None = getattr(row.change, f"{kind}_refusal_interval")
    colour = palette.tier(row.tier) if row.tag else palette.ink
    if value is None:
        axes.text(2, row.y, "no pairs", fontsize=7, color=palette.muted, va="center", style="italic")
        return
    if bounds is not None:
        width = 1.2 if row.tag else 2.4
        axes.plot(bounds, [row.y, row.y], "-", color=colour, lw=width, alpha=0.75, solid_capstyle="round", zorder=2)
    axes.plot([value], [row.y], "o" if row.tag else "D", ms=4.6 if row.tag else 6.2, color=colour, mew=0, zorder=3)


def _label(axes: Axes, row: _Row, width: float, left: float, palette: Palette) -> None:
    share = left / (axes.get_position().width * width)
    place = axes.get_yaxis_transform()
    if row.tag:
        words, at, align, weight = label_language(row.tag, row.name, width), -0.08 / left * share, "right", "normal"
    else:
        words, at, align, weight = (
            shorten(row.name, 30 if width >= NARROW_INCHES else 15),
            -share + 0.01,
            "left",
            "bold",
        )
    axes.text(
        at,
        row.y,
        words,
        transform=place,
        ha=align,
        va="center",
        fontsize=8.0,
        fontweight=weight,
        color=palette.ink if row.tag else palette.accent,
    )
