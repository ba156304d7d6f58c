"""The flow diagram of PRISMA 2020, drawn by the prisma-flow package, which also checks that the counts add up."""

from html import escape
from typing import Any

from isogloss.prompts.extras import import_extra
from isogloss.survey.counts import PrismaCounts

_STYLE = (
    "body{font-family:system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    "svg{max-width:100%;height:auto}table{border-collapse:collapse}td,th{padding:.2rem .8rem;text-align:start}"
    "td:last-child{text-align:end;font-variant-numeric:tabular-nums}"
)
_NOTE = (
    "A query over metadata retrieves and assesses no reports: the boxes on reports repeat the number of records left "
    "after screening."
)
_PARTS = (
    ("Records identified, by source", "identified"),
    ("Removed before screening by the query", "removed_automatically"),
    ("Removed before screening for other reasons", "removed_otherwise"),
    ("Duplicates removed before screening", "duplicates"),
    ("Set aside at screening", "excluded"),
)


def draw_prisma(counts: PrismaCounts, *, title: str) -> str:
    """The flow diagram as SVG.

    Reports of the records included are taken as sought, retrieved and assessed: a survey of metadata knows no further
    step. The total of each box is drawn; the reasons are in ``counts.json`` and in the page of ``render_prisma``.

    Args:
        counts: of a run, or of a run after screening.
        title: above the diagram.

    Raises:
        MissingExtra: prisma-flow is not installed.
        RuntimeError: the counts do not add up, which is a fault of ours.
    """
    package = import_extra("prismaflow", extra="survey", purpose="Drawing the PRISMA diagram")
    svg: str = _make_flow(package, counts, title).to_svg()
    return svg


def render_prisma(counts: PrismaCounts, *, title: str) -> str:
    """The flow diagram as a page, with the reasons behind each box in tables below it.

    Raises:
        MissingExtra, RuntimeError: as for ``draw_prisma``.
    """
    svg = draw_prisma(counts, title=title).split("?>", 1)[-1]
    tables = "".join(_table(heading, getattr(counts, part)) for heading, part in _PARTS)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n{svg}\n<p>{_NOTE}</p>\n"
        f"{tables}</body></html>\n"
    )


def _make_flow(package: Any, counts: PrismaCounts, title: str) -> Any:
    flow = package.new_review(
        records_identified_databases=counts.records,
        records_identified_registers=0,
        records_removed_duplicates=sum(counts.duplicates.values()),
        records_removed_automation=sum(counts.removed_automatically.values()),
        records_removed_other=sum(counts.removed_otherwise.values()),
        records_screened=counts.screened,
        records_excluded=sum(counts.excluded.values()),
        reports_sought=counts.included,
        reports_not_retrieved=0,
        reports_assessed=counts.included,
        studies_included=counts.included,
        database_specific_results=_list_sources(counts),
        title=title,
    )
    checked = flow.validate(strict_included=True)
    if not checked.ok:
        raise RuntimeError(f"The counts do not add up: {checked.format_text()}")
    return flow


def _list_sources(counts: PrismaCounts) -> str | None:
    """The sources below the total, where there are several."""
    if len(counts.identified) < 2:
        return None
    return "; ".join(f"{source} (n = {number})" for source, number in counts.identified.items())


def _table(heading: str, rows: Any) -> str:
    if not rows:
        return ""
    lines = "".join(f"<tr><td>{escape(name)}</td><td>{number}</td></tr>" for name, number in rows.items())
    return f"<h2>{heading}</h2><table>{lines}</table>\n"
