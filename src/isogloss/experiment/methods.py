"""The methods of a behaviour study, each fitted on calibration prompts alone, ready to answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from isogloss.core import Prompt, Reply
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
from isogloss.repair.baselines.calibration import record_calibration
from isogloss.repair.baselines.suite import fit_baselines
from isogloss.repair.fit import fit_repair
from isogloss.repair.intervention import BlockSteering
from isogloss.repair.method import PUBLISHED, Method, plain_method, steered_method
from isogloss.repair.plan import RepairPlan
from isogloss.repair.published.preset import fit_published_repair
from isogloss.repair.repaired import RepairedModel

OURS, PUBLISHED_GATE = "ours", "published gate"


@dataclass(frozen=True, eq=False)
class Bench:
    """What every method is fitted from.

    Attributes:
        layer: of ours, of the published gate and of the baselines that need one.
        multiplier: of ours.
        activations: training prompts of the source languages and the target languages' shot split, at that layer.
        draws: of the shots; the published gate uses the first draw of the detection grid.
    """

    plan: GatePlan
    model: OpenModel
    prompts: PromptSet
    judge: Judge
    layer: int
    multiplier: float
    activations: Activations
    draws: Draws


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


def fit_methods(bench: Bench, progress: Progress = silent) -> tuple[list[Method], list[Refusal]]:
    """Every method of the plan, the unsteered model first; what cannot be fitted is named with its reason.

    Baselines get as many shots as ours gets at most; the published gate is fitted with every budget of the plan. Shots
    of ours and of the baselines come from the validation split, those of the published gate from the plan's split. No
    test prompt is read.
    """
    methods: list[Method] = [plain_method(bench.model, name="unsteered")]
    refused: list[Refusal] = []
    for make in (_fit_baselines, _fit_published, _fit_ours):
        found, failed = make(bench, progress)
        methods += found
        refused += failed
    return methods, refused


def _fit_baselines(bench: Bench, progress: Progress) -> tuple[list[Method], list[Refusal]]:
    plan = bench.plan
    if not plan.baselines:
        return [], []
    shots = _our_shots(plan)[-1]
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
    # The first is the plain model, which is in the list already.
    return [method for method in found if method.name != "plain"], []


def _fit_published(bench: Bench, progress: Progress) -> tuple[list[Method], list[Refusal]]:
    plan, methods, refused = bench.plan, [], []
    budgets = sorted(set(plan.behaviour_shots))
    for number, shots in enumerate(budgets):
        try:
            methods.append(_published(bench, shots))
        except (TooFewPrompts, DegenerateDirection) as error:
            refused.append(Refusal(language="all", shots=shots, reason=f"{PUBLISHED_GATE}: {error}"))
        progress("published gate", number + 1, len(budgets))
    return methods, refused


def _published(bench: Bench, shots: int) -> Method:
    plan, activations = bench.plan, bench.activations
    places = {prompt.key: row for row, prompt in enumerate(activations.prompts)}
    rows = {
        language: [places[prompt.key] for prompt in bench.draws.chosen(language, plan.seed, shots)]
        for language in plan.target_languages
    }
    made = fit_published_repair(
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
    return steered_method(
        PUBLISHED_GATE,
        bench.model,
        lambda model: BlockSteering(model, made.edit, made.router()),
        variant=PUBLISHED,
        shots=shots,
        note="Gate, threshold, strength and routed edit as published; gate and edit share one prefill.",
    )


def _fit_ours(bench: Bench, progress: Progress) -> tuple[list[Method], list[Refusal]]:
    methods, refused = [], []
    for shots in _our_shots(bench.plan):
        try:
            methods.append(repair_method(bench, fit_our_repair(bench, shots, progress=progress), shots))
        except (TooFewPrompts, DegenerateDirection, UnsupportedModel) as error:
            refused.append(Refusal(language="all", shots=shots, reason=f"{OURS}: {error}"))
    return methods, refused


def fit_our_repair(bench: Bench, shots: int, *, progress: Progress = silent) -> Repair:
    """The repair that `isogloss repair` makes, at the study's layer and strength."""
    wanted = repair_plan(bench.plan).model_copy(
        update={"shots": shots, "layer": bench.layer, "multiplier": bench.multiplier}
    )
    return fit_repair(wanted, bench.model, bench.prompts, bench.judge, progress=progress)


def repair_plan(plan: GatePlan) -> RepairPlan:
    """The repair of a study, with the defaults of `isogloss repair` wherever the study says nothing."""
    made = RepairPlan(
        model=plan.model,
        prompts=plan.prompts,
        source=tuple(language.tag for language in plan.source_languages),
        target=tuple(language.tag for language in plan.target_languages),
        seed=plan.seed,
    )
    return made if plan.caution is None else made.model_copy(update={"caution": plan.caution})


def repair_method(bench: Bench, repair: Repair, shots: int, *, name: str = OURS) -> Method:
    """A repair as a method; its fingerprint is part of the note, so that replies of two repairs are never mixed."""
    note = f"The repair that `isogloss repair` makes ({repair.fingerprint()[:8]})."
    return Method(name, "", shots, note, RepairedModel(bench.model, repair).reply)


def _our_shots(plan: GatePlan) -> list[int]:
    """Budgets of ours: those of the plan up to four, which is what the method is meant for."""
    return [shots for shots in sorted(set(plan.behaviour_shots)) if shots <= 4] or [0]
