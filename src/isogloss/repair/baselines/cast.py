"""CAST: a push at many layers for the prompts that meet a condition."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Split
from isogloss.core.errors import DegenerateDirection
from isogloss.models.open_model import OpenModel
from isogloss.repair.baselines.calibration import Calibration
from isogloss.repair.baselines.condition import Condition, ConditionRouter, Pooling
from isogloss.repair.baselines.condition_search import scale_layers, search_corrected, search_published
from isogloss.repair.baselines.contrast import fit_contrast_direction, make_pairs
from isogloss.repair.baselines.reading import routed_method
from isogloss.repair.baselines.tuning import Bench, choose_force
from isogloss.repair.intervention import RoutedSteering
from isogloss.repair.method import CORRECTED, PUBLISHED, Method
from isogloss.repair.moves import HARMFUL, Move, Operation, Span
from isogloss.repair.routers import ConstantRouter, Router

Floats = npt.NDArray[np.floating[Any]]

PUBLISHED_LAYERS = (15, 23)
PUBLISHED_STRENGTH = 1.5


@dataclass(frozen=True, eq=False)
class Cast:
    """A fitted condition and behaviour.

    Attributes:
        condition: which prompts are steered.
        pooling: which positions the condition averages.
        vectors: float32 [hidden], unit length, added at the output of each of these layers.
        strengths: length added, in model units, by layer.
        variant: ``published`` or ``corrected``.
        shots: labelled examples per class and target language.
        note: what differs from the source.
    """

    condition: Condition
    pooling: Pooling
    vectors: Mapping[int, Floats]
    strengths: Mapping[int, float]
    variant: str
    shots: int
    note: str

    def moves(self) -> tuple[Move, ...]:
        """The push at every layer and position, prompt included."""
        return tuple(
            Move(layer, vector, Operation.ADD, HARMFUL, Span.EVERYWHERE, self.strengths[layer])
            for layer, vector in self.vectors.items()
        )

    def router(self) -> Router:
        """A fresh router for the condition."""
        return ConditionRouter(self.condition, self.pooling)

    def steer(self, model: OpenModel) -> RoutedSteering:
        """A context in which the model is steered."""
        return RoutedSteering(model, self.moves(), self.router())

    def method(self, model: OpenModel) -> Method:
        """CAST as one of the methods compared."""
        return routed_method("cast", model, self)


_SAID = {
    Pooling.TOKENS: "Condition averages each prompt's own tokens",
    Pooling.POSITIONS: "Condition averages padding too",
    Pooling.FIRST_ROW: "Only the first row of a batch is read and steered",
}


def fit_cast_published(calibration: Calibration, *, pooling: Pooling = Pooling.POSITIONS) -> Cast:
    """CAST as it was compared with: behaviour 1.5 times a unit vector at layers 15 to 23, whatever the model's scale.

    Vectors are first principal components of (harmful, harmless) pairs: the shots of all target languages, or without
    shots the source languages' training prompts. The condition averages positions including padding, so a verdict
    depends on the batch: answer one prompt at a time for a verdict that is the prompt's own.

    Args:
        calibration: states and prompts.
        pooling: ``positions`` as in the reference port, ``first_row`` as in IBM's own code.

    Raises:
        DegenerateDirection: pairs coincide at a layer.

    Source: Lee et al., ICLR 2025, as ported in the code of arXiv 2606.01196. Departures: blocks' outputs are read and
    steered (IBM: inputs); one way from text to tokens for tuning and use (the port tunes without the generation
    prompt); behaviour pairs are prompts (IBM: refusing against complying replies); no more labels than other methods.
    """
    layers = scale_layers(*PUBLISHED_LAYERS, len(calibration.layers))
    vectors = {
        layer: fit_contrast_direction(*make_pairs(calibration.adapted(layer)), label=f"layer {layer}")
        for layer in layers
    }
    return Cast(
        condition=search_published(calibration),
        pooling=pooling,
        vectors=vectors,
        strengths=dict.fromkeys(layers, PUBLISHED_STRENGTH),
        variant=PUBLISHED,
        shots=calibration.shots,
        note=f"{_SAID[pooling]}; push of length {PUBLISHED_STRENGTH} at {len(layers)} layers whatever the model's "
        "scale; condition point tuned per language on its own shots.",
    )


def fit_cast_corrected(calibration: Calibration, model: OpenModel, bench: Bench) -> Cast:
    """CAST at its best: masked mean, each row its own verdict, a searched point, and a push in the model's own units.

    Vectors come from the source languages' training prompts and all shots; the condition point from
    ``search_corrected``. The push at layer l is ``multiplier * gap_l / layers``, where ``gap_l`` is the distance of the
    upper quartile of the harmful from the lower quartile of the harmless training projections, as for the routed
    repair; the multiplier is chosen on the bench's prompts by steering every row.

    Raises:
        DegenerateDirection: pairs coincide at a layer, or harmful prompts do not lie above harmless ones there.
    """
    condition = search_corrected(calibration)
    layers = scale_layers(*PUBLISHED_LAYERS, len(calibration.layers))
    vectors = {
        layer: fit_contrast_direction(*make_pairs(calibration.fitting(layer)), label=f"layer {layer}")
        for layer in layers
    }
    gaps = {layer: measure_gap(calibration, layer, vectors[layer]) / len(layers) for layer in layers}

    def force(multiplier: float) -> RoutedSteering:
        moves = [
            Move(layer, vector, Operation.ADD, HARMFUL, Span.EVERYWHERE, multiplier * gaps[layer])
            for layer, vector in vectors.items()
        ]
        return RoutedSteering(model, moves, ConstantRouter(fires=True))

    strength = choose_force(bench, force)
    point = condition.fallback
    return Cast(
        condition=condition,
        pooling=Pooling.TOKENS,
        vectors=vectors,
        strengths={layer: strength.multiplier * gap for layer, gap in gaps.items()},
        variant=CORRECTED,
        shots=calibration.shots,
        note=f"Condition averages each prompt's own tokens at layer {point.layer} ({point.comparator} the threshold); "
        f"push {strength.multiplier:g} times the distance of the source classes, chosen on source validation prompts.",
    )


def measure_gap(calibration: Calibration, layer: int, vector: Floats) -> float:
    """Upper quartile of the harmful minus lower quartile of the harmless source training projections, model units.

    Raises:
        DegenerateDirection: it is not above zero.
    """
    classes = calibration.classes(layer, calibration.source, split=Split.TRAIN).values()
    harmful, harmless = (
        np.concatenate([np.asarray(part[side], np.float64) @ np.asarray(vector, np.float64) for part in classes])
        for side in (0, 1)
    )
    gap = float(np.quantile(harmful, 0.75) - np.quantile(harmless, 0.25))
    if not gap > 0:
        raise DegenerateDirection(
            f"Layer {layer}: harmful prompts do not lie above harmless ones along the vector (gap {gap:.3g}), so there "
            "is no strength to steer with. Use other layers."
        )
    return gap
