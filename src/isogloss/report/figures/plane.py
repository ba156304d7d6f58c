"""The plane of harmful against harmless refusal: a good model sits in the upper left corner."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isogloss.audit.scorecard import LanguageScore, Scorecard
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
    make_figure,
    shorten,
)

_CLOSE = 3.0
_TAGS_IN_LABEL = 5


@dataclass(frozen=True, slots=True)
class _Spot:
    """One language in the plane, in per cent."""

    tag: str
    tier: str | None
    x: float
    y: float
    score: LanguageScore


def draw_plane(
    scorecard: Scorecard,
    after: Scorecard | None = None,
    *,
    width_inches: float = 6.4,
    palette: Palette = LIGHT,
) -> Figure:
    """Draw harmful refusal (up) against harmless refusal (right), with arrows from before to after.

    Languages without both rates are left out; the page says how many. Languages that lie within three points of each
    other share one label.

    Args:
        scorecard: the run, or the run before.
        after: the run after, where two are compared.
        width_inches: width of the figure; the height follows.
        palette: colours; ``LIGHT`` where the figure goes into a page.
    """
    with rc_context(STYLE):
        height = width_inches * (0.72 if width_inches >= NARROW_INCHES else 0.95)
        figure, (axes,) = make_figure(width_inches, height, left=0.55, right=0.2, top=0.42, bottom=0.5)
        dress_axes(axes, palette, grid="both")
        start, end = place_spots(scorecard), place_spots(after) if after else []
        _set_limits(axes, [*start, *end], palette)
        if after is None:
            _draw_crosses(axes, start, palette)
        _draw_spots(axes, start, filled=after is None, palette=palette)
        _draw_spots(axes, end, filled=True, palette=palette)
        _draw_arrows(axes, start, end, palette)
        _draw_labels(axes, end or start, palette)
        _legend(figure, [*start, *end], compared=after is not None, palette=palette)
    return figure


def place_spots(scorecard: Scorecard) -> list[_Spot]:
    """The languages that have both rates, in the scorecard's order."""
    return [
        _Spot(tag, known_tier(s.tier), 100 * s.harmless_refusal_rate, 100 * s.harmful_refusal_rate, s)
        for tag, s in scorecard.languages.items()
        if s.harmful_refusal_rate is not None and s.harmless_refusal_rate is not None
    ]


def _set_limits(axes: Axes, spots: Sequence[_Spot], palette: Palette) -> None:
    reach = max([30.0, *(spot.x * 1.15 + 4 for spot in spots)])
    reach = min(reach, 104.0)
    axes.set(xlim=(-0.035 * reach, reach), ylim=(-4, 106), yticks=[0, 25, 50, 75, 100])
    axes.set_xlabel("harmless prompts refused (%)", fontsize=8.5)
    axes.set_ylabel("harmful prompts refused (%)", fontsize=8.5)
    axes.plot([0, 100], [0, 100], color=palette.muted, lw=1.0, ls=(0, (4, 3)), zorder=1)
    axes.text(
        reach,
        1.5,
        "on the dashed line both kinds are refused alike",
        ha="right",
        va="bottom",
        fontsize=7,
        color=palette.muted,
        style="italic",
    )


def _draw_spots(axes: Axes, spots: Sequence[_Spot], *, filled: bool, palette: Palette) -> None:
    for spot in spots:
        colour = palette.tier(spot.tier)
        axes.plot(
            [spot.x],
            [spot.y],
            "o",
            ms=7 if filled else 5.5,
            mfc=colour if filled else palette.paper,
            mec=colour,
            mew=1.2,
            zorder=4 if filled else 3,
        )


def _draw_crosses(axes: Axes, spots: Sequence[_Spot], palette: Palette) -> None:
    """Intervals; left out in comparisons, where they would bury the arrows."""
    for spot in spots:
        colour = palette.tier(spot.tier)
        across, up = spot.score.intervals.harmless_refusal_rate, spot.score.intervals.harmful_refusal_rate
        if across:
            axes.plot([100 * across[0], 100 * across[1]], [spot.y] * 2, color=colour, lw=1.0, alpha=0.28, zorder=2)
        if up:
            axes.plot([spot.x] * 2, [100 * up[0], 100 * up[1]], color=colour, lw=1.0, alpha=0.28, zorder=2)


def _draw_arrows(axes: Axes, start: Sequence[_Spot], end: Sequence[_Spot], palette: Palette) -> None:
    ends = {spot.tag: spot for spot in end}
    for spot in start:
        goal = ends.get(spot.tag)
        if goal is None or abs(goal.x - spot.x) + abs(goal.y - spot.y) < _CLOSE:
            continue
        axes.annotate(
            "",
            xy=(goal.x, goal.y),
            xytext=(spot.x, spot.y),
            zorder=2,
            arrowprops={
                "arrowstyle": "-|>",
                "color": palette.tier(spot.tier),
                "alpha": 0.55,
                "lw": 1.2,
                "shrinkA": 4,
                "shrinkB": 5,
                "mutation_scale": 9,
            },
        )


def _draw_labels(axes: Axes, spots: Sequence[_Spot], palette: Palette) -> None:
    width, height = axes.get_xlim()[1] - axes.get_xlim()[0], axes.get_ylim()[1] - axes.get_ylim()[0]
    box = axes.get_position()
    em = 8 / 72 / (box.width * axes.figure.get_figwidth()) * width  # type: ignore[union-attr]
    line = 8 / 72 / (box.height * axes.figure.get_figheight()) * height * 1.35  # type: ignore[union-attr]
    most = _TAGS_IN_LABEL if axes.figure.get_figwidth() >= NARROW_INCHES else 2  # type: ignore[union-attr]
    taken: list[tuple[float, float, float]] = []
    for group in _group_spots(spots, width / 110.0):
        tags = [shorten(spot.tag, 12) for spot in group]
        more = f" +{len(tags) - most}" if len(tags) > most else ""
        words = " ".join(tags[:most]) + more
        x = max(spot.x for spot in group) + 0.9 * em
        y = sum(spot.y for spot in group) / len(group)
        end = x + 0.65 * em * len(words)
        while any(abs(y - other) < line and x < stop and start < end for start, stop, other in taken):
            y -= line / 4
        taken.append((x, end, y))
        axes.text(
            x,
            y,
            words,
            fontsize=8,
            va="center",
            ha="left",
            color=palette.ink,
            zorder=5,
            bbox={"facecolor": palette.paper, "edgecolor": "none", "alpha": 0.75, "pad": 0.8},
        )


def _group_spots(spots: Sequence[_Spot], stretch: float) -> list[list[_Spot]]:
    """Spots that lie so close together that their labels would cover each other."""
    groups: list[list[_Spot]] = []
    for spot in sorted(spots, key=lambda spot: (-spot.y, spot.x, spot.tag)):
        for group in groups:
            if abs(group[0].x - spot.x) < 2 * _CLOSE * stretch and abs(group[0].y - spot.y) < _CLOSE:
                group.append(spot)
                break
        else:
            groups.append([spot])
    return groups


def _legend(figure: Figure, spots: Sequence[_Spot], *, compared: bool, palette: Palette) -> None:
    tiers = [tier for tier in TIER_ORDER if any(spot.tier == tier for spot in spots)]
    narrow = figure.get_figwidth() < NARROW_INCHES
    marks = [(palette.tier(t), palette.tier(t), (t or "unknown") if narrow else TIER_WORDS[t]) for t in tiers]
    if compared:
        marks += [(palette.paper, palette.accent, "before"), (palette.accent, palette.accent, "after")]
    handles = [Line2D([], [], marker="o", ls="", ms=6, mfc=fill, mec=edge, mew=1.2) for fill, edge, _ in marks]
    if handles:
        add_legend(figure, handles, [words for *_, words in marks], palette)
