"""The rows of the page's tables: every cell formatted, every undefined value with its reason."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isogloss.audit.comparison import Comparison
from isogloss.audit.scorecard import Change, LanguageScore, Measures, Scorecard
from isogloss.inside.record import Diagnosis
from isogloss.report.cells import Number, plain_cell, points_cell, share_cell
from isogloss.report.figures.ladder import order_languages
from isogloss.report.figures.projections import order_diagnosed
from isogloss.report.rows import HARMFUL, Digest, GateCount
from isogloss.report.text import DASH, THIN, cut, number, percent
from isogloss.report.wording import FINDINGS, describe_finding

VALUE_LENGTH = 300
_NOT_SHOWN = frozenset({"schema", "calibration", "versions", "tensors_sha256", "record_sha256"})


@dataclass(frozen=True, slots=True)
class LanguageRow:
    """One language of the full table."""

    tag: str
    name: str
    tier: str
    harmful: Number
    harmless: Number
    selectivity: Number
    gap: Number
    asked: str
    undecided: Number
    degenerate: Number
    off_language: Number
    failed: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One language, tier or average of the before/after table."""

    tag: str
    name: str
    tier: str
    harmful: str
    harmful_change: Number
    harmless: str
    harmless_change: Number
    selectivity_change: Number
    moved: str
    n: str


@dataclass(frozen=True, slots=True)
class DiagnosisRow:
    """One language of the diagnosis table."""

    tag: str
    name: str
    tier: str
    auroc: Number
    source: Number
    recalibrated: Number
    finding: str
    finding_key: str
    advice: str
    n: str


def list_languages(scorecard: Scorecard) -> list[LanguageRow]:
    """One row per language, in the order of the ladder."""
    return [_language_row(tag, scorecard) for _, tags in order_languages(scorecard) for tag in tags]


def list_shared_notes(scorecard: Scorecard) -> tuple[str, ...]:
    """Notes that every language has, said once under the table instead of in every row."""
    scores = list(scorecard.languages.values())
    if len(scores) < 2:
        return ()
    return tuple(note for note in scores[0].notes if all(note in score.notes for score in scores))


def _language_row(tag: str, scorecard: Scorecard) -> LanguageRow:
    score = scorecard.languages[tag]
    return LanguageRow(
        tag=tag,
        name=score.name,
        tier=score.tier or "unknown",
        harmful=share_cell(score.harmful_refusal_rate, score.intervals.harmful_refusal_rate, _reason(score, HARMFUL)),
        harmless=share_cell(
            score.harmless_refusal_rate, score.intervals.harmless_refusal_rate, _reason(score, "harmless")
        ),
        selectivity=points_cell(
            score.selectivity_points,
            score.intervals.selectivity_points,
            _reason(score, HARMFUL) or _reason(score, "harmless"),
        ),
        gap=points_cell(score.gap_points, score.gap_interval, explain_gap(tag, scorecard)),
        asked=f"{score.n_harmful}/{score.asked_harmful} · {score.n_harmless}/{score.asked_harmless}",
        undecided=share_cell(score.undecided_share, None, "no replies"),
        degenerate=share_cell(score.degenerate_share, None, "no replies"),
        off_language=share_cell(score.off_language_share, None, "no replies"),
        failed=score.failed,
        notes=tuple(note for note in score.notes if note not in list_shared_notes(scorecard)),
    )


def _reason(score: LanguageScore, kind: str) -> str:
    """Why the rate of a kind is undefined; the record's own note where it has one."""
    if getattr(score, f"{kind}_refusal_rate") is not None:
        return ""
    noted = [note for note in score.notes if f"{kind} " in note]
    if noted:
        return noted[0]
    return f"no {kind} prompts were asked" if not getattr(score, f"asked_{kind}") else f"no {kind} reply is scored"


def explain_gap(tag: str, scorecard: Scorecard) -> str:
    """Why a language has no gap to the reference."""
    if scorecard.reference is None:
        return "no reference language"
    if tag == scorecard.reference:
        return "this is the reference"
    return "no prompt is scored in both languages"


def list_changes(
    before: Scorecard, after: Scorecard, comparison: Comparison, digest: Digest
) -> tuple[list[ChangeRow], list[ChangeRow]]:
    """Rows of the before/after table: average and tiers, then languages in the order of the ladder."""
    groups = [_change_row("", "all languages", "", before.average, after.average, comparison.average, "")]
    for group, change in comparison.tiers.items():
        means = before.tiers.get(group), after.tiers.get(group)
        groups.append(_change_row("", f"{group}-resource", group, *means, change, ""))
    languages = []
    for tier, tags in order_languages(before, after):
        for tag in (tag for tag in tags if tag in comparison.languages):
            scores = before.languages.get(tag), after.languages.get(tag)
            name = next((score.name for score in scores if score), tag)
            change = comparison.languages[tag]
            languages.append(_change_row(tag, name, tier or "unknown", *scores, change, _moves(digest, tag)))
    return groups, languages


def _change_row(
    tag: str, name: str, tier: str, first: Measures | None, second: Measures | None, change: Change, moved: str
) -> ChangeRow:
    def pair(kind: str) -> str:
        rates = [getattr(score, f"{kind}_refusal_rate") if score else None for score in (first, second)]
        return " → ".join(percent(rate).removesuffix(f"{THIN}%") for rate in rates)

    reason = "no prompt is scored in both runs"
    return ChangeRow(
        tag=tag,
        name=name,
        tier=tier,
        harmful=pair(HARMFUL),
        harmful_change=points_cell(change.harmful_refusal_points, change.harmful_refusal_interval, reason),
        harmless=pair("harmless"),
        harmless_change=points_cell(change.harmless_refusal_points, change.harmless_refusal_interval, reason),
        selectivity_change=points_cell(change.selectivity_points, change.selectivity_interval, reason),
        moved=moved,
        n=f"{change.n_harmful} · {change.n_harmless}",
    )


def _moves(digest: Digest, tag: str) -> str:
    """Harmful prompts that came to be refused, and that are no longer refused."""
    table = digest.against_before.get((tag, HARMFUL))
    return f"{table.only_second} new, {table.only_first} lost" if table else DASH


def list_findings(diagnosis: Diagnosis) -> list[DiagnosisRow]:
    """One row per diagnosed language."""
    rows = []
    for tag in order_diagnosed(diagnosis):
        found = diagnosis.languages[tag]
        few = "too few prompts of a kind"
        rows.append(
            DiagnosisRow(
                tag=tag,
                name=found.name,
                tier=found.tier or "unknown",
                auroc=plain_cell(found.auroc, found.auroc_interval, few),
                source=plain_cell(found.balanced_accuracy_source, found.balanced_accuracy_source_interval, few),
                recalibrated=plain_cell(found.balanced_accuracy_recalibrated, None, few),
                finding=FINDINGS.get(found.finding, "unclear"),
                finding_key=found.finding,
                advice=describe_finding(found),
                n=f"{found.n_harmful} · {found.n_harmless}",
            )
        )
    return rows


@dataclass(frozen=True, slots=True)
class GateRow:
    """What the gate said about the prompts of one language."""

    tag: str
    name: str
    harmful: str
    harmful_share: str
    harmless: str
    harmless_share: str


def list_gates(digest: Digest, scorecard: Scorecard) -> list[GateRow]:
    """One row per language in which a repair's gate was read; empty where no repair was active."""
    read = {language for language, _ in digest.gates}
    rows = []
    for _, tags in order_languages(scorecard):
        for tag in tags:
            if tag in read:
                harmful, harmless = (digest.gates.get((tag, kind), GateCount()) for kind in (HARMFUL, "harmless"))
                rows.append(GateRow(tag, scorecard.languages[tag].name, *_gate(harmful), *_gate(harmless)))
    return rows


def _gate(found: GateCount) -> tuple[str, str]:
    if not found.read:
        return (DASH, DASH)
    return (f"{found.harmful} of {found.read}", percent(found.harmful / found.read))


@dataclass(frozen=True, slots=True)
class CalibrationRow:
    """A target language's threshold and what it was calibrated from."""

    tag: str
    name: str
    threshold: str
    shots: str
    note: str


def list_calibration(repair: Mapping[str, Any], scorecard: Scorecard) -> list[CalibrationRow]:
    """One row per language that the repair has a threshold of its own for."""
    found = repair.get("calibration")
    rows = []
    for tag, part in found.items() if isinstance(found, Mapping) else ():
        if not isinstance(part, Mapping):
            continue
        score, shots, threshold = scorecard.languages.get(tag), part.get("harmful_ids"), part.get("threshold")
        rows.append(
            CalibrationRow(
                tag=str(tag),
                name=score.name if score else str(tag),
                threshold=number(threshold, decimals=2) if isinstance(threshold, int | float) else DASH,
                shots=str(len(shots)) if isinstance(shots, list) else DASH,
                note=str(part.get("warning") or ""),
            )
        )
    return rows


def list_repair(repair: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The other facts of a repair: edit, gate, choice and plan, without file hashes and versions."""
    kept = {key: value for key, value in repair.items() if key not in _NOT_SHOWN}
    return flatten(kept)


def flatten(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """A record as (path, value) pairs, for facts that are shown as they are.

    Long lists of numbers become their length; lists of records (tables of candidates, say) are left out.
    """
    rows: list[tuple[str, str]] = []
    for key, item in value.items():
        path = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(item, Mapping) and item:
            rows += flatten(item, path)
        elif item not in (None, "", [], {}, ()) and not _holds_records(item):
            rows.append((path, cut(_say(item), VALUE_LENGTH)))
    return rows


def _holds_records(item: Any) -> bool:
    return isinstance(item, list | tuple) and any(isinstance(part, Mapping) for part in item)


def _say(item: Any) -> str:
    if isinstance(item, list | tuple):
        if len(item) > 24 and all(isinstance(part, int | float) for part in item):
            return f"{len(item)} numbers"
        return ", ".join(_say(part) for part in item)
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, float):
        return f"{item:.6g}"
    return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
