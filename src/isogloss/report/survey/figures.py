"""Figures of a survey: papers per year by class, languages alone and in groups, shares by topic."""

from collections.abc import Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from isogloss.report.figures.canvas import (
    LIGHT,
    NARROW_INCHES,
    STYLE,
    Palette,
    add_legend,
    dress_axes,
    label_language,
    make_figure,
    shorten,
)
from isogloss.report.text import percent
from isogloss.survey.annotations import CLASS_WORDS
from isogloss.survey.coverage_record import Cell, CoverageRecord

MOST_LANGUAGES = 30
ROW_INCHES = 0.25
SHORT_WORDS = {
    "english_only": "English only",
    "one_non_english": "one other",
    "multilingual": "multilingual",
    "undetermined": "undetermined",
    "unstated": "unstated",
}


def colour_of(name: str, palette: Palette) -> str:
    """The colour of a class: the same in every figure of the page."""
    return {
        "english_only": palette.muted,
        "one_non_english": palette.low,
        "multilingual": palette.high,
        "unstated": palette.mid,
    }.get(name, palette.grid)


def list_drawn_classes(record: CoverageRecord) -> list[str]:
    """Classes with at least one paper in a year, in the order of the table."""
    table = record.find_table("years")
    classes = [column.name for column in table.columns if column.name in CLASS_WORDS]
    return [name for name in classes if any(row.get(name) for row in table.rows)]


def draw_years(record: CoverageRecord, *, width_inches: float = 10.8, palette: Palette = LIGHT) -> Figure:
    """Draw stacked bars of papers per year by class, each part with its number where it has room."""
    rows = record.find_table("years").rows
    classes = list_drawn_classes(record)
    wide = width_inches >= NARROW_INCHES
    with rc_context(STYLE):
        figure, (axes,) = make_figure(width_inches, 3.9, left=0.45, right=0.1, top=0.5, bottom=0.35)
        dress_axes(axes, palette, grid="y")
        tops = [0.0] * len(rows)
        most = max([sum(_number(row, name) for name in classes) for row in rows] or [1]) or 1
        for name in classes:
            heights = [_number(row, name) for row in rows]
            places = range(len(rows))
            axes.bar(places, heights, bottom=tops, width=0.62, color=colour_of(name, palette), linewidth=0, zorder=2)
            for place, (height, start) in enumerate(zip(heights, tops, strict=True)):
                if height / most > 0.055:
                    axes.text(
                        place,
                        start + height / 2,
                        f"{height:.0f}",
                        ha="center",
                        va="center",
                        fontsize=8.5,
                        color=palette.paper,
                    )
            tops = [start + height for start, height in zip(tops, heights, strict=True)]
        for place, top in enumerate(tops):
            axes.text(
                place, top + most * 0.015, f"{top:.0f}", ha="center", va="bottom", fontsize=8.5, color=palette.ink
            )
        axes.set_xticks(range(len(rows)), [str(row["year"]) for row in rows])
        axes.set_ylim(0, most * 1.1)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.tick_params(axis="x", labelcolor=palette.ink, labelsize=9)
        handles = [Line2D([], [], marker="s", ls="", ms=7, color=colour_of(name, palette)) for name in classes]
        words = [CLASS_WORDS[name] if wide else SHORT_WORDS[name] for name in classes]
        add_legend(figure, handles, words, palette)
    return figure


def draw_languages(record: CoverageRecord, *, width_inches: float = 10.8, palette: Palette = LIGHT) -> Figure:
    """Draw, for the most studied languages, papers of their own at the left and papers with others at the right.

    English would dwarf everything; where its bar is more than twice the next it is cut and carries its number.
    """
    rows = record.find_table("languages").rows[:MOST_LANGUAGES]
    wide = width_inches >= NARROW_INCHES
    left = 1.95 if wide else 0.95
    with rc_context(STYLE):
        figure, panels = make_figure(
            width_inches,
            0.45 + max(1, len(rows)) * ROW_INCHES + 0.35,
            left=left,
            right=0.35,
            top=0.5,
            bottom=0.3,
            shares=(1.0, 1.0),
            gap=0.25,
        )
        for axes, name, title in zip(panels, ("alone", "grouped"), ("alone", "with other languages"), strict=True):
            _draw_bars(axes, [_number(row, name) for row in rows], [row.get("tier") for row in rows], palette)
            axes.set_title(
                title if wide else title.replace("with other languages", "in groups"),
                fontsize=9,
                color=palette.ink,
                loc="left",
            )
        for place, row in enumerate(rows):
            panels[0].text(
                -0.08 / (panels[0].get_position().width * width_inches),
                place,
                label_language(str(row["tag"]), str(row["language"]), width_inches),
                transform=panels[0].get_yaxis_transform(),
                ha="right",
                va="center",
                fontsize=8.5,
                color=palette.ink,
            )
    return figure


def draw_topics(record: CoverageRecord, *, width_inches: float = 10.8, palette: Palette = LIGHT) -> Figure:
    """Draw the share of English-only papers in each topic, with its interval, the most English at the top."""
    known = [row for row in record.find_table("topics").rows if row["english_share"] is not None]
    rows = sorted(known, key=lambda row: (-float(row["english_share"] or 0), str(row["topic"])))
    wide = width_inches >= NARROW_INCHES
    left = 2.15 if wide else 1.35
    with rc_context(STYLE):
        figure, (axes,) = make_figure(
            width_inches, 0.7 + max(1, len(rows)) * 0.34, left=left, right=0.6, top=0.15, bottom=0.5
        )
        dress_axes(axes, palette)
        axes.set(xlim=(0, 1), ylim=(len(rows) - 0.4, -0.6), yticks=[])
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1] if wide else [0, 0.5, 1])
        axes.xaxis.set_major_formatter(lambda value, _: percent(value))
        axes.set_xlabel("papers on English only, of the topic's papers" if wide else "English only", fontsize=8.5)
        for place, row in enumerate(rows):
            limits = [float(row["english_share_low"] or 0), float(row["english_share_high"] or 0)]
            axes.plot(limits, [place, place], color=palette.muted, lw=2, solid_capstyle="round", zorder=2)
            axes.plot([float(row["english_share"] or 0)], [place], "o", ms=6, color=palette.low, mew=0, zorder=3)
            side = axes.get_yaxis_transform()
            axes.text(1.02, place, f"n {row['papers']}", transform=side, va="center", fontsize=8, color=palette.muted)
            words = shorten(str(row["topic"]), 30 if wide else 18)
            shift = -0.1 / (axes.get_position().width * width_inches)
            axes.text(shift, place, words, transform=side, ha="right", va="center", fontsize=8.5, color=palette.ink)
    return figure


def _draw_bars(axes: Axes, values: Sequence[float], tiers: Sequence[Cell], palette: Palette) -> None:
    dress_axes(axes, palette)
    ordered = sorted(values, reverse=True) or [1.0]
    second = ordered[1] if len(ordered) > 1 else ordered[0]
    limit = max(1.0, second * 1.25 if second and ordered[0] > 2 * second else ordered[0])
    for place, (value, tier) in enumerate(zip(values, tiers, strict=True)):
        colour = palette.tier(str(tier) if tier else None)
        shown = min(value, limit)
        axes.barh(place, shown, height=0.62, color=colour, linewidth=0, zorder=2)
        if value > limit:
            # Two strokes in the paper's colour say that the bar goes on.
            for part in (0.9, 0.93):
                axes.plot(
                    [limit * part, limit * (part + 0.015)], [place + 0.45, place - 0.45], color=palette.paper, lw=2
                )
        axes.text(shown + limit * 0.015, place, f"{value:.0f}", va="center", ha="left", fontsize=8, color=palette.muted)
    axes.set(xlim=(0, limit * 1.1), ylim=(len(values) - 0.4, -0.6), yticks=[], xticks=[])


def _number(row: dict[str, Cell], name: str) -> float:
    value = row.get(name)
    return float(value) if isinstance(value, int | float) else 0.0
