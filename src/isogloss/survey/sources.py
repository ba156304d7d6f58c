"""Papers from whatever the user points at: an Anthology clone, BibTeX, CSV or TSV, or our own JSONL."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from isogloss.core.errors import BrokenInput, UnknownName
from isogloss.core.fingerprint import fingerprint_file
from isogloss.core.progress import Progress, silent
from isogloss.survey.anthology import SOURCE, find_xml_folder, load_anthology
from isogloss.survey.anthology_package import load_with_package
from isogloss.survey.bibtex import load_bibtex
from isogloss.survey.clone import find_data_commit
from isogloss.survey.csv_papers import load_csv_papers
from isogloss.survey.loading import LoadReport
from isogloss.survey.records import Paper, load_papers
from isogloss.survey.venues import VenueTable


def load_source(
    path: Path,
    *,
    report: LoadReport,
    venues: VenueTable | None = None,
    columns: Mapping[str, str] = MappingProxyType({}),
    with_package: bool = False,
    progress: Progress = silent,
) -> Iterator[Paper]:
    """Read papers one by one from a folder (a clone of the Anthology) or a file; its ending says which kind.

    Args:
        path: a folder, or a file that ends in .bib, .csv, .tsv or .jsonl.
        report: filled while papers are taken.
        venues: the table of venue groups; by default the bundled one. Papers from JSONL keep their groups.
        columns: for CSV and TSV, our name of a column to the file's own.
        with_package: read a clone with ``acl-anthology``, which validates more and holds everything in memory.
        progress: told how far the reading is.

    Raises:
        UnknownName: there is no such file or folder, or the folder holds no XML files.
        BrokenInput: the ending is unknown, or the file cannot be read.
        MissingExtra: the folder is a clone and lxml (or the package asked for) is not installed.
    """
    if path.is_dir():
        folder = find_xml_folder(path)
        commit = find_data_commit(folder) if folder else None
        if commit:
            report.commits[SOURCE] = commit
        if with_package:
            return load_with_package(path, report=report, venues=venues)
        return load_anthology(path, report=report, venues=venues, progress=progress)
    match path.suffix.lower():
        case ".bib" | ".bibtex":
            return load_bibtex(path, report=report, venues=venues, progress=progress)
        case ".csv" | ".tsv":
            return load_csv_papers(path, columns=columns, report=report, venues=venues, progress=progress)
        case ".jsonl":
            report.sources.append(path.name)
            return load_papers(path)
    if not path.exists():
        raise UnknownName(f"No file or folder {path}.")
    raise BrokenInput(f"{path}: expected a clone of the Anthology (a folder), or a .bib, .csv, .tsv or .jsonl file.")


def fingerprint_source(path: Path) -> dict[str, Any]:
    """What makes two copies of a source the same: SHA-256 of a file, or of the names and contents of a folder's XML.

    Raises:
        UnknownName: there is no such file or folder, or the folder holds no XML files.
    """
    if path.is_file():
        return {"name": path.name, "sha256": fingerprint_file(path)}
    folder = find_xml_folder(path) if path.is_dir() else None
    if folder is None:
        raise UnknownName(f"No papers in {path}: expected a clone of the Anthology, or a file that exists.")
    total = hashlib.sha256()
    files = sorted(folder.glob("*.xml"))
    for file in files:
        total.update(f"{file.name} {_fingerprint_readable(file)}\n".encode())
    return {
        "name": SOURCE,
        "commit": find_data_commit(folder),
        "files": len(files),
        "sha256": total.hexdigest(),
    }


def _fingerprint_readable(file: Path) -> str:
    try:
        return fingerprint_file(file)
    except OSError as error:
        return f"unreadable: {error.strerror}"


def attach_full_texts(papers: Iterable[Paper], folder: Path) -> Iterator[Paper]:
    """Give each paper the text of ``ID.txt`` in a folder, where there is such a file; one paper at a time.

    Raises:
        UnknownName: there is no such folder. Raised at the call.
        BrokenInput: a file is not UTF-8.
    """
    if not folder.is_dir():
        raise UnknownName(f"No folder {folder}; expected one with a file ID.txt for each paper.")
    known = {entry.name for entry in folder.iterdir() if entry.suffix == ".txt"}
    return (_attach(paper, folder, known) for paper in papers)


def _attach(paper: Paper, folder: Path, known: set[str]) -> Paper:
    name = f"{paper.id}.txt"
    if name not in known:
        return paper
    try:
        text = (folder / name).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise BrokenInput(f"{folder / name} is not UTF-8: {error.reason} at byte {error.start}.") from error
    return replace(paper, full_text=text)
