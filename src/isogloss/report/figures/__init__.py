"""The five pictures of a report, each usable alone: draw one, then write it to SVG or PNG."""

from isogloss.report.figures.canvas import DARK, LIGHT, Palette, embed_figure, write_figure
from isogloss.report.figures.effects import draw_effects
from isogloss.report.figures.heatmap import draw_layers
from isogloss.report.figures.ladder import draw_ladder, order_languages
from isogloss.report.figures.plane import draw_plane
from isogloss.report.figures.projections import draw_projections

__all__ = [
    "DARK",
    "LIGHT",
    "Palette",
    "draw_effects",
    "draw_ladder",
    "draw_layers",
    "draw_plane",
    "draw_projections",
    "embed_figure",
    "order_languages",
    "write_figure",
]
