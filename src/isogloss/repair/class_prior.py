"""What is believed about a language's two classes before any of its prompts is seen, learned from the source languages.

Each source language in turn is left out, the gate is fitted on the others, and the language left out is scored: how
far its classes lie from the source classes, and how wide they are, is what a language that resembles the sources does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.core import Language
from isogloss.core.errors import DegenerateDirection
from isogloss.inside.directions import Classes, SoftClasses
from isogloss.repair.gate import RIDGE, Gate, Readout, fit_gate

# Spread of the class means between languages where nothing is measured, as a share of the distance of the classes.
# It enters a measured spread as if two more languages had shown it, so that three alike languages do not forbid a
# fourth to differ.
USUAL_SHIFT = 0.05
USUAL_SHIFT_LANGUAGES = 2
# Logits of training prompts lie closer together than those of new prompts, by about this factor.
OPTIMISM = 1.2


@dataclass(frozen=True, slots=True)
class ClassPrior:
    """Where the two classes of an unseen language that resembles the source languages lie, in the gate's logits.

    Attributes:
        harmful: expected mean of the harmful class.
        harmless: expected mean of the harmless class.
        harmful_shift: standard deviation of the harmful mean between languages.
        harmless_shift: the same for the harmless mean.
        harmful_spread: standard deviation of harmful logits inside a language.
        harmless_spread: the same for harmless logits.
        languages: how many languages were left out in turn; 0 where nothing was measured.
    """

    harmful: float
    harmless: float
    harmful_shift: float
    harmless_shift: float
    harmful_spread: float
    harmless_spread: float
    languages: int = 0

    @property
    def distance(self) -> float:
        """Distance of the expected class means."""
        return self.harmful - self.harmless


def assume_prior(gate: Gate) -> ClassPrior:
    """The prior of a gate of which only the source scores are known."""
    source = gate.source
    shift = USUAL_SHIFT * (source.harmful - source.harmless)
    spread = OPTIMISM * source.spread
    return ClassPrior(source.harmful, source.harmless, shift, shift, spread, spread)


def measure_prior(
    gate: Gate,
    train: Mapping[Language, Classes],
    held: Mapping[Language, Classes],
    *,
    readout: Readout = Readout.SPAN,
    rank: int | None = None,
    ridge: float = RIDGE,
    targets: Mapping[Language, Classes | SoftClasses] | None = None,
) -> ClassPrior:
    """Learn the prior by leaving out one source language after the other.

    The language left out is scored by a gate that never saw it, so that its train prompts count as new prompts too.
    Its means and spreads are expressed in that gate's own source scale before they are carried over to ``gate``.
    Sampling error of the means is taken off the variance between languages.

    Args:
        gate: fitted on all source languages.
        train: the states it was fitted on.
        held: states of the same languages to score when they are left out, float [prompt, hidden]; train and
            validation prompts together are best. A language with fewer than two of a class is passed over.
        readout: of the gate.
        rank: of the gate, if it was limited; at most one less than the number of languages is used.
        ridge: penalty of the gate.
        targets: target states that the gate was fitted on, too.

    Returns:
        The prior; that of :func:`assume_prior` where fewer than two languages can be left out or the others give no
        gate.
    """
    rows = []
    for language, classes in held.items():
        others = {other: part for other, part in train.items() if other != language}
        if not others or min(map(len, classes)) < 2:
            continue
        try:
            limited = None if rank is None else min(rank, len(others))
            left = fit_gate(others, readout=readout, rank=limited, ridge=ridge, targets=targets)
            rows.append(describe_left_out(left, classes))
        except DegenerateDirection:
            continue
    return combine_left_out(gate, rows)


def describe_left_out(left: Gate, classes: Classes) -> list[float]:
    """Mean, variance and variance of the mean of each class, in the scale of the other languages' gate."""
    distance = left.source.harmful - left.source.harmless
    found = []
    for part in classes:
        scores = (left.score(part) - left.source.harmless) / distance
        variance = float(scores.var(ddof=1))
        found += [float(scores.mean()), variance, variance / len(scores)]
    return found


def combine_left_out(gate: Gate, described: Sequence[Sequence[float]]) -> ClassPrior:
    """The prior from what ``describe_left_out`` said of every source language; fewer than two teach nothing."""
    if len(described) < 2:
        return assume_prior(gate)
    rows = np.array(described)
    distance = gate.source.harmful - gate.source.harmless
    count = len(rows)
    shifts, spreads, means = [], [], []
    for first in (0, 3):
        mean, variance, noise = rows[:, first], rows[:, first + 1], rows[:, first + 2]
        # A language left out is compared with a mean that it has no part in, and lies that much further from it.
        between = max(float(mean.var(ddof=1) - noise.mean()), 0.0) * ((count - 1) / count) ** 2
        weight = USUAL_SHIFT_LANGUAGES / (USUAL_SHIFT_LANGUAGES + count - 1)
        # One more language varies around a mean that is itself estimated from `count` languages.
        total = (weight * USUAL_SHIFT**2 + (1 - weight) * between) * (1 + 1 / count)
        means.append(gate.source.harmless + distance * float(mean.mean()))
        shifts.append(distance * total**0.5)
        spreads.append(max(distance * float(variance.mean()) ** 0.5, distance * 1e-3))
    if means[0] <= means[1]:
        # The gate does not carry from some source languages to another: nothing can be learned from them.
        return assume_prior(gate)
    return ClassPrior(means[0], means[1], shifts[0], shifts[1], spreads[0], spreads[1], count)
