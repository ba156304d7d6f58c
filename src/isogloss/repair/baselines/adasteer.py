"""AdaSteer: every prompt is pushed as far as its own state asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from isogloss.core import GateReading, Language
from isogloss.core.errors import DegenerateDirection, UnknownName, say_unknown
from isogloss.inside.directions import Classes
from isogloss.models.batches import PromptBatch
from isogloss.models.open_model import OpenModel
from isogloss.repair.baselines.calibration import Calibration
from isogloss.repair.baselines.reading import routed_method
from isogloss.repair.baselines.tuning import Bench, choose_force
from isogloss.repair.intervention import RoutedSteering
from isogloss.repair.method import CORRECTED, PUBLISHED, Method
from isogloss.repair.moves import HARMFUL, Move, Operation, Span
from isogloss.repair.routers import ConstantRouter, Router
from isogloss.stats.separability import auroc

Floats = npt.NDArray[np.floating[Any]]

REJECTION = "rejection"
HARMFULNESS = "harmfulness"
STEPS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.8)
"""Multiples of the difference of means, added at every layer; the published constants are of this size."""
HARMLESS_DISTANCE = 100.0
EQUALLY_GOOD = 0.005


@dataclass(frozen=True, slots=True)
class Ramp:
    """A coefficient as a function of a distance: ``clamp(slope * (distance + offset) + bias, low, high)``."""

    slope: float
    offset: float
    bias: float
    low: float
    high: float

    def __call__(self, distance: Tensor) -> Tensor:
        return (self.slope * (distance + self.offset) + self.bias).clamp(self.low, self.high)


@dataclass(frozen=True, slots=True)
class Constants:
    """Where AdaSteer reads and what it makes of it.

    Attributes:
        depth: blocks of the model that the constants belong to.
        alpha_layer: block whose distance decides alpha, the coefficient of the rejection direction.
        beta_layer: block whose distance decides beta, the coefficient of the harmfulness direction.
        alpha: from distance to coefficient.
        beta: likewise.
    """

    depth: int
    alpha_layer: int
    beta_layer: int
    alpha: Ramp
    beta: Ramp

    def at_depth(self, layer_count: int) -> "Constants":
        """The same constants with the layers at the same relative depth of another model."""
        if layer_count == self.depth:
            return self
        alpha, beta = (
            round(layer * (layer_count - 1) / (self.depth - 1)) for layer in (self.alpha_layer, self.beta_layer)
        )
        return replace(self, depth=layer_count, alpha_layer=alpha, beta_layer=beta)


PUBLISHED_CONSTANTS = {
    "qwen2": Constants(28, 5, 13, Ramp(0.1, -140, 0, -0.2, 0), Ramp(-0.06, -50, 0, -0.6, 0.4)),
    "llama": Constants(32, 8, 13, Ramp(0.02, 60, 0, -0.22, -0.08), Ramp(-0.05, 5, -0.5, -0.75, float("inf"))),
    "gemma2": Constants(42, 12, 19, Ramp(0.004, -35, 0, -0.02, 0.06), Ramp(0.01, -50, 0, -0.06, 0.02)),
}
"""By architecture, for Qwen2.5-7B, Llama-3.1-8B and Gemma-2-9B and their authors' own anchors. With harmful minus
harmless as both directions, as in the reference's adaptation, alpha + beta is +0.2 at the harmful and -0.8 at the
harmless mean for Qwen, -0.83 at both for Llama (no decision), and -0.08 and +0.08 for Gemma (the wrong way round)."""


@dataclass(frozen=True, eq=False)
class Anchors:
    """Mean states of both classes at one layer.

    Attributes:
        harmful: float64 [hidden].
        harmless: float64 [hidden].
    """

    harmful: Floats
    harmless: Floats

    def readout(self, label: str) -> tuple[Floats, float]:
        """The distance as one vector [hidden] and one offset: ``distance = h @ vector + offset``.

        It is measured along the line from the harmful mean (0) to the harmless mean (100).

        Raises:
            DegenerateDirection: the means coincide.
        """
        between = self.harmless - self.harmful
        squared = float(between @ between)
        if not squared > 0:
            raise DegenerateDirection(f"{label}: harmful and harmless anchors have the same mean state.")
        vector = HARMLESS_DISTANCE * between / squared
        return vector, -float(self.harmful @ vector)


class DistanceRouter:
    """Gives every row its own alpha and beta.

    Args:
        constants: layers and ramps.
        readouts: vector [hidden] and offset of the distance, by layer.
        middle: alpha + beta from which on a row counts as harmful, for the readings alone.
    """

    reads_whole_prompt = False

    def __init__(self, constants: Constants, readouts: Mapping[int, tuple[Floats, float]], *, middle: float) -> None:
        self._constants = constants
        self._vectors = {layer: torch.from_numpy(np.array(one[0], np.float32)) for layer, one in readouts.items()}
        self._offsets = {layer: one[1] for layer, one in readouts.items()}
        self._middle = middle
        self._distances: dict[int, Tensor] = {}

    @property
    def layers(self) -> tuple[int, ...]:
        return tuple(sorted({self._constants.alpha_layer, self._constants.beta_layer}))

    def begin(self, batch: PromptBatch, device: torch.device) -> None:
        self._vectors = {layer: vector.to(device) for layer, vector in self._vectors.items()}
        self._distances = {}

    def read(self, layer: int, hidden: Tensor, mask: Tensor) -> None:
        self._distances[layer] = hidden[:, -1].float() @ self._vectors[layer] + self._offsets[layer]

    def routes(self) -> Mapping[str, Tensor]:
        constants = self._constants
        return {
            REJECTION: constants.alpha(self._distances[constants.alpha_layer]),
            HARMFULNESS: constants.beta(self._distances[constants.beta_layer]),
        }

    def readings(self) -> list[GateReading] | None:
        if not self._distances:
            return None
        routes = self.routes()
        totals = (routes[REJECTION] + routes[HARMFULNESS]).tolist()
        return [GateReading(total, self._middle, total >= self._middle) for total in totals]


@dataclass(frozen=True, eq=False)
class AdaSteer:
    """Fitted anchors, directions and constants.

    Attributes:
        constants: layers and ramps.
        readouts: the distance at the layers that are read.
        directions: harmful minus harmless mean, float32 [hidden], by layer; serves as both directions.
        span: positions that are moved.
        middle: alpha + beta from which on a row counts as harmful.
        variant, shots, note: see ``Method``.
    """

    constants: Constants
    readouts: Mapping[int, tuple[Floats, float]]
    directions: Mapping[int, Floats]
    span: Span
    middle: float
    variant: str
    shots: int
    note: str

    def moves(self) -> tuple[Move, ...]:
        """``h + alpha * RD + beta * HD`` at every layer."""
        return tuple(
            Move(layer, vector, Operation.ADD, rows, self.span)
            for layer, vector in self.directions.items()
            for rows in (REJECTION, HARMFULNESS)
        )

    def router(self) -> Router:
        """A fresh router for the coefficients."""
        return DistanceRouter(self.constants, self.readouts, middle=self.middle)

    def steer(self, model: OpenModel) -> RoutedSteering:
        """A context in which the model is steered."""
        return RoutedSteering(model, self.moves(), self.router())

    def method(self, model: OpenModel) -> Method:
        """AdaSteer as one of the methods compared."""
        return routed_method("adasteer", model, self)


def fit_adasteer_published(calibration: Calibration, model: OpenModel, *, architecture: str | None = None) -> AdaSteer:
    """AdaSteer as it was compared with: published constants on new anchors, and only generated tokens are moved.

    Anchors and directions are the means of all target languages' shots; without shots, of the source languages'
    training prompts. Since the prompt is not moved, the first token is always the plain model's.

    Args:
        calibration: states and prompts.
        model: the plain model; layers are scaled to its depth.
        architecture: whose published constants to use: qwen2, llama or gemma2; None takes the model's own.

    Raises:
        UnknownName: there are no published constants for the architecture.
        DegenerateDirection: the anchors coincide.

    Source: Zhao et al. 2025 (AdaSteer), as ported and adapted in the code of arXiv 2606.01196. Upstream moves all
    prompt positions and no generated token, and has anchors of its own.
    """
    kind = architecture or find_architecture(model)
    if kind not in PUBLISHED_CONSTANTS:
        raise UnknownName(say_unknown("AdaSteer constants for", kind, PUBLISHED_CONSTANTS) + " Pass architecture=.")
    chosen = PUBLISHED_CONSTANTS[kind].at_depth(model.layer_count)
    anchors = {layer: _fit_anchors(calibration.adapted(layer), equal=False) for layer in calibration.layers}
    return _assemble(
        anchors,
        chosen,
        span=Span.GENERATED,
        middle=0.0,
        variant=PUBLISHED,
        shots=calibration.shots,
        note=f"Published {kind} constants on other anchors; only generated tokens are moved, so the first token is the "
        "plain model's.",
    )


def fit_adasteer_corrected(calibration: Calibration, model: OpenModel, bench: Bench) -> AdaSteer:
    """AdaSteer at its best: prompt positions are moved in the prefill, and the constants are refitted.

    Anchors are means over the source languages' training prompts and all shots, every language with the same weight.
    The two layers read are the best and the next best at telling apart the source languages' validation prompts and
    the shots; of equals the deepest. At each, the coefficient is the line that is half the strength at the harmful and
    zero at the harmless class mean of those prompts, clamped to that range; where the line does not fall with the
    distance, the fit is refused. The strength is chosen on the bench's prompts by moving every row.

    Raises:
        DegenerateDirection: classes coincide, or lie the wrong way round on the prompts held out.
    """
    anchors = {layer: _fit_anchors(calibration.fitting(layer), equal=True) for layer in calibration.layers}
    directions = _directions(anchors)

    def force(step: float) -> RoutedSteering:
        moves = [Move(layer, vector, Operation.ADD, HARMFUL, Span.PROMPT, step) for layer, vector in directions.items()]
        return RoutedSteering(model, moves, ConstantRouter(fires=True))

    strength = choose_force(bench, force, STEPS).multiplier
    alpha, beta = _choose_layers(calibration, anchors)
    constants = Constants(
        depth=model.layer_count,
        alpha_layer=alpha,
        beta_layer=beta,
        alpha=fit_ramp(calibration.choosing(alpha), anchors[alpha], strength / 2, label=f"layer {alpha}"),
        beta=fit_ramp(calibration.choosing(beta), anchors[beta], strength / 2, label=f"layer {beta}"),
    )
    return _assemble(
        anchors,
        constants,
        span=Span.PROMPT,
        middle=strength / 2,
        variant=CORRECTED,
        shots=calibration.shots,
        note=f"Prompt positions are moved in the prefill; read at layers {alpha} and {beta}; coefficients refitted, "
        f"{strength:g} times the difference of means at the harmful mean and none at the harmless one.",
    )


def fit_ramp(classes: Mapping[Language, Classes], anchors: Anchors, strength: float, *, label: str) -> Ramp:
    """The clamped line through (mean harmful distance, strength) and (mean harmless distance, 0).

    For two classes of equal weight this is the least-squares line; every language has the same weight.

    Raises:
        DegenerateDirection: the harmless prompts do not lie farther than the harmful ones, so that the line would
            push the wrong class.
    """
    vector, offset = anchors.readout(label)
    near, far = (
        float(np.mean([(np.asarray(part[side], np.float64) @ vector + offset).mean() for part in classes.values()]))
        for side in (0, 1)
    )
    if not far > near:
        raise DegenerateDirection(
            f"{label}: held-out harmless prompts lie at distance {far:.3g}, harmful ones at {near:.3g}; a push that "
            "falls with the distance would reach the wrong class. Use another layer or more prompts."
        )
    return Ramp(slope=-strength / (far - near), offset=-far, bias=0.0, low=0.0, high=strength)


def _assemble(
    anchors: Mapping[int, Anchors],
    constants: Constants,
    *,
    span: Span,
    middle: float,
    variant: str,
    shots: int,
    note: str,
) -> AdaSteer:
    read = {constants.alpha_layer, constants.beta_layer}
    return AdaSteer(
        constants=constants,
        readouts={layer: anchors[layer].readout(f"layer {layer}") for layer in sorted(read)},
        directions=_directions(anchors),
        span=span,
        middle=middle,
        variant=variant,
        shots=shots,
        note=note,
    )


def _directions(anchors: Mapping[int, Anchors]) -> dict[int, Floats]:
    return {layer: np.asarray(one.harmful - one.harmless, np.float32) for layer, one in anchors.items()}


def _fit_anchors(classes: Mapping[Language, Classes], *, equal: bool) -> Anchors:
    """Class means over all rows, or over the languages' means where each is to have the same weight."""
    sides = []
    for side in (0, 1):
        parts = [np.asarray(both[side], np.float64) for both in classes.values()]
        sides.append(
            np.mean([part.mean(axis=0) for part in parts], axis=0) if equal else np.concatenate(parts).mean(axis=0)
        )
    return Anchors(sides[0], sides[1])


def _choose_layers(calibration: Calibration, anchors: Mapping[int, Anchors]) -> tuple[int, int]:
    """The two layers whose distances tell held-out classes apart best, in ascending order; a model of one has one."""
    scores = {layer: _measure_layer(calibration.choosing(layer), one, layer) for layer, one in anchors.items()}
    best = max(scores.values())
    near = sorted(layer for layer, score in scores.items() if score >= best - EQUALLY_GOOD)
    if len(near) > 1:
        start = (len(near) - 1) // 2
        return near[start], near[start + 1]
    ranked = sorted(scores, key=lambda layer: -scores[layer])
    low, *_, high = sorted((ranked * 2)[:2])
    return low, high


def _measure_layer(classes: Mapping[Language, Classes], anchors: Anchors, layer: int) -> float:
    vector, _ = anchors.readout(f"layer {layer}")
    areas = [auroc(-(harmful @ vector), -(harmless @ vector)) for harmful, harmless in classes.values()]
    return float(np.mean([area for area in areas if area is not None]))


def find_architecture(model: OpenModel) -> str:
    """What transformers calls the model's text architecture, such as ``qwen2``."""
    return str(model.model.config.get_text_config().model_type)
