"""Which layer to look at, decided on prompts that no result is reported on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.core import Language, Split
from isogloss.core.errors import DegenerateDirection, TooFewPrompts
from isogloss.inside.activations import Activations
from isogloss.inside.directions import Classes, fit_pooled_direction, split_classes
from isogloss.inside.projections import project
from isogloss.stats.separability import auroc


@dataclass(frozen=True, slots=True)
class LayerChoice:
    """The layer, and what every candidate scored.

    Attributes:
        layer: 0-based decoder block.
        layers: the candidates.
        scores: one per candidate, None where no direction exists.
    """

    layer: int
    layers: tuple[int, ...]
    scores: tuple[float | None, ...]


def choose_layer(
    activations: Activations, source: Sequence[Language], *, position: int = -1, tolerance: float = 0.005
) -> LayerChoice:
    """The layer whose direction carries best from some source languages to another.

    For each source language in turn, the direction comes from the training prompts of the *other* source languages
    and is scored by its AUROC on that language's validation prompts; a layer's score is the mean. That is the
    question a target language will ask, answered without any target prompt. A single source language is scored on
    its own direction.

    Args:
        activations: training and validation prompts of the source languages.
        source: the source languages.
        position: token position.
        tolerance: layers this close to the best count as equal. The middle one of them is taken: on the edge of a
            plateau a direction carries within the source languages and fails outside them.

    Raises:
        TooFewPrompts: a source language lacks training or validation prompts of a class.
        DegenerateDirection: the classes coincide at every layer.
    """
    scores = tuple(_score_layer(activations, source, layer, position) for layer in activations.layers)
    defined = [score for score in scores if score is not None]
    if not defined:
        raise DegenerateDirection(
            f"Harmful and harmless prompts of {', '.join(map(str, source))} have the same mean state at every layer."
        )
    best = max(defined) - tolerance
    equal = [
        layer for layer, score in zip(activations.layers, scores, strict=True) if score is not None and score >= best
    ]
    return LayerChoice(equal[(len(equal) - 1) // 2], activations.layers, scores)


def _score_layer(activations: Activations, source: Sequence[Language], layer: int, position: int) -> float | None:
    train = split_classes(activations, source, layer, split=Split.TRAIN, position=position)
    held = split_classes(activations, source, layer, split=Split.VALIDATION, position=position)
    areas = []
    for language in source:
        others = {other: rows for other, rows in train.items() if other != language or len(source) == 1}
        try:
            vector = fit_pooled_direction(others, label=f"layer {layer}")
        except DegenerateDirection:
            return None
        areas.append(_measure(held[language], vector, language))
    return float(np.mean(areas))


def _measure(held: Classes, vector: np.ndarray, language: Language) -> float:
    area = auroc(project(held[0], vector), project(held[1], vector))
    if area is None:
        raise TooFewPrompts(
            f"{language}: {len(held[0])} harmful and {len(held[1])} harmless validation prompts; choosing a layer "
            "needs some of each. Name the layer yourself, or give the set a validation split."
        )
    return area
