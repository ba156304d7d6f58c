"""One scored row: a verdict joined with what the statistics need to know about its prompt."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.core import Kind, Label, Language
from isogloss.core.errors import BrokenInput, NothingToDo
from isogloss.core.journal import read_rows
from isogloss.core.run import RunFolder, load_run_record

_USED = (
    "key",
    "prompt_key",
    "prompt_id",
    "language",
    "kind",
    "seed_id",
    "cluster",
    "category",
    "failure_mode",
    "perturbation",
    "verdict",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to one prompt.

    Attributes:
        prompt_id: the prompt's id, shared by the languages of a parallel set.
        language: of the prompt.
        kind: harmful or harmless.
        seed_id: pairs the prompt across languages and conditions.
        cluster: unit of resampling.
        label: the verdict, or None where the model gave no answer.
        category: the set's own topic label, where it has one.
        failure_mode: how harm would get through, where known.
        perturbation: the way of writing, or None for the plain prompt.
        key: of the reply's row in the run; empty for outcomes made by hand.
    """

    prompt_id: str
    language: Language
    kind: Kind
    seed_id: str
    cluster: str
    label: Label | None
    category: str | None = None
    failure_mode: str | None = None
    perturbation: str | None = None
    key: str = ""


def load_outcomes(folder: Path) -> list[Outcome]:
    """Join the replies and verdicts of a run folder, in the order of the prompt set's languages, then by prompt.

    A reply without a verdict (an interrupted audit) is left out; failed prompts come with ``label=None``. The order
    does not depend on when a reply came, so that a resumed run gives the same files as an undisturbed one.

    Raises:
        NothingToDo: the run holds no verdicts yet.
        BrokenInput: a row lacks a field or holds an unknown label.
    """
    run = RunFolder(folder)
    verdicts = _read(run.verdicts)
    replies = _read(run.replies)
    if not verdicts:
        raise NothingToDo(f"{folder} holds no verdicts yet. Run `isogloss audit ... --out {folder}` first.")
    answered = [row for row in replies.values() if row["key"] in verdicts]
    keys = {row["key"] for row in replies.values()}
    failed = [row for row in _read(run.failures).values() if row["prompt_key"] not in keys]
    unique_failed = {row["prompt_key"]: row for row in failed}.values()
    parse = _LanguageCache()
    try:
        done = [_outcome(row, Label(verdicts[row["key"]]["verdict"]), parse) for row in answered]
        done += [_outcome(row, None, parse) for row in unique_failed]
    except (KeyError, ValueError) as error:
        raise BrokenInput(f"{folder}: a row of replies.jsonl or verdicts.jsonl cannot be read: {error}.") from error
    order = {tag: place for place, tag in enumerate(_language_order(folder))}
    return sorted(done, key=lambda row: (order.get(row.language.tag, len(order)), row.kind, row.prompt_id))


def _language_order(folder: Path) -> list[str]:
    if not RunFolder(folder).record.exists():
        return []
    return list(load_run_record(folder).get("prompt_counts", {}).get("languages", {}))


class _LanguageCache(dict[str, Language]):
    def __missing__(self, tag: str) -> Language:
        self[tag] = Language.parse(tag)
        return self[tag]


def _outcome(row: dict[str, Any], label: Label | None, parse: _LanguageCache) -> Outcome:
    return Outcome(
        prompt_id=row["prompt_id"],
        language=parse[row["language"]],
        kind=Kind(row["kind"]),
        seed_id=row["seed_id"],
        cluster=row["cluster"],
        label=label,
        category=row.get("category"),
        failure_mode=row.get("failure_mode"),
        perturbation=row.get("perturbation"),
        key=row["key"],
    )


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """Rows by key, without their texts: a million replies would not fit into memory otherwise."""
    if not path.exists():
        return {}
    return {row["key"]: {name: row[name] for name in _USED if name in row} for row in read_rows(path)}
