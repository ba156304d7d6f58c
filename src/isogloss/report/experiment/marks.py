"""What the figures of a study share: colours of methods and tiers, line plots with bands, and matrices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from isogloss.report.figures.canvas import NARROW_INCHES, Palette, dress_axes, make_figure
from isogloss.report.figures.heatmap import SCALE

LINE_HEIGHT = 3.0
Style = str | tuple[int, tuple[int, ...]]
METHOD_ROLES: dict[str, tuple[str, Style, str]] = {
    "ours": ("high", "-", "o"),
    "ours (span)": ("high", "--", "s"),
    "ours (1-D)": ("high", ":", "^"),
    "ours (unlabelled)": ("high", (0, (6, 2)), ""),
    "ours (harmless)": ("high", (0, (3, 2)), ""),
    "ours (translations)": ("high", (0, (1, 1)), ""),
    "published gate": ("low", "-", "o"),
    "published direction": ("low", "--", "s"),
    "target direction": ("mid", ":", "^"),
    "random direction": ("muted", ":", "v"),
    "MLP probe": ("unknown", "-", "D"),
    "OMNIGuard-style probe": ("unknown", "--", "P"),
    "permuted labels": ("muted", "--", "x"),
}
"""Colour, line and mark by method: ours blue, published vermilion; solid for the gates, broken for what is beside."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plot.

    Attributes:
        values: None where undefined; the line has a gap there.
        bands: limits of each value.
    """

    label: str
    values: tuple[float | None, ...]
    bands: tuple[tuple[float, float] | None, ...]
    colour: str
    style: Style = "-"
    mark: str = "o"


def draw_lines(
    lines: Sequence[Line],
    ticks: Sequence[str],
    *,
    across: str,
    up: str,
    limits: tuple[float, float],
    width_inches: float,
    palette: Palette,
    columns: int = 3,
    guide: float | None = None,
) -> Figure:
    """Lines over evenly spaced ticks, with bands, and a legend above."""
    wide = width_inches >= NARROW_INCHES
    rows = -(-len(lines) // (columns if wide else 2))
    top = 0.15 + 0.2 * rows
    figure, (axes,) = make_figure(width_inches, LINE_HEIGHT + top, left=0.62, right=0.2, top=top, bottom=0.55)
    dress_axes(axes, palette, grid="y")
    if guide is not None:
        axes.axhline(guide, color=palette.muted, lw=0.9, ls=(0, (2, 3)), zorder=1)
    for number, line in enumerate(lines):
        # A small step aside keeps bands of equal lines apart.
        shift = (number - (len(lines) - 1) / 2) * (0.03 if any(line.bands) else 0.0)
        _draw_line(axes, line, shift)
    axes.set(xlim=(-0.5, len(ticks) - 0.5), ylim=limits)
    step = max(1, -(-len(ticks) // (24 if wide else 8)))
    axes.set_xticks(range(0, len(ticks), step), list(ticks)[::step])
    axes.set_xlabel(across, fontsize=8.5)
    axes.set_ylabel(up, fontsize=8.5)
    add_line_legend(figure, lines, palette, columns=columns if wide else 2)
    return figure


def add_line_legend(figure: Figure, lines: Sequence[Line], palette: Palette, *, columns: int) -> None:
    """Marks with their words, row by row."""
    handles = [Line2D([], [], color=line.colour, ls=line.style, marker=line.mark, ms=4.5, lw=1.6) for line in lines]
    figure.legend(
        handles,
        [line.label for line in lines],
        loc="upper left",
        ncols=columns,
        frameon=False,
        fontsize=8.5,
        labelcolor=palette.ink,
        handlelength=2.2,
        handletextpad=0.5,
        columnspacing=1.4,
        borderaxespad=0.2,
        borderpad=0.1,
    )


def draw_matrix(
    axes: Axes,
    values: Sequence[Sequence[float | None]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    palette: Palette,
    floor: float = 0.5,
    numbers: bool = True,
) -> None:
    """Cells coloured from ``floor`` to 1, with their numbers; a dash where undefined."""
    axes.patch.set_alpha(0.0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xticks(range(len(columns)), list(columns), fontsize=8, color=palette.muted)
    axes.set_yticks(range(len(rows)), list(rows), fontsize=8.5, color=palette.ink)
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            _draw_cell(axes, row, column, value, floor, palette, numbers=numbers)


def tier_lines(
    values: Mapping[str, Sequence[float | None]],
    palette: Palette,
    *,
    style: str = "-",
    mark: str = "o",
    suffix: str = "",
) -> list[Line]:
    """One line per tier, in the tier's colour, without bands."""
    return [
        Line(f"{tier}{suffix}", tuple(part), (None,) * len(part), palette.tier(tier), style, mark)
        for tier, part in values.items()
    ]


def _draw_line(axes: Axes, line: Line, shift: float) -> None:
    places = np.arange(len(line.values)) + shift
    heights = np.array([np.nan if value is None else value for value in line.values])
    axes.plot(places, heights, color=line.colour, ls=line.style, marker=line.mark, ms=4.2, lw=1.5, zorder=4)
    for place, band in zip(places, line.bands, strict=True):
        if band is not None:
            axes.plot([place, place], band, color=line.colour, lw=1.1, alpha=0.65, zorder=3, solid_capstyle="butt")


def _draw_cell(
    axes: Axes, row: int, column: int, value: float | None, floor: float, palette: Palette, *, numbers: bool
) -> None:
    if value is None or not np.isfinite(value):
        axes.text(column, row, "–", ha="center", va="center", fontsize=7.5, color=palette.muted)
        return
    level = float(np.clip((value - floor) / (1 - floor), 0.0, 1.0))
    axes.add_patch(Rectangle((column - 0.47, row - 0.46), 0.94, 0.92, fc=to_hex(SCALE(level)), lw=0))
    if numbers:
        words = "1" if value == 1 else f"{value:.2f}"[1:] if round(value, 2) < 1 else ">.99"
        colour = "#ffffff" if level > 0.6 else "#16202a"
        axes.text(column, row, words, ha="center", va="center", fontsize=7.5, color=colour)
