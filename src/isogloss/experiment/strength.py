"""How hard to push: refusals and broken replies on validation prompts as the strength rises, routed by our gate."""

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
from isogloss.experiment.methods import Bench, MethodModel, fit_our_repair, repair_method
from isogloss.experiment.record import StrengthRecord, StrengthRow
from isogloss.inside.directions import fit_source_direction
from isogloss.repair.artifact import Repair
from isogloss.repair.choose import measure_scale

MOST_PROMPTS = 24
"""Seeds of each kind and language; the curve is for choosing, the result is measured on test prompts."""


def sweep_strengths(
    bench: Bench, folder: Path, *, shots: int, key: str = "", progress: Progress = silent
) -> StrengthRecord:
    """Answer validation prompts of every language under every multiplier of the plan.

    Args:
        bench: of the study.
        folder: of the study; every multiplier has an audit folder in it.
        shots: of the gate's thresholds.
        key: of the record.
        progress: told after every multiplier.

    Source: the published strength sweep (arXiv 2606.01196, figure). There the strength is absolute in the released
    code and relative in the figures; here it is relative, with 0 for the gate's harmless edit alone.
    """
    plan = bench.plan
    made = fit_our_repair(bench, shots, progress=progress)
    source = plan.source_languages
    direction = fit_source_direction(bench.activations, source, bench.layer)
    scale = measure_scale(bench.activations, direction, source)
    asked = audit_plan(
        plan, bench.judge, split=Split.VALIDATION, limit=min(plan.max_prompts or MOST_PROMPTS, MOST_PROMPTS)
    )
    chosen = select_prompts(asked, bench.prompts)
    rows: list[StrengthRow] = []
    for number, multiplier in enumerate(sorted(set(plan.multipliers)), start=1):
        strength = scale.strength(multiplier, made.edit.harmful)
        method = repair_method(bench, _with_strength(made, strength), shots, name=f"strength {multiplier:g}")
        place = folder / "strength" / f"{multiplier:g}"
        answering = MethodModel(bench.model, method, fingerprint(plan.to_json()))
        run_audit(asked, answering, chosen, bench.judge, place)
        rows += _count(load_outcomes(place), multiplier, strength)
        progress("strengths", number, len(set(plan.multipliers)))
    return StrengthRecord(key=key, layer=bench.layer, shots=shots, split=Split.VALIDATION, rows=tuple(rows))


def _with_strength(made: Repair, strength: float) -> Repair:
    return replace(made, edit=replace(made.edit, strength=strength))


def _count(outcomes: Sequence[Outcome], multiplier: float, strength: float) -> Iterator[StrengthRow]:
    cells: dict[tuple[str, Kind], Counter[Label | None]] = {}
    for row in outcomes:
        cells.setdefault((row.language.tag, row.kind), Counter())[row.label] += 1
    for (tag, kind), labels in cells.items():
        scored = sum(count for label, count in labels.items() if label and MAPPING.refusal(label) is not None)
        yield StrengthRow(
            multiplier=multiplier,
            strength=strength,
            language=tag,
            kind=kind.value,
            refused=labels[Label.REFUSED],
            degenerate=labels[Label.DEGENERATE],
            scored=scored,
            asked=sum(labels.values()),
        )
