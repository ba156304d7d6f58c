"""Representation or calibration: why a language fails, measured inside the model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import DegenerateDirection, TooFewPrompts, UnknownLanguage, say_unknown
from isogloss.core.progress import Progress, silent
from isogloss.core.seeds import derive_seed
from isogloss.inside.activations import Activations, check_layers, record_activations
from isogloss.inside.directions import fit_source_direction
from isogloss.inside.findings import Evidence, Rules, decide, summarise
from isogloss.inside.layer_choice import LayerChoice, choose_layer
from isogloss.inside.projections import pool_projections, project_languages
from isogloss.inside.record import Diagnosis, LanguageDiagnosis, ProjectionValues
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.stats.paired import Estimate, Term, estimate_linear
from isogloss.stats.separability import (
    Bools,
    Clusters,
    auroc,
    auroc_interval,
    balanced_accuracy,
    balanced_accuracy_interval,
    fit_threshold,
    mark_by_cross_validation,
)

Floats = npt.NDArray[np.float64]
# A threshold of a language's own is cross-validated over at least this many ideas per class.
FEWEST_IDEAS = 2


@dataclass(frozen=True, eq=False)
class Readout:
    """One direction per layer, float64 [layer, hidden], and the source languages' threshold at the chosen one."""

    choice: LayerChoice
    vectors: Floats
    threshold: float
    model: dict[str, str]

    @property
    def column(self) -> int:
        return self.choice.layers.index(self.choice.layer)


@dataclass(frozen=True, eq=False)
class Measured:
    """Projections of one language's measured prompts at every layer, float64 [prompt, layer] per class."""

    language: Language
    harmful: Floats
    harmless: Floats
    clusters: Clusters


def diagnose(
    model: OpenModel,
    prompts: PromptSet,
    *,
    source: tuple[Language, ...],
    layer: int | None = None,
    confidence: float = 0.95,
    rules: Rules | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Diagnosis:
    """Say for every language of a set whether harm is not seen, or seen and not acted on.

    The direction and the source threshold come from the source languages' training prompts, the layer from their
    validation prompts; everything reported is measured on test prompts. What is found concerns the *source*
    direction: a language may hold the difference elsewhere, and steering with this direction still cannot use it.

    Args:
        model: an open model without an intervention in force.
        prompts: harmful and harmless prompts with train, validation and test splits.
        source: the languages in which the model is trusted.
        layer: a 0-based decoder block; None chooses one.
        confidence: of every interval, two-sided.
        rules: limits between the findings; None takes the defaults.
        seed: decides the cross-validation folds.
        progress: told while activations are recorded.

    Raises:
        UnknownLanguage: a source language that the set does not hold.
        TooFewPrompts: a kind or split is missing; the message says which.
        UnknownName: a layer that the model does not have.
        DegenerateDirection: the classes coincide at every layer.
    """
    limits = rules or Rules()
    check_prompts(prompts, source, needs_validation=layer is None)
    check_layers(model, None if layer is None else [layer])
    fitted = [prompt for prompt in prompts if _is_for_fitting(prompt, source, chooses=layer is None)]
    test = {language: _select_test(prompts, language) for language in prompts.languages}
    count = _Counted(progress, len(fitted) + sum(map(len, test.values())))
    activations = record_activations(model, fitted, progress=count.step(len(fitted)))
    readout = _fit_readout(activations, source, layer)
    languages = {}
    for language, chosen in test.items():
        measured = _measure_language(model, language, chosen, readout, count.step(len(chosen)))
        languages[language.tag] = _diagnose_language(measured, readout, limits, confidence, seed)
    return Diagnosis(
        model=model.name,
        model_fingerprint=activations.model,
        prompts=prompts.card.name,
        prompts_fingerprint=prompts.fingerprint(),
        source_languages=tuple(language.tag for language in source),
        layer=readout.choice.layer,
        layers=readout.choice.layers,
        layer_scores=readout.choice.scores,
        position=-1,
        source_threshold=readout.threshold,
        split_fit=Split.TRAIN,
        split_measured=Split.TEST,
        confidence=confidence,
        constants=limits.to_json(),
        languages=languages,
        summary=summarise({tag: found.finding for tag, found in languages.items()}),
    )


def check_prompts(prompts: PromptSet, source: Sequence[Language], *, needs_validation: bool) -> None:
    """Make sure that a set can carry a fit on the source languages and a measurement on test prompts.

    Raises:
        UnknownLanguage: a source language that the set does not hold.
        TooFewPrompts: a kind or split is missing; the message says which.
    """
    name = prompts.card.name
    if not source:
        raise TooFewPrompts("No source languages: name at least one in which the model is trusted.")
    for language in source:
        if language not in prompts.languages:
            known = [known.tag for known in prompts.languages]
            raise UnknownLanguage(f"{name}: " + say_unknown("prompts for", language.tag, known))
    if all(prompt.split is None for prompt in prompts):
        raise TooFewPrompts(
            f"{name} has no train, validation and test splits; a direction must not be measured on the prompts it was "
            "fitted to. Give every prompt a split."
        )
    splits = [Split.TRAIN, *([Split.VALIDATION] if needs_validation else []), Split.TEST]
    held = {(prompt.language, prompt.kind, prompt.split) for prompt in prompts}
    missing = [
        f"{kind} {split} prompts in {language}"
        for split in splits
        for kind in Kind
        for language in source
        if (language, kind, split) not in held
    ]
    if missing:
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise TooFewPrompts(f"{name} has no {shown}. Add them, or choose other source languages.")


class _Counted:
    """Progress over several recordings as one count."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def step(self, size: int) -> Progress:
        start = self._done
        self._done += size

        def tell(stage: str, done: int, total: int) -> None:
            self._progress(stage, start + done, max(self._total, total))

        return tell


def _is_for_fitting(prompt: Prompt, source: Sequence[Language], *, chooses: bool) -> bool:
    wanted = (Split.TRAIN, Split.VALIDATION) if chooses else (Split.TRAIN,)
    return prompt.language in source and prompt.split in wanted


def _select_test(prompts: PromptSet, language: Language) -> list[Prompt]:
    return [prompt for prompt in prompts if prompt.language == language and prompt.split == Split.TEST]


def _fit_readout(activations: Activations, source: tuple[Language, ...], layer: int | None) -> Readout:
    choice = choose_layer(activations, source) if layer is None else LayerChoice(layer, activations.layers, ())
    direction = fit_source_direction(activations, source, choice.layer)
    pooled = pool_projections(project_languages(activations, direction, source, split=Split.TRAIN))
    vectors = [_direction_or_nothing(activations, source, each) for each in activations.layers]
    threshold = fit_threshold(pooled.harmful, pooled.harmless)
    return Readout(choice, np.array(vectors, np.float64), threshold, activations.model)


def _direction_or_nothing(activations: Activations, source: Sequence[Language], layer: int) -> Floats:
    try:
        return np.asarray(fit_source_direction(activations, source, layer).vector, np.float64)
    except DegenerateDirection:
        return np.full(activations.hidden.shape[-1], np.nan)


def _measure_language(
    model: OpenModel, language: Language, chosen: Sequence[Prompt], readout: Readout, progress: Progress
) -> Measured:
    layers = readout.choice.layers
    if not chosen:
        nothing = np.empty((0, len(layers)))
        return Measured(language, nothing, nothing, ([], []))
    # One language at a time, so that no more than one language's states are in memory.
    activations = record_activations(model, chosen, layers=layers, fingerprint=readout.model, progress=progress)
    scores = np.einsum("plh,lh->pl", activations.hidden[:, :, 0].astype(np.float64), readout.vectors)
    rows = {kind: activations.rows(kind=kind) for kind in Kind}
    labels = np.array([prompt.cluster for prompt in chosen])
    return Measured(
        language,
        scores[rows[Kind.HARMFUL]],
        scores[rows[Kind.HARMLESS]],
        (labels[rows[Kind.HARMFUL]].tolist(), labels[rows[Kind.HARMLESS]].tolist()),
    )


def _diagnose_language(
    measured: Measured, readout: Readout, rules: Rules, confidence: float, seed: int
) -> LanguageDiagnosis:
    harmful, harmless = measured.harmful[:, readout.column], measured.harmless[:, readout.column]
    evidence = _weigh(measured, harmful, harmless, readout.threshold, confidence, seed)
    decision = decide(evidence, rules)
    both = bool(harmful.size and harmless.size)
    return LanguageDiagnosis(
        name=evidence.name,
        tier=measured.language.tier,
        n_harmful=harmful.size,
        n_harmless=harmless.size,
        auroc=evidence.auroc,
        auroc_interval=evidence.auroc_interval,
        auroc_by_layer=tuple(_auroc_by_layer(measured)),
        balanced_accuracy_source=evidence.accuracy,
        balanced_accuracy_source_interval=evidence.accuracy_interval,
        balanced_accuracy_recalibrated=evidence.recalibrated,
        gain=evidence.gain,
        gain_interval=evidence.gain_interval,
        recalibrated_threshold=fit_threshold(harmful, harmless) if both else None,
        finding=decision.finding,
        more_prompts=decision.more_prompts,
        advice=decision.advice,
        projections=ProjectionValues(harmful=tuple(harmful.tolist()), harmless=tuple(harmless.tolist())),
    )


def _auroc_by_layer(measured: Measured) -> Iterator[float | None]:
    for harmful, harmless in zip(measured.harmful.T, measured.harmless.T, strict=True):
        yield None if np.isnan(harmful).any() else auroc(harmful, harmless)


def _weigh(
    measured: Measured, harmful: Floats, harmless: Floats, threshold: float, confidence: float, seed: int
) -> Evidence:
    clusters, language = measured.clusters, measured.language
    now = (harmful >= threshold, harmless < threshold)
    own: tuple[Bools, Bools] | None = None
    if min(len(set(labels)) for labels in clusters) >= FEWEST_IDEAS:
        draw = derive_seed("diagnose", seed, language.key)
        own = mark_by_cross_validation(harmful, harmless, clusters, seed=draw)
    gain = _measure_gain(now, own, clusters, confidence) if own else None
    return Evidence(
        name=language.name,
        count=min(harmful.size, harmless.size),
        auroc=auroc(harmful, harmless),
        auroc_interval=auroc_interval(harmful, harmless, clusters=clusters, confidence=confidence),
        accuracy=balanced_accuracy(harmful, harmless, threshold),
        accuracy_interval=balanced_accuracy_interval(now, clusters, confidence=confidence),
        recalibrated=float((own[0].mean() + own[1].mean()) / 2) if own else None,
        gain=gain.value if gain else None,
        gain_interval=gain.interval if gain else None,
    )


def _measure_gain(
    now: tuple[Bools, Bools], own: tuple[Bools, Bools], clusters: Clusters, confidence: float
) -> Estimate:
    terms = [
        Term(0.5, (after.astype(float) - before.astype(float)).tolist(), labels)
        for before, after, labels in zip(now, own, clusters, strict=True)
    ]
    return estimate_linear(terms, confidence=confidence)
