"""The check of a run against a policy, as ``isogloss check`` left it in the run folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from isogloss.audit.scorecard import Scorecard
from isogloss.core.records import check_record
from isogloss.core.run import load_json
from isogloss.report.text import DASH, THIN, number, p_value

POLICY_FILE = "policy.json"
SCHEMA = 1
TITLES = {"pass": "The policy is met", "fail": "The policy is not met", "undecided": "The policy is undecided"}
RULES = {"floor": "floor", "distance": "distance to the reference", "baseline": "baseline of earlier runs"}


class CheckRecord(BaseModel):
    """The verdict on one cell; shares between 0 and 1, see `isogloss.stats.policy.CellCheck`."""

    model_config = ConfigDict(frozen=True)

    cell: str
    rule: str
    verdict: Literal["pass", "fail", "undecided"]
    value: float | None = None
    bound: float | None = None
    threshold: float | None = None
    p_value: float | None = None
    reason: str = ""


class PolicyRecord(BaseModel):
    """What ``policy.json`` holds of a `isogloss.stats.policy.PolicyResult`; other fields are left unread."""

    model_config = ConfigDict(frozen=True)

    verdict: Literal["pass", "fail", "undecided"]
    sentence: str
    checks: tuple[CheckRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One checked cell."""

    cell: str
    rule: str
    verdict: str
    value: str
    threshold: str
    p_value: str
    reason: str


@dataclass(frozen=True, slots=True)
class PolicyBox:
    """The box at the top of the page; ``open_rows`` are the cells that do not pass."""

    verdict: str
    title: str
    sentence: str
    open_rows: tuple[CheckRow, ...]
    passing: tuple[CheckRow, ...]


def load_policy_record(path: Path) -> PolicyRecord:
    """Read the result of a policy check.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: the file holds no such result.
    """
    value = load_json(path, what="policy result", schema=SCHEMA)
    return check_record(PolicyRecord, value, path, what="a policy result", again="Make it again with `isogloss check`.")


def box_policy(record: PolicyRecord, scorecard: Scorecard | None) -> PolicyBox:
    """Lay a policy's result out, cells that fail first."""
    order = ("fail", "undecided", "pass")
    rows = [(check.verdict, _row(check, scorecard)) for check in record.checks]
    rows.sort(key=lambda entry: order.index(entry[0]))
    return PolicyBox(
        verdict=record.verdict,
        title=TITLES[record.verdict],
        sentence=record.sentence,
        open_rows=tuple(row for verdict, row in rows if verdict != "pass"),
        passing=tuple(row for verdict, row in rows if verdict == "pass"),
    )


def _row(check: CheckRecord, scorecard: Scorecard | None) -> CheckRow:
    gap = check.rule == "distance"
    return CheckRow(
        cell=_name(check.cell, scorecard),
        rule=RULES.get(check.rule, check.rule),
        verdict=check.verdict,
        value=_say(check.value, gap=gap),
        threshold=_say(check.threshold, gap=gap),
        p_value=p_value(check.p_value),
        reason=check.reason,
    )


def _name(cell: str, scorecard: Scorecard | None) -> str:
    """``sw harmless`` as "Swahili, harmless"; a cell that starts with no tag of the run stays as it is."""
    tag, _, rest = cell.partition(" ")
    score = scorecard.languages.get(tag) if scorecard else None
    return cell if score is None else f"{score.name}, {rest}" if rest else score.name


def _say(value: float | None, *, gap: bool) -> str:
    if value is None:
        return DASH
    shown = number(100 * value, decimals=1)
    return f"{shown} points" if gap else f"{shown}{THIN}%"
