"""Projections of prompts on a direction, by language and by resource tier."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Language, Split, Tier
from isogloss.inside.activations import Activations
from isogloss.inside.directions import Direction, split_classes

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Projections:
    """Dot products with a unit direction, in model units: one number per prompt.

    Attributes:
        harmful: float64 [prompt].
        harmless: float64 [prompt].
    """

    harmful: Floats
    harmless: Floats


def project(hidden: Floats, vector: Floats) -> Floats:
    """Dot products, float64 [prompt], of states [prompt, hidden] with a vector [hidden]."""
    return np.asarray(hidden, np.float64) @ np.asarray(vector, np.float64)


def project_languages(
    activations: Activations, direction: Direction, languages: Sequence[Language], *, split: Split | None = None
) -> dict[Language, Projections]:
    """Project each language's prompts on a direction at the direction's own layer and position."""
    classes = split_classes(activations, languages, direction.layer, split=split, position=direction.position)
    return {
        language: Projections(project(harmful, direction.vector), project(harmless, direction.vector))
        for language, (harmful, harmless) in classes.items()
    }


def pool_projections(projections: Mapping[Language, Projections], *, tier: Tier | None = None) -> Projections:
    """All projections of a tier's languages thrown together; None pools every language."""
    chosen = [part for language, part in projections.items() if tier is None or language.tier == tier]
    nothing: list[Floats] = [np.empty(0)]
    return Projections(
        harmful=np.concatenate(nothing + [part.harmful for part in chosen]),
        harmless=np.concatenate(nothing + [part.harmless for part in chosen]),
    )
