"""The gate: how harmful one hidden state looks, read off a few directions shared by the source languages."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import UNKNOWN_LANGUAGE, GateReading, Language
from isogloss.core.errors import BrokenInput
from isogloss.inside.directions import (
    Classes,
    SoftClasses,
    fit_direction,
    fit_subspace,
    fit_whitened_direction,
)
from isogloss.repair.locator import Far, Located, Locator
from isogloss.repair.logistic import fit_logistic
from isogloss.stats.separability import fit_threshold

Floats = npt.NDArray[np.floating[Any]]

# A weak penalty: the classes of the source languages are usually separable, and then it alone bounds the logits.
RIDGE = 0.01
# A feature without spread carries nothing; its scale is kept away from zero.
SMALLEST_SCALE = 1e-6
# Half way between the spread of the source languages and no preference: fully whitened readouts fit the sources best
# and carry worst to other languages; chosen on validation prompts of seven organisms.
SHRINKAGE = 0.5


class Readout(StrEnum):
    """Which coordinates of a state the gate looks at.

    ``span``: those in the span of the source languages' directions (published). ``whitened``: the one along the mean
    difference of the classes, divided by the spread inside a language's class, shrunk (Fisher's discriminant).
    """

    SPAN = "span"
    WHITENED = "whitened"


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
class Limits:
    """Between which logits each row is left alone.

    Attributes:
        upper: float64 [row]; at or above it a row counts as harmful.
        lower: float64 [row], at most the upper one; below it a row counts as harmless.
        leaned: per row the language that the limits were taken from where no label gave them, ``UNKNOWN_LANGUAGE``
            where the row was far from every language; None where a label decided.
        acts: bool [row]; False where a row is left alone whatever its logit.
    """

    upper: Floats
    lower: Floats
    leaned: tuple[Language | None, ...]
    acts: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Gate:
    """An affine readout of one hidden state, with one threshold per language, or two.

    Attributes:
        basis: float32 [hidden, rank], orthonormal.
        centre: float64 [rank], mean of the features over the source training prompts.
        scale: float64 [rank], their standard deviation.
        weights: float64 [rank], of the standardised features.
        bias: added to the logit.
        source: where the source languages' logits lie.
        fallback: threshold of the source languages, for a language without one of its own.
        thresholds: logit at or above which a prompt counts as harmful, by ``Language.key``.
        lower: logit below which a prompt counts as harmless, by ``Language.key``; from there up to the threshold it
            is left alone. A language without an entry has ``lower_fallback``.
        lower_fallback: the same for every other language; None leaves nothing alone there.
        locator: tells the language of a row that nobody named; None gives such rows the fallback.
        use_labels: False lets the locator decide for rows whose language is named, too.
    """

    basis: Floats
    centre: Floats
    scale: Floats
    weights: Floats
    bias: float
    source: SourceScores
    fallback: float
    thresholds: Mapping[str, float] = field(default_factory=dict)
    lower: Mapping[str, float] = field(default_factory=dict)
    lower_fallback: float | None = None
    locator: Locator | None = None
    use_labels: bool = True

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
        own = _look_up(self.thresholds, language)
        return self.fallback if own is None else own

    def lower_threshold(self, language: Language | None) -> float:
        """Where counting as harmless ends; the threshold itself where nothing is left alone."""
        upper, own = self.threshold(language), _look_up(self.lower, language)
        lower = self.lower_fallback if own is None else own
        return upper if lower is None else min(lower, upper)

    def needs_locating(self, language: Language | None) -> bool:
        """Whether a row with this label gets its limits from its state."""
        unnamed = language is None or language == UNKNOWN_LANGUAGE
        return self.locator is not None and (unnamed or not self.use_labels)

    def limits(self, hidden: Floats, languages: Sequence[Language | None] | None = None) -> Limits:
        """The limits of each row of states [row, hidden], as ``GateRouter`` applies them.

        Args:
            hidden: at the gate's layer and position.
            languages: of each row, None where it is not known; None where none is.
        """
        labels = list(languages) if languages is not None else [None] * len(hidden)
        upper = np.array([self.threshold(label) for label in labels])
        lower = np.array([self.lower_threshold(label) for label in labels])
        leaned: list[Language | None] = [None] * len(labels)
        acts = np.ones(len(labels), np.bool_)
        rows = [number for number, label in enumerate(labels) if self.needs_locating(label)]
        if self.locator is not None and rows:
            located = self.locator.locate(np.asarray(hidden)[rows])
            upper[rows], lower[rows] = self._lean(self.locator, located)
            unknown = located.far & (self.locator.far != Far.LEAN)
            acts[rows] = ~unknown | (self.locator.far != Far.LEAVE)
            for row, nearest, nowhere in zip(rows, located.nearest, unknown, strict=True):
                leaned[row] = UNKNOWN_LANGUAGE if nowhere else self.locator.languages[nearest]
        return Limits(upper, lower, tuple(leaned), acts)

    def _lean(self, locator: Locator, located: Located) -> tuple[Floats, Floats]:
        upper = located.shares @ np.array([self.threshold(language) for language in locator.languages])
        lower = located.shares @ np.array([self.lower_threshold(language) for language in locator.languages])
        if locator.far != Far.LEAN:
            upper = np.where(located.far, self.fallback, upper)
            lower = np.where(located.far, np.minimum(lower, self.lower_threshold(None)), lower)
        return upper, np.minimum(lower, upper)

    def read(self, hidden: Floats, languages: Sequence[Language | None] | None = None) -> list[GateReading]:
        """What the gate says about each row of states [row, hidden]; see ``limits``."""
        scores, limits = self.score(hidden), self.limits(hidden, languages)
        columns = (scores.tolist(), limits.upper.tolist(), limits.lower.tolist(), limits.leaned, limits.acts.tolist())
        return [read_score(*row) for row in zip(*columns, strict=True)]

    def with_thresholds(self, thresholds: Mapping[str, float]) -> "Gate":
        """The same readout with other thresholds."""
        return replace(self, thresholds=dict(thresholds))

    def with_locator(self, locator: Locator | None, *, use_labels: bool = True) -> "Gate":
        """The same gate, with or without a way to tell the language of a row that nobody named."""
        return replace(self, locator=locator, use_labels=use_labels)


def read_score(score: float, upper: float, lower: float, leaned: Language | None, acts: bool) -> GateReading:
    """One row's reading from its logit and its limits; see ``Limits``."""
    harmful = acts and score >= upper
    left_alone = not acts or (not harmful and score >= lower)
    return GateReading(score, upper, harmful, left_alone, None if leaned is None else leaned.tag)


def fit_gate(
    classes: Mapping[Language, Classes],
    *,
    readout: Readout = Readout.SPAN,
    rank: int | None = None,
    ridge: float = RIDGE,
    shrinkage: float = SHRINKAGE,
    targets: Mapping[Language, Classes | SoftClasses] | None = None,
    label: str = "the gate",
) -> Gate:
    """Fit the readout on training prompts of the source languages.

    Features are coordinates in the span of the languages' unit differences of means, or the one coordinate along the
    whitened difference (see ``Readout``); a class-balanced logistic readout of the standardised features gives the
    logit. The fallback threshold is the one with the best balanced accuracy on the training logits.

    Args:
        classes: harmful and harmless states of each source language, float [prompt, hidden], one layer and position.
        readout: what the features are.
        rank: axes of the span to keep; None keeps all of them (at most one per source language). A whitened readout
            has one axis whatever the rank.
        ridge: penalty on the weights, on the mean loss.
        shrinkage: of the spread that a whitened readout divides by, between 0 (the spread as it is) and 1 (the same
            in every direction, which makes the readout the plain difference of means).
        targets: states of target languages, for a whitened readout (see ``fit_whitened_direction``). Logits stay
            those of the source languages: they are scaled on these alone.
        label: layer, for messages.

    Raises:
        TooFewPrompts: a language has fewer than two rows of a class, or there are fewer axes than ``rank``.
        DegenerateDirection: a language's class means coincide.

    Source: arXiv 2606.01196 (uncentred singular vectors, standardised logistic readout). There the readout is
    refitted for every target language with its examples and stops before convergence; here there is one readout for
    all languages, at its optimum. The whitened readout is ours.
    """
    if readout == Readout.WHITENED:
        basis = fit_whitened_direction(classes, shrinkage=shrinkage, targets=targets, label=label)[:, None]
    else:
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


def _look_up(by_key: Mapping[str, float], language: Language | None) -> float | None:
    if language is None:
        return None
    without_region = "-".join(language.key.split("-")[:2])
    return by_key.get(language.key, by_key.get(without_region))


def gate_tensors(gate: Gate) -> dict[str, np.ndarray]:
    """The gate's arrays by the names that a repair is saved under; a locator's names begin with ``locator_``."""
    found: dict[str, np.ndarray] = {
        "basis": np.ascontiguousarray(gate.basis, np.float32),
        "centre": np.ascontiguousarray(gate.centre, np.float64),
        "scale": np.ascontiguousarray(gate.scale, np.float64),
        "weights": np.ascontiguousarray(gate.weights, np.float64),
    }
    if gate.locator is not None:
        found |= {
            "locator_centre": np.ascontiguousarray(gate.locator.centre, np.float32),
            "locator_axes": np.ascontiguousarray(gate.locator.axes, np.float32),
            "locator_centroids": np.ascontiguousarray(gate.locator.centroids, np.float64),
            "locator_counts": np.ascontiguousarray(gate.locator.counts, np.float64),
        }
    return found


def gate_numbers(gate: Gate) -> dict[str, Any]:
    """Everything else about the gate as plain JSON values; what a gate does not have is left out."""
    numbers: dict[str, Any] = {
        "bias": gate.bias,
        "fallback": gate.fallback,
        "thresholds": dict(gate.thresholds),
        "source_scores": asdict(gate.source),
    }
    if gate.lower or gate.lower_fallback is not None:
        numbers |= {"lower_thresholds": dict(gate.lower), "lower_fallback": gate.lower_fallback}
    if gate.locator is not None:
        numbers["locator"] = {
            "languages": [language.tag for language in gate.locator.languages],
            "temperature": gate.locator.temperature,
            "reach": gate.locator.reach,
            "far": str(gate.locator.far),
        }
        numbers["use_labels"] = gate.use_labels
    return numbers


def gate_from(tensors: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> Gate:
    """Put a gate together from what ``gate_tensors`` and ``gate_numbers`` gave; other tensors are ignored.

    Raises:
        BrokenInput: a piece is missing or has another type or shape.
    """
    try:
        gate = Gate(
            basis=tensors["basis"],
            centre=tensors["centre"],
            scale=tensors["scale"],
            weights=tensors["weights"],
            bias=float(numbers["bias"]),
            source=SourceScores(**numbers["source_scores"]),
            fallback=float(numbers["fallback"]),
            thresholds=dict(numbers["thresholds"]),
            lower=dict(numbers.get("lower_thresholds") or {}),
            lower_fallback=numbers.get("lower_fallback"),
            locator=_locator_from(tensors, numbers.get("locator")),
            use_labels=bool(numbers.get("use_labels", True)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BrokenInput(
            f"A saved gate lacks a piece or holds a wrong one ({error}). Make the repair again."
        ) from error
    return gate


def _locator_from(tensors: Mapping[str, np.ndarray], numbers: Mapping[str, Any] | None) -> Locator | None:
    if numbers is None:
        return None
    languages = tuple(Language.parse(tag) for tag in numbers["languages"])
    axes, centroids = tensors["locator_axes"], tensors["locator_centroids"]
    if centroids.shape != (len(languages), axes.shape[1]):
        raise ValueError(f"locator_centroids has shape {centroids.shape}")
    return Locator(
        languages=languages,
        centre=tensors["locator_centre"],
        axes=axes,
        centroids=centroids,
        counts=tensors["locator_counts"],
        temperature=float(numbers["temperature"]),
        reach=float(numbers["reach"]),
        far=Far(numbers["far"]),
    )
