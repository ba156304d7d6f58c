"""The ladder of languages: how much each refuses, with intervals, grouped by resource tier."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isogloss.audit.scorecard import Interval, LanguageScore, Scorecard
from isogloss.report.figures.canvas import (
    LIGHT,
    NARROW_INCHES,
    STYLE,
    TIER_ORDER,
    TIER_WORDS,
    Palette,
    add_legend,
    dress_axes,
    known_tier,
    label_language,
    make_figure,
    shorten,
)
from isogloss.report.text import interval, percent

ROW_INCHES = 0.27
HARMFUL, HARMLESS = "harmful_refusal_rate", "harmless_refusal_rate"


@dataclass(frozen=True, slots=True)
class _Rung:
    """One line of the ladder: a tier's heading (no tag) or a language."""

    y: float
    tier: str | None
    tag: str = ""
    name: str = ""


def order_languages(scorecard: Scorecard, after: Scorecard | None = None) -> list[tuple[str | None, list[str]]]:
    """Tags grouped by tier (high, mid, low, unknown), highest harmful refusal first; undefined rates come last.

    With a second scorecard, languages that only it holds are added; the order is still that of the first.
    """
    scores = {**(after.languages if after else {}), **scorecard.languages}

    def rank(tag: str) -> tuple[bool, float, str]:
        found = scorecard.languages.get(tag)
        rate = found.harmful_refusal_rate if found else None
        return (rate is None, -(rate or 0.0), tag)

    groups = [
        (tier, sorted((t for t in scores if known_tier(scores[t].tier) == tier), key=rank)) for tier in TIER_ORDER
    ]
    return [(tier, tags) for tier, tags in groups if tags]


def draw_ladder(
    scorecard: Scorecard,
    after: Scorecard | None = None,
    *,
    width_inches: float = 8.8,
    palette: Palette = LIGHT,
) -> Figure:
    """Draw refusal per language with intervals.

    One scorecard: filled dots for harmful prompts, hollow ones for harmless prompts, a dashed line at the reference
    language. Two scorecards: one panel per kind, a ring before and a dot after, joined by a line.

    Args:
        scorecard: the run, or the run before.
        after: the run after, where two are compared.
        width_inches: under 5 inches the labels become short and the numbers at the right are left out.
        palette: colours; ``LIGHT`` where the figure goes into a page.
    """
    with rc_context(STYLE):
        rungs = _place_rungs(scorecard, after)
        if after is None:
            return _draw_single(scorecard, rungs, width_inches, palette)
        return _draw_pairs(scorecard, after, rungs, width_inches, palette)


def _place_rungs(scorecard: Scorecard, after: Scorecard | None) -> list[_Rung]:
    names = {**(after.languages if after else {}), **scorecard.languages}
    rungs: list[_Rung] = []
    y = 0.0
    for tier, tags in order_languages(scorecard, after):
        rungs.append(_Rung(y, tier))
        y += 0.95
        for tag in tags:
            rungs.append(_Rung(y, tier, tag, names[tag].name))
            y += 1.0
        y += 0.25
    return rungs


def _draw_single(scorecard: Scorecard, rungs: list[_Rung], width: float, palette: Palette) -> Figure:
    wide = width >= NARROW_INCHES
    figure, (axes,) = _frame(rungs, width, right=1.5 if wide else 0.25, palette=palette)
    for rung in rungs:
        if not rung.tag:
            continue
        score, colour = scorecard.languages[rung.tag], palette.tier(rung.tier)
        _mark(axes, score, HARMFUL, rung.y - 0.14, colour, filled=True, palette=palette)
        _mark(axes, score, HARMLESS, rung.y + 0.2, colour, filled=False, palette=palette)
        if wide:
            _say_value(axes, score, rung.y, palette)
        if score.harmful_refusal_rate is None:
            axes.text(
                1, rung.y - 0.1, "no decided reply", fontsize=7.5, color=palette.muted, va="center", style="italic"
            )
    _mark_reference(axes, scorecard, palette)
    handles = [_handle(palette, filled=True, size=6.5), _handle(palette, filled=False, size=5.0)]
    add_legend(figure, handles, ["harmful prompts", "harmless prompts"], palette)
    axes.set_xlabel("share refused (%)", fontsize=8.5)
    return figure


def _draw_pairs(before: Scorecard, after: Scorecard, rungs: list[_Rung], width: float, palette: Palette) -> Figure:
    wide = width >= NARROW_INCHES
    figure, panels = _frame(rungs, width, right=0.3, palette=palette, shares=(1.45, 1.0), gap=0.35 if wide else 0.22)
    for axes, kind in zip(panels, (HARMFUL, HARMLESS), strict=True):
        for rung in rungs:
            if rung.tag:
                pair = (before.languages.get(rung.tag), after.languages.get(rung.tag))
                _mark_pair(axes, pair, kind, rung.y, palette.tier(rung.tier), palette)
    panels[0].set_xlabel("harmful prompts refused (%)" if wide else "harmful refused (%)", fontsize=8.5)
    panels[1].set_xlabel("harmless prompts refused (%)" if wide else "harmless ref. (%)", fontsize=8.5)
    handles = [_handle(palette, filled=False, size=6.0), _handle(palette, filled=True, size=6.5)]
    add_legend(figure, handles, ["before", "after"], palette)
    return figure


def _frame(
    rungs: list[_Rung],
    width: float,
    *,
    right: float,
    palette: Palette,
    shares: tuple[float, ...] = (1.0,),
    gap: float = 0.3,
) -> tuple[Figure, list[Axes]]:
    """Axes with one row per rung, tier headings and language names at the left."""
    depth = (rungs[-1].y if rungs else 0.0) + 1.4
    left = 1.75 if width >= NARROW_INCHES else 0.95
    height = 0.42 + depth * ROW_INCHES + 0.5
    figure, panels = make_figure(width, height, left=left, right=right, top=0.42, bottom=0.5, shares=shares, gap=gap)
    for axes in panels:
        dress_axes(axes, palette)
        axes.set(xlim=(-3, 103), ylim=(depth - 0.7, -0.7), xticks=[0, 25, 50, 75, 100], yticks=[])
        if width < NARROW_INCHES:
            axes.set_xticks([0, 50, 100])
    for rung in rungs:
        _label_rung(panels[0], rung, width, left, palette)
    return figure, panels


def _label_rung(axes: Axes, rung: _Rung, width: float, left: float, palette: Palette) -> None:
    share = left / (axes.get_position().width * width)
    place = axes.get_yaxis_transform()
    if rung.tag:
        label = label_language(rung.tag, rung.name, width)
        axes.text(-0.08 / left * share, rung.y, label, transform=place, ha="right", va="center", color=palette.ink)
        return
    words = TIER_WORDS[rung.tier].upper()
    axes.text(
        -share + 0.01,
        rung.y,
        words,
        transform=place,
        ha="left",
        va="center",
        fontsize=7,
        fontweight="bold",
        color=palette.tier(rung.tier),
    )


def _mark(
    axes: Axes, score: LanguageScore, kind: str, y: float, colour: str, *, filled: bool, palette: Palette
) -> None:
    rate: float | None = getattr(score, kind)
    if rate is None:
        return
    _line(axes, getattr(score.intervals, kind), y, colour, width=2.6 if filled else 1.1, alpha=0.45 if filled else 0.8)
    axes.plot(
        [100 * rate],
        [y],
        "o",
        ms=6.5 if filled else 5.0,
        mfc=colour if filled else palette.paper,
        mec=colour,
        mew=1.2,
        zorder=3,
    )


def _mark_pair(
    axes: Axes,
    pair: Sequence[LanguageScore | None],
    kind: str,
    y: float,
    colour: str,
    palette: Palette,
) -> None:
    rates = [None if score is None else getattr(score, kind) for score in pair]
    for score, offset in zip(pair, (0.17, -0.17), strict=True):
        if score is not None:
            _line(axes, getattr(score.intervals, kind), y + offset, colour, width=1.1, alpha=0.55)
    if rates[0] is not None and rates[1] is not None:
        axes.plot([100 * rates[0], 100 * rates[1]], [y, y], "-", color=colour, lw=2.4, alpha=0.3, zorder=2)
    for rate, filled in zip(rates, (False, True), strict=True):
        if rate is not None:
            axes.plot(
                [100 * rate],
                [y],
                "o",
                ms=6.5 if filled else 6.0,
                mfc=colour if filled else palette.paper,
                mec=colour,
                mew=1.3,
                zorder=4 if filled else 3,
            )
    if rates == [None, None]:
        axes.text(1, y, "undefined", fontsize=7.5, color=palette.muted, va="center", style="italic")


def _line(axes: Axes, bounds: Interval | None, y: float, colour: str, *, width: float, alpha: float) -> None:
    if bounds is not None:
        axes.plot(
            [100 * bounds[0], 100 * bounds[1]],
            [y, y],
            "-",
            color=colour,
            lw=width,
            alpha=alpha,
            solid_capstyle="round",
            zorder=2,
        )


def _say_value(axes: Axes, score: LanguageScore, y: float, palette: Palette) -> None:
    place = axes.get_yaxis_transform()
    inch = 1 / (axes.get_position().width * axes.figure.get_figwidth())  # type: ignore[union-attr]
    bounds = interval(score.intervals.harmful_refusal_rate, scale=100)
    axes.text(
        1 + 0.6 * inch,
        y,
        percent(score.harmful_refusal_rate),
        transform=place,
        ha="right",
        va="center",
        color=palette.ink,
        fontweight="bold",
        fontsize=8.5,
    )
    axes.text(1 + 0.7 * inch, y, bounds, transform=place, ha="left", va="center", color=palette.muted, fontsize=8)


def _mark_reference(axes: Axes, scorecard: Scorecard, palette: Palette) -> None:
    score = scorecard.languages.get(scorecard.reference or "")
    if score is None or score.harmful_refusal_rate is None:
        return
    at = 100 * score.harmful_refusal_rate
    axes.axvline(at, color=palette.muted, lw=1.0, ls=(0, (4, 3)), zorder=1)
    words = f"{shorten(score.name, 16)}, the reference"
    axes.text(
        at,
        axes.get_ylim()[1] - 0.08,
        words,
        ha="right" if at > 50 else "left",
        va="bottom",
        fontsize=7.5,
        color=palette.muted,
    )


def _handle(palette: Palette, *, filled: bool, size: float) -> Line2D:
    colour = palette.accent
    return Line2D([], [], marker="o", ls="", ms=size, mfc=colour if filled else palette.paper, mec=colour, mew=1.2)
