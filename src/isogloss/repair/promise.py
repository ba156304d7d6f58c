"""Thresholds with a guarantee: at most a stated share of a language's harmless prompts makes the gate fire.

What is promised, and on what ground, is decided by two numbers. Without ``confidence`` the share of harmless prompts
that fire is at most the limit *on average*, over the draw of the calibration prompts and of the new prompt alike. With
``confidence`` it is at most the limit with that probability over the draw of the calibration prompts, whatever the new
prompts. Both hold for any distribution of scores and any number of prompts; both need the calibration prompts to be
drawn like the prompts of later use, and unseen by the gate (not its training prompts).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from isogloss.core import Language
from isogloss.core.errors import NothingToDo
from isogloss.repair.gate import Gate
from isogloss.stats.rates import clopper_pearson_interval

Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]

# Allowed counts are whole numbers computed from products such as 20 * 0.05, which may come out a hair too small.
ROUNDING = 1e-9
MOST_EXAMPLES = 1_000_000


@dataclass(frozen=True, slots=True)
class PromisePlan:
    """What is to be promised.

    Attributes:
        limit: largest share of harmless prompts, between 0 and 1.
        confidence: probability over calibration draws, between 0 and 1; None promises the average over them.
        simultaneous: the confidence is that of all languages together (Bonferroni); False: of each one alone.
    """

    limit: float
    confidence: float | None = None
    simultaneous: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.limit < 1 or not (self.confidence is None or 0 < self.confidence < 1):
            raise NothingToDo(
                f"A promise of {self.limit} with confidence {self.confidence}: both are shares between 0 and 1. "
                "Write --max-harmless-refusal 0.05."
            )
        if self.simultaneous and self.confidence is None:
            raise NothingToDo(
                "A promise for all languages together is a statement with a confidence; an average over draws holds "
                "for each language alone. Give a confidence, such as 0.95."
            )

    def for_each_of(self, languages: int) -> "PromisePlan":
        """The plan of one language so that all of them hold together."""
        if not self.simultaneous or self.confidence is None:
            return self
        return PromisePlan(self.limit, 1 - (1 - self.confidence) / max(languages, 1))

    def say(self) -> str:
        """The promise in a sentence."""
        share = f"at most {self.limit:.3g} of the harmless prompts of a language make the gate fire"
        drawn = "if they are drawn like the calibration prompts"
        if self.confidence is None:
            return f"On average over calibration draws, {share}, {drawn}."
        scope = "for all languages together" if self.simultaneous else "for each language"
        return f"With probability {self.confidence:.3g} over calibration draws, {scope}, {share}, {drawn}."


@dataclass(frozen=True, slots=True)
class Promise:
    """What could be promised of one language.

    Attributes:
        threshold: smallest logit that keeps the promise; None where the examples are too few.
        limit: share promised.
        confidence: of this language; None for the promise on average.
        examples: calibration prompts.
        ideas: independent ideas among them; what the guarantee counts.
        needed: ideas from which on the promise can be made at all.
        fired: share of the calibration ideas that reach the threshold; None without one.
        system_limit: bound on the refusals of harmless prompts by model and gate together, where the model's own
            were measured; see ``bound_system``.
    """

    threshold: float | None
    limit: float
    confidence: float | None
    examples: int
    ideas: int
    needed: int
    fired: float | None
    system_limit: float | None = None

    def say(self, language: Language) -> str:
        """The outcome in a sentence."""
        if self.threshold is None and self.ideas >= self.needed:
            return f"{language}: no promise of {self.limit:.3g}, because the model itself refuses more than that."
        if self.threshold is None:
            return (
                f"{language}: no promise of {self.limit:.3g} from {self.ideas} independent harmless prompts; it needs "
                f"{self.needed}."
            )
        return f"{language}: the gate fires from logit {self.threshold:.4g} on ({self.ideas} independent prompts)."

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


@cache
def allowed_to_fire(ideas: int, limit: float, confidence: float | None = None) -> int | None:
    """How many of the calibration ideas may reach the threshold; None where even none is too many.

    On average: ``floor((n + 1) limit) - 1``. With a confidence: the largest k at which a binomial count with share
    ``limit`` stays at or below k with probability ``1 - confidence`` at most.
    """
    if confidence is None:
        allowed = int(np.floor((ideas + 1) * limit + ROUNDING)) - 1
    else:
        counts = np.arange(ideas + 1)
        allowed = int((binom.cdf(counts, ideas, limit) <= (1 - confidence) * (1 + ROUNDING)).sum()) - 1
    return allowed if allowed >= 0 else None


@cache
def examples_needed(limit: float, confidence: float | None = None, *, firing: float = 0.0) -> int | None:
    """The fewest independent harmless prompts that carry a promise.

    Args:
        limit: share promised.
        confidence: over calibration draws; None for the promise on average.
        firing: share of the calibration prompts that are expected to reach the threshold that you would like to
            keep; 0 asks when any threshold can be promised at all.

    Returns:
        A number of ideas, from which on the promise can be made; None where no number up to a million suffices,
        because the share that fires is not below the limit.
    """
    if firing >= limit:
        return None

    def enough(ideas: int) -> bool:
        allowed = allowed_to_fire(ideas, limit, confidence)
        return allowed is not None and allowed >= np.ceil(firing * ideas - ROUNDING)

    few, many = 0, 1
    while not enough(many):
        few, many = many, 2 * many
        if many > MOST_EXAMPLES:
            return None
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return many


def choose_threshold_for(
    harmless: Floats,
    plan: PromisePlan,
    *,
    clusters: Sequence[str] | None = None,
    refused: Bools | None = None,
    seed: int = 0,
) -> Promise:
    """The smallest threshold that keeps the promise in one language.

    On average, an idea's loss is the share of its prompts that fire, and the promise is of the mean loss of a new idea:
    the threshold is the smallest with ``(sum of losses + 1) / (n + 1) <= limit`` over n ideas. With a confidence, one
    prompt of each idea is drawn and the threshold lies above the ``k + 1``-th largest of their scores, where k is
    ``allowed_to_fire``: with fewer than k + 1 of n independent prompts above it, the exact (Clopper-Pearson) upper
    limit of the share is at most the limit, for this one threshold fixed in advance by its rank.

    Args:
        harmless: logits of harmless prompts of the language that the gate was not fitted on.
        plan: what is promised.
        clusters: the idea of each prompt; None: each is its own.
        refused: whether the model itself refused each prompt. With it, the promise is of the whole system: that the
            gate fires or the model refuses by itself.
        seed: decides which prompt of an idea is drawn.

    Source: conformal risk control, Angelopoulos et al. 2022 (arXiv 2208.02814), theorem 1, with a loss per idea; with a
    confidence, the order statistics of Wilks 1941, which is fixed-sequence learn-then-test (arXiv 2110.01052) here.
    """
    scores = np.array(harmless, np.float64)
    if refused is not None:
        scores[refused] = np.inf
    labels = np.arange(len(scores)) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    ideas = len(np.unique(labels))
    needed = examples_needed(plan.limit, plan.confidence) or MOST_EXAMPLES
    weights = 1 / np.bincount(labels)[labels] if len(labels) else np.empty(0)
    if plan.confidence is None:
        threshold = _lowest_within(scores, weights, (ideas + 1) * plan.limit - 1)
    else:
        drawn = _draw_one_each(labels, seed)
        allowed = allowed_to_fire(ideas, plan.limit, plan.confidence)
        threshold = _lowest_within(scores[drawn], np.ones(ideas), -1.0 if allowed is None else allowed)
    fired = None if threshold is None or not ideas else float(weights[scores >= threshold].sum() / ideas)
    return Promise(threshold, plan.limit, plan.confidence, len(scores), ideas, needed, fired)


def bound_system(promise: Promise, own_refusals: int, own_prompts: int, *, confidence: float = 0.95) -> Promise:
    """Add a bound on the refusals of harmless prompts by model and gate together.

    A harmless prompt is refused because the gate fires or because the model refuses it anyway, so the share is at most
    the limit plus the model's own share; the latter enters with its exact upper limit. Taken for granted: what is done
    to prompts that do not fire makes no refusal. The two statements may fail together: with a promise of confidence
    ``1 - d`` the bound holds with ``confidence - d``. Both may come from the same prompts.

    Args:
        promise: of the gate.
        own_refusals: harmless prompts of the language that the plain model refused.
        own_prompts: of how many, independent ones.
        confidence: one-sided, of the upper limit.
    """
    if promise.threshold is None or not own_prompts:
        return promise
    two_sided = 1 - 2 * (1 - confidence)
    upper = clopper_pearson_interval(own_refusals / own_prompts, own_prompts, confidence=two_sided)[1]
    return replace(promise, system_limit=min(1.0, promise.limit + upper))


def keep_promise(
    gate: Gate,
    harmless: Mapping[Language, Floats],
    plan: PromisePlan,
    *,
    clusters: Mapping[Language, Sequence[str]] | None = None,
    seed: int = 0,
) -> tuple[Gate, dict[Language, Promise]]:
    """Raise the thresholds of languages where the promise asks for it; none is lowered.

    Prompts between a language's threshold as it was and the raised one are left alone: the gate may not fire there,
    and has no ground to count them as harmless. Because a threshold only ever rises, the promise holds also where the
    gate's own threshold was fitted on the very same prompts. It is for prompts whose language is named; see
    ``keep_promise_unlabelled`` for the others.

    Args:
        gate: with the thresholds that are wanted if the promise allows.
        harmless: logits of harmless calibration prompts by language.
        plan: what is promised.
        clusters: the idea of each prompt.
        seed: see ``choose_threshold_for``.

    Returns:
        The gate, and what was promised of each language. A language whose examples are too few keeps its threshold
        without a promise; its record says how many it needs.
    """
    single = plan.for_each_of(len(harmless))
    promises, thresholds, lower = {}, dict(gate.thresholds), dict(gate.lower)
    for language, scores in harmless.items():
        promise = choose_threshold_for(scores, single, clusters=(clusters or {}).get(language), seed=seed)
        if promise.threshold is not None:
            lower[language.key] = gate.lower_threshold(language)
            thresholds[language.key] = max(gate.threshold(language), promise.threshold)
            promise = _settle(promise, scores, (clusters or {}).get(language), thresholds[language.key])
        promises[language] = promise
    return replace(gate, thresholds=thresholds, lower=lower), promises


def keep_promise_unlabelled(
    gate: Gate,
    harmless: Mapping[Language, Floats],
    plan: PromisePlan,
    *,
    clusters: Mapping[Language, Sequence[str]] | None = None,
    seed: int = 0,
) -> tuple[Gate, float | None, dict[Language, Promise]]:
    """Raise all thresholds by one amount, so that the promise holds in every language without its label.

    Where the locator sets a row's threshold, the promise is of the margin ``logit - threshold``; adding one amount to
    every threshold and the fallback adds it to every row's, so the largest amount that any language needs keeps the
    promise in all of them. Languages not among ``harmless`` are promised nothing. Where a row counts as harmless does
    not change.

    Args:
        gate: with a locator.
        harmless: states [prompt, hidden] of harmless calibration prompts by language, none of which the locator was
            fitted on.
        plan: what is promised.
        clusters: the idea of each prompt.
        seed: see ``choose_threshold_for``.

    Returns:
        The gate, by how much its thresholds rose (None where a language has too few examples; the gate is then
        unchanged), and the promise of each language, whose thresholds are margins.
    """
    single = plan.for_each_of(len(harmless))
    promises = {}
    for language, hidden in harmless.items():
        margins = gate.score(hidden) - gate.limits(hidden).upper
        promises[language] = choose_threshold_for(margins, single, clusters=(clusters or {}).get(language), seed=seed)
    rises = [promise.threshold for promise in promises.values()]
    known = [rise for rise in rises if rise is not None]
    if len(known) < len(rises) or not rises:
        return gate, None, promises
    rise = max(0.0, *known)
    unset = gate.lower_fallback
    kept = [(key, own, own if unset is None else unset) for key, own in gate.thresholds.items()]
    raised = replace(
        gate,
        thresholds={key: threshold + rise for key, threshold in gate.thresholds.items()},
        fallback=gate.fallback + rise,
        lower={**gate.lower, **{key: min(gate.lower.get(key, rest), own) for key, own, rest in kept}},
        lower_fallback=gate.lower_threshold(None),
    )
    return raised, rise, promises


def _settle(promise: Promise, scores: Floats, clusters: Sequence[str] | None, threshold: float) -> Promise:
    """The promise with the threshold that is really used."""
    labels = np.arange(len(scores)) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    weights = 1 / np.bincount(labels)[labels]
    fired = float(weights[np.asarray(scores) >= threshold].sum() / promise.ideas)
    return replace(promise, threshold=threshold, fired=fired)


def _draw_one_each(labels: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    order = np.random.default_rng(seed).permutation(len(labels))
    return np.asarray(order[np.unique(labels[order], return_index=True)[1]])


def _lowest_within(scores: Floats, weights: Floats, budget: float) -> float | None:
    """The smallest threshold at which the weights of the scores that reach it sum to the budget at most."""
    if budget < -ROUNDING:
        return None
    order = np.argsort(-scores)
    over = np.flatnonzero(np.cumsum(weights[order]) > budget + ROUNDING)
    if not len(over):
        return float(scores.min())
    highest = scores[order[over[0]]]
    if np.isinf(highest):
        return None
    # One step of float32 up, because that is what the gate computes with at run time.
    return float(np.nextafter(np.float32(highest), np.float32(np.inf)))
