"""``isogloss survey``: a literature survey that anybody can run again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from isogloss.cli import survey_labels
from isogloss.cli.screens import err, out, print_json, show_progress
from isogloss.core.errors import BrokenInput
from isogloss.core.fingerprint import fingerprint_file
from isogloss.core.progress import Progress
from isogloss.core.run import write_text
from isogloss.prompts.extras import import_extra
from isogloss.survey.loading import LoadReport
from isogloss.survey.query import default_query, default_query_text, load_query
from isogloss.survey.record import DIAGRAM_FILE, PAPERS_FILE, SENSITIVITY_FILE, WARNINGS_FILE, write_run
from isogloss.survey.records import Paper
from isogloss.survey.selection import QueryRun, run_query
from isogloss.survey.sources import attach_full_texts, fingerprint_source, load_source
from isogloss.survey.venues import VenueTable, default_venues, load_venues

app = typer.Typer(
    name="survey",
    help="Survey the literature: load, query, count, and see what the count depends on.",
    no_args_is_help=True,
)

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of tables.")]
SHOWN_WARNINGS = 12


@app.command("run")
def run_command(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE...", help="Clone of the ACL Anthology, or .bib, .csv, .tsv, .jsonl; may repeat."
        ),
    ],
    output: Annotated[Path, typer.Option("--out", "--output", help="Folder to write.")],
    query: Annotated[Path | None, typer.Option(help="Query in TOML; default: the published filter.")] = None,
    venues: Annotated[Path | None, typer.Option(help="Venue table in TOML; default: the bundled one.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="For CSV: our column=theirs, such as title=Titel; may repeat.")
    ] = None,
    full_texts: Annotated[Path | None, typer.Option(help="Folder with ID.txt for papers whose body you have.")] = None,
    acl_anthology: Annotated[
        bool, typer.Option("--acl-anthology", help="Read a clone with the acl-anthology package, as a second opinion.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Run a query over the literature; write papers, PRISMA counts, diagram, sensitivity table and warnings.

    Example: isogloss survey run acl-anthology --out surveys/safety
    """
    # Asked for before the work, not after it.
    import_extra("prismaflow", extra="survey", purpose="Drawing the PRISMA diagram")
    wanted = load_query(query) if query else default_query()
    table = load_venues(venues) if venues else default_venues()
    columns = _read_columns(column or [])
    data = {str(number): fingerprint_source(path) for number, path in enumerate(sources, start=1)}
    settings = {
        "venues_sha256": fingerprint_file(venues) if venues else "bundled",
        "columns": columns,
        "full_texts": full_texts is not None,
    }
    if acl_anthology:
        settings["reader"] = "acl-anthology"
    report = LoadReport()
    with show_progress() as progress:
        papers = _load_all(sources, report, table, columns, acl_anthology, progress)
        if full_texts is not None:
            papers = attach_full_texts(papers, full_texts)
        result = run_query(papers, wanted, report=report, venues=table)
    write_run(output, result, report, data=data, settings=settings)
    if as_json:
        print_json(result.as_json())
    else:
        _show(result, output)


@app.command("query")
def query_command(
    output: Annotated[Path | None, typer.Option("--out", "--output", help="Write it to a file of your own.")] = None,
) -> None:
    """Print the default query, the published filter, with every field explained; or copy it to a file to change.

    Example: isogloss survey query --out my-query.toml
    """
    if output is None:
        print(default_query_text(), end="")  # noqa: T201
        return
    if output.exists():
        raise BrokenInput(f"{output} exists already and is not overwritten. Choose another name, or remove it.")
    write_text(output, default_query_text())
    out.print(f"Wrote {output}. Run it: isogloss survey run SOURCE --query {output} --out FOLDER", highlight=False)


for name, command in survey_labels.COMMANDS.items():
    app.command(name)(command)


def _load_all(
    sources: list[Path],
    report: LoadReport,
    venues: VenueTable,
    columns: dict[str, str],
    with_package: bool,
    progress: Progress,
) -> Iterator[Paper]:
    for source in sources:
        yield from load_source(
            source, report=report, venues=venues, columns=columns, with_package=with_package, progress=progress
        )


def _read_columns(given: list[str]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for text in given:
        ours, mark, theirs = text.partition("=")
        if not mark or not ours.strip() or not theirs.strip():
            raise BrokenInput(f"--column '{text}' should read ours=theirs, such as title=Titel.")
        columns[ours.strip()] = theirs.strip()
    return columns


def _show(run: QueryRun, folder: Path) -> None:
    out.print(run.query.title, highlight=False, markup=False)
    table = Table(title="Records", title_justify="left", show_header=False)
    table.add_column("step")
    table.add_column("n", justify="right")
    counts = run.counts
    for source, number in counts.identified.items():
        table.add_row(f"identified in {source}", str(number))
    for part in (counts.removed_otherwise, counts.removed_automatically, counts.duplicates):
        for reason, number in part.items():
            table.add_row(f"  removed: {reason}", str(number))
    table.add_row("[bold]screened[/bold]", str(counts.screened))
    for reason, number in counts.excluded.items():
        table.add_row(f"  set aside: {reason}", str(number))
    table.add_row("[bold]included[/bold]", str(counts.included))
    out.print(table)
    _show_sensitivity(run)
    for warning in run.warnings[:SHOWN_WARNINGS]:
        err.print(f"Note: {warning}", highlight=False, markup=False)
    if len(run.warnings) > SHOWN_WARNINGS:
        err.print(f"{len(run.warnings) - SHOWN_WARNINGS} more in {folder / WARNINGS_FILE}.", highlight=False)
    out.print(
        f"{len(run.papers)} papers in {folder / PAPERS_FILE}, the diagram in {folder / DIAGRAM_FILE}, all variants in "
        f"{folder / SENSITIVITY_FILE}.",
        highlight=False,
        markup=False,
    )


def _show_sensitivity(run: QueryRun) -> None:
    """The variants that differ from the query in one thing; all of them are in the file."""
    table = Table(title="What the number depends on", title_justify="left")
    for header in ("variant", "records", "difference"):
        table.add_column(header, justify="left" if header == "variant" else "right")
    base = run.sensitivity[0]
    table.add_row("the query as it is", str(base.records), "")
    for row in run.sensitivity[1:]:
        changed = [
            words
            for words, differs in (
                (f"scope: {row.scope}", row.scope != base.scope),
                (f"match: {row.match.replace('_', ' ')}", row.match != base.match),
                (f"fields: {' or '.join(name.replace('_', ' ') for name in row.fields)}", row.fields != base.fields),
            )
            if differs
        ]
        if len(changed) == 1:
            table.add_row(changed[0], str(row.records), f"{row.difference:+d}")
    out.print(table)
