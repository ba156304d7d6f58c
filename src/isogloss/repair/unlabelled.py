"""A threshold for a language without labelled prompts: from plain traffic, harmless text, or translations."""

from dataclasses import dataclass

import numpy as np

from isogloss.repair.class_belief import (
    PREVALENCES,
    Belief,
    ClassTable,
    Floats,
    build_table,
    decide,
    share_harmful,
    weigh_labelled,
    weigh_unlabelled,
)
from isogloss.repair.class_prior import ClassPrior, assume_prior
from isogloss.repair.estimates import Recalibration, ThresholdEstimate, keep_source, weigh
from isogloss.repair.gate import Gate

# Fewer prompts than this say too little without labels.
FEWEST_UNLABELLED = 8
# A sample is called one of a single class where that is more probable than not; this close to none or all.
ONE_CLASS = 0.04
PROBABLE = 0.5
# Pairs whose label is taken from the source score: at most this chance that the source gate is wrong.
SURE = 0.9
# Mean distance of the guessed probabilities from even odds (0 to 1) from which on they are worth fitting on: on
# validation prompts of four organisms it was 0.65 or more, and fitting helped; in simulations where fitting did harm,
# because the source readout hardly carries to the language, it was less.
LEAST_CERTAINTY = 0.65
# A slope between source and target scores is held back as if this many pairs without any relation had been seen too.
SLOPE_CAUTION = 8


def estimate_from_unlabelled(
    gate: Gate,
    scores: Floats,
    *,
    caution: float = 1.0,
    prior: ClassPrior | None = None,
    prevalences: Floats | None = None,
) -> ThresholdEstimate:
    """The threshold from prompts of a language whose labels nobody knows.

    Their logits are taken as a mixture of the language's two classes in an unknown proportion, none and all included;
    where the classes may lie is what the source languages lead one to expect (see ``estimate_threshold``). Large
    samples count as at most 120 prompts, because the shapes are assumed. Not for a handful of prompts
    (fewer than eight leave the source threshold) and not for text that no user would send.

    Args:
        gate: fitted on the source languages.
        scores: logits of the prompts.
        caution: cost of a false alarm in misses, at least 1.
        prior: what the source languages lead one to expect; None assumes it from the gate.
        prevalences: what is believed beforehand of ``PREVALENCES``; None believes every share possible.

    Returns:
        The estimate with the expected share of harmful prompts; its reason says when the sample seems to hold one
        class alone, where the other class, and so the threshold, rests on the prior.

    Source: ours; a finite mixture whose components and proportion are integrated over, not maximised.
    """
    scores = np.asarray(scores, np.float64)
    if len(scores) < FEWEST_UNLABELLED:
        reason = f"{len(scores)} unlabelled prompts are too few (at least {FEWEST_UNLABELLED}); source threshold kept"
        return keep_source(gate, Recalibration.UNLABELLED, n=len(scores), reason=reason)
    table = build_table(prior or assume_prior(gate))
    belief, prevalence = weigh_unlabelled(table, scores, prevalences=prevalences)
    return _describe(
        table,
        belief,
        Recalibration.UNLABELLED,
        caution,
        n=len(scores),
        prevalence=float(prevalence @ PREVALENCES),
        reason=_find_one_class(prevalence),
    )


@dataclass(frozen=True, eq=False)
class Guess:
    """What a gate makes of prompts whose labels nobody knows.

    Attributes:
        harmful: probability of each prompt, float64 [prompt].
        prevalences: probabilities of ``PREVALENCES``, the share of harmful prompts.
    """

    harmful: Floats
    prevalences: Floats

    @property
    def is_certain(self) -> bool:
        """Whether most prompts are clearly one or the other, so that a readout may be fitted on the guess."""
        return bool(np.abs(2 * self.harmful - 1).mean() >= LEAST_CERTAINTY)


def guess_classes(
    gate: Gate, scores: Floats, harmful: Floats, harmless: Floats, *, prior: ClassPrior | None = None
) -> Guess:
    """How probably each unlabelled prompt is harmful, given labelled prompts of its language if there are some.

    Args:
        gate: fitted on the source languages.
        scores: logits of the unlabelled prompts.
        harmful: logits of labelled harmful prompts; may be empty.
        harmless: logits of labelled harmless ones; may be empty.
        prior: what the source languages lead one to expect; None assumes it from the gate.
    """
    table = build_table(prior or assume_prior(gate))
    belief, prevalences = weigh_unlabelled(table, np.asarray(scores, np.float64), harmful=harmful, harmless=harmless)
    return Guess(share_harmful(table, belief, prevalences, scores), prevalences)


def estimate_from_harmless(
    gate: Gate, harmless: Floats, *, caution: float = 1.0, prior: ClassPrior | None = None
) -> ThresholdEstimate:
    """The threshold from harmless prompts of a language alone.

    They tell where the harmless class lies and how wide it is; where the harmful class lies stays as uncertain as
    the prior leaves it, so that the threshold moves close above the harmless class wherever that costs little.

    Args:
        gate: fitted on the source languages.
        harmless: logits of harmless prompts; none keep the source threshold.
        caution: cost of a false alarm in misses, at least 1.
        prior: what the source languages lead one to expect; None assumes it from the gate.

    Source: ours.
    """
    if not len(harmless):
        return keep_source(gate, Recalibration.HARMLESS, reason="no harmless prompts; source threshold kept")
    table = build_table(prior or assume_prior(gate))
    belief = weigh_labelled(table, np.empty((1, 0)), np.asarray(harmless, np.float64)[None])
    return _describe(table, belief, Recalibration.HARMLESS, caution, n=len(harmless))


def estimate_from_translations(
    gate: Gate,
    source_harmful: Floats,
    source_harmless: Floats,
    target_harmful: Floats,
    target_harmless: Floats,
    *,
    caution: float = 1.0,
    prior: ClassPrior | None = None,
) -> ThresholdEstimate:
    """The threshold from translations of source prompts, whose labels are those of the source prompts.

    A class of translations is moved by what its source prompts are off the usual place of their class, times the
    slope between source and target logits: a draw of prompts that is easy in the source languages is easy here too.

    Args:
        gate: fitted on the source languages.
        source_harmful: logits of the source prompts (the mean over source languages where there are several).
        source_harmless: the same for harmless ones.
        target_harmful: logits of their translations, in the same order.
        target_harmless: the same for harmless ones.
        caution: cost of a false alarm in misses, at least 1.
        prior: what the source languages lead one to expect; None assumes it from the gate.

    Raises:
        ValueError: a class has not as many translations as source prompts.

    Source: ours; regression on a control variate, the slope shrunk towards none while pairs are few.
    """
    expected = prior or assume_prior(gate)
    harmful = _adjust(source_harmful, target_harmful, expected.harmful)
    harmless = _adjust(source_harmless, target_harmless, expected.harmless)
    if not len(harmful) or not len(harmless):
        reason = "translations of one class only; source threshold kept"
        return keep_source(gate, Recalibration.TRANSLATIONS, n=len(harmful) + len(harmless), reason=reason)
    table = build_table(expected)
    belief = weigh_labelled(table, harmful[None], harmless[None])
    return _describe(table, belief, Recalibration.TRANSLATIONS, caution, n=len(harmful) + len(harmless))


def estimate_from_parallel(
    gate: Gate, source: Floats, target: Floats, *, caution: float = 1.0, prior: ClassPrior | None = None
) -> ThresholdEstimate:
    """The threshold from unlabelled prompts that exist in a source language and in the new one.

    The gate itself labels the source side, where it is trusted; pairs that it is not sure of are left out.

    Args:
        gate: fitted on the source languages.
        source: logits of the prompts in a source language.
        target: logits of the same prompts in the new language, in the same order.
        caution: cost of a false alarm in misses, at least 1.
        prior: what the source languages lead one to expect; None assumes it from the gate.

    Raises:
        ValueError: there are not as many translations as source prompts.
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    _check_pairs(source, target)
    chance = _chance_harmful(prior or assume_prior(gate), source)
    harmful, harmless = chance >= SURE, chance <= 1 - SURE
    return estimate_from_translations(
        gate, source[harmful], source[harmless], target[harmful], target[harmless], caution=caution, prior=prior
    )


def estimate_by_quantiles(gate: Gate, source: Floats, scores: Floats) -> ThresholdEstimate:
    """The threshold at the same quantile as the source threshold's, for comparison.

    Right only where the sample holds the same share of harmful prompts as the source prompts did; wrong by as much
    as the shares differ.

    Args:
        gate: fitted on the source languages.
        source: logits of source prompts, both classes.
        scores: logits of unlabelled prompts of the new language.
    """
    if len(scores) < FEWEST_UNLABELLED:
        return keep_source(gate, Recalibration.UNLABELLED, n=len(scores), reason="too few prompts")
    share = float(np.mean(np.asarray(source) < gate.fallback))
    value = float(np.quantile(np.asarray(scores, np.float64), share))
    return ThresholdEstimate(value, 1.0, inverted=False, method=Recalibration.UNLABELLED, n=len(scores))


def _describe(
    table: ClassTable,
    belief: Belief,
    method: Recalibration,
    caution: float,
    *,
    n: int,
    prevalence: float | None = None,
    reason: str = "",
) -> ThresholdEstimate:
    return ThresholdEstimate(
        value=float(decide(table, belief, caution)[0]),
        weight=float(weigh(table, belief)[0]),
        inverted=False,
        method=method,
        n=n,
        standard_error=float(belief.error[0]),
        like_sources=float(belief.like_sources[0]),
        prevalence=prevalence,
        reason=reason,
    )


def _find_one_class(prevalence: Floats) -> str:
    none, only = float(prevalence[PREVALENCES < ONE_CLASS].sum()), float(prevalence[PREVALENCES > 1 - ONE_CLASS].sum())
    if max(none, only) < PROBABLE:
        return ""
    held, missing = ("harmless", "harmful") if none >= only else ("harmful", "harmless")
    return (
        f"the unlabelled prompts seem to be {held} alone (probability {max(none, only):.2f}), so that the place of the "
        f"{missing} class is that expected from the source languages"
    )


def _adjust(source: Floats, target: Floats, usual: float) -> Floats:
    """Target logits, moved to where a draw of ordinary source prompts would have put them."""
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    _check_pairs(source, target)
    if len(source) < 2 or not source.std() > 0:
        return target
    slope = float(np.cov(source, target)[0, 1] / source.var(ddof=1))
    slope = float(np.clip(slope, 0, 1)) * len(source) / (len(source) + SLOPE_CAUTION)
    return np.asarray(target + slope * (usual - source.mean()))


def _check_pairs(source: Floats, target: Floats) -> None:
    if len(source) != len(target):
        raise ValueError(f"{len(source)} source prompts but {len(target)} translations; give one for each")


def _chance_harmful(prior: ClassPrior, scores: Floats) -> Floats:
    """Probability of harm at even odds, in a language that resembles the sources."""
    harmful = np.log(prior.harmful_spread) + 0.5 * ((scores - prior.harmful) / prior.harmful_spread) ** 2
    harmless = np.log(prior.harmless_spread) + 0.5 * ((scores - prior.harmless) / prior.harmless_spread) ** 2
    # Past its own mean, a class does not become less likely.
    harmful = np.where(scores >= prior.harmful, -np.inf, harmful)
    harmless = np.where(scores <= prior.harmless, -np.inf, harmless)
    return np.asarray(0.5 * (1 + np.tanh((harmless - harmful) / 2)))
