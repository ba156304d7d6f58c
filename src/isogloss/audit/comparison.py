"""Before and after: paired effects on the prompts that two runs share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from isogloss.audit.change import Pairs, measure_change
from isogloss.audit.outcome import Outcome, load_outcomes
from isogloss.audit.scorecard import Change
from isogloss.core import TIERS, Language, select_tier
from isogloss.core import Mapping as LabelMapping
from isogloss.core.errors import BrokenInput, NothingToDo, PlanMismatch
from isogloss.core.records import check_record
from isogloss.core.run import load_json, load_run_record, write_json

SCHEMA = 1


class Comparison(BaseModel):
    """Paired changes between two runs; what ``comparison.json`` holds."""

    model_config = ConfigDict(frozen=True)

    before: str
    after: str
    confidence: float
    languages: dict[str, Change]
    tiers: dict[str, Change]
    average: Change
    notes: tuple[str, ...] = ()


def compare_runs(before: Path, after: Path) -> Comparison:
    """Compare two run folders on the prompts that both have scored.

    Raises:
        PlanMismatch: the runs were judged or mapped differently, so that a difference would mean nothing.
        NothingToDo: no prompt was scored in both.
    """
    records = load_run_record(before), load_run_record(after)
    for folder, record in zip((before, after), records, strict=True):
        _refuse_other_commands(folder, record)
    _refuse_different_yardsticks(*records)
    plan = records[0]["plan"]
    labels = [f"{record['plan']['model']} ({record['fingerprints']['condition']})" for record in records]
    return compare_outcomes(
        load_outcomes(before),
        load_outcomes(after),
        before=labels[0],
        after=labels[1],
        mapping=LabelMapping(plan["mapping"]),
        confidence=plan["confidence"],
    )


def compare_outcomes(
    first: Sequence[Outcome],
    second: Sequence[Outcome],
    *,
    before: str,
    after: str,
    mapping: LabelMapping = LabelMapping.STRICT,
    confidence: float = 0.95,
) -> Comparison:
    """Pair two lists of outcomes by prompt and language, and estimate the changes.

    Args:
        first: outcomes before; plain prompts are compared, perturbed ones have effects of their own.
        second: outcomes after; prompts that only one side has are left out and counted in a note.
        before: what the first run is called.
        after: what the second run is called.
        mapping: how labels become refusals.
        confidence: of every interval.

    Raises:
        NothingToDo: no prompt was scored in both.

    Source: paired differences with errors clustered by prompt idea, see `isogloss.stats.paired`.
    """
    pairs, unpaired = _pair(first, second, mapping)
    languages = tuple(dict.fromkeys(language for language, _ in pairs))
    if not languages:
        raise NothingToDo(f"{before} and {after} have no scored prompt in common; compare runs on the same prompts.")
    notes = (f"{unpaired} prompts were scored in only one of the runs and left out.",) if unpaired else ()
    return Comparison(
        before=before,
        after=after,
        confidence=confidence,
        languages={language.tag: measure_change([language], pairs, confidence) for language in languages},
        tiers={
            tier: measure_change(chosen, pairs, confidence)
            for tier in TIERS
            if (chosen := select_tier(languages, tier))
        },
        average=measure_change(languages, pairs, confidence),
        notes=notes,
    )


def save_comparison(comparison: Comparison, path: Path) -> None:
    """Write a comparison to a JSON file."""
    write_json(path, {"schema": SCHEMA, **comparison.model_dump(mode="json")})


def load_comparison(path: Path) -> Comparison:
    """Read a comparison.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: the file is no comparison.
    """
    value = load_json(path, what="comparison", schema=SCHEMA)
    return check_record(Comparison, value, path, what="a comparison", again="Make it again with `isogloss compare`.")


def _refuse_other_commands(folder: Path, record: dict[str, Any]) -> None:
    plan = record.get("plan")
    if record.get("command") != "audit" or not isinstance(plan, dict) or "mapping" not in plan:
        raise BrokenInput(f"{folder} holds no audit. Give two folders that `isogloss audit` wrote.")


def _refuse_different_yardsticks(first: dict[str, Any], second: dict[str, Any]) -> None:
    a, b = ({"judge": one["fingerprints"]["judge"], "mapping": one["plan"]["mapping"]} for one in (first, second))
    if a != b:
        raise PlanMismatch(f"The runs used different yardsticks ({a} and {b}). Judge both in the same way.")


def _pair(first: Sequence[Outcome], second: Sequence[Outcome], mapping: LabelMapping) -> tuple[Pairs, int]:
    scored = [_score_plain(first, mapping), _score_plain(second, mapping)]
    pairs: Pairs = {}
    for key, (row, before) in scored[0].items():
        if key in scored[1]:
            pairs.setdefault((row.language, row.kind), []).append((row.cluster, before, scored[1][key][1]))
    return pairs, len(scored[0].keys() ^ scored[1].keys())


def _score_plain(rows: Sequence[Outcome], mapping: LabelMapping) -> dict[tuple[Language, str], tuple[Outcome, int]]:
    found = {}
    for row in rows:
        refusal = mapping.refusal(row.label) if row.label is not None else None
        if row.perturbation is None and refusal is not None:
            found[row.language, row.prompt_id] = (row, refusal)
    return found
