"""Labelled shots that do not fit: one label that is probably wrong, or classes in an order the gate makes unlikely."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from isogloss.repair.class_belief import TAILS, ClassTable, Floats, likelihood_of

# Share of labels expected to be wrong before any score is seen.
EXPECTED_WRONG = 0.05
# A label is reported where it is more probably wrong than right.
SUSPECT = 0.5
# Inverted shots contradict the gate where fewer languages than this share would give such shots.
CONTRADICTION = 0.02


@dataclass(frozen=True, slots=True)
class ShotCheck:
    """How well labelled shots agree with the gate and with one another.

    Attributes:
        probability: how often a language of the prior gives shots whose class means lie as close, or as inverted, as
            these.
        suspect_harmful: places, in the order given, of shots whose label "harmful" is probably wrong.
        suspect_harmless: the same for "harmless".
        wrong: probability that each label is wrong, harmful shots first.
        contradicts: the harmful shots do not score above the harmless ones, and hardly any language would do that.
    """

    probability: float
    suspect_harmful: tuple[int, ...]
    suspect_harmless: tuple[int, ...]
    wrong: tuple[float, ...]
    contradicts: bool


def check_shots(table: ClassTable, harmful: Floats, harmless: Floats) -> ShotCheck:
    """Compare shots with what the source languages, and the other shots, lead one to expect.

    The first question is asked of all shots together, before they are used: the share of languages, under the prior,
    whose class means of that many shots differ by no more than these do. The second is asked of every shot by
    leaving it out: with the belief that the *other* shots leave, is its logit more likely in the other class? A
    share ``EXPECTED_WRONG`` of labels is taken to be wrong beforehand. A lone shot of a class is compared with the
    prior alone.

    Args:
        table: the possible classes.
        harmful: logits of the harmful shots, at least one.
        harmless: logits of the harmless shots, at least one.
    """
    wrong = np.concatenate([_wrong(table, harmful, harmless, True), _wrong(table, harmful, harmless, False)])
    suspect = wrong > SUSPECT
    first, second = suspect[: len(harmful)], suspect[len(harmful) :]
    return ShotCheck(
        probability=order_probability(table, harmful, harmless),
        suspect_harmful=tuple(np.flatnonzero(first).tolist()),
        suspect_harmless=tuple(np.flatnonzero(second).tolist()),
        wrong=tuple(wrong.tolist()),
        contradicts=contradicts_gate(table, harmful, harmless),
    )


def contradicts_gate(table: ClassTable, harmful: Floats, harmless: Floats) -> bool:
    """Whether shots are inverted beyond what a language that fades or shifts would do."""
    inverted = bool(np.mean(harmful) <= np.mean(harmless))
    return inverted and order_probability(table, harmful, harmless) < CONTRADICTION


def order_probability(table: ClassTable, harmful: Floats, harmless: Floats) -> float:
    """Chance, before any shot, that the class means of this many shots lie no further apart than these do."""
    seen = float(np.mean(harmful) - np.mean(harmless))
    stretch = TAILS / (TAILS - 2)
    faded = stretch * table.harmful_scale**2
    known = table.recognised
    apart = table.harmful_mean - table.prior.harmful
    inside = (1 - known) * faded + known * table.prior.harmful_spread**2 + known * (1 - known) * apart**2
    noise = inside[None] / len(harmful) + stretch * (table.harmless_scale**2)[:, None] / len(harmless)
    gap = table.centre()[None] - table.harmless_mean[:, None]
    return float((table.pairs * norm.cdf((seen - gap) / np.sqrt(noise))).sum())


def _wrong(table: ClassTable, harmful: Floats, harmless: Floats, of_harmful: bool) -> Floats:
    """Probability that each label of one class is wrong."""
    logs = [likelihood_of(table, part[None], kind)[0] for part, kind in ((harmful, True), (harmless, False))]
    own = harmful if of_harmful else harmless
    alone = np.stack([likelihood_of(table, np.array([[score]]), of_harmful)[0] for score in own])
    rest = logs[0 if of_harmful else 1] - alone
    other = np.broadcast_to(logs[1 if of_harmful else 0], (len(own), len(logs[1 if of_harmful else 0])))
    h, n = (_scale(rest), _scale(other)) if of_harmful else (_scale(other), _scale(rest))
    belief_n, belief_h = n * (h @ table.pairs.T), h * (n @ table.pairs)
    total = belief_n.sum(axis=1)
    as_harmful = (belief_h * table.harmful_density(own)).sum(axis=1) / total
    as_harmless = (belief_n * table.harmless_density(own)).sum(axis=1) / total
    right, not_right = (as_harmful, as_harmless) if of_harmful else (as_harmless, as_harmful)
    return np.asarray(EXPECTED_WRONG * not_right / (EXPECTED_WRONG * not_right + (1 - EXPECTED_WRONG) * right))


def _scale(logs: Floats) -> Floats:
    return np.asarray(np.exp(logs - logs.max(axis=1, keepdims=True)))
