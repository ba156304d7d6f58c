"""From a plan to a repair: train split for direction and gate, validation for everything chosen, test for nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import FingerprintMismatch, TooFewPrompts, UnknownLanguage, say_unknown
from isogloss.core.progress import Progress, silent
from isogloss.core.seeds import derive_seed
from isogloss.inside.activations import Activations, check_layers, record_activations
from isogloss.inside.directions import Floats
from isogloss.judges.judge import Judge
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.artifact import Repair
from isogloss.repair.calibrate import calibrate_gate, check_promises, needed_target_splits, plan_calibration
from isogloss.repair.calibration_prompts import draw_shots
from isogloss.repair.choose import choose_intervention, measure_scale, take_direction
from isogloss.repair.estimates import Recalibration
from isogloss.repair.moves import Edit
from isogloss.repair.plan import RepairPlan
from isogloss.repair.vectors import load_control_vectors

# Harmful examples of target languages that every strength is tried on, at most.
MOST_REACH = 60


def fit_repair(
    plan: RepairPlan,
    model: OpenModel,
    prompts: PromptSet,
    judge: Judge,
    progress: Progress = silent,
    *,
    activations: Activations | None = None,
) -> Repair:
    """Make a repair.

    Direction, gate and source threshold come from the source languages' training prompts, layer and multiplier from
    their validation prompts. What differs between target languages comes from shots among their validation prompts,
    and from their training and validation prompts where the plan reads text; where it promises something, both come
    from training prompts and validation prompts are left to the promise. Test prompts are not read.

    Args:
        plan: what to make.
        model: the plain model.
        prompts: with train and validation splits.
        judge: reads replies while layer and multiplier are chosen; unused where the plan gives both.
        progress: told while activations are recorded and strengths are tried.
        activations: states of the plain model that are there already, at all layers, or at the plan's. Where they hold
            every source prompt that is needed these are not recorded again; the same goes for the target prompts.

    Raises:
        FingerprintMismatch: the activations given are of another model.
        UnknownLanguage: the set lacks a language of the plan.
        TooFewPrompts: a class or split is missing or too small, or a promise cannot be kept; the message says which.
        UnknownName: the model has no such layer, or there is no such file of directions.
        DegenerateDirection: the classes coincide, or a given direction does not tell them apart.
    """
    source, target = plan.source_languages, plan.target_languages
    _check_languages(prompts, [*source, *target])
    layers = check_layers(model, None if plan.layer is None else [plan.layer])
    chosen = _select_prompts(prompts, source)
    _check_classes(chosen, source)
    vectors = _load_vectors(plan)
    if activations is not None and activations.model != model.fingerprint():
        raise FingerprintMismatch(f"The states given were recorded from another model than {model.name}; record again.")
    recorded = _find(activations, chosen, layers) or record_activations(model, chosen, layers=layers, progress=progress)
    choice = choose_intervention(
        model,
        recorded,
        source,
        judge,
        layer=plan.layer,
        multiplier=plan.multiplier,
        harmful=plan.harmful,
        harmless=plan.harmless,
        persistence=plan.persistence,
        readout=plan.readout,
        rank=plan.rank,
        most_prompts=plan.choice_prompts,
        decoding=Decoding(max_new_tokens=plan.choice_tokens),
        reach=_pick_reach(plan, prompts),
        vectors=vectors,
        progress=progress,
    )
    direction = take_direction(recorded, source, choice.layer, vectors)
    scale = measure_scale(recorded, direction, source)
    strength = scale.strength(choice.multiplier, plan.harmful)
    states = recorded.take(choice.layer)
    if needed_target_splits(plan):
        own, at = _select_targets(plan, prompts, target), (choice.layer,)
        held = _find(activations, own, at)
        states = states.join(held or record_activations(model, own, layers=at, fingerprint=recorded.model))
    calibrated = calibrate_gate(plan, states, choice.layer)
    check_promises(plan, calibrated)
    return Repair(
        gate=calibrated.gate,
        edit=Edit(direction.vector, choice.layer, strength, plan.harmful, plan.harmless, plan.persistence),
        position=-1,
        model_name=model.name,
        model=recorded.model,
        source=tuple(language.tag for language in source),
        target=tuple(language.tag for language in target),
        plan=plan.to_json(),
        choice={**choice.to_json(), "scale": asdict(scale)},
        calibration=calibrated.describe(),
        prompts={"name": prompts.card.name, "fingerprint": prompts.fingerprint()},
    )


def _pick_reach(plan: RepairPlan, prompts: PromptSet) -> list[Prompt]:
    """Harmful examples of the target languages that calibration reads anyway, the first of every language in turn."""
    source = plan.source_languages
    targets = [language for language in plan.target_languages if language not in source]
    every = list(prompts)
    method = plan.recalibrate.given(plan.shots)
    if method.draws_shots:
        queues = [_draw_harmful(plan, every, language) for language in targets]
    elif method == Recalibration.TRANSLATIONS:
        ideas = {one.seed_id for one in every if one.language in source and one.kind == Kind.HARMFUL}
        queues = [[one for one in every if _is_translation(one, language, ideas)] for language in targets]
    else:
        queues = []
    turns = [queue[turn] for turn in range(max(map(len, queues), default=0)) for queue in queues if turn < len(queue)]
    return turns[:MOST_REACH]


def _draw_harmful(plan: RepairPlan, every: Sequence[Prompt], language: Language) -> list[Prompt]:
    seed = derive_seed(plan.seed, language.key, Kind.HARMFUL)
    rows = draw_shots(every, language, Kind.HARMFUL, plan_calibration(plan).split, plan.shots, seed)
    return [every[row] for row in rows]


def _is_translation(prompt: Prompt, language: Language, ideas: set[str]) -> bool:
    return prompt.language == language and prompt.split == Split.VALIDATION and prompt.seed_id in ideas


def _find(activations: Activations | None, chosen: Sequence[Prompt], layers: Sequence[int]) -> Activations | None:
    """The last token's states of these prompts at these layers; None where some are missing."""
    if activations is None or not set(layers) <= set(activations.layers) or -1 not in activations.positions:
        return None
    # A prompt of the same name may have another text.
    places = {(prompt.key, prompt.text): row for row, prompt in enumerate(activations.prompts)}
    if any((prompt.key, prompt.text) not in places for prompt in chosen):
        return None
    rows = [places[prompt.key, prompt.text] for prompt in chosen]
    hidden = np.stack([activations.at(layer)[rows] for layer in layers], axis=1)[:, :, None]
    return Activations(hidden, tuple(chosen), tuple(layers), (-1,), activations.model)


def _load_vectors(plan: RepairPlan) -> Mapping[int, Floats] | None:
    return None if plan.direction is None else load_control_vectors(Path(plan.direction)).vectors


def _select_prompts(prompts: PromptSet, source: Sequence[Language]) -> list[Prompt]:
    """Training and validation prompts of the source languages."""
    return [
        prompt for prompt in prompts if prompt.language in source and prompt.split in (Split.TRAIN, Split.VALIDATION)
    ]


def _select_targets(plan: RepairPlan, prompts: PromptSet, target: Sequence[Language]) -> list[Prompt]:
    """Prompts of the target languages that are not source languages too, of the splits that calibration reads."""
    source, splits = plan.source_languages, needed_target_splits(plan)
    chosen = [
        prompt
        for prompt in prompts
        if prompt.language in target and prompt.language not in source and prompt.split in splits
    ]
    if not chosen:
        raise TooFewPrompts(
            f"{prompts.card.name} has no {' or '.join(splits)} prompts in {', '.join(map(str, target))}, so there is "
            "nothing to calibrate with. Give the set such a split, or use --shots 0."
        )
    return chosen


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
