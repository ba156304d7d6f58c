"""The methods of a behaviour study, each fitted on calibration prompts alone, ready to answer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from isogloss.core import Prompt, Reply, Split
from isogloss.core.errors import DegenerateDirection, TooFewPrompts, UnsupportedModel
from isogloss.core.fingerprint import fingerprint
from isogloss.core.progress import Progress, silent
from isogloss.experiment.draws import Draws
from isogloss.experiment.plan import GatePlan
from isogloss.experiment.record import Refusal
from isogloss.inside.activations import Activations
from isogloss.judges.judge import Judge
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.artifact import Repair
from isogloss.repair.baselines.adasteer import PUBLISHED_CONSTANTS, find_architecture, fit_adasteer_published
from isogloss.repair.baselines.calibration import Calibration, record_calibration
from isogloss.repair.baselines.suite import FALLBACK_ARCHITECTURE, fit_baselines
from isogloss.repair.estimates import Recalibration
from isogloss.repair.fit import fit_repair
from isogloss.repair.method import PUBLISHED, Method, plain_method, steered_method
from isogloss.repair.plan import RepairPlan
from isogloss.repair.published.preset import PublishedRepair, fit_published_repair
from isogloss.repair.repaired import RepairedModel

OURS, PUBLISHED_GATE = "ours", "published gate"
CHOICE_TOKENS = 32
"""Longest reply while a strength is chosen."""
LABEL_FREE = {
    Recalibration.UNLABELLED: "unlabelled prompts per language",
    Recalibration.HARMLESS: "harmless prompts per language",
    Recalibration.TRANSLATIONS: "translations per language, labelled as their source prompts",
}
"""Our repairs without labelled shots, and what they know of the target languages, after a number."""
WITH_TEXT = {
    Recalibration.SHOTS_AND_UNLABELLED: "unlabelled prompts",
    Recalibration.SHOTS_AND_HARMLESS: "harmless prompts",
}
"""Our repairs with a few shots beside text, and what that is."""
NO_EVIDENCE = "source languages alone"


@dataclass(frozen=True, eq=False)
class Candidate:
    """A fitted method, and what it was told of the target languages; empty where it is not fitted at all."""

    method: Method
    evidence: str = ""


@dataclass(frozen=True, eq=False)
class Bench:
    """What every method is fitted from.

    Attributes:
        layer: of the published gate, of the baselines that need one, and of ours where no target labels are read.
        multiplier: of ours where no target labels are read.
        activations: states at that layer: train and validation prompts of the source languages, validation prompts
            and the shot split of the target languages.
        load_sources: train and validation prompts of the source languages at every recorded layer, read on demand.
        draws: of the shots; the published gate uses the first draw of the detection grid.
        made: our repairs so far, so that none is chosen twice.
    """

    plan: GatePlan
    model: OpenModel
    prompts: PromptSet
    judge: Judge
    layer: int
    multiplier: float
    activations: Activations
    load_sources: Callable[[], Activations]
    draws: Draws
    made: dict[tuple[Recalibration, int], Repair] = field(default_factory=dict)


class MethodModel:
    """A method as a chat model, so that an audit can run it and its journals are never mixed with another method's."""

    def __init__(self, model: OpenModel, method: Method, calibrated_on: str) -> None:
        self._model = model
        self._method = method
        self._hash = fingerprint([method.name, method.variant, method.shots, method.note, calibrated_on])

    @property
    def name(self) -> str:
        return f"{self._model.name} + {self._method.label}"

    def fingerprint(self) -> dict[str, str]:
        """The model's fingerprints and the method's."""
        return {**self._model.fingerprint(), "method": self._hash}

    def reply(self, prompts: Sequence[Prompt], decoding: Decoding) -> Iterator[Reply]:
        """Answer every prompt under the method."""
        return self._method.answer(prompts, decoding)


def fit_methods(bench: Bench, progress: Progress = silent) -> tuple[list[Candidate], list[Refusal]]:
    """Every method of the plan, the unsteered model first; what cannot be fitted is named with its reason.

    Baselines get as many shots as ours gets at most; the published gate is fitted with every budget of the plan. Shots
    of ours and of the baselines come from the validation split, those of the published gate from the plan's split. No
    test prompt is read.
    """
    found = [Candidate(plain_method(bench.model, name="unsteered"))]
    refused: list[Refusal] = []
    for make in (_fit_baselines, _fit_published, _fit_ours):
        made, failed = make(bench, progress)
        found += made
        refused += failed
    return found, refused


def _fit_baselines(bench: Bench, progress: Progress) -> tuple[list[Candidate], list[Refusal]]:
    plan = bench.plan
    if not plan.baselines:
        return [], []
    shots = our_shots(plan)[-1]
    calibration = record_calibration(
        bench.model,
        list(bench.prompts),
        source=plan.source_languages,
        target=plan.target_languages,
        shots=shots,
        seed=plan.seed,
        progress=progress,
    )
    found = fit_baselines(bench.model, calibration, bench.judge, seed=plan.seed, layer=bench.layer, progress=progress)
    other = _fit_other_constants(bench.model, calibration)
    # The first is the plain model, which is in the list already.
    methods = [method for method in (*found, *other) if method.name != "plain"]
    return [Candidate(method, _say_baseline(method)) for method in methods], []


def _fit_other_constants(model: OpenModel, calibration: Calibration) -> list[Method]:
    """AdaSteer with the constants that were published for the study's own model, where ``fit_baselines`` takes others.

    Constants belong to one model's states; which of them is run on another model's decides what the method does.
    """
    if find_architecture(model) not in PUBLISHED_CONSTANTS or find_architecture(model) == FALLBACK_ARCHITECTURE:
        return []
    made = fit_adasteer_published(calibration, model, architecture=FALLBACK_ARCHITECTURE).method(model)
    return [replace(made, name=f"{made.name}, {FALLBACK_ARCHITECTURE} constants")]


def _say_baseline(method: Method) -> str:
    if method.shots is None:
        return ""
    return _say_shots(method.shots, Split.VALIDATION)


def _say_shots(shots: int, split: Split) -> str:
    return f"{shots} labelled {split} prompts per class" if shots else NO_EVIDENCE


def _fit_published(bench: Bench, progress: Progress) -> tuple[list[Candidate], list[Refusal]]:
    methods, refused = [], []
    budgets = sorted(set(bench.plan.behaviour_shots))
    for number, shots in enumerate(budgets):
        try:
            made = fit_our_published(bench, shots)
        except (TooFewPrompts, DegenerateDirection) as error:
            refused.append(Refusal(language="all", shots=shots, reason=f"{PUBLISHED_GATE}: {error}"))
        else:
            methods.append(Candidate(published_method(bench, made, shots), _say_shots(shots, bench.draws.split)))
        progress("published gate", number + 1, len(budgets))
    return methods, refused


def fit_our_published(bench: Bench, shots: int) -> PublishedRepair:
    """The published repair on the study's prompts, at its layer, with the first draw of the detection grid."""
    plan, activations = bench.plan, bench.activations
    places = {prompt.key: row for row, prompt in enumerate(activations.prompts)}
    rows = {
        language: [places[prompt.key] for prompt in bench.draws.chosen(language, plan.seed, shots)]
        for language in plan.target_languages
    }
    return fit_published_repair(
        activations,
        plan.source_languages,
        plan.target_languages,
        layer=bench.layer,
        shots=shots,
        seed=plan.seed,
        name=bench.model.name,
        shot_rows=rows,
        shot_split=bench.draws.split,
    )


def published_method(bench: Bench, made: PublishedRepair, shots: int, *, name: str = PUBLISHED_GATE) -> Method:
    """The published repair as a method."""
    where = f" Shots are {bench.draws.split} prompts" + (", as published." if bench.draws.split == Split.TRAIN else ".")
    return steered_method(
        name,
        bench.model,
        made.steer,
        variant=PUBLISHED,
        shots=shots,
        note="Gate, threshold, strength and routed edit as published; gate and edit share one prefill."
        + (where if shots else ""),
    )


def _fit_ours(bench: Bench, progress: Progress) -> tuple[list[Candidate], list[Refusal]]:
    methods, refused = [], []
    wanted = [(Recalibration.SHOTS, shots) for shots in our_shots(bench.plan)]
    if bench.plan.label_free:
        wanted += [(kind, shots) for kind in WITH_TEXT for shots in our_shots(bench.plan) if shots]
        wanted += [(kind, 0) for kind in LABEL_FREE]
    for number, (kind, shots) in enumerate(wanted, start=1):
        try:
            made = fit_our_repair(bench, shots, recalibrate=kind, progress=progress)
        except (TooFewPrompts, DegenerateDirection, UnsupportedModel) as error:
            refused.append(Refusal(language="all", shots=shots, reason=f"{OURS}, {kind}: {error}"))
        else:
            evidence = _say_evidence(made, kind, shots)
            variant = "" if kind == Recalibration.SHOTS else str(kind)
            methods.append(Candidate(repair_method(bench, made, shots, variant=variant), evidence))
        progress("our repairs", number, len(wanted))
    return methods, refused


def _say_evidence(made: Repair, kind: Recalibration, shots: int) -> str:
    """How many prompts of the target languages a repair read, and which."""
    if kind == Recalibration.SHOTS:
        return _say_shots(shots, Split.VALIDATION)
    fields = ("harmful_ids", "harmless_ids", "unlabelled_ids")
    counts = [sum(len(record[field]) for field in fields) for record in made.calibration.values()]
    if kind in LABEL_FREE:
        return f"{_say_range(counts)} {LABEL_FREE[kind]}"
    rest = _say_range([count - 2 * shots for count in counts])
    return f"{_say_shots(shots, Split.VALIDATION)}, {rest} {WITH_TEXT[kind]} per language"


def _say_range(counts: Sequence[int]) -> str:
    low, high = min(counts, default=0), max(counts, default=0)
    return f"{low}" if low == high else f"{low} to {high}"


def fit_our_repair(
    bench: Bench,
    shots: int,
    *,
    recalibrate: Recalibration = Recalibration.SHOTS,
    progress: Progress = silent,
) -> Repair:
    """The repair that `isogloss repair` makes by default.

    Layer and strength are those of the study, unless labelled target prompts have a say in the choice: then they are
    chosen anew, at the study's layer only where the study does not sweep every layer.
    """
    if (recalibrate, shots) in bench.made:
        return bench.made[recalibrate, shots]
    labelled = bool(shots) or recalibrate == Recalibration.TRANSLATIONS
    plan = bench.plan
    fixed = None if plan.layer is None and plan.layers is None else bench.layer
    wanted = repair_plan(plan).model_copy(
        update={
            "shots": shots,
            "recalibrate": recalibrate,
            "layer": fixed if labelled else bench.layer,
            "multiplier": None if labelled else bench.multiplier,
        }
    )
    held = bench.load_sources() if labelled and fixed is None else bench.activations
    made = fit_repair(wanted, bench.model, bench.prompts, bench.judge, progress, activations=held)
    bench.made[recalibrate, shots] = made
    return made


def repair_plan(plan: GatePlan) -> RepairPlan:
    """The repair of a study, with the defaults of `isogloss repair` wherever the study says nothing."""
    made = RepairPlan(
        model=plan.model,
        prompts=plan.prompts,
        source=tuple(language.tag for language in plan.source_languages),
        target=tuple(language.tag for language in plan.target_languages),
        seed=plan.seed,
        choice_tokens=min(CHOICE_TOKENS, plan.max_new_tokens),
    )
    return made if plan.caution is None else made.model_copy(update={"caution": plan.caution})


def repair_method(bench: Bench, repair: Repair, shots: int, *, name: str = OURS, variant: str = "") -> Method:
    """A repair as a method; its fingerprint is part of the note, so that replies of two repairs are never mixed."""
    multiplier = repair.choice["multiplier"]
    note = (
        f"The repair that `isogloss repair` makes ({repair.fingerprint()[:8]}): layer {repair.edit.layer}, "
        f"{multiplier:g} times the distance between the source classes."
    )
    return Method(name, variant, shots, note, RepairedModel(bench.model, repair).reply)


def our_shots(plan: GatePlan) -> list[int]:
    """Budgets of ours: those of the plan up to four, which is what the method is meant for."""
    return [shots for shots in sorted(set(plan.behaviour_shots)) if shots <= 4] or [0]
