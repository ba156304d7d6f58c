"""Steering without a decision: directional ablation and constant addition, for experiments.

They weaken or strengthen refusal for everybody. A comparison needs them; nobody should serve them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from isogloss.core import GateReading, Kind, Language, Split
from isogloss.core.errors import DegenerateDirection, TooFewPrompts
from isogloss.inside.directions import fit_direction, fit_pooled_direction
from isogloss.models.batches import PromptBatch
from isogloss.models.open_model import OpenModel
from isogloss.repair.baselines.calibration import Calibration
from isogloss.repair.baselines.cast import measure_gap
from isogloss.repair.baselines.tuning import Bench, choose_selectivity
from isogloss.repair.intervention import RoutedSteering
from isogloss.repair.method import CORRECTED, PUBLISHED, Method, steered_method
from isogloss.repair.moves import HARMFUL, HARMLESS, Move, Operation, Span
from isogloss.repair.routers import ConstantRouter, Router

Floats = npt.NDArray[np.floating[Any]]

ENGLISH = Language.parse("en")


def ablation_method(
    model: OpenModel, vectors: Mapping[int, Floats], *, name: str, variant: str = "", note: str = ""
) -> Method:
    """Remove a unit vector [hidden] from every position at the output of each layer given: ``h - (h . v) v``.

    Source: Arditi et al. 2024 (arXiv 2406.11717), there after every block, attention and MLP.
    """
    moves = [Move(layer, vector, Operation.REMOVE, HARMFUL, Span.EVERYWHERE) for layer, vector in vectors.items()]
    return _constant(model, moves, name, variant, None, note)


def addition_method(
    model: OpenModel,
    vector: Floats,
    *,
    layer: int,
    strength: float,
    router: Router | None = None,
    name: str = "constant addition",
    variant: str = "",
    shots: int | None = None,
    note: str = "",
) -> Method:
    """Add ``strength * vector`` at one layer, at the last prompt token and every generated one.

    Args:
        model: the plain model.
        vector: float [hidden], unit length.
        layer: 0-based decoder block.
        strength: in model units.
        router: decides which rows are pushed; None pushes all of them.
        name, variant, shots, note: see ``Method``.
    """
    moves = [Move(layer, vector, Operation.ADD, HARMFUL, Span.ONWARD, strength)]
    return _constant(model, moves, name, variant, shots, note, router)


def ablation_methods(model: OpenModel, calibration: Calibration, layer: int) -> list[Method]:
    """Ablation at one layer and over a range of layers, each as published and corrected.

    Published: the English difference of means; over the upper half of the layers, the direction of the last of them
    is removed at each. Corrected: the pooled direction of all source languages, and at each layer of the range its
    own, for states of one layer lie elsewhere than those of another.

    Raises:
        TooFewPrompts, DegenerateDirection: as ``fit_direction``.

    Source: code of arXiv 2606.01196 (layers 18 to 35 of 36 by default).
    """
    upper = range(calibration.layers[-1] // 2 + 1, calibration.layers[-1] + 1)
    english = _english(calibration)
    last = fit_language_direction(calibration, english, upper[-1])
    own = {each: fit_source_vector(calibration, each) for each in upper}
    where = f"layers {upper[0]} to {upper[-1]}"
    language = f"direction of {english.name}"
    return [
        ablation_method(
            model,
            {layer: fit_language_direction(calibration, english, layer)},
            name="ablation at one layer",
            variant=PUBLISHED,
            note=f"{language.capitalize()} at layer {layer}.",
        ),
        ablation_method(
            model,
            {layer: fit_source_vector(calibration, layer)},
            name="ablation at one layer",
            variant=CORRECTED,
            note=f"Direction of all source languages at layer {layer}.",
        ),
        ablation_method(
            model,
            dict.fromkeys(upper, last),
            name="ablation over layers",
            variant=PUBLISHED,
            note=f"{language.capitalize()} at layer {upper[-1]}, removed at {where}.",
        ),
        ablation_method(
            model,
            own,
            name="ablation over layers",
            variant=CORRECTED,
            note=f"Each layer's own direction of all source languages, {where}.",
        ),
    ]


def addition_methods(model: OpenModel, calibration: Calibration, layer: int, bench: Bench) -> list[Method]:
    """Constant addition at one layer: published strength, and the multiple of it with the best selectivity.

    Published: ``strength = Q75(harmful) - Q25(harmless)`` of the source training projections. Corrected: the multiple
    with the best selectivity minus broken replies on the bench's prompts.

    Source: arXiv 2606.01196, the strength of its routed intervention, here for every row.
    """
    vector = fit_source_vector(calibration, layer)
    gap = measure_gap(calibration, layer, vector)

    def push(multiplier: float) -> RoutedSteering:
        move = Move(layer, vector, Operation.ADD, HARMFUL, Span.ONWARD, multiplier * gap)
        return RoutedSteering(model, [move], ConstantRouter(fires=True))

    chosen = choose_selectivity(bench, push).multiplier
    return [
        addition_method(
            model,
            vector,
            layer=layer,
            strength=gap,
            variant=PUBLISHED,
            note=f"Layer {layer}, once the distance of the source classes, for every row.",
        ),
        addition_method(
            model,
            vector,
            layer=layer,
            strength=chosen * gap,
            variant=CORRECTED,
            shots=calibration.shots,
            note=f"Layer {layer}, {chosen:g} times the distance of the source classes, chosen for selectivity on "
            "source validation prompts and the shots.",
        ),
    ]


def random_method(model: OpenModel, *, layer: int, strength: float, seed: int, router: Router | None = None) -> Method:
    """Addition of a random direction of the same length: what a push does that knows nothing of harm."""
    drawn = np.random.default_rng(seed).standard_normal(model.hidden_size)
    vector = np.asarray(drawn / np.linalg.norm(drawn), np.float32)
    note = f"A random direction at layer {layer}, as long as the push of constant addition (published)."
    return addition_method(
        model, vector, layer=layer, strength=strength, router=router, name="random direction", note=note
    )


def target_only_method(
    model: OpenModel, calibration: Calibration, *, layer: int, strength: float, router: Router | None = None
) -> Method:
    """Addition of each target language's own direction, from its shots alone; other languages are left alone.

    Args:
        model: the plain model.
        calibration: with at least one shot.
        layer: 0-based decoder block.
        strength: length added, in model units.
        router: decides which rows are pushed; None pushes all of them.

    Raises:
        TooFewPrompts: there are no shots.
        DegenerateDirection: a language's shots coincide.
    """
    if not calibration.calibrated:
        raise TooFewPrompts("A target-only direction needs at least one shot per class; there are none.")
    moves = [
        Move(
            layer, fit_shots_direction(calibration, language, layer), Operation.ADD, language.key, Span.ONWARD, strength
        )
        for language in calibration.calibrated
    ]
    names = [language.key for language in calibration.calibrated]
    chosen = LanguageRouter(router or ConstantRouter(fires=True), names)
    note = f"Each target language's difference of means of its own shots at layer {layer}; other languages run plain."
    return _constant(model, moves, "target-only direction", "", calibration.shots, note, chosen)


class LanguageRouter:
    """Splits another router's coefficients by the rows' languages: one name per ``Language.key``."""

    def __init__(self, router: Router, names: Sequence[str]) -> None:
        self._router = router
        self._names = tuple(names)
        self._spoken: dict[str, Tensor] = {}

    @property
    def layers(self) -> tuple[int, ...]:
        return self._router.layers

    @property
    def reads_whole_prompt(self) -> bool:
        return self._router.reads_whole_prompt

    def begin(self, batch: PromptBatch, device: torch.device) -> None:
        keys = [language.key for language in batch.languages or []] or [""] * len(batch)
        self._spoken = {name: torch.tensor([float(key == name) for key in keys], device=device) for name in self._names}
        self._router.begin(batch, device)

    def read(self, layer: int, hidden: Tensor, mask: Tensor) -> None:
        self._router.read(layer, hidden, mask)

    def routes(self) -> Mapping[str, Tensor]:
        routes = self._router.routes()
        return {**{name: routes[HARMFUL] * spoken for name, spoken in self._spoken.items()}, HARMLESS: routes[HARMLESS]}

    def readings(self) -> list[GateReading] | None:
        return self._router.readings()


def fit_language_direction(calibration: Calibration, language: Language, layer: int) -> Floats:
    """Unit difference of means of one source language's training prompts."""
    [classes] = calibration.classes(layer, [language], split=Split.TRAIN).values()
    return fit_direction(*classes, label=f"{language}, layer {layer}")


def fit_source_vector(calibration: Calibration, layer: int) -> Floats:
    """Unit mean of the source languages' differences of means on their training prompts."""
    classes = calibration.classes(layer, calibration.source, split=Split.TRAIN)
    return fit_pooled_direction(classes, label=f"layer {layer}")


def fit_shots_direction(calibration: Calibration, language: Language, layer: int) -> Floats:
    """Unit difference of means of a target language's shots; one per class is enough."""
    states = calibration.activations.at(layer)
    means = [states[calibration.numbers(language, kind)].astype(np.float64).mean(axis=0) for kind in Kind]
    difference = means[0] - means[1]
    length = float(np.linalg.norm(difference))
    if not length > 0:
        raise DegenerateDirection(f"{language}, layer {layer}: harmful and harmless shots coincide; give other shots.")
    return np.asarray(difference / length, np.float32)


def _constant(
    model: OpenModel,
    moves: Sequence[Move],
    name: str,
    variant: str,
    shots: int | None,
    note: str,
    router: Router | None = None,
) -> Method:
    def steer(each: OpenModel) -> RoutedSteering:
        return RoutedSteering(each, moves, router or ConstantRouter(fires=True))

    return steered_method(name, model, steer, variant=variant, shots=shots, note=note)


def _english(calibration: Calibration) -> Language:
    """English where it is a source language, else the first source language."""
    return ENGLISH if ENGLISH in calibration.source else calibration.source[0]
