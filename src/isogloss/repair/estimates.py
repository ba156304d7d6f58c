"""Estimates of a threshold: the number, what it was taken from, and how sure it is."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from isogloss.repair.class_belief import Belief, ClassTable, Floats, weigh_labelled
from isogloss.repair.gate import Gate

Z95 = 1.959964


class Recalibration(StrEnum):
    """What a language's threshold is taken from.

    ``shots``: labelled prompts of both classes. ``unlabelled``: prompts of any kind, labels unread. ``harmless``:
    harmless prompts alone. ``shots+unlabelled`` and ``shots+harmless``: a few labelled prompts beside such text.
    ``translations``: translations of prompts whose scores in the source languages are known. ``source``: nothing; the
    source threshold.
    """

    SHOTS = "shots"
    SHOTS_AND_UNLABELLED = "shots+unlabelled"
    SHOTS_AND_HARMLESS = "shots+harmless"
    UNLABELLED = "unlabelled"
    HARMLESS = "harmless"
    TRANSLATIONS = "translations"
    SOURCE = "source"

    @property
    def draws_shots(self) -> bool:
        """Whether a few labelled prompts of both classes are drawn."""
        return self in _WITHOUT_SHOTS

    @property
    def reads_text(self) -> bool:
        """Whether every prompt of some sort is read, and not drawn shots alone."""
        return self not in (Recalibration.SHOTS, Recalibration.SOURCE)

    def given(self, shots: int) -> "Recalibration":
        """What is left of the method with this many shots: without any, that which needs none."""
        return self if shots else _WITHOUT_SHOTS.get(self, self)


_WITHOUT_SHOTS = {
    Recalibration.SHOTS: Recalibration.SOURCE,
    Recalibration.SHOTS_AND_UNLABELLED: Recalibration.UNLABELLED,
    Recalibration.SHOTS_AND_HARMLESS: Recalibration.HARMLESS,
}


@dataclass(frozen=True, slots=True)
class ThresholdEstimate:
    """A threshold, what it was taken from, and how sure it is.

    Attributes:
        value: logit at or above which a prompt counts as harmful.
        weight: how much the evidence counted against what was believed before it: 1 minus the variance of the
            middle between the classes that is left, as a share of the variance before; 0 without evidence.
        inverted: the mean logit of the harmful shots is not above that of the harmless ones.
        method: what it was taken from.
        n: prompts that it was taken from.
        standard_error: of the middle between the classes, logits; None without evidence.
        like_sources: probability that the language's classes lie as in the sources; None without evidence.
        probability: how often a language gives labelled shots whose classes lie this close or inverted; None where
            there are no labels.
        suspects: places of shots whose label is probably wrong, harmful and harmless.
        prevalence: expected share of harmful prompts in unlabelled text; None elsewhere.
        reason: what limits the estimate, in a sentence; empty where nothing does.
    """

    value: float
    weight: float
    inverted: bool
    method: Recalibration = Recalibration.SHOTS
    n: int = 0
    standard_error: float | None = None
    like_sources: float | None = None
    probability: float | None = None
    suspects: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    prevalence: float | None = None
    reason: str = ""

    @property
    def interval(self) -> tuple[float, float] | None:
        """Threshold plus and minus 1.96 standard errors; None without one."""
        if self.standard_error is None:
            return None
        return self.value - Z95 * self.standard_error, self.value + Z95 * self.standard_error


@dataclass(frozen=True, eq=False)
class ThresholdEstimates:
    """Many estimates from labelled shots; every array float64 [draw]."""

    value: Floats
    weight: Floats
    standard_error: Floats
    like_sources: Floats


def weigh(table: ClassTable, belief: Belief) -> Floats:
    """How much of the doubt about the middle between the classes the evidence removed, [draw]; never below 0."""
    before = weigh_labelled(table, np.empty((1, 0)), np.empty((1, 0))).error[0]
    return np.asarray(np.clip(1 - (belief.error / before) ** 2, 0, 1))


def keep_source(gate: Gate, method: Recalibration, *, n: int = 0, reason: str = "") -> ThresholdEstimate:
    """The source threshold, where there is nothing better."""
    return ThresholdEstimate(gate.fallback, 0.0, inverted=False, method=method, n=n, reason=reason)
