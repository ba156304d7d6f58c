"""The figures of a run as files of their own, for a paper or a slide."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from matplotlib.figure import Figure

from isogloss.report.figures import (
    LIGHT,
    Palette,
    draw_effects,
    draw_ladder,
    draw_layers,
    draw_plane,
    draw_projections,
    write_figure,
)
from isogloss.report.figures.plane import place_spots
from isogloss.report.records import RunRecords, load_run

Picture = Literal["svg", "png"]


def write_figures(
    folder: Path, out_folder: Path, *, formats: Sequence[Picture] = ("svg", "png"), palette: Palette = LIGHT
) -> list[Path]:
    """Write every figure that a run's records carry: ladder, plane, projections, layers.

    Args:
        folder: an audit, a diagnosis, or both in one folder.
        out_folder: created where absent; files in it are replaced.
        formats: "svg" (text as outlines) and "png" (200 dots an inch).
        palette: ``LIGHT`` or ``DARK``.

    Returns:
        The files written.

    Raises:
        UnknownName: the folder holds nothing to draw.
        WriteFailed: a file cannot be written.
    """
    written: list[Path] = []
    for name, figure in _draw_all(load_run(folder), palette):
        for ending in formats:
            target = out_folder / f"{name}.{ending}"
            write_figure(figure, target, palette=palette)
            written.append(target)
    return written


def _draw_all(records: RunRecords, palette: Palette) -> Iterator[tuple[str, Figure]]:
    if records.scorecard:
        yield "ladder", draw_ladder(records.scorecard, palette=palette)
        # Without one language that has both rates the plane would be empty axes.
        if place_spots(records.scorecard):
            yield "plane", draw_plane(records.scorecard, palette=palette)
        if records.scorecard.perturbations:
            yield "ways-of-writing", draw_effects(records.scorecard, palette=palette)
    if records.diagnosis:
        yield "projections", draw_projections(records.diagnosis, palette=palette)
        if records.diagnosis.layers:
            yield "layers", draw_layers(records.diagnosis, palette=palette)
