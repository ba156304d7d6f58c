"""The figures of a study, each usable alone: draw one, then write it to SVG or PNG with ``write_figure``."""

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from isogloss.experiment.plan import LABEL_FREE
from isogloss.experiment.record import LayersRecord, MethodRow, ProjectionsRecord
from isogloss.experiment.summary import DetectionTable, Point, group_languages, hardest_group
from isogloss.report.experiment.marks import METHOD_ROLES, Line, draw_lines, draw_matrix, tier_lines
from isogloss.report.experiment.study import StudyRecords
from isogloss.report.experiment.tables import headline_group, label_method, say_shots, sort_methods
from isogloss.report.figures.canvas import (
    LIGHT,
    NARROW_INCHES,
    STYLE,
    TIER_WORDS,
    Palette,
    add_legend,
    dress_axes,
    known_tier,
    label_language,
    make_figure,
    shorten,
)
from isogloss.report.figures.projections import estimate_density

ROW_INCHES = 0.29
ACCURACY = "balanced accuracy"


def draw_gap(records: StudyRecords, *, width_inches: float = 8.8, palette: Palette = LIGHT) -> Figure | None:
    """Refusal of the unsteered model by resource tier: harmful filled, harmless hollow, with intervals."""
    if records.behaviour is None:
        return None
    unsteered = records.behaviour.methods[0]
    tiers = [tier for tier in group_languages(records.study) if tier in unsteered.groups]
    if not tiers:
        return None
    with rc_context(STYLE):
        wide = width_inches >= NARROW_INCHES
        figure, (axes,) = make_figure(
            width_inches, 0.9 + 0.5 * len(tiers), left=1.5 if wide else 0.75, right=0.25, top=0.35, bottom=0.5
        )
        dress_axes(axes, palette)
        axes.set(xlim=(-3, 103), ylim=(len(tiers) - 0.5, -0.5))
        words = [TIER_WORDS[known_tier(tier)] if wide else tier for tier in tiers]
        axes.set_yticks(range(len(tiers)), words, fontsize=9, color=palette.ink)
        for row, tier in enumerate(tiers):
            colour = palette.tier(tier)
            group = unsteered.groups[tier]
            _draw_dot(axes, group.harmful.value, group.harmful.interval, row, colour, filled=True)
            _draw_dot(axes, group.harmless.value, group.harmless.interval, row, colour, filled=False)
        axes.set_xlabel("refused (per cent)", fontsize=8.5)
        handles = [
            Line2D([], [], color=palette.ink, marker="o", ls="", ms=6),
            Line2D([], [], color=palette.ink, marker="o", ls="", ms=6, mfc="none"),
        ]
        add_legend(figure, handles, ["harmful", "harmless"], palette)
    return figure


def draw_tier_projections(
    records: StudyRecords, *, width_inches: float = 8.8, palette: Palette = LIGHT
) -> Figure | None:
    """Projections on the pooled source direction, one panel row per tier: harmful above the line, harmless below."""
    found = records.projections
    if found is None:
        return None
    groups = group_languages(records.study)
    with rc_context(STYLE):
        wide = width_inches >= NARROW_INCHES
        figure, (axes,) = make_figure(
            width_inches, 0.95 + 1.0 * len(groups), left=1.5 if wide else 0.75, right=0.25, top=0.35, bottom=0.5
        )
        dress_axes(axes, palette)
        grid = np.linspace(*_reach(found), 240)
        axes.set(xlim=(grid[0], grid[-1]), ylim=(len(groups) - 0.45, -0.55))
        words = [TIER_WORDS[known_tier(tier)] if wide else tier for tier in groups]
        axes.set_yticks(range(len(groups)), words, fontsize=9, color=palette.ink)
        for row, tags in enumerate(groups.values()):
            _draw_humps(axes, row, found, tags, grid, palette)
        axes.axvline(found.source_threshold, color=palette.ink, lw=1.2, ls=(0, (4, 3)), zorder=4)
        label = "projection on the pooled source direction (model units)" if wide else "projection (model units)"
        axes.set_xlabel(label, fontsize=8.5)
        handles = [
            Line2D([], [], color=palette.harmful, marker="s", ls="", ms=8, alpha=0.5),
            Line2D([], [], color=palette.harmless, marker="s", ls="", ms=8, alpha=0.5),
            Line2D([], [], color=palette.ink, lw=1.2, ls=(0, (4, 3))),
        ]
        add_legend(figure, handles, ["harmful", "harmless", "source threshold" if wide else "source"], palette)
    return figure


def draw_recoverability(records: StudyRecords, *, width_inches: float = 8.8, palette: Palette = LIGHT) -> Figure | None:
    """AUROC by language (rows, by tier) and layer (columns); a frame marks the study's layer."""
    found = records.layers
    if found is None:
        return None
    with rc_context(STYLE):
        tags = [tag for part in group_languages(records.study).values() for tag in part if tag in found.languages]
        left = 1.5 if width_inches >= NARROW_INCHES else 0.95
        width = min(max(width_inches, left + 0.2 + 0.33 * len(found.layers)), left + 0.2 + 0.62 * len(found.layers))
        width = max(width, min(width_inches, 3.4))
        figure, (axes,) = make_figure(width, 0.75 + ROW_INCHES * len(tags), left=left, right=0.2, top=0.15, bottom=0.5)
        draw_matrix(
            axes,
            [found.languages[tag].auroc for tag in tags],
            rows=[label_language(tag, records.name(tag), width_inches) for tag in tags],
            columns=[str(layer) for layer in found.layers],
            palette=palette,
        )
        axes.set_xlabel("layer (decoder block)", fontsize=8.5, color=palette.muted)
        if found.chosen in found.layers:
            place = found.layers.index(found.chosen) - 0.5
            frame = Rectangle((place, -0.5), 1, len(tags), fill=False, ec=palette.ink, lw=1.8, zorder=4, clip_on=False)
            axes.add_patch(frame)
    return figure


def draw_shots(records: StudyRecords, *, width_inches: float = 8.8, palette: Palette = LIGHT) -> Figure | None:
    """Balanced accuracy by shots, one line per method, bars over draws; level lines need no labelled shots."""
    table = records.table
    if table is None:
        return None
    _, tags = hardest_group(records.study)
    with rc_context(STYLE):
        lines = [
            _method_line(method, [table.average(method, shots, tags) for shots in _show_shots(table, method)], palette)
            for method in table.methods
        ]
        return draw_lines(
            lines,
            [str(shots) for shots in table.shots],
            across="labelled examples per class",
            up=ACCURACY,
            limits=_accuracy_limits(lines),
            width_inches=width_inches,
            palette=palette,
            guide=0.5,
        )


def draw_ranks(records: StudyRecords, *, width_inches: float = 8.8, palette: Palette = LIGHT) -> Figure | None:
    """Balanced accuracy by rank of the source span, at no, one and the most shots."""
    table = records.table
    if table is None:
        return None
    ranked = [method for method in table.methods if table.ranks(method) != (0,)]
    ranks = sorted({rank for method in ranked for rank in table.ranks(method)})
    if len(ranks) < 2:
        return None
    _, tags = hardest_group(records.study)
    with rc_context(STYLE):
        lines = [
            _rank_line(table, method, shots, number, ranks, tags, palette)
            for number, shots in enumerate(_pick_shots(table.shots))
            for method in ranked
        ]
        return draw_lines(
            lines,
            [str(rank) for rank in ranks],
            across="rank of the source span",
            up=ACCURACY,
            limits=_accuracy_limits(lines),
            width_inches=width_inches,
            palette=palette,
            columns=2,
            guide=0.5,
        )


def draw_layer_sweep(records: StudyRecords, *, width_inches: float = 8.8, palette: Palette = LIGHT) -> Figure | None:
    """Balanced accuracy by layer and tier: ours with a few shots (solid) and without (dotted), published (dashed)."""
    found = records.layers
    if found is None or len(found.layers) < 2:
        return None
    with rc_context(STYLE):
        groups = group_languages(records.study)
        moved = {tier: _mean_over(found, tags, "recalibrated") for tier, tags in groups.items()}
        kept = {tier: _mean_over(found, tags, "transported") for tier, tags in groups.items()}
        other = {tier: _mean_over(found, tags, "published") for tier, tags in groups.items()}
        lines = [
            *tier_lines(moved, palette, suffix=f", ours, {say_shots(found.shots)}"),
            *tier_lines(kept, palette, style=":", mark="", suffix=", ours, 0 shots"),
            *tier_lines(other, palette, style="--", mark="", suffix=f", published, {say_shots(found.shots)}"),
        ]
        return draw_lines(
            lines,
            [str(layer) for layer in found.layers],
            across="layer (decoder block)",
            up=ACCURACY,
            limits=_accuracy_limits(lines),
            width_inches=width_inches,
            palette=palette,
            columns=len(groups),
            guide=0.5,
        )


def draw_our_strength(records: StudyRecords, *, width_inches: float = 8.8, palette: Palette = LIGHT) -> Figure | None:
    """Refusal of harmful (solid) and harmless (dashed) validation prompts by strength and tier, under our repair."""
    return _draw_strength(records, "ours", "lifted to (distances between the source classes)", width_inches, palette)


def draw_published_strength(
    records: StudyRecords, *, width_inches: float = 8.8, palette: Palette = LIGHT
) -> Figure | None:
    """The same under the published repair, which adds where ours lifts."""
    what = "added (distances between the source classes)"
    return _draw_strength(records, "published gate", what, width_inches, palette)


def _draw_strength(
    records: StudyRecords, method: str, across: str, width_inches: float, palette: Palette
) -> Figure | None:
    found = [row for row in records.strength.rows if row.method == method] if records.strength else []
    if not found:
        return None
    multipliers = sorted({row.multiplier for row in found})
    with rc_context(STYLE):
        lines: list[Line] = []
        for kind, style, mark in (("harmful", "-", "o"), ("harmless", "--", "")):
            values: dict[str, list[float | None]] = {}
            for tier, tags in group_languages(records.study).items():
                rows = [row for row in found if row.kind == kind and row.language in tags]
                values[tier] = [
                    _percent(sum(row.refused for row in part), sum(row.scored for row in part))
                    for part in ([row for row in rows if row.multiplier == value] for value in multipliers)
                ]
            lines += tier_lines(values, palette, style=style, mark=mark, suffix=f", {kind}")
        return draw_lines(
            lines,
            [f"{value:g}" for value in multipliers],
            across=across,
            up="refused (per cent)",
            limits=(-3, 103),
            width_inches=width_inches,
            palette=palette,
            columns=len(values),
        )


def draw_transfer(records: StudyRecords, *, width_inches: float = 8.8, palette: Palette = LIGHT) -> Figure | None:
    """Balanced accuracy from language (row) to language (column), one matrix per method, side by side or stacked."""
    found = records.transfer
    if found is None:
        return None
    with rc_context(STYLE):
        count, methods = len(found.languages), list(found.balanced_accuracy)
        side = 0.32 * count
        figure, panels = make_figure(
            max(width_inches, 0.55 * len(methods) + side * len(methods) + 0.2),
            side + 0.75,
            left=0.5,
            right=0.15,
            top=0.3,
            bottom=0.45,
            shares=(1.0,) * len(methods),
            gap=0.5,
        )
        for axes, method in zip(panels, methods, strict=True):
            draw_matrix(
                axes, found.balanced_accuracy[method], rows=found.languages, columns=found.languages, palette=palette
            )
            axes.set_title(method, fontsize=9, color=palette.ink, loc="left")
            axes.set_xlabel("measured on", fontsize=8.5, color=palette.muted)
        panels[0].set_ylabel("calibrated on", fontsize=8.5, color=palette.muted)
    return figure


def draw_methods(records: StudyRecords, *, width_inches: float = 8.8, palette: Palette = LIGHT) -> Figure | None:
    """Selectivity of every method in the hardest languages, best first: mean filled, worst language hollow."""
    behaviour = records.behaviour
    if behaviour is None:
        return None
    group, methods = headline_group(behaviour), sort_methods(behaviour)
    with rc_context(STYLE):
        wide = width_inches >= NARROW_INCHES
        figure, (axes,) = make_figure(
            width_inches, 0.9 + ROW_INCHES * len(methods), left=2.6 if wide else 1.75, right=0.25, top=0.35, bottom=0.5
        )
        dress_axes(axes, palette)
        axes.axvline(0, color=palette.muted, lw=0.9, zorder=1)
        names = [_label_method(method, wide=wide) for method in methods]
        axes.set_yticks(range(len(methods)), names, fontsize=8.5 if wide else 7.5, color=palette.ink)
        for row, method in enumerate(methods):
            colour, mark = _method_colour(method.name, palette), "s" if method.name == "published gate" else "o"
            if group in method.groups:
                found = method.groups[group].selectivity
                _draw_dot(axes, found.value, found.interval, row - 0.12, colour, filled=True, mark=mark)
            if method.worst:
                worst = method.worst.selectivity
                _draw_dot(axes, worst.value, worst.interval, row + 0.16, colour, filled=False, mark=mark)
        axes.set_ylim(len(methods) - 0.4, -0.6)
        axes.set_xlabel("selectivity (points)", fontsize=8.5)
        handles = [
            Line2D([], [], color=palette.ink, marker="o", ls="", ms=6),
            Line2D([], [], color=palette.ink, marker="o", ls="", ms=6, mfc="none"),
        ]
        add_legend(figure, handles, ["mean", "worst language"], palette)
    return figure


def _show_shots(table: DetectionTable, method: str) -> Sequence[int]:
    """The budget at every tick; a method without budgets has the same one at all of them."""
    return (0,) * len(table.shots) if method in LABEL_FREE else table.shots


def _method_line(method: str, points: Sequence[Point], palette: Palette) -> Line:
    role, style, mark = METHOD_ROLES.get(method, ("unknown", "-", "o"))
    values, bands = tuple(point.value for point in points), tuple(point.interval for point in points)
    return Line(method, values, bands, getattr(palette, role), style, mark)


def _rank_line(
    table: DetectionTable,
    method: str,
    shots: int,
    number: int,
    ranks: Sequence[int],
    tags: Sequence[str],
    palette: Palette,
) -> Line:
    line = _method_line(method, [table.average(method, shots, tags, rank=rank) for rank in ranks], palette)
    style = (":", "--", "-")[number % 3]
    return Line(f"{method}, {say_shots(shots)}", line.values, line.bands, line.colour, style, line.mark)


def _pick_shots(shots: Sequence[int]) -> list[int]:
    """None, one, and the most that is still few."""
    few = [value for value in shots if value <= 4]
    return sorted({few[0], few[-1], *(value for value in few if value == 1)}) if few else list(shots[:1])


def _accuracy_limits(lines: Sequence[Line]) -> tuple[float, float]:
    """Room for every value; a bar may leave the figure below, so that a control's does not flatten all others."""
    values = [value for line in lines for value in line.values if value is not None]
    return (min([0.5, *values]) - 0.05, 1.02)


def _mean_over(found: LayersRecord, tags: Sequence[str], field: str) -> list[float | None]:
    rows = [getattr(found.languages[tag], field) for tag in tags if tag in found.languages]
    means: list[float | None] = []
    for place in range(len(found.layers)):
        values = [row[place] for row in rows if row[place] is not None]
        means.append(float(np.mean(values)) if values else None)
    return means


def _draw_humps(
    axes: Axes, row: int, found: ProjectionsRecord, tags: Sequence[str], grid: np.ndarray, palette: Palette
) -> None:
    """Densities of a tier; every language counts the same."""
    axes.axhline(row, color=palette.grid, lw=0.8, zorder=1)
    kinds = (("harmful", -1, palette.harmful), ("harmless", 1, palette.harmless))
    curves = []
    for kind, _, _ in kinds:
        parts = [np.asarray(getattr(found.languages[tag], kind), np.float64) for tag in tags if tag in found.languages]
        densities = [estimate_density(part, grid) for part in parts if part.size]
        curves.append(np.mean(densities, axis=0) if densities else np.zeros_like(grid))
    highest = max(float(curve.max()) for curve in curves) or 1.0
    for (_, side, colour), curve in zip(kinds, curves, strict=True):
        edge = row + side * 0.43 * curve / highest
        axes.fill_between(grid, row, edge, color=colour, alpha=0.32, lw=0, zorder=2)
        axes.plot(grid, edge, color=colour, lw=1.0, zorder=3)


def _reach(found: ProjectionsRecord) -> tuple[float, float]:
    values = [found.source_threshold]
    for row in found.languages.values():
        values += [*row.harmful, *row.harmless]
    margin = 0.05 * (max(values) - min(values)) or 1.0
    return min(values) - margin, max(values) + margin


def _draw_dot(
    axes: Axes,
    value: float | None,
    limits: tuple[float, float] | None,
    row: float,
    colour: str,
    *,
    filled: bool,
    mark: str = "o",
) -> None:
    if value is None:
        return
    if limits is not None:
        axes.plot(limits, [row, row], color=colour, lw=1.6 if filled else 1.0, alpha=0.8, zorder=3)
    axes.plot([value], [row], color=colour, marker=mark, ms=6, mfc=colour if filled else "none", mew=1.3, zorder=4)


def _method_colour(name: str, palette: Palette) -> str:
    if name == "ours":
        return palette.high
    if name == "unsteered":
        return palette.ink
    return palette.low if name == "published gate" else palette.unknown


_SHORTER = (
    ("(published)", "(pub.)"),
    ("(corrected)", "(corr.)"),
    ("shots+", "+"),
    ("safety prompt in", "prompt in"),
)
"""What a narrow figure says instead."""


def _label_method(method: MethodRow, *, wide: bool) -> str:
    if wide:
        return shorten(label_method(method), 42)
    name = label_method(method)
    for long, short in _SHORTER:
        name = name.replace(long, short)
    return shorten(name, 28)


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None
