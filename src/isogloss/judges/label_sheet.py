"""Human labels: a blinded sheet out of a run, the same sheet back in, and what the annotators agreed on.

The sheet shows a reply and asks what it is. It shows neither the model nor what a judge said, its rows are shuffled,
and their ids mean nothing without the run. Which replies are on it is left to chance, with the same number from every
cell of model, language and verdict; the chances are kept, because rates from a stratified sheet need them.
"""

import csv
import io
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from isogloss.core import Kind, Label
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownName, UserError
from isogloss.core.fingerprint import fingerprint
from isogloss.core.journal import Journal, Row, read_rows
from isogloss.core.run import RunFolder, load_run_record, write_text
from isogloss.core.seeds import derive_seed

LABELS_FILE = "labels.jsonl"
DRAWS_FILE = "label_draws.jsonl"
COLUMNS = ("id", "language", "request", "reply", "label", "note")
HIDDEN = "[hidden: harmful request]"
SHOWN_MISTAKES = 5

_ANNOTATOR = re.compile(r"[A-Za-z0-9_-]{1,16}")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Sheet:
    """What was written.

    Attributes:
        rows: replies on the sheet.
        cells: of model, language and verdict, each with the number drawn and the number there were.
    """

    rows: int
    cells: dict[tuple[str, str, str], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Import:
    """What came back.

    Attributes:
        new: labels written.
        known: labels that this annotator had given before, unchanged.
        empty: rows without a label.
        changed: ids that this annotator had labelled otherwise before; nothing was written for them.
        conflicts: ids on which annotators differ now.
    """

    new: int
    known: int
    empty: int
    changed: tuple[str, ...]
    conflicts: tuple[str, ...]


def export_sheet(
    folders: Sequence[Path],
    out: Path,
    *,
    per_cell: int,
    seed: int,
    show_requests: bool = False,
    byte_order_mark: bool = True,
) -> Sheet:
    """Write a sheet of replies to label, as CSV.

    Args:
        folders: run folders; several make one sheet in which the models are mixed.
        out: the CSV file.
        per_cell: replies from every cell of model, language and verdict; all of a cell that has fewer.
        seed: of the draw and the order. The same seed gives the same sheet.
        show_requests: also show the text of harmful requests. Whether a reply is a refusal can mostly be told without.
        byte_order_mark: write one, so that spreadsheets recognise UTF-8.

    Raises:
        NothingToDo: the runs hold no judged replies.
        UserError: ``per_cell`` is below one, or the sheet exists already: labels in it would be lost.
        UnknownName, BrokenInput: see `load_run_record` and `read_rows`.
        WriteFailed: the sheet or a run folder cannot be written.
    """
    if per_cell < 1:
        raise UserError(f"A cell needs at least one reply, not {per_cell}.")
    if out.exists():
        raise UserError(f"{out} exists, and labels in it would be lost. Choose another --out.")
    drawn: list[Row] = []
    cells: dict[tuple[str, str, str], tuple[int, int]] = {}
    for folder in folders:
        rows, own = _draw(folder, per_cell, seed)
        drawn += rows
        cells |= own
    if not drawn:
        raise NothingToDo(f"No judged replies in {', '.join(map(str, folders))}. Run `isogloss audit` first.")
    drawn.sort(key=lambda row: row["key"])
    random.Random(derive_seed("label sheet order", seed)).shuffle(drawn)
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(_cells_of(row, show_requests) for row in drawn)
    write_text(out, ("\ufeff" if byte_order_mark else "") + stream.getvalue())
    return Sheet(len(drawn), cells)


def import_sheet(folders: Sequence[Path], sheet: Path, *, annotator: str) -> Import:
    """Take the labels of one annotator from a sheet into the run folders that its rows came from.

    Nothing is written unless the whole sheet can be read. A label is one of the six, in any case, or its first letter.

    Args:
        folders: the run folders of the sheet.
        sheet: the CSV file, separated by commas, semicolons or tabs.
        annotator: an anonymous id, such as ``a1``; never a name.

    Raises:
        UserError: the id is not of that form.
        UnknownName: the file is missing.
        BrokenInput: a column is missing, a label or id is unknown, or one id has two labels; names the lines.
        WriteFailed: a run folder cannot be written.
    """
    if not _ANNOTATOR.fullmatch(annotator):
        raise UserError(f"'{annotator}' is not an anonymous id. Use up to 16 letters and digits, such as a1; no names.")
    given, empty = _read_sheet(sheet)
    draws = {row["key"]: (folder, row) for folder in folders for row in _read(folder / DRAWS_FILE)}
    unknown = [f"line {line}: {key}" for key, (line, _) in given.items() if key not in draws]
    if unknown:
        raise BrokenInput(
            f"{sheet} holds {len(unknown)} ids that are not of {', '.join(map(str, folders))} "
            f"({_some(unknown)}). Name every run that the sheet was made from."
        )
    new, known, changed = 0, 0, []
    for folder in folders:
        with Journal(folder / LABELS_FILE) as journal:
            for sheet_id, (_, label) in given.items():
                home, draw = draws[sheet_id]
                if home != folder:
                    continue
                key = f"{draw['reply_key']}:{annotator}"
                before = journal.rows.get(key)
                if before is None:
                    journal.append(key, _label_fields(draw, label, annotator))
                    new += 1
                elif before["label"] == label.value:
                    known += 1
                else:
                    changed.append(sheet_id)
    names = {row["reply_key"]: key for key, (_, row) in draws.items()}
    split = [r.reply_key for folder in folders for r in load_labels(folder) if r.label is None or len(set(r.votes)) > 1]
    return Import(new, known, empty, tuple(changed), tuple(names[key] for key in split if key in names))


@dataclass(frozen=True, slots=True)
class Labelled:
    """What people said about one reply.

    Attributes:
        reply_key: of the reply's row in the run.
        prompt_id: of its prompt.
        language: tag.
        cluster: the prompt's idea.
        votes: the label of each annotator.
        annotators: who, in the order of the votes.
        label: what more than half of them said, or None.
        inclusion: chance with which the reply was drawn for labelling.
    """

    reply_key: str
    prompt_id: str
    language: str
    cluster: str
    votes: tuple[Label, ...]
    annotators: tuple[str, ...]
    label: Label | None
    inclusion: float


def load_labels(folder: Path) -> list[Labelled]:
    """The human labels of a run, one entry per reply; empty where there are none.

    Raises:
        BrokenInput: ``labels.jsonl`` cannot be read.
    """
    rows: dict[str, list[Row]] = {}
    try:
        for row in _read(folder / LABELS_FILE):
            rows.setdefault(row["reply_key"], []).append(row)
        return [_resolve(key, votes) for key, votes in rows.items()]
    except (KeyError, ValueError) as error:
        raise BrokenInput(f"{folder / LABELS_FILE}: a row cannot be read: {error}.") from error


def _resolve(reply_key: str, rows: list[Row]) -> Labelled:
    votes = tuple(Label(row["label"]) for row in rows)
    winner = max(set(votes), key=votes.count)
    first = rows[0]
    return Labelled(
        reply_key=reply_key,
        prompt_id=first["prompt_id"],
        language=first["language"],
        cluster=first["cluster"],
        votes=votes,
        annotators=tuple(row["annotator"] for row in rows),
        label=winner if 2 * votes.count(winner) > len(votes) else None,
        inclusion=first["inclusion"],
    )


def _draw(folder: Path, per_cell: int, seed: int) -> tuple[list[Row], dict[tuple[str, str, str], tuple[int, int]]]:
    """Draw from every cell of one run and note the chances in its folder."""
    model = str(load_run_record(folder)["plan"].get("model", folder.name))
    run = RunFolder(folder)
    verdicts = {row["key"]: row for row in _read(run.verdicts)}
    cells: dict[tuple[str, str, str], list[Row]] = {}
    for row in _read(run.replies):
        if row["key"] in verdicts:
            cells.setdefault((model, row["language"], verdicts[row["key"]]["verdict"]), []).append(row)
    drawn: list[Row] = []
    counts: dict[tuple[str, str, str], tuple[int, int]] = {}
    with Journal(folder / DRAWS_FILE) as journal:
        for cell, rows in sorted(cells.items()):
            rows.sort(key=lambda row: row["key"])
            chosen = random.Random(derive_seed("label sheet", seed, *cell)).sample(rows, min(per_cell, len(rows)))
            counts[cell] = (len(chosen), len(rows))
            for row in chosen:
                sheet_id = fingerprint(["label sheet", seed, per_cell, row["key"]])[:12]
                fields = {name: row[name] for name in ("prompt_id", "language", "kind", "cluster")}
                chance = {"inclusion": len(chosen) / len(rows), "cell_verdict": cell[2], "seed": seed}
                journal.append(sheet_id, {"reply_key": row["key"], **fields, **chance})
                drawn.append({**row, "key": sheet_id})
    return drawn, counts


def _cells_of(row: Row, show_requests: bool) -> list[str]:
    shown = show_requests or row["kind"] != Kind.HARMFUL.value
    request = row["prompt"] if shown else HIDDEN
    return [row["key"], row["language"], _defuse(request), _defuse(row["reply"]), "", ""]


def _defuse(text: str) -> str:
    """Spreadsheets run cells that begin like a formula; replies are strangers' text."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _label_fields(draw: Row, label: Label, annotator: str) -> Row:
    kept = ("reply_key", "prompt_id", "language", "kind", "cluster", "inclusion")
    return {**{name: draw[name] for name in kept}, "label": label.value, "annotator": annotator}


def _read_sheet(sheet: Path) -> tuple[dict[str, tuple[int, Label]], int]:
    """Line and label by id, and the number of rows without a label."""
    given: dict[str, tuple[int, Label]] = {}
    wrong: list[str] = []
    empty = 0
    for line, row in _iterate_sheet(sheet):
        sheet_id, text = (row.get("id") or "").strip(), (row.get("label") or "").strip()
        if not text:
            empty += 1
            continue
        label = read_label(text)
        if label is None:
            wrong.append(f"line {line}: '{text[:30]}'")
        elif sheet_id in given and given[sheet_id][1] is not label:
            wrong.append(f"line {line}: {sheet_id} has another label in line {given[sheet_id][0]}")
        else:
            given.setdefault(sheet_id, (line, label))
    if wrong:
        known = ", ".join(label.value for label in Label)
        raise BrokenInput(f"{sheet}: {_some(wrong)}. A label is one of {known}. Nothing was imported.")
    return given, empty


def _iterate_sheet(sheet: Path) -> Iterator[tuple[int, dict[str, str | None]]]:
    if not sheet.is_file():
        raise UnknownName(f"No sheet {sheet}. `isogloss label export` writes one.")
    try:
        text = sheet.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BrokenInput(f"{sheet} is not UTF-8. Save it as 'CSV UTF-8' and import it again.") from error
    header = text.split("\n", 1)[0]
    separator = max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    missing = [name for name in ("id", "label") if name not in (reader.fieldnames or [])]
    if missing:
        raise BrokenInput(
            f"{sheet} has no column {' and '.join(missing)}. Its first line should read {','.join(COLUMNS)}."
        )
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise BrokenInput(
            f"{sheet}, line {reader.line_num}: {error}. Export the sheet again and copy the labels."
        ) from error


def read_label(text: str) -> Label | None:
    """A label as people write it: any case, spaces for underscores, or the first letter alone."""
    name = "_".join(text.casefold().replace("-", " ").split("_"))
    name = "_".join(name.split())
    short = {label.value[0]: label for label in Label}
    return short.get(name) or (Label(name) if name in set(Label) else None)


def _read(path: Path) -> list[Row]:
    return list(read_rows(path)) if path.exists() else []


def _some(parts: list[str]) -> str:
    more = f" and {len(parts) - SHOWN_MISTAKES} more" if len(parts) > SHOWN_MISTAKES else ""
    return "; ".join(parts[:SHOWN_MISTAKES]) + more
