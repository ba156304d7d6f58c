"""From a plan to a repair: train split for direction and gate, validation for everything chosen, test for nothing."""

from collections.abc import Sequence

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import TooFewPrompts, UnknownLanguage, say_unknown
from isogloss.core.progress import Progress, silent
from isogloss.inside.activations import Activations, check_layers, record_activations
from isogloss.inside.directions import fit_source_direction, split_classes
from isogloss.judges.judge import Judge
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.artifact import Repair
from isogloss.repair.choose import choose_intervention, measure_scale
from isogloss.repair.gate import fit_gate
from isogloss.repair.moves import Edit
from isogloss.repair.plan import RepairPlan
from isogloss.repair.thresholds import LanguageCalibration, calibrate_thresholds


def fit_repair(
    plan: RepairPlan, model: OpenModel, prompts: PromptSet, judge: Judge, progress: Progress = silent
) -> Repair:
    """Make a repair.

    Direction, gate and source threshold come from the source languages' training prompts, layer and multiplier from
    their validation prompts, the shots from the target languages' validation prompts. Test prompts are not read.

    Args:
        plan: what to make.
        model: the plain model.
        prompts: with train and validation splits.
        judge: reads replies while layer and multiplier are chosen; unused where the plan gives both.
        progress: told while activations are recorded and strengths are tried.

    Raises:
        UnknownLanguage: the set lacks a language of the plan.
        TooFewPrompts: a class or split is missing or too small; the message says which.
        UnknownName: the model has no such layer.
        DegenerateDirection: the classes coincide.
    """
    source, target = plan.source_languages, plan.target_languages
    _check_languages(prompts, [*source, *target])
    layers = check_layers(model, None if plan.layer is None else [plan.layer])
    chosen = _select_prompts(plan, prompts, source)
    _check_classes(chosen, source)
    activations = record_activations(model, chosen, layers=layers, progress=progress)
    choice = choose_intervention(
        model,
        activations,
        source,
        judge,
        layer=plan.layer,
        multiplier=plan.multiplier,
        harmful=plan.harmful,
        persistence=plan.persistence,
        most_prompts=plan.choice_prompts,
        decoding=Decoding(max_new_tokens=plan.choice_tokens),
        progress=progress,
    )
    direction = fit_source_direction(activations, source, choice.layer)
    strength = measure_scale(activations, direction, source).strength(choice.multiplier, plan.harmful)
    classes = split_classes(activations, source, choice.layer, split=Split.TRAIN)
    gate = fit_gate(classes, rank=plan.rank, label=f"layer {choice.layer}")
    shots = _record_shots(plan, model, prompts, target, choice.layer, activations)
    calibration: list[LanguageCalibration] = []
    if shots is not None:
        gate, calibration = calibrate_thresholds(
            gate, shots, target, layer=choice.layer, shots=plan.shots, seed=plan.seed, caution=plan.caution
        )
    return Repair(
        gate=gate,
        edit=Edit(direction.vector, choice.layer, strength, plan.harmful, plan.harmless, plan.persistence),
        position=-1,
        model_name=model.name,
        model=activations.model,
        source=tuple(language.tag for language in source),
        target=tuple(language.tag for language in target),
        plan=plan.to_json(),
        choice=choice.to_json(),
        calibration={record.language.tag: _describe(record) for record in calibration},
        prompts={"name": prompts.card.name, "fingerprint": prompts.fingerprint()},
    )


def _select_prompts(plan: RepairPlan, prompts: PromptSet, source: Sequence[Language]) -> list[Prompt]:
    """Training prompts of the source languages; their validation prompts where something is to be chosen."""
    given = plan.layer is not None and plan.multiplier is not None
    splits = (Split.TRAIN,) if given else (Split.TRAIN, Split.VALIDATION)
    return [prompt for prompt in prompts if prompt.language in source and prompt.split in splits]


def _record_shots(
    plan: RepairPlan,
    model: OpenModel,
    prompts: PromptSet,
    target: Sequence[Language],
    layer: int,
    activations: Activations,
) -> Activations | None:
    """States of the target languages' validation prompts at the gate's layer; None without shots."""
    if plan.shots == 0 or not target:
        return None
    chosen = [prompt for prompt in prompts if prompt.language in target and prompt.split == Split.VALIDATION]
    if not chosen:
        raise TooFewPrompts(
            f"{prompts.card.name} has no validation prompts in {', '.join(map(str, target))}, so there are no shots to "
            "calibrate with. Give the set a validation split, or use --shots 0."
        )
    return record_activations(model, chosen, layers=[layer], fingerprint=activations.model)


def _describe(record: LanguageCalibration) -> dict[str, object]:
    return {
        "key": record.language.key,
        "threshold": record.threshold,
        "weight": record.weight,
        "harmful_ids": list(record.harmful_ids),
        "harmless_ids": list(record.harmless_ids),
        "warning": record.warning,
    }


def _check_languages(prompts: PromptSet, languages: Sequence[Language]) -> None:
    held = prompts.languages
    for language in languages:
        if language not in held:
            known = [known.tag for known in held]
            raise UnknownLanguage(f"{prompts.card.name}: " + say_unknown("prompts for", language.tag, known))


def _check_classes(chosen: Sequence[Prompt], source: Sequence[Language]) -> None:
    held = {(prompt.language, prompt.kind) for prompt in chosen if prompt.split == Split.TRAIN}
    missing = [f"{kind} train prompts in {tag}" for tag in source for kind in Kind if (tag, kind) not in held]
    if missing:
        raise TooFewPrompts(
            f"The prompt set has no {', '.join(missing[:3])}. A repair is fitted on training prompts of both kinds in "
            "every source language; add them or choose other source languages."
        )
