"""The half of ``isogloss survey`` that is about labels: sheets, suggestions, agreement, coverage, replication."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from isogloss.cli.resolve import resolve_model
from isogloss.cli.screens import err, out, print_json
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownName
from isogloss.core.fingerprint import fingerprint_file
from isogloss.core.run import load_json, write_json, write_text
from isogloss.judges.reliability import Coefficient
from isogloss.report.survey.page import render_coverage
from isogloss.report.survey.wording import show_bounds, show_value
from isogloss.stats import Rate
from isogloss.survey.agreement import LabelAgreement, measure_label_agreement
from isogloss.survey.annotations import Annotation
from isogloss.survey.annotations_adjudication import require_settled, settle_labels, write_settlement
from isogloss.survey.annotations_files import describe_labels, load_annotations, write_template
from isogloss.survey.codebook import Codebook, default_codebook, load_codebook
from isogloss.survey.coverage import measure_coverage
from isogloss.survey.coverage_record import COVERAGE_FILE, CoverageRecord, write_coverage
from isogloss.survey.record import COUNTS_FILE, PAPERS_FILE
from isogloss.survey.records import Paper, load_papers
from isogloss.survey.replicate import Reading, Replication, compare_with_published
from isogloss.survey.replicate_columns import load_released_labels
from isogloss.survey.suggest import NOT_LABELS, Suggested, suggest_by_rules
from isogloss.survey.suggest_model import suggest_with_model
from isogloss.survey.suggest_scoring import SuggestionScore, score_suggestions

SETTLED_FILE = "labels.jsonl"
PAGE_FILE = "coverage.html"

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of tables.")]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of isogloss survey run, or a papers.jsonl.")]
CodebookOption = Annotated[Path | None, typer.Option(help="Codebook in TOML; default: the bundled one.")]
LabelsOption = Annotated[list[Path], typer.Option("--labels", help="Labels in CSV or JSONL; may repeat.")]
DecisionsOption = Annotated[Path | None, typer.Option(help="Labels of the adjudicator, where annotators differ.")]
SeedOption = Annotated[int, typer.Option(help="Of resampling and simulation.")]


def template_command(
    run: RunArgument,
    output: Annotated[Path, typer.Option("--out", "--output", help="CSV to write.")],
    annotator: Annotated[list[str], typer.Option(help="Anonymous id, such as a1; may repeat for double coding.")],
    every: Annotated[int, typer.Option(min=1, help="Take every Nth paper, for a pilot or double coding.")] = 1,
    codebook: CodebookOption = None,
) -> None:
    """Write a sheet to label, without any suggestion, and the codebook as a page beside it.

    Example: isogloss survey annotate-template surveys/safety --out sheet.csv --annotator a1
    """
    book = _codebook(codebook)
    rows = write_template(_papers(run)[::every], output, book, annotators=annotator)
    page = output.with_suffix(".codebook.md")
    write_text(page, describe_labels(book))
    out.print(f"{rows} rows in {output}; what the labels mean is in {page}.", highlight=False, markup=False)


def suggest_command(
    run: RunArgument,
    output: Annotated[Path, typer.Option("--out", "--output", help="JSONL of suggestions to write.")],
    model: Annotated[
        str | None, typer.Option(help="Chat model in place of the rules, such as openai:NAME@URL.")
    ] = None,
    labels: Annotated[list[Path] | None, typer.Option(help="People's labels, to score them; may repeat.")] = None,
    decisions: DecisionsOption = None,
    codebook: CodebookOption = None,
    seed: SeedOption = 0,
    as_json: JsonFlag = False,
) -> None:
    """Suggest topics and languages with the words that speak for them; with --labels, score the suggestions.

    Example: isogloss survey suggest surveys/safety --out suggestions.jsonl --labels double-coded.csv
    """
    book = _codebook(codebook)
    papers = _papers(run)
    if model is None:
        found = [suggest_by_rules(paper, book) for paper in papers]
    else:
        found = list(suggest_with_model(papers, resolve_model(model), book))
    score = None
    if labels:
        settled = require_settled(settle_labels(_labels(labels, book), _decisions(decisions, book)))
        score = score_suggestions([one.annotation for one in found], settled, seed=seed)
    _write_suggestions(found, output)
    if as_json:
        print_json({"papers": len(found), "standing": NOT_LABELS, "score": score.as_json() if score else None})
        return
    _show_suggestions(found, score, output)


def agree_command(
    labels: Annotated[list[Path], typer.Argument(metavar="LABELS...", help="Labels in CSV or JSONL.")],
    output: Annotated[Path | None, typer.Option("--out", "--output", help="JSON to write.")] = None,
    codebook: CodebookOption = None,
    seed: SeedOption = 0,
    as_json: JsonFlag = False,
) -> None:
    """Agreement of annotators on every label, with intervals over papers.

    Example: isogloss survey agree a1.csv a2.csv
    """
    found = measure_label_agreement(_labels(labels, _codebook(codebook)), seed=seed)
    value = {"schema": 1, "seed": seed, "labels": [row.as_json() for row in found]}
    if output is not None:
        write_json(output, value)
    if as_json:
        print_json(value)
        return
    _show_agreement(found)


def coverage_command(
    run: RunArgument,
    labels: LabelsOption,
    output: Annotated[Path, typer.Option("--out", "--output", help="Folder to write.")],
    decisions: DecisionsOption = None,
    codebook: CodebookOption = None,
    unstated: Annotated[
        Literal["as_labelled", "apart"] | None,
        typer.Option(help="How papers that do not name their languages count; default: as the codebook says."),
    ] = None,
    title: Annotated[str, typer.Option(help="Of the page.")] = "Languages in the literature",
    as_json: JsonFlag = False,
) -> None:
    """Coverage of languages: record, CSV tables and a page; every figure with its definition.

    Example: isogloss survey coverage surveys/safety --labels labels.csv --out surveys/coverage
    """
    book = _codebook(codebook)
    if unstated is not None:
        book = replace(book, unstated=unstated)
    settlement = settle_labels(_labels(labels, book), _decisions(decisions, book))
    files = {"papers": _papers_file(run), **{f"labels {n}": path for n, path in enumerate(labels, start=1)}}
    if decisions is not None:
        files["decisions"] = decisions
    record = measure_coverage(
        _papers(run),
        settlement,
        book,
        title=title,
        published=_published(run),
        inputs={name: fingerprint_file(path) for name, path in files.items()},
    )
    write_coverage(record, output)
    write_settlement(settlement, output / SETTLED_FILE)
    write_text(output / PAGE_FILE, render_coverage(output))
    if as_json:
        print_json(record.model_dump(by_alias=True, mode="json"))
        return
    _show_coverage(record, output)


def replicate_command(
    table: Annotated[Path, typer.Argument(help="Your copy of the released labels: .parquet, .csv, .jsonl.")],
    column: Annotated[
        list[str] | None, typer.Option(help="Our field=their column, such as class=coverage; may repeat.")
    ] = None,
    value: Annotated[
        list[str] | None, typer.Option(help="FIELD:THEIRS=OURS, such as 'class:mono=english_only'; may repeat.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--out", "--output", help="JSON to write.")] = None,
    codebook: CodebookOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Set the published headline figures beside what the authors' released labels say, definition by definition.

    Example: isogloss survey replicate labels.parquet --column languages=langs --value 'venue:WS=workshop'
    """
    book = _codebook(codebook)
    columns = dict(_split(text, "--column", "ours=theirs") for text in column or [])
    mapped = load_released_labels(table, book, columns=columns, values=_read_values(value or []))
    found = compare_with_published(mapped, book)
    if output is not None:
        write_json(output, {"schema": 1, "table": fingerprint_file(table), "columns": columns, **found.as_json()})
    if as_json:
        print_json(found.as_json())
        return
    _show_replication(found)


COMMANDS: dict[str, Callable[..., None]] = {
    "annotate-template": template_command,
    "suggest": suggest_command,
    "agree": agree_command,
    "coverage": coverage_command,
    "replicate": replicate_command,
}
"""By the names under which ``isogloss survey`` offers them."""


def _codebook(path: Path | None) -> Codebook:
    return load_codebook(path) if path else default_codebook()


def _papers_file(run: Path) -> Path:
    return run / PAPERS_FILE if run.is_dir() else run


def _papers(run: Path) -> list[Paper]:
    papers = list(load_papers(_papers_file(run)))
    if not papers:
        raise NothingToDo(f"{_papers_file(run)} holds no papers.")
    return papers


def _labels(paths: list[Path], codebook: Codebook) -> list[Annotation]:
    return [annotation for path in paths for annotation in load_annotations(path, codebook)]


def _decisions(path: Path | None, codebook: Codebook) -> list[Annotation]:
    return load_annotations(path, codebook, annotator="adjudicator") if path else []


def _published(run: Path) -> dict[int, int] | None:
    """Papers published by year in the query's scope, from the counts of the run."""
    path = run / COUNTS_FILE
    if not run.is_dir() or not path.exists():
        return None
    rows = load_json(path, what="counts").get("published")
    try:
        totals: Counter[int] = Counter()
        for row in rows or ():
            totals[int(row["year"])] += int(row["papers"])
    except (KeyError, TypeError, ValueError) as error:
        raise BrokenInput(f"{path}: 'published' is no list of years, groups and papers. Make the run again.") from error
    return dict(totals) or None


def _split(text: str, option: str, form: str) -> tuple[str, str]:
    left, mark, right = text.partition("=")
    if not mark or not left.strip() or not right.strip():
        raise BrokenInput(f"{option} '{text}' should read {form}.")
    return left.strip(), right.strip()


def _read_values(given: list[str]) -> dict[str, dict[str, str]]:
    values: dict[str, dict[str, str]] = {}
    for text in given:
        left, ours = _split(text, "--value", "FIELD:THEIRS=OURS")
        field, mark, theirs = left.partition(":")
        if not mark or not theirs:
            raise BrokenInput(f"--value '{text}' should read FIELD:THEIRS=OURS.")
        values.setdefault(field.strip(), {})[theirs.strip()] = ours
    return values


def _write_suggestions(found: list[Suggested], path: Path) -> None:
    if path.suffix.lower() != ".jsonl":
        raise UnknownName(f"Suggestions are written as JSONL; '{path.name}' should end in .jsonl.")
    write_text(path, "".join(json.dumps(one.as_json(), ensure_ascii=False) + "\n" for one in found))


def _show_suggestions(found: list[Suggested], score: SuggestionScore | None, path: Path) -> None:
    languages = sum(one.annotation.languages is not None for one in found)
    topics = sum(one.annotation.topic is not None for one in found)
    rejected = sum(len(one.rejected) for one in found)
    out.print(
        f"{len(found)} papers in {path}: languages suggested for {languages}, a topic for {topics}."
        + (f" {rejected} statements without a verbatim quote were rejected." if rejected else ""),
        highlight=False,
        markup=False,
    )
    if score is not None:
        table = Table(title=f"Against people, {score.papers} papers", title_justify="left")
        for header in ("measure", "value", "n"):
            table.add_column(header, justify="left" if header == "measure" else "right")
        for name, rate in (("precision of languages", score.precision), ("recall of languages", score.recall)):
            table.add_row(name, _show_rate(rate), str(rate.n))
        for name, reliability in score.kappas.items():
            table.add_row(f"kappa of {name}", _show_coefficient(reliability.kappa), str(reliability.units))
        out.print(table)
    err.print(NOT_LABELS, highlight=False)


def _show_agreement(found: list[LabelAgreement]) -> None:
    table = Table(title="Agreement", title_justify="left")
    for header in ("label", "papers", "annotators", "percent", "kappa", "alpha", "Jaccard"):
        table.add_column(header, justify="left" if header == "label" else "right")
    for row in found:
        cells = [_show_coefficient(one) for one in (row.percent, row.kappa, row.alpha, row.jaccard)]
        table.add_row(row.label, str(row.papers), str(row.annotators), *cells)
    out.print(table)
    for row in found:
        if row.warning and row.papers:
            err.print(f"Note: {row.label}: {row.warning}", highlight=False, markup=False)


def _show_coverage(record: CoverageRecord, folder: Path) -> None:
    table = Table(title=record.title, title_justify="left")
    for header in ("statistic", "value", "interval", "n"):
        table.add_column(header, justify="left" if header == "statistic" else "right")
    for one in record.statistics:
        table.add_row(one.title, show_value(one), show_bounds(one) or one.reason, str(one.n))
    out.print(table)
    for warning in record.warnings:
        err.print(f"Note: {warning}", highlight=False, markup=False)
    out.print(
        f"The page is {folder / PAGE_FILE}; {folder / COVERAGE_FILE} holds every definition.",
        highlight=False,
        markup=False,
    )


def _show_replication(found: Replication) -> None:
    out.print(
        f"{found.papers} relevant papers, {found.set_aside} set aside. Claims are {found.standing}.", markup=False
    )
    table = Table(title="Published figures beside the labels", title_justify="left", show_lines=True)
    for header in ("published", "labels say", "verdict"):
        table.add_column(header)
    for row in found.checked:
        said = [_show_reading(reading) for reading in row.readings]
        table.add_row(row.claim.says, "\n".join(said) or f"needs {', '.join(row.missing)}", row.verdict)
    out.print(table)
    out.print(found.tension.sentence, highlight=False, markup=False)
    if found.disagreeing:
        err.print(f"Note: {found.disagreeing} rows have a class that their languages do not give.", highlight=False)


def _show_reading(reading: Reading) -> str:
    value = "-" if reading.value is None else f"{reading.value:.3g}"
    return f"{'=' if reading.agrees else '≠'} {value}  {reading.definition}"


def _show_coefficient(value: Coefficient) -> str:
    if value.value is None:
        return "-"
    limits = f" ({value.interval[0]:.2f} to {value.interval[1]:.2f})" if value.interval else ""
    return f"{value.value:.2f}{limits}"


def _show_rate(rate: Rate) -> str:
    if rate.value is None:
        return "-"
    limits = f" ({rate.interval[0]:.2f} to {rate.interval[1]:.2f})" if rate.interval else ""
    return f"{rate.value:.2f}{limits}"
