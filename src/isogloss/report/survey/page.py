"""The coverage page of a survey, from ``coverage.json`` alone: figures, tables, and what every number counts."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, PackageLoader
from markupsafe import Markup
from matplotlib.figure import Figure

from isogloss.report import page as frame
from isogloss.report.cells import Number
from isogloss.report.figures import embed_figure
from isogloss.report.pictures import NARROW_INCHES, Picture
from isogloss.report.survey.figures import MOST_LANGUAGES, draw_languages, draw_topics, draw_years
from isogloss.report.survey.wording import describe_coverage, list_coverage_tiles, show_bounds, show_value
from isogloss.report.text import DASH, interval, make_visible, number, percent
from isogloss.survey.coverage_record import Cell, Column, CoverageRecord, CoverageTable, Definition, load_coverage

WIDE_INCHES = 10.4
_MILLION = 1e6


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: its heading, the heading's own language where it is one, and the cells."""

    name: str
    tag: str
    autonym: str
    direction: str
    tier: str
    cells: tuple[Number, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page.

    Attributes:
        id: of its anchor.
        title: its heading.
        table: headings and rows.
        picture: None where there is nothing to draw.
        definition: what its numbers count.
    """

    id: str
    title: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    picture: Picture | None
    definition: Definition


def render_coverage(path: Path) -> str:
    """Make the page of a survey from its coverage record.

    Args:
        path: ``coverage.json`` or the folder that holds it.

    Raises:
        UnknownName: there is no record.
        BrokenInput: it cannot be read.
    """
    record = load_coverage(path)
    page = {
        **frame.fixed_context(),
        "record": record,
        "title": record.title,
        "sentences": describe_coverage(record),
        "tiles": list_coverage_tiles(record),
        "sections": [_section(table, record) for table in record.tables],
        "statistics": [(one, show_value(one), show_bounds(one)) for one in record.statistics],
        "level": percent(record.confidence),
        "facts": [(name, f"{papers:,}") for name, papers in record.papers.items()],
        "codebook": [(name.replace("_", " "), str(value)) for name, value in record.codebook.items()],
        "inputs": sorted(record.inputs.items()),
    }
    return _environment().get_template("survey.html.j2").render(page)


def _section(table: CoverageTable, record: CoverageRecord) -> Section:
    pictures: dict[str, Callable[[CoverageRecord], Picture]] = {
        "years": _picture_years,
        "languages": _picture_languages,
        "topics": _picture_topics,
    }
    drawn = pictures[table.id](record) if table.id in pictures and table.rows else None
    return Section(
        id=table.id,
        title=table.title,
        headings=tuple(column.heading for column in table.columns),
        rows=tuple(_row(row, table.columns) for row in table.rows),
        picture=drawn,
        definition=table.definition,
    )


def _row(row: dict[str, Cell], columns: tuple[Column, ...]) -> Row:
    autonym = str(row.get("autonym") or "")
    name = str(row[columns[0].name])
    return Row(
        name=name,
        tag=str(row.get("tag") or ""),
        autonym="" if autonym.casefold() == name.casefold() else autonym,
        direction="rtl" if row.get("right_to_left") else "ltr",
        tier=str(row.get("tier") or "") if "tag" in row else "",
        cells=tuple(_cell(row, column) for column in columns[1:]),
    )


def _cell(row: dict[str, Cell], column: Column) -> Number:
    value = row.get(column.name)
    if not isinstance(value, int | float):
        return Number(DASH if value is None else str(value), sort=None, reason="nothing to count")
    if column.kind == "share":
        low, high = row.get(f"{column.name}_low"), row.get(f"{column.name}_high")
        bounds = (float(low), float(high)) if low is not None and high is not None else None
        return Number(number(100 * value, decimals=1, ceiling=100), interval(bounds, scale=100), float(value))
    if column.kind == "people":
        return Number(f"{value / _MILLION:,.1f}", sort=float(value))
    decimals = 0 if column.kind == "count" or float(value).is_integer() else 2
    return Number(number(float(value), decimals=decimals), sort=float(value))


def _picture_years(record: CoverageRecord) -> Picture:
    rows = record.find_table("years").rows
    parts = [f"{row['year']}: {row['english_only']} on English only, gap {row['gap']}" for row in rows]
    return _picture(
        record,
        draw_years,
        name="years",
        title="Papers per year by class",
        description="; ".join(parts),
        caption="Relevant papers by the languages they study. The field grows, too: the table sets each class "
        "beside the papers published.",
    )


def _picture_languages(record: CoverageRecord) -> Picture:
    rows = record.find_table("languages").rows[:MOST_LANGUAGES]
    parts = [f"{row['language']}: {row['alone']} alone, {row['grouped']} with others" for row in rows]
    left_out = len(record.find_table("languages").rows) - len(rows)
    rest = f" {left_out} languages with fewer papers are in the table alone." if left_out else ""
    return _picture(
        record,
        draw_languages,
        name="languages",
        title="Languages alone and in groups",
        description="; ".join(parts),
        caption="Papers that study a language alone (left) and together with others (right); colours are "
        f"resource tiers: blue high, ochre mid, red low, grey unknown. A bar with two cuts is longer than "
        f"drawn.{rest}",
    )


def _picture_topics(record: CoverageRecord) -> Picture:
    rows = record.find_table("topics").rows
    shown = [f"{r['topic']}: {percent(float(r['english_share'] or 0))}" for r in rows if r["english_share"] is not None]
    return _picture(
        record,
        draw_topics,
        name="topics",
        title="English-only papers by topic",
        description="; ".join(shown),
        caption=f"Share of each topic's papers that study English alone, with {percent(record.confidence)} "
        f"intervals. Where intervals overlap widely, the order of topics is not settled.",
    )


def _picture(
    record: CoverageRecord, draw: Callable[..., Figure], *, name: str, title: str, description: str, caption: str
) -> Picture:
    wide, narrow = (
        # The markup is the plotting library's own; every text in it was escaped when it was written.
        Markup(
            embed_figure(
                draw(record, width_inches=width), f"{name}-{suffix}", title=title, description=make_visible(description)
            )
        )
        for width, suffix in ((WIDE_INCHES, "wide"), (NARROW_INCHES, "narrow"))
    )
    return Picture(name, wide, narrow, caption)


@cache
def _environment() -> Environment:
    loaders = ChoiceLoader([PackageLoader("isogloss.report.survey"), PackageLoader("isogloss.report")])
    return frame.make_environment().overlay(loader=loaders)
