"""The folder of a survey run: what was asked of which data, what came out, and what to be wary of."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from isogloss.core.run import open_run, write_json, write_text
from isogloss.survey.loading import LoadReport
from isogloss.survey.prisma import draw_prisma, render_prisma
from isogloss.survey.records import write_papers
from isogloss.survey.selection import QueryRun
from isogloss.survey.sensitivity import render_sensitivity

PAPERS_FILE = "papers.jsonl"
COUNTS_FILE = "counts.json"
SENSITIVITY_FILE = "sensitivity.csv"
DIAGRAM_FILE = "prisma.svg"
PAGE_FILE = "prisma.html"
WARNINGS_FILE = "warnings.txt"


def write_run(
    folder: Path, run: QueryRun, report: LoadReport, *, data: Mapping[str, Any], settings: Mapping[str, Any]
) -> None:
    """Write a run: ``run.json``, ``papers.jsonl``, ``counts.json``, ``sensitivity.csv``, the diagram, the warnings.

    The same query over the same data may be written again; another query or other data need another folder.

    Args:
        folder: created where absent.
        run: of ``run_query``.
        report: that the loader filled.
        data: fingerprints of the sources, by path as given.
        settings: further choices that decide the result: venue table, columns, full texts.

    Raises:
        PlanMismatch: the folder holds the run of another query or of other data.
        WriteFailed: the disk is full or the folder cannot be written.
        MissingExtra: prisma-flow is not installed.
    """
    svg = draw_prisma(run.counts, title=run.query.title)
    page = render_prisma(run.counts, title=run.query.title)
    open_run(
        folder,
        command="survey",
        plan={"query": run.query.as_json(), **settings},
        fingerprints={"data": dict(data)},
        details={"read": report.as_json(), "packages": describe_packages()},
    )
    write_papers(run.papers, folder / PAPERS_FILE)
    write_json(folder / COUNTS_FILE, run.as_json())
    write_text(folder / SENSITIVITY_FILE, render_sensitivity(run.sensitivity))
    write_text(folder / DIAGRAM_FILE, svg)
    write_text(folder / PAGE_FILE, page)
    write_text(folder / WARNINGS_FILE, "".join(warning + "\n" for warning in run.warnings))


def describe_packages() -> dict[str, str]:
    """Versions of the packages that only a survey uses."""
    found: dict[str, str] = {}
    for package in ("lxml", "prisma-flow"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
