"""How many prompts a question needs, and what a given number of prompts can answer.

Normal approximations for planning, before any data; the analysis afterwards uses the exact methods of this room.
All sizes are independent ideas per language: a set that words every idea twice needs more prompts, up to twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from scipy.stats import norm

from isogloss.stats.rates import clopper_pearson_interval, wilson_interval
from isogloss.stats.worst import upper_limit_of_minimum

MOST = 10_000_000


@dataclass(frozen=True, slots=True)
class SampleSize:
    """Prompts per language.

    Attributes:
        prompts: rounded up; None where no number would do.
        exact: before rounding; None likewise.
        reason: why no number would do, or what to keep in mind; empty otherwise.
    """

    prompts: int | None
    exact: float | None
    reason: str = ""


def prompts_for_gap(
    gap_points: float,
    discordant_share: float,
    *,
    languages: int = 1,
    power: float = 0.8,
    confidence: float = 0.95,
) -> SampleSize:
    """Prompts for a paired gap to the reference language, or for a change after a repair.

    Args:
        gap_points: true difference to be found, in percentage points, positive.
        discordant_share: share of prompts answered differently in the two conditions (0.01-0.04 between European
            languages of aligned models, 0.1-0.3 towards Japanese or Korean); `expect_discordant` guesses it.
        languages: comparisons made at once; the level is divided by it (Bonferroni, what Holm starts with).
        power: chance to find the gap.
        confidence: two-sided, of the family of comparisons.

    Raises:
        ValueError: an argument outside its range.

    Source: normal approximation of the paired difference, variance ``discordant - gap ** 2``.
    """
    gap = gap_points / 100
    _refuse_outside(power=power, confidence=confidence, discordant_share=discordant_share, languages=languages)
    if gap <= 0:
        raise ValueError(f"the gap must be positive, not {gap_points} points")
    if gap > discordant_share:
        return SampleSize(
            None, None, f"a gap of {gap_points:g} points needs at least that share of prompts answered differently"
        )
    return _round_up(_critical(languages, power, confidence) ** 2 * (discordant_share - gap**2) / gap**2)


def gap_for_prompts(
    prompts: int, discordant_share: float, *, languages: int = 1, power: float = 0.8, confidence: float = 0.95
) -> float | None:
    """The smallest paired gap, in points, that this many prompts find with the given power; `prompts_for_gap` inverted.

    Returns:
        None where the prompts are too few even if all answers that differ, differ in one direction.

    Raises:
        ValueError: an argument outside its range.
    """
    _refuse_outside(power=power, confidence=confidence, discordant_share=discordant_share, languages=languages)
    if prompts < 1:
        raise ValueError(f"prompts must be positive, not {prompts}")
    squared = _critical(languages, power, confidence) ** 2
    gap = sqrt(squared * discordant_share / (prompts + squared))
    return 100 * gap if gap <= discordant_share else None


def expect_discordant(reference_rate: float, rate: float, correlation: float = 0.0) -> float:
    """Share of prompts answered differently, from two rates and the correlation of their answers.

    Correlations of 0.1 to 0.5 were seen between English and other languages; 0 is the cautious guess.

    Args:
        reference_rate: between 0 and 1.
        rate: between 0 and 1.
        correlation: of the 0/1 answers; cut to what the two rates allow.
    """
    together = reference_rate * rate + correlation * sqrt(reference_rate * (1 - reference_rate) * rate * (1 - rate))
    together = min(max(together, reference_rate + rate - 1, 0.0), reference_rate, rate)
    return reference_rate + rate - 2 * together


def prompts_for_half_width(half_width_points: float, *, rate: float = 0.5, confidence: float = 0.95) -> SampleSize:
    """Prompts until Wilson's interval of one rate reaches this far to each side (half its width).

    Args:
        half_width_points: in percentage points, positive.
        rate: expected; 0.5 is the worst case.
        confidence: two-sided.

    Raises:
        ValueError: an argument outside its range.
    """
    if half_width_points <= 0:
        raise ValueError(f"the half-width must be positive, not {half_width_points} points")
    wanted = half_width_points / 100
    _refuse_outside(confidence=confidence)
    return _smallest(lambda prompts: half_width_for_prompts(prompts, rate=rate, confidence=confidence) / 100 <= wanted)


def half_width_for_prompts(prompts: int, *, rate: float = 0.5, confidence: float = 0.95) -> float:
    """Half the width of Wilson's interval, in points.

    Raises:
        ValueError: ``prompts`` is not positive.
    """
    low, high = wilson_interval(rate, prompts, confidence=confidence)
    return 50 * (high - low)


def prompts_to_name_worst(
    distance_points: float,
    *,
    rate: float,
    languages: int,
    correlation: float = 0.0,
    power: float = 0.8,
    confidence: float = 0.95,
) -> SampleSize:
    """Prompts until the worst language stands alone in the set of those that may be the worst.

    Args:
        distance_points: by how much the worst language lies below all others, in percentage points.
        rate: of the others, between 0 and 1.
        languages: how many there are, the worst included; at least two.
        correlation: of answers to one prompt in two languages.
        power: chance that all others are ruled out.
        confidence: of the interval of the worst language.

    Raises:
        ValueError: an argument outside its range.

    Source: the rule of `isogloss.stats.worst.find_worst` itself, applied to rates as unlucky as the power allows.
    """
    distance = distance_points / 100
    _refuse_outside(power=power, confidence=confidence, languages=languages)
    if languages < 2:
        raise ValueError("one language alone is always the worst; give at least two")
    if not 0 < distance < rate <= 1:
        return SampleSize(None, None, f"no language can lie {distance_points:g} points below {100 * rate:g} %")
    return _smallest(
        lambda prompts: _stands_alone(
            prompts, distance, rate, languages, correlation=correlation, power=power, confidence=confidence
        )
    )


def distance_for_prompts(
    prompts: int,
    *,
    rate: float,
    languages: int,
    correlation: float = 0.0,
    power: float = 0.8,
    confidence: float = 0.95,
) -> float | None:
    """How far below all others, in points, a language must lie to be named the worst; `prompts_to_name_worst` inverted.

    Returns:
        To a tenth of a point, rounded up; None where no distance would do.

    Raises:
        ValueError: an argument outside its range.
    """
    _refuse_outside(power=power, confidence=confidence, languages=languages)
    if prompts < 1 or languages < 2:
        raise ValueError(f"at least one prompt and two languages are needed, not {prompts} and {languages}")
    low, high = 0, ceil(1000 * rate) - 1

    def enough(tenths: int) -> bool:
        return _stands_alone(
            prompts, tenths / 1000, rate, languages, correlation=correlation, power=power, confidence=confidence
        )

    if high < 1 or not enough(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high / 10


def _stands_alone(
    prompts: int,
    distance: float,
    rate: float,
    languages: int,
    *,
    correlation: float,
    power: float,
    confidence: float,
) -> bool:
    """Whether all others are ruled out when one of them comes as near to the worst as the power allows."""
    worst = rate - distance
    one, other = rate * (1 - rate), worst * (1 - worst)
    apart = sqrt(max(0.0, one + other - 2 * correlation * sqrt(one * other)) / prompts)
    luck = max(0.0, float(norm.isf((1 - power) / (languages - 1)))) * apart
    share = one / (one + other) if one + other else 0.5
    near, far = rate - luck * share, worst + luck * (1 - share)
    if near <= far:
        return False
    low = clopper_pearson_interval(near, prompts, confidence=confidence)[0]
    values = np.array([far, near] + [rate] * (languages - 2))
    trials = np.full(languages, float(prompts))
    return low > upper_limit_of_minimum(values, trials, tail=(1 - confidence) / 2)


def _critical(languages: int, power: float, confidence: float) -> float:
    return float(norm.isf((1 - confidence) / (2 * languages)) + norm.ppf(power))


def _round_up(exact: float) -> SampleSize:
    return SampleSize(max(1, ceil(exact - 1e-9)), exact)


def _smallest(enough: Callable[[int], bool]) -> SampleSize:
    """The smallest whole number of prompts that is enough, where more is always better."""
    high = 1
    while not enough(high):
        high *= 2
        if high > MOST:
            return SampleSize(None, None, f"more than {MOST:,} prompts")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return SampleSize(high, float(high))


def _refuse_outside(
    *,
    confidence: float,
    power: float = 0.5,
    discordant_share: float = 0.5,
    languages: int = 1,
) -> None:
    for name, value in (("power", power), ("confidence", confidence)):
        if not 0 < value < 1:
            raise ValueError(f"{name} must lie between 0 and 1, not {value}")
    if not 0 < discordant_share <= 1:
        raise ValueError(f"the discordant share must lie above 0 and at most at 1, not {discordant_share}")
    if languages < 1:
        raise ValueError(f"languages must be positive, not {languages}")
