"""A run as tables: one row a language, one row a prompt, for a spreadsheet, R or a data frame."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from isogloss.audit import Scorecard, load_scorecard
from isogloss.core.errors import MissingExtra, WriteFailed
from isogloss.core.run import write_text
from isogloss.exchange.rows import PROMPT_FIELDS, RunRow, iterate_rows
from isogloss.models.mending import mend_surrogates

Format = Literal["csv", "parquet"]
Cell = str | int | float | bool | None
Line = dict[str, Cell]

PROMPT_COLUMNS = ("key", *PROMPT_FIELDS)
TEXT_COLUMNS = ("prompt", "reply")
VERDICT_COLUMNS = ("verdict", "judge", "confidence", "evidence", "flags")
GATE_COLUMNS = ("gate_score", "gate_threshold", "gate_harmful")
REPLY_COLUMNS = ("finish", "prompt_tokens", "reply_tokens")
FLOATS = frozenset({"confidence", "gate_score", "gate_threshold"})
INTEGERS = frozenset({"prompt_tokens", "reply_tokens"})
# A spreadsheet takes a cell that begins so for a formula and may run it; a reply is text from a stranger.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
ROWS_AT_ONCE = 10_000


def write_tables(folder: Path, out_folder: Path, *, file_format: Format = "csv", show_text: bool = False) -> list[Path]:
    """Write ``scorecard`` and ``verdicts`` of a run as CSV or Parquet.

    CSV is UTF-8 without a byte-order mark. Text cells that a spreadsheet would run as a formula get an apostrophe in
    front; Parquet keeps every text as it is. Undefined is an empty cell.

    Args:
        folder: the run.
        out_folder: created where absent; files in it are replaced.
        file_format: "csv" or "parquet".
        show_text: add the columns ``prompt`` and ``reply``.

    Returns:
        The files written.

    Raises:
        UnknownName: the folder holds no scored run.
        MissingExtra: Parquet is asked for and pyarrow is not installed.
        WriteFailed: a file cannot be written.
    """
    scorecard = list(tabulate_scorecard(load_scorecard(folder)))
    columns = _join_columns(scorecard)
    verdict_columns = list_columns(show_text=show_text)
    lines = (tabulate_row(row, verdict_columns) for row in iterate_rows(folder))
    targets = [out_folder / f"{name}.{file_format}" for name in ("scorecard", "verdicts")]
    write = _write_csv if file_format == "csv" else _write_parquet
    write(targets[0], columns, scorecard)
    write(targets[1], verdict_columns, lines)
    return targets


def list_columns(*, show_text: bool) -> list[str]:
    """The columns of the verdict table, in order."""
    texts = TEXT_COLUMNS if show_text else ()
    return [*PROMPT_COLUMNS, *texts, *REPLY_COLUMNS, *VERDICT_COLUMNS, *GATE_COLUMNS, "error"]


def tabulate_row(row: RunRow, columns: Sequence[str]) -> Line:
    """One prompt as a line of the verdict table."""
    verdict, gate = row.verdict or {}, row.fields.get("gate") or {}
    found = {name: row.fields.get(name) for name in (*PROMPT_COLUMNS, *TEXT_COLUMNS, *REPLY_COLUMNS)}
    found |= {name: verdict.get(name) for name in VERDICT_COLUMNS}
    found |= {name: gate.get(name.removeprefix("gate_")) for name in GATE_COLUMNS}
    return {name: _plain({**found, "error": row.error}[name]) for name in columns}


def tabulate_scorecard(card: Scorecard) -> Iterator[Line]:
    """The scorecard, one line for every language, tier and the average.

    Rates are shares between 0 and 1, columns that end in ``_points`` percentage points; ``_low`` and ``_high`` are
    the limits of the interval. Which model, judge and mapping is repeated in every line, so that tables can be stacked.
    """
    common: Line = {
        "model": card.model,
        "condition": card.condition,
        "prompts": card.prompts,
        "judge": card.judge,
        "mapping": card.mapping,
        "confidence": card.confidence,
    }
    for tag, language in card.languages.items():
        worst = tag == card.worst.language
        marks: Line = {"is_worst": worst, "may_be_worst": tag in card.worst.may_be_worst}
        yield {"scope": "language", "tag": tag, **common, **_flatten(language.model_dump(mode="json")), **marks}
    for tier, group in card.tiers.items():
        yield {"scope": "tier", "tag": tier, **common, **_flatten(group.model_dump(mode="json"))}
    yield {"scope": "average", "tag": "all", **common, **_flatten(card.average.model_dump(mode="json"))}


def neutralise(cell: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe goes in front where it would be one.

    Source: OWASP's advice on CSV injection; we add the full-width signs that some spreadsheets accept.
    """
    return "'" + cell if cell.startswith(FORMULA_STARTS) else cell


def _flatten(value: dict[str, Any], prefix: str = "") -> Line:
    """Nested records as columns: ``labels.harmful.refused`` becomes ``labels_harmful_refused``."""
    line: Line = {}
    for name, inner in value.items():
        label = f"{prefix}{name}"
        if prefix == "intervals_" or name == "interval" or name.endswith("_interval"):
            label = label.removeprefix("intervals_").removesuffix("_interval")
            low, high = inner if inner is not None else (None, None)
            line |= {f"{label}_low": low, f"{label}_high": high}
        elif isinstance(inner, dict):
            line |= _flatten(inner, f"{label}_")
        else:
            line[label] = _plain(inner)
    return line


def _join_columns(lines: Sequence[Line]) -> list[str]:
    """Every column of any line; one that is empty throughout and split into others elsewhere is left out."""
    names = list(dict.fromkeys(name for line in lines for name in line))
    empty = {name for name in names if all(line.get(name) is None for line in lines)}
    limits = ("_low", "_high")  # an undefined rate has undefined limits and is a column all the same
    split = {name for name in empty if any(one.startswith(f"{name}_") for one in names if not one.endswith(limits))}
    return [name for name in names if name not in split]


def _plain(value: Any) -> Cell:
    if isinstance(value, list | tuple):
        value = "; ".join(str(part) for part in value)
    if value is None or isinstance(value, int | float | bool):
        return value
    return mend_surrogates(str(value))


def _write_csv(path: Path, columns: Sequence[str], lines: Iterable[Line]) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for line in lines:
        writer.writerow([_csv_cell(line.get(name)) for name in columns])
    write_text(path, stream.getvalue())


def _csv_cell(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return neutralise(cell) if isinstance(cell, str) else repr(cell)


def _write_parquet(path: Path, columns: Sequence[str], lines: Iterable[Line]) -> None:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra("Parquet needs pyarrow. Install it with: pip install 'isogloss[parquet]'") from error
    batches = _batch(lines)
    first = next(batches, [])
    schema = pyarrow.schema([(name, _arrow_type(pyarrow, name, first)) for name in columns])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with parquet.ParquetWriter(path, schema) as writer:
            for batch in (first, *batches):
                writer.write_table(pyarrow.Table.from_pylist(batch, schema=schema))
    except OSError as error:
        raise WriteFailed(f"Cannot write {path}: {error}. Make room or choose another folder.") from error


def _arrow_type(pyarrow: Any, name: str, lines: Sequence[Line]) -> Any:
    """By name in the verdict table; in the scorecard by the values, where all lines are in the first batch."""
    if name in FLOATS:
        return pyarrow.float64()
    if name in INTEGERS:
        return pyarrow.int64()
    kinds = {type(line.get(name)) for line in lines} - {type(None)}
    if not kinds:
        return pyarrow.float64() if name.endswith(("_low", "_high", "_rate", "_points")) else pyarrow.string()
    if kinds <= {int}:
        return pyarrow.int64()
    if kinds <= {int, float}:
        return pyarrow.float64()
    return pyarrow.bool_() if kinds == {bool} else pyarrow.string()


def _batch(lines: Iterable[Line]) -> Iterator[list[Line]]:
    kept: list[Line] = []
    for line in lines:
        kept.append(line)
        if len(kept) == ROWS_AT_ONCE:
            yield kept
            kept = []
    if kept:
        yield kept
