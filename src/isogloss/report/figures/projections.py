"""Where each language's prompts lie along the source direction, and where the thresholds cut them."""

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from isogloss.inside.record import Diagnosis, LanguageDiagnosis
from isogloss.report.figures.canvas import (
    LIGHT,
    NARROW_INCHES,
    STYLE,
    TIER_ORDER,
    Palette,
    dress_axes,
    known_tier,
    label_language,
    make_figure,
)

ROW_INCHES = 0.48
_HALF = 0.49
_TICKS_UP_TO = 120
FINDING_WORDS = {
    "in_order": "in order",
    "calibration": "calibration",
    "representation": "representation",
    "unclear": "unclear",
}


def order_diagnosed(diagnosis: Diagnosis) -> list[str]:
    """Tags by tier (high, mid, low, unknown), then by separability, best first."""
    found = diagnosis.languages

    def rank(tag: str) -> tuple[int, float, str]:
        return (TIER_ORDER.index(known_tier(found[tag].tier)), -(found[tag].auroc or 0.0), tag)

    return sorted(found, key=rank)


def draw_projections(diagnosis: Diagnosis, *, width_inches: float = 8.8, palette: Palette = LIGHT) -> Figure:
    """Draw one row per language: harmful prompts above the line, harmless ones below, thresholds across.

    The dashed line through all rows is the threshold fitted on the source languages; the short solid line in a row is
    the threshold recalibrated for that language. Every prompt is a small tick where a row has at most 120 of a kind.

    Args:
        diagnosis: projections are in model units, along the direction of the diagnosis.
        width_inches: under 5 inches the finding at the right is left out.
        palette: colours; ``LIGHT`` where the figure goes into a page.
    """
    with rc_context(STYLE):
        tags = order_diagnosed(diagnosis)
        wide = width_inches >= NARROW_INCHES
        figure, (axes,) = make_figure(
            width_inches,
            0.45 + len(tags) * ROW_INCHES + 0.5,
            left=1.5 if wide else 0.95,
            right=1.15 if wide else 0.2,
            top=0.45 if wide else 0.62,
            bottom=0.5 if wide else 0.33,
        )
        dress_axes(axes, palette)
        axes.set(ylim=(len(tags) - 0.4, -0.6), xlim=_reach(diagnosis), yticks=[])
        axes.set_xlabel(
            "projection onto the harmfulness direction (model units)" if wide else "projection", fontsize=8.5
        )
        for row, tag in enumerate(tags):
            _draw_row(axes, row, tag, diagnosis.languages[tag], width_inches, palette)
        if diagnosis.source_threshold is not None:
            axes.axvline(diagnosis.source_threshold, color=palette.ink, lw=1.2, ls=(0, (4, 3)), zorder=4)
        _legend(figure, wide=wide, palette=palette)
    return figure


def _draw_row(axes: Axes, row: int, tag: str, language: LanguageDiagnosis, width: float, palette: Palette) -> None:
    place = axes.get_yaxis_transform()
    axes.axhline(row, color=palette.grid, lw=0.8, zorder=1)
    axes.text(
        -0.015,
        row,
        label_language(tag, language.name, width),
        transform=place,
        ha="right",
        va="center",
        color=palette.ink,
    )
    kinds = ((language.projections.harmful, -1, palette.harmful), (language.projections.harmless, 1, palette.harmless))
    grid = np.linspace(*axes.get_xlim(), 160)
    curves = [estimate_density(np.asarray(values), grid) for values, *_ in kinds]
    highest = max((float(curve.max()) for curve in curves), default=0.0) or 1.0
    for (values, side, colour), curve in zip(kinds, curves, strict=True):
        _draw_side(axes, row, side, values, grid, curve / highest, colour)
    cut = language.recalibrated_threshold
    if cut is not None:
        axes.plot([cut, cut], [row - _HALF, row + _HALF], color=palette.ink, lw=2.0, solid_capstyle="butt", zorder=5)
    if width >= NARROW_INCHES:
        colour = palette.muted if language.finding == "in_order" else palette.ink
        words = FINDING_WORDS.get(language.finding, "unclear")
        axes.text(1.02, row, words, transform=place, ha="left", va="center", fontsize=8.5, color=colour)


def _draw_side(
    axes: Axes,
    row: int,
    side: int,
    values: tuple[float, ...],
    grid: NDArray[np.float64],
    curve: NDArray[np.float64],
    colour: str,
) -> None:
    if not values:
        return
    shown = curve > 0.004
    edge = row + side * _HALF * curve
    axes.fill_between(grid, row, edge, where=shown, color=colour, alpha=0.32, lw=0, zorder=2)
    axes.plot(np.where(shown, grid, np.nan), np.where(shown, edge, np.nan), color=colour, lw=1.0, zorder=3)
    if len(values) <= _TICKS_UP_TO:
        # One path with gaps instead of a line for each prompt: a tenth of the bytes.
        finite = np.asarray([value for value in values if np.isfinite(value)])
        across = np.repeat(finite, 3)
        up = np.tile([row + side * 0.015, row + side * 0.1, np.nan], finite.size)
        axes.plot(across, up, color=colour, lw=0.7, alpha=0.75, zorder=3, solid_capstyle="butt")


def estimate_density(values: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussian kernel density on a grid, times the share of finite values.

    The bandwidth is Silverman's rule (0.9 times the smaller of the standard deviation and the interquartile range over
    1.34, times n to the power -1/5), but at least 0.6 % of the grid's width, so that equal values still show.
    """
    values = values[np.isfinite(values)] if values.size else values
    if values.size == 0:
        return np.zeros_like(grid)
    quarter, three_quarters = np.percentile(values, [25, 75])
    spreads = [spread for spread in (float(values.std()), float(three_quarters - quarter) / 1.34) if spread > 0]
    floor = 0.006 * float(grid[-1] - grid[0])
    bandwidth = max(0.9 * min(spreads, default=0.0) * values.size**-0.2, floor)
    distances = (grid[:, None] - values[None, :]) / bandwidth
    density: NDArray[np.float64] = np.exp(-0.5 * distances**2).mean(axis=1) / (bandwidth * np.sqrt(2 * np.pi))
    return density


def _reach(diagnosis: Diagnosis) -> tuple[float, float]:
    values = [
        value
        for language in diagnosis.languages.values()
        for value in (*language.projections.harmful, *language.projections.harmless, language.recalibrated_threshold)
        if value is not None and np.isfinite(value)
    ]
    if diagnosis.source_threshold is not None:
        values.append(diagnosis.source_threshold)
    if not values:
        return (-1.0, 1.0)
    margin = 0.06 * (max(values) - min(values)) or 1.0
    return (min(values) - margin, max(values) + margin)


def _legend(figure: Figure, *, wide: bool, palette: Palette) -> None:
    handles = [
        Patch(facecolor=palette.harmful, alpha=0.5),
        Patch(facecolor=palette.harmless, alpha=0.5),
        Line2D([], [], color=palette.ink, lw=1.2, ls=(0, (4, 3))),
        Line2D([], [], color=palette.ink, lw=2.0),
    ]
    labels = ["harmful (above)", "harmless (below)", "source threshold", "recalibrated threshold"]
    figure.legend(
        handles,
        labels,
        loc="upper left",
        ncols=4 if wide else 2,
        frameon=False,
        fontsize=8.5,
        labelcolor=palette.ink,
        handlelength=1.3,
        handletextpad=0.5,
        columnspacing=1.3,
        borderaxespad=0.2,
        borderpad=0.1,
    )
