"""How well each layer separates harmful from harmless prompts, language by language."""

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from isogloss.inside.record import Diagnosis
from isogloss.report.figures.canvas import LIGHT, NARROW_INCHES, STYLE, Palette, label_language, make_figure
from isogloss.report.figures.projections import order_diagnosed

ROW_INCHES = 0.29
CELL_INCHES = 0.33
# Lightness falls steadily, so the map also reads in grey and with any colour vision.
SCALE = LinearSegmentedColormap.from_list("isogloss", ["#f3ead7", "#b9d3b8", "#57a5a3", "#1f6f8b", "#14365c"])


def draw_layers(diagnosis: Diagnosis, *, width_inches: float = 8.8, palette: Palette = LIGHT) -> Figure:
    """Draw AUROC by language (rows) and layer (columns) with the numbers in the cells.

    Colours run from 0.5 (chance) to 1; values below 0.5 have the colour of 0.5 and show their number. A frame marks the
    diagnosed layer, an empty cell an undefined value.

    Args:
        diagnosis: ``auroc_by_layer`` of every language goes with ``layers``.
        width_inches: the least width; the figure grows where the layers need more.
        palette: colours; ``LIGHT`` where the figure goes into a page.
    """
    with rc_context(STYLE):
        tags, layers = order_diagnosed(diagnosis), diagnosis.layers
        left = 1.5 if width_inches >= NARROW_INCHES else 0.95
        width = max(width_inches, left + 0.2 + CELL_INCHES * len(layers))
        width = min(width, max(width_inches, left + 0.2 + 0.62 * len(layers))) if layers else width
        figure, (axes,) = make_figure(
            width, 0.3 + ROW_INCHES * len(tags) + 0.5, left=left, right=0.2, top=0.15, bottom=0.5
        )
        _dress(axes, diagnosis, tags, width_inches, palette)
        for row, tag in enumerate(tags):
            values = diagnosis.languages[tag].auroc_by_layer
            for column in range(len(layers)):
                _draw_cell(axes, row, column, values[column] if column < len(values) else None, palette)
        if diagnosis.layer in layers:
            axes.add_patch(
                Rectangle(
                    (layers.index(diagnosis.layer) - 0.5, -0.5),
                    1,
                    len(tags),
                    fill=False,
                    ec=palette.ink,
                    lw=1.8,
                    zorder=4,
                    clip_on=False,
                )
            )
    return figure


def _dress(axes: Axes, diagnosis: Diagnosis, tags: list[str], width: float, palette: Palette) -> None:
    layers = diagnosis.layers
    axes.patch.set_alpha(0.0)
    axes.set(xlim=(-0.5, max(len(layers), 1) - 0.5), ylim=(len(tags) - 0.5, -0.5))
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)
    step = 1 if len(layers) <= 40 else 2
    axes.set_xticks(
        range(0, len(layers), step), [str(layer) for layer in layers[::step]], fontsize=8, color=palette.muted
    )
    names = [label_language(tag, diagnosis.languages[tag].name, width) for tag in tags]
    axes.set_yticks(range(len(tags)), names, fontsize=9, color=palette.ink)
    axes.set_xlabel("layer (decoder block)", fontsize=8.5, color=palette.muted)


def _draw_cell(axes: Axes, row: int, column: int, value: float | None, palette: Palette) -> None:
    if value is None or not np.isfinite(value):
        axes.text(column, row, "–", ha="center", va="center", fontsize=7.5, color=palette.muted)
        return
    level = float(np.clip((value - 0.5) / 0.5, 0.0, 1.0))
    axes.add_patch(Rectangle((column - 0.47, row - 0.46), 0.94, 0.92, fc=to_hex(SCALE(level)), lw=0))
    words = "1" if value == 1 else f"{value:.2f}"[1:] if round(value, 2) < 1 else ">.99"
    axes.text(column, row, words, ha="center", va="center", fontsize=7.5, color="#ffffff" if level > 0.6 else "#16202a")
