"""Our gates on coordinates: readout, prior and thresholds for every language, as `isogloss repair` fits them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Kind, Language, Split
from isogloss.core.errors import DegenerateDirection
from isogloss.experiment.cases import SOURCE, Case
from isogloss.experiment.states import LanguageStates, LayerStates
from isogloss.inside.directions import Classes, fit_pooled_direction
from isogloss.repair.class_prior import ClassPrior, combine_left_out, describe_left_out, measure_prior
from isogloss.repair.gate import Gate, fit_gate
from isogloss.repair.thresholds import estimate_threshold, estimate_thresholds

Floats = npt.NDArray[np.floating[Any]]
View = Callable[[LanguageStates], Floats]
"""What a method sees of a language's prompts, [prompt, feature]."""
HELD = (Split.TRAIN, Split.VALIDATION)


@dataclass(frozen=True, eq=False)
class OurGate:
    """A gate, what it sees, and what its thresholds start from."""

    gate: Gate
    prior: ClassPrior
    view: View

    def score(self, own: LanguageStates) -> Floats:
        """Logits of every prompt of a language."""
        return self.gate.score(self.view(own))

    def cut(self, harmful: Floats, harmless: Floats) -> float:
        """A threshold from the logits of shots; from none, the source threshold."""
        return estimate_threshold(self.gate, harmful, harmless, prior=self.prior).value

    def cuts(self, harmful: Floats, harmless: Floats) -> Floats:
        """Thresholds of many draws, from logits float [draw, shot]."""
        return estimate_thresholds(self.gate, harmful, harmless, prior=self.prior).value


def fit_ours(states: LayerStates, case: Case = SOURCE) -> OurGate:
    """The default gate: the whitened readout with the labelled target prompts of a case.

    Equal to ``fit_gate`` and ``measure_prior`` on the states, up to the rounding of ``fit_whitened``.

    Args:
        states: with whitened directions, the case's among them.
        case: which target prompts.

    Raises:
        DegenerateDirection: the source classes coincide at this layer.
    """
    if states.whitened is None:
        raise DegenerateDirection(
            f"Layer {states.layer}: harmful and harmless prompts of the source languages have the same mean state. "
            "Use another layer."
        )
    column = states.whitened.column(case)

    def see(own: LanguageStates) -> Floats:
        return np.asarray(own.whitened[:, [column]], np.float64)

    gate = fit_gate(view_classes(states, see, (Split.TRAIN,)), label=f"layer {states.layer}")
    return OurGate(gate, _measure_whitened_prior(states, gate, column), see)


def _measure_whitened_prior(states: LayerStates, gate: Gate, column: int) -> ClassPrior:
    """``measure_prior``: every source language scored by a gate of the others, along their own direction."""
    described = []
    for left in states.source:

        def see(own: LanguageStates, left: Language = left) -> Floats:
            return np.asarray(own.left_out[left][:, [column]], np.float64)

        held = _view_both(states.languages[left], see, HELD) if left in states.languages[left].left_out else None
        if held is None or min(map(len, held)) < 2:
            continue
        others = view_classes(states, see, (Split.TRAIN,))
        del others[left]
        described.append(describe_left_out(fit_gate(others), held))
    return combine_left_out(gate, described)


def fit_span(states: LayerStates, *, rank: int | None = None) -> OurGate:
    """The readout of the source span, fitted on source languages alone.

    Raises:
        DegenerateDirection: a source language's classes coincide.
    """
    return _fit_seen(states, lambda own: own.features, rank)


def fit_line(states: LayerStates) -> OurGate:
    """The same of the one pooled source direction."""
    vector = np.asarray(fit_pooled_direction(states.source_classes(), label=f"layer {states.layer}"), np.float64)
    return _fit_seen(states, lambda own: np.asarray(own.features @ vector)[:, None], None)


def _fit_seen(states: LayerStates, see: View, rank: int | None) -> OurGate:
    train = view_classes(states, see, (Split.TRAIN,))
    gate = fit_gate(train, rank=rank, label=f"layer {states.layer}")
    return OurGate(gate, measure_prior(gate, train, view_classes(states, see, HELD), rank=rank), see)


def view_classes(states: LayerStates, see: View, splits: Sequence[Split]) -> dict[Language, Classes]:
    """Both classes of every source language as a method sees them."""
    return {language: _view_both(states.languages[language], see, splits) for language in states.source}


def score_all(ours: OurGate, languages: Mapping[Language, LanguageStates]) -> dict[Language, Floats]:
    """Logits of every language's prompts."""
    return {language: ours.score(own) for language, own in languages.items()}


def _view_both(own: LanguageStates, see: View, splits: Sequence[Split]) -> Classes:
    seen = see(own)
    parts = [np.concatenate([own.rows(kind, split) for split in splits]) for kind in Kind]
    return seen[parts[0]], seen[parts[1]]
