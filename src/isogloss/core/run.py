"""A run: one folder that records what was planned, what came out and with which versions.

``run.json`` holds the plan and the fingerprints, ``replies.jsonl`` and ``verdicts.jsonl`` are journals,
``scorecard.json`` (or ``diagnosis.json``) the result. Reports are made from these files alone.
"""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from isogloss.core.drafts import draft_of
from isogloss.core.errors import BrokenInput, PlanMismatch, UnknownName

RUN_FILE = "run.json"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where a run lives, and the names of its files."""

    path: Path

    @property
    def record(self) -> Path:
        return self.path / RUN_FILE

    @property
    def replies(self) -> Path:
        return self.path / "replies.jsonl"

    @property
    def verdicts(self) -> Path:
        return self.path / "verdicts.jsonl"

    @property
    def failures(self) -> Path:
        return self.path / "failures.jsonl"

    @property
    def comparison(self) -> Path:
        return self.path / "comparison.json"

    @property
    def scorecard(self) -> Path:
        return self.path / "scorecard.json"

    @property
    def diagnosis(self) -> Path:
        return self.path / "diagnosis.json"

    @property
    def report(self) -> Path:
        return self.path / "report.html"


def open_run(
    folder: Path,
    *,
    command: str,
    plan: Mapping[str, Any],
    fingerprints: Mapping[str, Any],
    details: Mapping[str, Any] | None = None,
) -> RunFolder:
    """Start a run, or go on with one that has the same plan.

    Args:
        folder: created where absent.
        command: the verb, such as "audit".
        plan: JSON-able fields of the plan.
        fingerprints: of everything outside the plan that decides the result: model, prompts, judge.
        details: further facts for readers, written when the run starts and not compared.

    Raises:
        PlanMismatch: the folder holds a run with another plan or other fingerprints; the message lists them.
        WriteFailed: the folder cannot be written.
    """
    run = RunFolder(folder)
    wanted = json.loads(json.dumps({"command": command, "plan": plan, "fingerprints": fingerprints}))
    if run.record.exists():
        found = load_run_record(folder)
        differences = list_differences({key: found.get(key) for key in wanted}, wanted)
        if differences:
            raise PlanMismatch(
                f"{folder} holds another run: {'; '.join(differences)}. "
                "Choose another --out folder, or repeat the command as it was."
            )
        return run
    write_json(run.record, {"schema": SCHEMA, **wanted, **(details or {}), "versions": describe_versions()})
    return run


def load_run_record(folder: Path) -> dict[str, Any]:
    """The content of ``run.json``.

    Raises:
        UnknownName: the folder holds no run.
        BrokenInput: the file is not a run record, or one of a newer schema.
    """
    return load_json(folder / RUN_FILE, what="run", schema=SCHEMA)


def load_json(path: Path, *, what: str, schema: int | None = None) -> dict[str, Any]:
    """Read one JSON object from a file.

    Args:
        path: the file.
        what: what the file should hold, for messages ("run", "scorecard").
        schema: the highest ``schema`` number that can be read, where the file carries one.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: the file does not hold a JSON object, or one of a newer schema.
    """
    if not path.exists():
        raise UnknownName(f"No {what} in {path.parent}: {path.name} is missing.")
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise BrokenInput(f"{path} cannot be read: {error.strerror}.") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BrokenInput(f"{path} is not JSON: {error}. Make the {what} again.") from error
    if not isinstance(value, dict):
        raise BrokenInput(f"{path} should hold a JSON object. Make the {what} again.")
    if schema is not None:
        _check_schema(path, value.get("schema", 0), schema)
    return value


def _check_schema(path: Path, found: object, known: int) -> None:
    if not isinstance(found, int):
        raise BrokenInput(f"{path} has schema {_short(found)}, which is not a number. Was it edited by hand?")
    if found > known:
        raise BrokenInput(f"{path} has schema {found}; this version reads up to {known}. Upgrade isogloss.")


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file so that a crash leaves either the old file or the new one.

    Raises:
        WriteFailed: the disk is full or the folder cannot be written.
    """
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file so that a crash leaves either the old file or the new one.

    Raises:
        WriteFailed: the disk is full or the folder cannot be written.
    """
    with draft_of(path) as draft:
        # Half a surrogate pair has no UTF-8 form; its escape is valid JSON and readable everywhere else.
        draft.write_bytes(text.encode(errors="backslashreplace"))


def list_differences(found: Any, wanted: Any, name: str = "") -> list[str]:
    """What differs between two JSON values, as "plan.seed was 1, now 2"."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        rows: list[str] = []
        for key in sorted(found.keys() | wanted.keys()):
            rows += list_differences(found.get(key), wanted.get(key), f"{name}.{key}" if name else key)
        return rows
    if found == wanted:
        return []
    return [f"{name} was {_short(found)}, now {_short(wanted)}"]


def describe_versions() -> dict[str, str]:
    """Versions of what can change a result."""
    packages = ("isogloss", "torch", "transformers", "tokenizers", "numpy", "scipy")
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
