"""The journals of a run as one stream of rows: prompt, reply and verdict side by side."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from isogloss.core.errors import NothingToDo
from isogloss.core.journal import Row, read_rows
from isogloss.core.run import RunFolder, load_run_record

PROMPT_FIELDS = (
    "prompt_id",
    "language",
    "kind",
    "seed_id",
    "cluster",
    "category",
    "failure_mode",
    "split",
    "perturbation",
)
"""What a row of a journal says of its prompt, apart from the text."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """One prompt of a run.

    Attributes:
        fields: the row of ``replies.jsonl``; for a prompt without an answer, what ``failures.jsonl`` says of it.
        verdict: the row of ``verdicts.jsonl``; None where the reply was not judged or there is none.
        error: why there is no answer, or None.
    """

    fields: Row
    verdict: Row | None
    error: str | None = None


def iterate_rows(folder: Path) -> Iterator[RunRow]:
    """Every prompt of a run once: first those answered, in the order of their answers, then those that failed.

    Verdicts are held in memory, replies are not.

    Raises:
        UnknownName: the folder holds no run.
        NothingToDo: the run holds no replies and no failures.
        BrokenInput: a journal cannot be read.
    """
    load_run_record(folder)
    run = RunFolder(folder)
    verdicts = {row["key"]: row for row in _read(run.verdicts)}
    answered: set[str] = set()
    for row in _read(run.replies):
        answered.add(row["key"])
        yield RunRow(row, verdicts.get(row["key"]))
    failed = {row["prompt_key"]: row for row in _read(run.failures) if row.get("prompt_key") not in answered}
    if not answered and not failed:
        raise NothingToDo(f"{folder} holds no replies yet. Run `isogloss audit ... --out {folder}` first.")
    for key, row in failed.items():
        yield RunRow({**row, "key": key}, None, error=str(row.get("error") or "no reason recorded"))


def _read(path: Path) -> Iterator[Row]:
    if path.exists():
        yield from read_rows(path)
