"""The gate: how harmful one hidden state looks, read off a few directions shared by the source languages."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Language
from isogloss.inside.directions import Classes, fit_direction, fit_subspace
from isogloss.repair.logistic import fit_logistic
from isogloss.stats.separability import fit_threshold

Floats = npt.NDArray[np.floating[Any]]

# A weak penalty: the classes of the source languages are usually separable, and then it alone bounds the logits.
RIDGE = 0.01
# A feature without spread carries nothing; its scale is kept away from zero.
SMALLEST_SCALE = 1e-6


@dataclass(frozen=True, slots=True)
class SourceScores:
    """Where the source languages' training logits lie: what a new language is compared with.

    Attributes:
        harmful: mean logit of the harmful class, every language with the same weight.
        harmless: the same for harmless prompts.
        spread: standard deviation of logits inside a class of a language, pooled over both classes.
    """

    harmful: float
    harmless: float
    spread: float


@dataclass(frozen=True, eq=False)
class Gate:
    """An affine readout of one hidden state, with one threshold per language.

    Attributes:
        basis: float32 [hidden, rank], orthonormal.
        centre: float64 [rank], mean of the features over the source training prompts.
        scale: float64 [rank], their standard deviation.
        weights: float64 [rank], of the standardised features.
        bias: added to the logit.
        source: where the source languages' logits lie.
        fallback: threshold of the source languages, for a language without one of its own.
        thresholds: logit at or above which a prompt counts as harmful, by ``Language.key``.
    """

    basis: Floats
    centre: Floats
    scale: Floats
    weights: Floats
    bias: float
    source: SourceScores
    fallback: float
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def readout(self) -> tuple[Floats, float]:
        """The gate as one vector [hidden] and one offset: ``logit = hidden @ vector + offset``."""
        slopes = self.weights / self.scale
        return np.asarray(self.basis, np.float64) @ slopes, self.bias - float(self.centre @ slopes)

    def score(self, hidden: Floats) -> Floats:
        """Logits, float64 [prompt], of hidden states [prompt, hidden] at the gate's layer and position."""
        vector, offset = self.readout()
        return np.asarray(np.asarray(hidden, np.float64) @ vector + offset)

    def threshold(self, language: Language | None) -> float:
        """The threshold of a language; of the language without its region; else the fallback."""
        if language is None:
            return self.fallback
        without_region = "-".join(language.key.split("-")[:2])
        return self.thresholds.get(language.key, self.thresholds.get(without_region, self.fallback))

    def with_thresholds(self, thresholds: Mapping[str, float]) -> "Gate":
        """The same readout with other thresholds."""
        return replace(self, thresholds=dict(thresholds))


def fit_gate(
    classes: Mapping[Language, Classes], *, rank: int | None = None, ridge: float = RIDGE, label: str = "the gate"
) -> Gate:
    """Fit the readout on training prompts of the source languages.

    Features are coordinates in the span of the languages' unit differences of means; a class-balanced logistic
    readout of the standardised features gives the logit. The fallback threshold is the one with the best balanced
    accuracy on the training logits.

    Args:
        classes: harmful and harmless states of each source language, float [prompt, hidden], one layer and position.
        rank: axes of the span to keep; None keeps all of them (at most one per source language).
        ridge: penalty on the weights, on the mean loss.
        label: layer, for messages.

    Raises:
        TooFewPrompts: a language has fewer than two rows of a class, or there are fewer axes than ``rank``.
        DegenerateDirection: a language's class means coincide.

    Source: arXiv 2606.01196 (uncentred singular vectors, standardised logistic readout). There the readout is
    refitted with every target language's examples and stops before convergence; here it is fitted once, on source
    languages alone, to the optimum, and target examples move thresholds only.
    """
    directions = [fit_direction(*part, label=f"{language}, {label}") for language, part in classes.items()]
    basis = fit_subspace(directions, rank)
    rows = [np.asarray(part, np.float64) @ basis for both in classes.values() for part in both]
    harmful = np.concatenate([np.full(len(part), number % 2 == 0) for number, part in enumerate(rows)])
    features = np.concatenate(rows)
    centre, scale = features.mean(axis=0), np.maximum(features.std(axis=0), SMALLEST_SCALE)
    weights, bias = fit_logistic((features - centre) / scale, harmful, ridge=ridge)
    logits = [((part - centre) / scale) @ weights + bias for part in rows]
    return Gate(
        basis=basis,
        centre=centre,
        scale=scale,
        weights=weights,
        bias=bias,
        source=_summarise(logits[::2], logits[1::2]),
        fallback=fit_threshold(np.concatenate(logits[::2]), np.concatenate(logits[1::2])),
    )


def _summarise(harmful: list[Floats], harmless: list[Floats]) -> SourceScores:
    parts = [*harmful, *harmless]
    squares = sum(float(((part - part.mean()) ** 2).sum()) for part in parts)
    freedom = sum(len(part) - 1 for part in parts)
    return SourceScores(
        harmful=float(np.mean([part.mean() for part in harmful])),
        harmless=float(np.mean([part.mean() for part in harmless])),
        spread=max((squares / freedom) ** 0.5, SMALLEST_SCALE),
    )
