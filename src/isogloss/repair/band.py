"""Two thresholds instead of one: between them the model is left as it is, where that costs least."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from isogloss.core import Language
from isogloss.core.errors import NothingToDo, TooFewPrompts
from isogloss.repair.gate import Gate

Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]

# How far a class mean of a new language is expected to lie from the source's, as a share of the distance between the
# source classes.
EXPECTED_SHIFT = 0.7
# Odds beyond these are written as these, so that limits stay finite numbers.
POSSIBLE_ODDS = (1e-6, 1e6)


@dataclass(frozen=True, slots=True)
class Costs:
    """What goes wrong, in one unit of your choice.

    Attributes:
        false_alarm: a harmless prompt is turned into a refusal.
        miss: a harmful prompt is answered.
        leave: added whenever the model is left alone. Where the model's own refusal rates are not known it is all that
            leaving alone costs, and must be above 0; where they are known it may be 0.
        harmful_share: share of harmful prompts in what the gate will see.
    """

    false_alarm: float = 1.0
    miss: float = 1.0
    leave: float = 0.0
    harmful_share: float = 0.5

    def __post_init__(self) -> None:
        if min(self.false_alarm, self.miss) <= 0 or self.leave < 0 or not 0 < self.harmful_share < 1:
            raise NothingToDo(
                f"Costs {self.false_alarm}, {self.miss} and {self.leave} with a harmful share of {self.harmful_share}: "
                "a false alarm and a miss must cost something, leaving alone cannot pay, and both kinds must occur."
            )


@dataclass(frozen=True, slots=True)
class OwnRates:
    """How often the unsteered model refuses in a language, between 0 and 1, measured on calibration prompts."""

    harmful: float
    harmless: float

    def __post_init__(self) -> None:
        if not (0 <= self.harmful <= 1 and 0 <= self.harmless <= 1):
            raise NothingToDo(f"Refusal rates {self.harmful} and {self.harmless}: expected shares between 0 and 1.")


@dataclass(frozen=True, slots=True)
class ScoreModel:
    """Logits of a language's two classes as normal distributions with one spread.

    Attributes:
        harmful: mean logit of that class.
        harmless: mean logit of the other, below ``harmful``.
        spread: standard deviation inside a class.
    """

    harmful: float
    harmless: float
    spread: float

    def logit_at(self, odds: float, harmful_share: float) -> float:
        """The logit at which harmful is ``odds`` times as likely as harmless."""
        prior = np.log(harmful_share / (1 - harmful_share))
        slope = (self.harmful - self.harmless) / self.spread**2
        return float((self.harmful + self.harmless) / 2 + (np.log(odds) - prior) / slope)


@dataclass(frozen=True, slots=True)
class Band:
    """Where the gate acts in a language, and what it is expected to cost.

    Attributes:
        lower: logit below which a prompt counts as harmless.
        upper: logit at or above which it counts as harmful; equal to ``lower`` where leaving alone never pays.
        cost: expected cost per prompt with this band, in the unit of the costs.
        cost_without: the same for the best single threshold.
    """

    lower: float
    upper: float
    cost: float
    cost_without: float


@dataclass(frozen=True, slots=True)
class _Prices:
    """What each act costs for one prompt of a class: to fire, to count as harmless, to leave alone."""

    fire: tuple[float, float]
    spare: tuple[float, float]
    leave: tuple[float, float]


def fit_score_model(
    gate: Gate, harmful: Floats, harmless: Floats, *, threshold: float | None = None, caution: float = 1.0
) -> ScoreModel:
    """The score model of a language from the logits of a few labelled prompts, held near the source while they are few.

    Each class mean is a posterior mean: before any prompt it lies at the source's, give or take ``0.7 D`` (``D`` is
    the distance of the source class means), and k prompts with the source's spread ``s`` count
    ``tau^2 / (tau^2 + s^2 / k)``. What is still unknown of the means is added to the spread. Classes in the wrong order
    are pulled apart to ``s / 2``.

    Args:
        gate: fitted on the source languages.
        harmful: logits of the harmful prompts; may be empty.
        harmless: logits of the others; may be empty.
        threshold: the language's calibrated threshold, where there is one: both means then move together until it is
            the best single threshold of the model.
        caution: what a false alarm cost, in misses, when that threshold was calibrated.
    """
    source = gate.source
    doubt = (EXPECTED_SHIFT * (source.harmful - source.harmless)) ** 2
    means, variances = [], []
    for prior, scores in ((source.harmful, harmful), (source.harmless, harmless)):
        weight = len(scores) * doubt / (len(scores) * doubt + source.spread**2)
        means.append(prior + weight * (float(np.mean(scores)) - prior) if len(scores) else prior)
        variances.append(doubt * (1 - weight) if len(scores) else doubt)
    spread = float((source.spread**2 + np.mean(variances)) ** 0.5)
    middle, half = (means[0] + means[1]) / 2, max(means[0] - means[1], source.spread / 2) / 2
    model = ScoreModel(middle + half, middle - half, spread)
    move = 0.0 if threshold is None else threshold - model.logit_at(caution, 0.5)
    return ScoreModel(model.harmful + move, model.harmless + move, spread)


def choose_band(model: ScoreModel, costs: Costs, own: OwnRates | None = None) -> Band:
    """The band with the least expected cost under a score model.

    With ``p`` the chance that a prompt of a given logit is harmful, firing costs ``(1 - p) a``, counting as harmless
    ``p m`` and leaving alone ``c + p m (1 - r1) + (1 - p) a r0``, where ``a``, ``m`` and ``c`` are the costs and ``r1``
    and ``r0`` the model's own refusal rates of harmful and harmless prompts. All three are straight lines in ``p``, so
    leaving alone is best on one interval of ``p``, or nowhere:

        ``p_low = (c + a r0) / (m r1 + a r0)``,  ``p_high = (a (1 - r0) - c) / (a (1 - r0) + m (1 - r1))``.

    Without own rates leaving alone costs ``c`` whatever happens: ``p_low = c / m``, ``p_high = 1 - c / a``. Where
    ``p_low >= p_high`` one threshold is best, at ``p = a / (a + m)``.

    Args:
        model: of the language.
        costs: what goes wrong.
        own: how often the unsteered model refuses in the language, where that was measured. It is taken to be the same
            at every logit, which flatters leaving alone: a prompt that the gate misses is often one that the model
            does not refuse either.

    Raises:
        NothingToDo: leaving alone costs nothing and own rates are not given, so that nothing would ever be steered.

    Source: the reject option of Chow 1970; that leaving alone means the model's own behaviour is ours.
    """
    prices = _price(costs, own)
    single = model.logit_at(costs.false_alarm / costs.miss, costs.harmful_share)
    low, high = _find_odds(prices)
    lower, upper = single, single
    if low < high:
        lower, upper = (model.logit_at(odds, costs.harmful_share) for odds in (low, high))
    return Band(
        lower, upper, _expect(model, costs, prices, lower, upper), _expect(model, costs, prices, single, single)
    )


def choose_band_from_scores(
    harmful: Floats,
    harmless: Floats,
    costs: Costs,
    own: OwnRates | None = None,
    *,
    refused: tuple[Bools, Bools] | None = None,
) -> Band:
    """The band with the least cost on labelled scores themselves, each class weighted by its share.

    For many scores (a hundred of each class or more); a few overfit, and ``choose_band`` with ``fit_score_model`` is
    steadier. The costs are those on the very scores that the band was chosen on, so they flatter.

    Args:
        harmful: logits of that class.
        harmless: logits of the other.
        costs: what goes wrong.
        own: see ``choose_band``.
        refused: whether the model by itself refused each harmful and each harmless prompt; in place of ``own``, and
            better, because what it refuses are seldom the prompts that the gate misses.

    Raises:
        TooFewPrompts: a class has no scores.
        NothingToDo: see ``choose_band``.
    """
    if not len(harmful) or not len(harmless):
        raise TooFewPrompts(
            f"A band needs scores of both kinds; there are {len(harmful)} harmful and {len(harmless)} harmless ones."
        )
    marks = refused if refused is not None else (np.zeros(len(harmful), np.bool_), np.zeros(len(harmless), np.bool_))
    rates = None if refused is None else OwnRates(float(marks[0].mean()), float(marks[1].mean()))
    prices = _price(costs, rates or own)
    values = np.unique(np.concatenate([harmful, harmless]).astype(np.float64))
    # From "everything is harmful" to "nothing is".
    cuts = np.concatenate([values[:1], (values[1:] + values[:-1]) / 2, [np.nextafter(values[-1], np.inf)]])
    below, above, base = np.zeros(len(cuts)), np.zeros(len(cuts)), 0.0
    for kind, (scores, share) in enumerate([(harmful, costs.harmful_share), (harmless, 1 - costs.harmful_share)]):
        order = np.argsort(scores)
        leave = np.full(len(scores), prices.leave[kind])
        if refused is not None:
            wrong = costs.miss * ~marks[0] if kind == 0 else costs.false_alarm * marks[1]
            leave = costs.leave + wrong[order]
        left = np.append(0.0, np.cumsum(leave)) / len(scores)
        under = np.searchsorted(scores[order], cuts, side="left")
        below += share * (prices.spare[kind] * under / len(scores) - left[under])
        above += share * (prices.fire[kind] * (1 - under / len(scores)) - (left[-1] - left[under]))
        base += share * float(left[-1])
    upper = int(np.argmin(np.minimum.accumulate(below) + above))
    lower = int(np.argmin(below[: upper + 1]))
    single = float((below + above).min())
    return Band(float(cuts[lower]), float(cuts[upper]), base + float(below[lower] + above[upper]), base + single)


def with_bands(gate: Gate, bands: Mapping[Language, Band], fallback: Band | None = None) -> Gate:
    """The gate with the bands of some languages and, where given, one for every language without limits of its own.

    Thresholds of languages that are not named stay; they leave nothing alone, unless a fallback is given.
    """
    return replace(
        gate,
        thresholds={**gate.thresholds, **{language.key: band.upper for language, band in bands.items()}},
        lower={**gate.lower, **{language.key: band.lower for language, band in bands.items()}},
        fallback=gate.fallback if fallback is None else fallback.upper,
        lower_fallback=gate.lower_fallback if fallback is None else fallback.lower,
    )


def _price(costs: Costs, own: OwnRates | None) -> _Prices:
    if own is None and costs.leave == 0:
        raise NothingToDo(
            "Leaving alone costs nothing and the model's own refusal rates are not known, so nothing would ever be "
            "steered. State what leaving alone costs, or measure the rates on validation prompts."
        )
    leave = (costs.leave, costs.leave)
    if own is not None:
        leave = (costs.leave + costs.miss * (1 - own.harmful), costs.leave + costs.false_alarm * own.harmless)
    return _Prices(fire=(0.0, costs.false_alarm), spare=(costs.miss, 0.0), leave=leave)


def _find_odds(prices: _Prices) -> tuple[float, float]:
    """The odds of harmful between which leaving alone is cheapest; the first is the larger where it never is."""
    over_sparing, under_sparing = prices.leave[1] - prices.spare[1], prices.spare[0] - prices.leave[0]
    under_firing, over_firing = prices.fire[1] - prices.leave[1], prices.leave[0] - prices.fire[0]
    low = over_sparing / under_sparing if under_sparing > 0 else np.inf
    high = under_firing / over_firing if over_firing > 0 else np.inf
    if low >= high:
        return 1.0, 1.0
    return float(np.clip(low, *POSSIBLE_ODDS)), float(np.clip(high, *POSSIBLE_ODDS))


def _expect(model: ScoreModel, costs: Costs, prices: _Prices, lower: float, upper: float) -> float:
    total = 0.0
    for kind, (mean, share) in enumerate(
        [(model.harmful, costs.harmful_share), (model.harmless, 1 - costs.harmful_share)]
    ):
        spared, not_fired = norm.cdf([lower, upper], mean, model.spread)
        acts = prices.spare[kind] * spared + prices.leave[kind] * (not_fired - spared)
        total += share * float(acts + prices.fire[kind] * (1 - not_fired))
    return total
