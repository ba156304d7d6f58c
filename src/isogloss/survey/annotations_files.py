"""Labels in and out of files: a template for people to fill, CSV or JSONL back in, every complaint with its line."""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from isogloss.core.errors import BrokenInput, UnknownLanguage, UnknownName, UserError
from isogloss.core.run import write_text
from isogloss.prompts.reading import Row, read_rows, say_missing
from isogloss.survey.annotations import SOURCES, Annotation, as_json, find_contradictions
from isogloss.survey.codebook import Codebook
from isogloss.survey.codebook_languages import read_language, sort_tags
from isogloss.survey.records import Paper

LABEL_COLUMNS = (
    "annotator",
    "source",
    "relevant",
    "reason",
    "topic",
    "secondary_topic",
    "languages",
    "stated",
    "quote",
    "artefact",
    "confidence",
    "time",
    "note",
    "codebook",
)
PAPER_COLUMNS = ("paper", "year", "title", "abstract", "url")
COLUMNS = (*PAPER_COLUMNS, *LABEL_COLUMNS)
NO_LANGUAGE = "none"
SHOWN_MISTAKES = 6

_DERIVED = ("coverage", "class")
_YES = ("yes", "y", "true", "1")
_NO = ("no", "n", "false", "0")
_ANNOTATOR = re.compile(r"[\w.:/@+-]{1,80}\Z")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_EXPECTED = f"A file of labels has the columns paper, annotator and any of {', '.join(LABEL_COLUMNS[1:])}."


def load_annotations(path: Path, codebook: Codebook, *, annotator: str | None = None) -> list[Annotation]:
    """Read labels from CSV, TSV or JSONL. Rows without a single label are passed over.

    Languages are tags or English names, separated by semicolons or commas; "none" says that they could not be
    determined. Names and tags are brought to the codebook's form. A typed class must be the one that follows from the
    languages.

    Args:
        path: the file.
        codebook: says which labels there are.
        annotator: of rows that name none.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: a column is missing, a label is unknown, labels contradict each other, or one annotator labels a
            paper twice and differently; all are listed with their lines, the first six in full.
    """
    rows = read_rows(path)
    if rows:
        _check_columns(rows[0], annotated=annotator is not None)
    mistakes: list[str] = []
    found: dict[tuple[str, str, str], tuple[str, Annotation]] = {}
    for row in rows:
        read = _read_row(row, codebook, annotator, mistakes)
        if read is None:
            continue
        key = (read.paper, read.annotator, read.source)
        earlier = found.get(key)
        if earlier is None:
            found[key] = (row.place, read)
        elif _labels(earlier[1]) != _labels(read):
            mistakes.append(
                f"{row.place}: conflicting labels: {read.annotator} labelled {read.paper} otherwise in {earlier[0]}"
            )
    if mistakes:
        rest = f"; and {len(mistakes) - SHOWN_MISTAKES} more" if len(mistakes) > SHOWN_MISTAKES else ""
        raise BrokenInput(f"{'; '.join(mistakes[:SHOWN_MISTAKES])}{rest}. Nothing was read.")
    return [annotation for _, annotation in found.values()]


def write_annotations(annotations: Iterable[Annotation], path: Path) -> int:
    """Write labels as CSV where the name ends in .csv, as JSONL otherwise; a crash leaves the old file or the new.

    Returns:
        The number of annotations.

    Raises:
        WriteFailed: the disk is full or the folder cannot be written.
    """
    kept = list(annotations)
    if path.suffix.lower() == ".csv":
        write_text(path, _compose_csv([_cells(annotation) for annotation in kept], ("paper", *LABEL_COLUMNS)))
    else:
        write_text(path, "".join(json.dumps(as_json(one), ensure_ascii=False) + "\n" for one in kept))
    return len(kept)


def write_template(papers: Iterable[Paper], path: Path, codebook: Codebook, *, annotators: Sequence[str]) -> int:
    """Write a CSV to fill: every paper once for each annotator, with its title and abstract, and no suggestion.

    Suggestions are left out on purpose: shown before the first pass, they would raise agreement.

    Returns:
        The number of rows.

    Raises:
        UserError: the file exists already, labels in it would be lost; or an annotator's id is not of its form.
        WriteFailed: the disk is full or the folder cannot be written.
    """
    if path.exists():
        raise UserError(f"{path} exists, and labels in it would be lost. Choose another --output.")
    for annotator in annotators:
        if not _ANNOTATOR.match(annotator):
            raise UserError(
                f"'{annotator}' is not an annotator's id. Use letters and digits without spaces, such as a1."
            )
    rows: list[dict[str, str]] = []
    for paper in papers:
        known = {
            "paper": paper.id,
            "year": str(paper.year or ""),
            "title": paper.title,
            "abstract": paper.abstract or "",
            "url": paper.url or "",
        }
        rows += [{**known, "annotator": one, "source": "human", "codebook": codebook.version} for one in annotators]
    write_text(path, "\ufeff" + _compose_csv(rows, COLUMNS))
    return len(rows)


def describe_labels(codebook: Codebook) -> str:
    """The codebook as a page of Markdown, to print beside the sheet."""
    lines = [f"# {codebook.title}", "", f"Codebook {codebook.name}, version {codebook.version}.", "", "## Topics", ""]
    for topic in codebook.topics:
        excluded = f" Not: {topic.excludes}" if topic.excludes else ""
        lines.append(f"- `{topic.id}` ({topic.label}): {topic.means}{excluded}")
    lines += ["", "## What the paper brings", ""]
    lines += [f"- `{artefact.id}`: {artefact.label}" for artefact in codebook.artefacts]
    lines += [
        "",
        "## Other columns",
        "",
        "- `relevant`: yes or no; `reason`: in a few words.",
        "- `languages`: of the data or models studied, as tags or English names, separated by semicolons. `none`: "
        "looked for in the whole paper and not to be determined. Empty: not labelled.",
        "- `stated`: whether the paper itself names them (yes or no); `quote`: its words.",
        "- `confidence`: between 0 and 1.",
        "- The coverage class is derived from the languages and not typed.",
        "",
    ]
    return "\n".join(lines)


def _check_columns(row: Row, *, annotated: bool) -> None:
    found = list(row.values)
    needed = ("paper",) if annotated else ("paper", "annotator")
    for name in needed:
        if name not in row.values:
            raise BrokenInput(say_missing(row.place, name, found, expected=_EXPECTED))
    unknown = [name for name in found if name not in (*COLUMNS, *_DERIVED)]
    if unknown:
        raise BrokenInput(f"{row.place}: unknown column '{unknown[0]}'. {_EXPECTED} Remove it, or rename it to 'note'.")


def _read_row(row: Row, codebook: Codebook, annotator: str | None, mistakes: list[str]) -> Annotation | None:
    cells = {name: _text(value) for name, value in row.values.items() if name != "languages"}
    given = row.values.get("languages")
    labelled = [cells.get(name) for name in ("relevant", "topic", "secondary_topic", "stated", "artefact")]
    if not any(labelled) and given in (None, ""):
        return None
    try:
        annotation = _make_annotation(cells, given, codebook, annotator)
    except (UnknownName, UnknownLanguage, ValueError) as error:
        mistakes.append(f"{row.place}: {str(error).rstrip('.')}")
        return None
    wrong = find_contradictions(annotation, codebook)
    typed = cells.get("coverage") or cells.get("class")
    if typed and typed != annotation.coverage:
        wrong.append(f"the class {typed} does not follow from the languages, which make it {annotation.coverage}")
    mistakes += [f"{row.place}: conflicting labels: {what}" for what in wrong]
    return annotation


def _make_annotation(cells: Mapping[str, str], given: object, codebook: Codebook, annotator: str | None) -> Annotation:
    topic = codebook.find_topic(cells["topic"]) if cells.get("topic") else None
    second = codebook.find_topic(cells["secondary_topic"]) if cells.get("secondary_topic") else None
    relevant = _read_answer(cells.get("relevant", ""), "relevant")
    if relevant is None and topic is not None:
        relevant = not topic.discard
    if relevant is False and topic is None:
        topic = next(one for one in codebook.topics if one.discard)
    return Annotation(
        paper=_require(cells.get("paper", ""), "paper"),
        annotator=_require(cells.get("annotator") or annotator or "", "annotator"),
        source=_read_source(cells.get("source", "")),
        relevant=relevant,
        reason=cells.get("reason", ""),
        topic=topic.id if topic else None,
        secondary_topic=second.id if second else None,
        languages=_read_languages(given, codebook),
        stated=_read_answer(cells.get("stated", ""), "stated"),
        quote=cells.get("quote", ""),
        artefact=codebook.find_artefact(cells["artefact"]).id if cells.get("artefact") else None,
        time=cells.get("time", ""),
        confidence=_read_confidence(cells.get("confidence", "")),
        note=cells.get("note", ""),
        codebook=cells.get("codebook", "") or codebook.version,
    )


def _read_languages(given: object, codebook: Codebook) -> tuple[str, ...] | None:
    if given is None or given == "":
        return None
    parts = [str(part) for part in given] if isinstance(given, list) else re.split(r"[;,]", str(given))
    entries = [part.strip() for part in parts if part.strip()]
    if [entry.casefold() for entry in entries] in ([NO_LANGUAGE], []):
        return () if isinstance(given, list) or entries else None
    return sort_tags(tag for entry in entries for tag in read_language(entry, codebook))


def _read_answer(text: str, name: str) -> bool | None:
    folded = text.casefold()
    if not folded:
        return None
    if folded in _YES or folded in _NO:
        return folded in _YES
    raise ValueError(f"'{name}' is '{text[:30]}', expected yes or no")


def _read_source(text: str) -> Any:
    if text and text not in SOURCES:
        raise ValueError(f"'source' is '{text[:30]}', expected {', '.join(SOURCES)}")
    return text or "human"


def _read_confidence(text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ValueError(f"'confidence' is '{text[:30]}', expected a number between 0 and 1")
    return value


def _require(text: str, name: str) -> str:
    if not text:
        raise ValueError(f"'{name}' is empty")
    return text


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = " ".join(str(value).split())
    # The apostrophe is ours: it keeps spreadsheets from running the cell.
    return text[1:] if text[:1] == "'" and text[1:].startswith(_FORMULA) else text


def _labels(annotation: Annotation) -> tuple[Any, ...]:
    names = ("relevant", "topic", "secondary_topic", "languages", "stated", "artefact")
    return tuple(getattr(annotation, name) for name in names)


def _cells(annotation: Annotation) -> dict[str, str]:
    fields = as_json(annotation)
    cells = {name: _text(value) for name, value in fields.items() if name not in ("languages", "coverage")}
    if annotation.languages is not None:
        cells["languages"] = ";".join(annotation.languages) or NO_LANGUAGE
    return cells


def _compose_csv(rows: Iterable[Mapping[str, str]], columns: Sequence[str]) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    # Spreadsheets run cells that begin like a formula, and titles are strangers' text.
    for row in rows:
        cells = [row.get(name, "") for name in columns]
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return stream.getvalue()
