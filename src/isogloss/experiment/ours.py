"""Our gate on coordinates: fitted once on source languages, with a prior for the thresholds of every other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Kind, Language, Split
from isogloss.experiment.states import LanguageStates, LayerStates
from isogloss.inside.directions import Classes, fit_pooled_direction
from isogloss.repair.class_prior import ClassPrior, measure_prior
from isogloss.repair.gate import Gate, fit_gate
from isogloss.repair.thresholds import estimate_threshold, estimate_thresholds

Floats = npt.NDArray[np.floating[Any]]
View = Callable[[Floats], Floats]
"""What a method sees of coordinates [row, feature]."""


@dataclass(frozen=True, eq=False)
class OurGate:
    """A gate of the source languages, how it sees coordinates, and what its thresholds start from."""

    gate: Gate
    prior: ClassPrior
    view: View

    def score(self, features: Floats) -> Floats:
        """Logits [row] of coordinates [row, feature]."""
        return self.gate.score(self.view(features))

    def cut(self, harmful: Floats, harmless: Floats) -> float:
        """A threshold from the logits of shots; from none, the source threshold."""
        return estimate_threshold(self.gate, harmful, harmless, prior=self.prior).value

    def cuts(self, harmful: Floats, harmless: Floats) -> Floats:
        """Thresholds of many draws, from logits float [draw, shot]."""
        return estimate_thresholds(self.gate, harmful, harmless, prior=self.prior).value


def fit_ours(states: LayerStates, *, rank: int | None = None, view: View | None = None) -> OurGate:
    """Fit the readout on source training prompts, and its prior by leaving out one source language after the other.

    Raises:
        DegenerateDirection: a source language's classes coincide.
    """
    seen = view or _everything
    train = view_classes(states, seen, (Split.TRAIN,))
    gate = fit_gate(train, rank=rank, label=f"layer {states.layer}")
    held = view_classes(states, seen, (Split.TRAIN, Split.VALIDATION))
    return OurGate(gate, measure_prior(gate, train, held, rank=rank), seen)


def pooled_view(states: LayerStates) -> View:
    """Coordinates along the pooled source direction alone, [row, 1]."""
    vector = np.asarray(fit_pooled_direction(states.source_classes(), label=f"layer {states.layer}"), np.float64)
    return lambda features: np.asarray(features @ vector)[:, None]


def view_classes(states: LayerStates, view: View, splits: Sequence[Split]) -> dict[Language, Classes]:
    """Both classes of every source language as a method sees them."""
    return {language: _view_both(states.languages[language], view, splits) for language in states.source}


def _view_both(own: LanguageStates, view: View, splits: Sequence[Split]) -> Classes:
    seen = view(own.features)
    parts = [np.concatenate([own.rows(kind, split) for split in splits]) for kind in Kind]
    return seen[parts[0]], seen[parts[1]]


def _everything(features: Floats) -> Floats:
    return features
