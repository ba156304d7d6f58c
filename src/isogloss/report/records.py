"""The records of a run, read with the loaders of the rooms that wrote them; a report can be made again years later."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from isogloss.audit.comparison import Comparison, load_comparison
from isogloss.audit.scorecard import Scorecard, load_scorecard
from isogloss.core.errors import BrokenInput, UnknownName
from isogloss.core.run import RunFolder, load_json, load_run_record
from isogloss.inside.record import Diagnosis, load_diagnosis
from isogloss.judges.card import JudgeCard, load_card
from isogloss.judges.labelled_runs import CARD_FILE
from isogloss.report.policies import POLICY_FILE, PolicyRecord, load_policy_record

REPAIR_FILE = "repair.json"


@dataclass(frozen=True)
class RunRecords:
    """One run folder, read.

    Attributes:
        folder: where the run lives.
        run: the content of ``run.json``, empty where the file is missing.
        scorecard: None where the run is a diagnosis alone.
        diagnosis: None where none was made.
        policy: the check of the run against a policy; None where none was made.
        judge_cards: measured error of the run's judge, on this run's replies first, then as it comes with the package.
    """

    folder: RunFolder
    run: dict[str, Any]
    scorecard: Scorecard | None
    diagnosis: Diagnosis | None
    policy: PolicyRecord | None = None
    judge_cards: tuple[JudgeCard, ...] = ()

    @property
    def model(self) -> str:
        """The model's name, from whichever record is there."""
        record = self.scorecard or self.diagnosis
        return record.model if record else "model"


def load_run(folder: Path) -> RunRecords:
    """Read the records of one run; the journals of replies and verdicts are left for streaming.

    Raises:
        UnknownName: the folder holds neither a scorecard nor a diagnosis.
        BrokenInput: a record cannot be read; the message names the file.
    """
    run = RunFolder(folder)
    scorecard = load_scorecard(folder) if run.scorecard.exists() else None
    diagnosis = load_diagnosis(run.diagnosis) if run.diagnosis.exists() else None
    if scorecard is None and diagnosis is None:
        raise UnknownName(
            f"Nothing to report in {folder}: expected {run.scorecard.name} or {run.diagnosis.name}. "
            "Finish the audit or the diagnosis first; the same command goes on where it was."
        )
    record = load_run_record(folder) if run.record.exists() else {}
    policy = folder / POLICY_FILE
    return RunRecords(
        folder=run,
        run=record,
        scorecard=scorecard,
        diagnosis=diagnosis,
        policy=load_policy_record(policy) if policy.exists() else None,
        judge_cards=_find_cards(folder, scorecard.judge) if scorecard else (),
    )


def _find_cards(folder: Path, judge: str) -> tuple[JudgeCard, ...]:
    """The card that was measured on the run, and those of the same name that come with the package."""
    own = folder / CARD_FILE
    found = [load_card(own)] if own.exists() else []
    # Compared with the names that are there: the run's own word for its judge is never made part of a path.
    bundled = [entry for entry in files("isogloss.judges").joinpath("cards").iterdir() if entry.name == f"{judge}.json"]
    return (*found, *(JudgeCard.model_validate_json(entry.read_text(encoding="utf-8")) for entry in bundled))


def require_scorecard(records: RunRecords) -> Scorecard:
    """The scorecard of a run that is to be compared.

    Raises:
        UnknownName: the run has none.
    """
    if records.scorecard is None:
        raise UnknownName(f"No scorecard in {records.folder.path}: only audits can be compared.")
    return records.scorecard


def read_comparison(comparison: Comparison | Mapping[str, Any] | None, folder: RunFolder) -> Comparison | None:
    """The comparison given, or the one in the folder of the run after, or None where there is neither.

    Raises:
        BrokenInput: the content does not fit.
    """
    if isinstance(comparison, Comparison):
        return comparison
    if comparison is None:
        return load_comparison(folder.comparison) if folder.comparison.exists() else None
    try:
        return Comparison.model_validate(comparison)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the record"
        raise BrokenInput(f"The comparison given cannot be used: {field}: {first['msg'].lower()}.") from error


def read_diagnosis(path: Path) -> Diagnosis:
    """A diagnosis from its file or from the folder that holds it."""
    return load_diagnosis(RunFolder(path).diagnosis if path.is_dir() else path)


def read_repair(path: Path) -> dict[str, Any]:
    """The JSON part of a repair, from its file or from the folder that holds it."""
    return load_json(path / REPAIR_FILE if path.is_dir() else path, what="repair")
