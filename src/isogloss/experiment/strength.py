"""How hard to push: refusals and broken replies on validation prompts as the strength rises, ours and published."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from isogloss.audit.outcome import Outcome, load_outcomes
from isogloss.audit.run import run_audit, select_prompts
from isogloss.core import Kind, Label, Split
from isogloss.core.fingerprint import fingerprint
from isogloss.core.progress import Progress, silent
from isogloss.experiment.behaviour import MAPPING, audit_plan
from isogloss.experiment.methods import (
    OURS,
    PUBLISHED_GATE,
    Bench,
    MethodModel,
    fit_our_published,
    fit_our_repair,
    published_method,
    repair_method,
)
from isogloss.experiment.record import StrengthRecord, StrengthRow
from isogloss.inside.directions import fit_source_direction
from isogloss.repair.choose import measure_scale
from isogloss.repair.method import Method

MOST_PROMPTS = 24
"""Seeds of each kind and language; the curve is for choosing, the result is measured on test prompts."""


def sweep_strengths(
    bench: Bench, folder: Path, *, shots: int, key: str = "", progress: Progress = silent
) -> StrengthRecord:
    """Answer validation prompts of every language under every multiplier of the plan, under two methods.

    Ours is the default repair, which lifts rows to a place: 0 is the lower quartile of the source languages' harmless
    prompts. The published gate adds a length, and 0 leaves its harmless edit alone. Our shots are among the validation
    prompts; the curves are for looking at the strength, not for comparing methods.

    Args:
        bench: of the study.
        folder: of the study; every method and multiplier has an audit folder in it.
        shots: of the gates' thresholds.
        key: of the record.
        progress: told after every multiplier.

    Raises:
        TooFewPrompts: a target language has fewer shots.

    Source: the published strength sweep (arXiv 2606.01196, figure). There the strength is absolute in the released
    code and relative in the figures; here it is relative.
    """
    plan = bench.plan
    asked = audit_plan(
        plan, bench.judge, split=Split.VALIDATION, limit=min(plan.max_prompts or MOST_PROMPTS, MOST_PROMPTS)
    )
    chosen = select_prompts(asked, bench.prompts)
    rows: list[StrengthRow] = []
    trials = [*_ours(bench, shots, progress), *_published(bench, shots)]
    for number, (multiplier, strength, method) in enumerate(trials, start=1):
        place = folder / "strength" / method.name.replace(" ", "-")
        answering = MethodModel(bench.model, method, fingerprint(plan.to_json()))
        run_audit(asked, answering, chosen, bench.judge, place)
        name = OURS if method.name.startswith(OURS) else PUBLISHED_GATE
        rows += _count(load_outcomes(place), name, multiplier, strength)
        progress("strengths", number, len(trials))
    return StrengthRecord(key=key, layer=bench.layer, shots=shots, split=Split.VALIDATION, rows=tuple(rows))


Trial = tuple[float, float, Method]
"""Multiplier, strength in model units, and the method with that strength."""


def _ours(bench: Bench, shots: int, progress: Progress) -> Iterator[Trial]:
    source = bench.plan.source_languages
    made = fit_our_repair(bench, shots, progress=progress)
    states = bench.activations if made.edit.layer == bench.layer else bench.load_sources()
    scale = measure_scale(states, fit_source_direction(states, source, made.edit.layer), source)
    for multiplier in sorted(set(bench.plan.multipliers)):
        strength = scale.strength(multiplier, made.edit.harmful)
        edited = replace(made, edit=replace(made.edit, strength=strength))
        yield multiplier, strength, repair_method(bench, edited, shots, name=f"{OURS} {multiplier:g}")


def _published(bench: Bench, shots: int) -> Iterator[Trial]:
    made = fit_our_published(bench, shots)
    for multiplier in sorted(set(bench.plan.multipliers)):
        strength = multiplier * made.edit.strength
        edited = replace(made, edit=replace(made.edit, strength=strength))
        yield multiplier, strength, published_method(bench, edited, shots, name=f"{PUBLISHED_GATE} {multiplier:g}")


def _count(outcomes: Sequence[Outcome], method: str, multiplier: float, strength: float) -> Iterator[StrengthRow]:
    cells: dict[tuple[str, Kind], Counter[Label | None]] = {}
    for row in outcomes:
        cells.setdefault((row.language.tag, row.kind), Counter())[row.label] += 1
    for (tag, kind), labels in cells.items():
        scored = sum(count for label, count in labels.items() if label and MAPPING.refusal(label) is not None)
        yield StrengthRow(
            method=method,
            multiplier=multiplier,
            strength=strength,
            language=tag,
            kind=kind.value,
            refused=labels[Label.REFUSED],
            degenerate=labels[Label.DEGENERATE],
            scored=scored,
            asked=sum(labels.values()),
        )
