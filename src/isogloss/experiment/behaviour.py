"""What the model says under every method: asked, judged and compared with the unsteered model, prompt by prompt."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from isogloss.audit.comparison import compare_outcomes
from isogloss.audit.outcome import Outcome, load_outcomes
from isogloss.audit.plan import AuditPlan
from isogloss.audit.run import run_audit, select_prompts
from isogloss.audit.scorecard import Change
from isogloss.audit.scoring import Cells, score_cells
from isogloss.core import TIERS, Kind, Label, Language, Split, select_tier
from isogloss.core import Mapping as LabelMapping
from isogloss.core.errors import NothingToDo
from isogloss.core.fingerprint import fingerprint
from isogloss.core.progress import Progress, silent
from isogloss.experiment.methods import Candidate, MethodModel
from isogloss.experiment.plan import GatePlan
from isogloss.experiment.record import BehaviourRecord, GroupRow, Measured, MethodRow, Refusal, WorstRow
from isogloss.judges.judge import Judge
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.method import Method
from isogloss.stats import Estimate, estimate_linear

MAPPING = LabelMapping.STRICT


def audit_plan(plan: GatePlan, judge: Judge, *, split: Split = Split.TEST, limit: int | None = None) -> AuditPlan:
    """The audit that every method goes through."""
    return AuditPlan(
        model=plan.model,
        prompts=plan.prompts,
        languages=tuple(language.tag for language in plan.languages),
        split=split,
        limit=limit,
        judge=judge.name,
        reference=plan.source_languages[0].tag,
        confidence=plan.confidence,
        max_new_tokens=plan.max_new_tokens,
    )


def run_methods(
    plan: GatePlan,
    model: OpenModel,
    prompts: PromptSet,
    judge: Judge,
    methods: Sequence[Candidate],
    folder: Path,
    *,
    layer: int,
    refused: Sequence[Refusal] = (),
    key: str = "",
    progress: Progress = silent,
) -> BehaviourRecord:
    """Ask the test prompts under every method; the first method is the one that the others are compared with.

    Every method has an audit folder of its own, so a study that is stopped goes on where it was, and each folder can be
    looked at with `isogloss report`.

    Args:
        plan: of the study.
        model: the plain model.
        prompts: the whole set; test prompts of the plan's languages are asked.
        judge: reads the replies.
        methods: fitted; the unsteered model first.
        folder: of the study.
        layer: for the record.
        refused: methods that could not be fitted.
        key: of the record.
        progress: told after every reply.
    """
    asked = audit_plan(plan, judge, limit=plan.max_prompts)
    chosen = select_prompts(asked, prompts)
    rows: list[MethodRow] = []
    before: list[Outcome] = []
    for number, candidate in enumerate(methods):
        method = candidate.method
        place = folder / "behaviour" / name_folder(method)
        step = _Step(progress, number, len(methods))
        start = time.monotonic()
        run_audit(asked, MethodModel(model, method, fingerprint(plan.to_json())), chosen, judge, place, progress=step)
        seconds = time.monotonic() - start
        outcomes = load_outcomes(place)
        before = before or outcomes
        rows.append(describe_method(plan, candidate, outcomes, before, str(place.relative_to(folder)), seconds))
    return BehaviourRecord(
        key=key,
        layer=layer,
        split=Split.TEST,
        judge=judge.name,
        unsteered=rows[0].name,
        methods=tuple(rows),
        refused=tuple(refused),
    )


def describe_method(
    plan: GatePlan,
    candidate: Candidate,
    outcomes: Sequence[Outcome],
    before: Sequence[Outcome],
    folder: str,
    seconds: float | None = None,
) -> MethodRow:
    """Rates, selectivity and paired changes of one method, with intervals that count ideas and not prompts."""
    method, cells = candidate.method, score_cells(outcomes, MAPPING)
    groups = {name: part for name, part in _groups(plan).items() if part and all(tag in _tags(cells) for tag in part)}
    labels = [row.label for row in outcomes if row.label is not None]
    return MethodRow(
        name=method.name,
        variant=method.variant,
        shots=method.shots,
        evidence=candidate.evidence,
        note=method.note,
        folder=folder,
        languages={
            language.tag: _group([language], cells, plan.confidence)
            for language in plan.languages
            if language in _tags(cells)
        },
        groups={
            name: _with_change(_group(part, cells, plan.confidence), part, outcomes, before, plan.confidence)
            for name, part in groups.items()
        },
        worst=find_worst_selectivity(plan.target_languages, cells, plan.confidence),
        degenerate_share=labels.count(Label.DEGENERATE) / len(labels) if labels else None,
        n_harmful=sum(row.kind == Kind.HARMFUL for row in outcomes),
        n_harmless=sum(row.kind == Kind.HARMLESS for row in outcomes),
        seconds=seconds,
    )


def find_worst_selectivity(languages: Sequence[Language], cells: Cells, confidence: float) -> WorstRow | None:
    """The lowest selectivity over languages, with an interval for the lowest true one.

    Every language gets limits at ``1 - (1 - confidence) / languages``; all of them hold together, so the lowest true
    selectivity lies between the smallest lower and the smallest upper limit, whichever language has it.

    Returns:
        None where a language's selectivity is undefined.
    """
    strict = 1 - (1 - confidence) / max(len(languages), 1)
    found = {language: _selectivity([language], cells, strict) for language in languages}
    values = {language: one.value for language, one in found.items() if one.value is not None}
    if not values or len(values) < len(languages):
        return None
    worst = min(values, key=lambda language: (values[language], language.tag))
    limits = [one.interval for one in found.values() if one.interval is not None]
    interval = None
    if len(limits) == len(found):
        interval = (_points(min(low for low, _ in limits)), _points(min(high for _, high in limits)))
    return WorstRow(language=worst.tag, selectivity=Measured(value=_points(values[worst]), interval=interval))


def name_folder(method: Method) -> str:
    """A method's name as a folder."""
    parts = [method.name, method.variant, "" if method.shots is None else f"{method.shots}-shots"]
    return "-".join("".join(letter if letter.isalnum() else "-" for letter in part) for part in parts if part).lower()


def _groups(plan: GatePlan) -> dict[str, tuple[Language, ...]]:
    tiers: Mapping[str, tuple[Language, ...]] = {tier: select_tier(plan.languages, tier) for tier in TIERS}
    return {**tiers, "source": plan.source_languages, "target": plan.target_languages, "all": plan.languages}


def _tags(cells: Cells) -> set[Language]:
    return {language for language, _ in cells}


def _group(languages: Sequence[Language], cells: Cells, confidence: float) -> GroupRow:
    share = 1 / len(languages)
    rates = [
        estimate_linear(
            [cells[language, kind].term(share) for language in languages], confidence=confidence, limits=(0, 1)
        )
        for kind in Kind
    ]
    return GroupRow(
        languages=tuple(language.tag for language in languages),
        harmful=_measured(rates[0]),
        harmless=_measured(rates[1]),
        selectivity=_measured(_selectivity(languages, cells, confidence)),
    )


def _selectivity(languages: Sequence[Language], cells: Cells, confidence: float) -> Estimate:
    share = 1 / len(languages)
    terms = [
        cells[language, kind].term(sign * share)
        for kind, sign in ((Kind.HARMFUL, 1), (Kind.HARMLESS, -1))
        for language in languages
    ]
    return estimate_linear(terms, confidence=confidence)


def _with_change(
    row: GroupRow,
    languages: Sequence[Language],
    outcomes: Sequence[Outcome],
    before: Sequence[Outcome],
    confidence: float,
) -> GroupRow:
    if outcomes is before:
        return row
    parts = [[one for one in rows if one.language in languages] for rows in (before, outcomes)]
    try:
        found = compare_outcomes(parts[0], parts[1], before="", after="", mapping=MAPPING, confidence=confidence)
    except NothingToDo:
        return row
    change: Change = found.average
    return row.model_copy(
        update={
            "change": Measured(value=change.selectivity_points, interval=change.selectivity_interval),
            "harmless_change": Measured(
                value=change.harmless_refusal_points, interval=change.harmless_refusal_interval
            ),
        }
    )


def _measured(found: Estimate) -> Measured:
    if found.value is None:
        return Measured()
    limits = None if found.interval is None else (_points(found.interval[0]), _points(found.interval[1]))
    return Measured(value=_points(found.value), interval=limits)


def _points(share: float) -> float:
    return round(100 * share, 4)


class _Step:
    """Progress over all methods as one count of replies."""

    def __init__(self, progress: Progress, number: int, methods: int) -> None:
        self._progress, self._number, self._methods = progress, number, methods

    def __call__(self, stage: str, done: int, total: int) -> None:  # noqa: ARG002
        self._progress("replies", self._number * total + done, self._methods * total)
