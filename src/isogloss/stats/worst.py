"""The worst language, with an interval that stays valid although the worst was looked for."""

from collections.abc import Mapping
from dataclasses import dataclass

from isogloss.stats.rates import Interval, Rate, wilson_interval


@dataclass(frozen=True, slots=True)
class Worst:
    """The lowest rate over several languages.

    Attributes:
        name: the language with the lowest observed rate; ties go to the one with more prompts, then by name.
        value: that rate. Being a minimum of noisy numbers it is biased downwards.
        interval: covers the lowest *true* rate, whichever language has it.
        candidates: every language that may be the worst, given the data; the named one comes first.
    """

    name: str
    value: float
    interval: Interval
    candidates: tuple[str, ...]


def find_worst(rates: Mapping[str, Rate], *, confidence: float = 0.95) -> Worst | None:
    """Find the lowest rate and say how sure that is; None where no rate is defined.

    A Wilson interval around the observed minimum undercovers badly when languages are close, because the
    minimum was picked for being low. Here the lower limit is the smallest of the one-sided lower limits (it lies
    below the limit of the truly worst language, whichever that is), and the upper limit is the smallest of the
    upper limits taken simultaneously over all languages (Bonferroni).

    A language may be the worst unless it is better than another one at the simultaneous level: its lower limit
    lies above the other's upper limit, both at ``alpha / (2 * number of languages)``.

    Source: the interval is an intersection-union argument; the candidate set follows multiple comparisons with
    the best (Hsu 1981), with Bonferroni limits in place of his.
    """
    defined = {name: rate for name, rate in rates.items() if rate.value is not None}
    if not defined:
        return None
    alpha = 1 - confidence
    names = sorted(defined, key=lambda name: (defined[name].value, -defined[name].n, name))
    simultaneous = 1 - alpha / len(names)
    lows = [_limits(defined[name], confidence)[0] for name in names]
    wide = {name: _limits(defined[name], simultaneous) for name in names}
    lowest_high = min(high for _, high in wide.values())
    value = defined[names[0]].value
    if value is None:
        return None
    return Worst(
        name=names[0],
        value=value,
        interval=(min(lows), lowest_high),
        candidates=tuple(name for name in names if wide[name][0] <= lowest_high),
    )


def _limits(rate: Rate, confidence: float) -> Interval:
    if rate.value is None:
        return (0.0, 1.0)
    return wilson_interval(rate.value, rate.effective_n, confidence=confidence)
