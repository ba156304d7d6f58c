"""What a language usually does, learned from earlier accepted runs, with small languages leaning on the others.

Three levels: all languages share a prior (a beta distribution); each language has its own long-run rate; each run
strays a little from it (drift), since models are retrained and servers change. A new run is compared with what the
three together predict.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, exp, floor, log, pi, sqrt

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, logsumexp

from isogloss.stats.rates import Floats, Interval, Rate

# Weak log-normal guesses, so that one run or two languages still give finite numbers. Concentration 10: languages
# at a mean of 90 % spread by about 9 points. Drift 300: a run strays by about 2 points. Spread: a factor of 4.5.
USUAL_CONCENTRATION, USUAL_DRIFT, GUESS_SPREAD = log(10.0), log(300.0), 1.5
MOST_PROMPTS = 5000


@dataclass(frozen=True, slots=True)
class LanguageBaseline:
    """What is known of one language.

    Attributes:
        runs: accepted runs that hold it.
        n: scored prompts in them, effective.
        observed: its pooled rate; None where no run holds it.
        expected: its rate after leaning on the other languages.
        interval: 95 % credible interval of its long-run rate.
    """

    runs: int
    n: float
    observed: float | None
    expected: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Baseline:
    """Fitted levels; make one with `fit_baseline`.

    Attributes:
        mean: of the shared prior, between 0 and 1.
        concentration: of the shared prior, in prompts: a language with this many prompts leans half on the others.
        drift: in prompts: even endless prompts of one run say no more about the long-run rate than this many.
        languages: what is known of each.
        notes: what the numbers rest on.
        history: the counts ``(refusals, prompts)`` by language and run, for predictions.
    """

    mean: float
    concentration: float
    drift: float
    languages: dict[str, LanguageBaseline]
    notes: tuple[str, ...]
    history: dict[str, tuple[tuple[float, float], ...]]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the baseline predicts for a new run of ``n`` prompts.

    Attributes:
        n: whole prompts.
        expected: mean rate.
        lower: the smallest rate that would not be surprising: fewer refusals than ``lower * n`` occur with at most the
            stated tail.
        lower_count: the same as a number of refusals.
        at_most: ``[n + 1]`` chance of at most so many refusals.
    """

    n: int
    expected: float
    lower: float
    lower_count: int
    at_most: Floats


def fit_baseline(runs: Sequence[Mapping[str, Rate]]) -> Baseline:
    """Fit the three levels to accepted runs by maximum marginal likelihood, with weak priors.

    Use runs that people have accepted, of one model line, one prompt set and one judge: the baseline holds whatever
    those runs did to be normal, good or bad. Runs on the same prompts agree more than fresh prompts would, which
    makes the predictions cautious (fewer alarms).

    Args:
        runs: per run, the rate of each language; undefined rates are left out. Languages may differ between runs.

    Raises:
        ValueError: no run holds a defined rate.

    Source: empirical Bayes for beta-binomial counts (Gelman et al., Bayesian Data Analysis, chapter 5); the third
    level and its integration on a grid are ours.
    """
    history: dict[str, list[tuple[float, float]]] = {}
    for run in runs:
        for language, rate in run.items():
            if rate.value is not None:
                history.setdefault(language, []).append((rate.value * rate.effective_n, rate.effective_n))
    if not history:
        raise ValueError("a baseline needs at least one accepted run with a defined rate")
    counts = {language: tuple(pairs) for language, pairs in history.items()}
    pooled = sum(hits for pairs in counts.values() for hits, _ in pairs)
    total = sum(n for pairs in counts.values() for _, n in pairs)
    start = np.array([_logit((pooled + 1) / (total + 2)), USUAL_CONCENTRATION, USUAL_DRIFT])
    grid = _grid(max(sum(n for _, n in pairs) for pairs in counts.values()))
    found = minimize(_loss, start, args=(counts, grid), method="Nelder-Mead", options={"xatol": 1e-2, "fatol": 1e-3})
    mean, concentration, drift = _expit(found.x[0]), exp(found.x[1]), exp(found.x[2])
    languages = {
        language: _describe(pairs, _posterior(pairs, mean, concentration, drift, grid), grid)
        for language, pairs in counts.items()
    }
    return Baseline(mean, concentration, drift, languages, _notes(counts), counts)


def predict_run(baseline: Baseline, language: str, n: int, *, tail: float = 0.025) -> Prediction:
    """What a new run of ``n`` prompts in this language should give.

    A language that no earlier run holds is predicted from the spread between languages alone.

    Args:
        baseline: of earlier runs.
        language: its tag.
        n: prompts; above 5,000 the run's drift outweighs the prompts and 5,000 stand in.
        tail: chance of a run below ``lower`` although nothing has changed.

    Raises:
        ValueError: ``n`` is not positive.
    """
    if n < 1:
        raise ValueError(f"n must be positive, not {n}")
    pairs = baseline.history.get(language, ())
    n = min(n, MOST_PROMPTS)
    grid = _grid(n + sum(prompts for _, prompts in pairs))
    weights = _posterior(pairs, baseline.mean, baseline.concentration, baseline.drift, grid)
    kept = weights > 1e-10
    rates, weights = grid[kept], weights[kept] / weights[kept].sum()
    hits = np.arange(n + 1, dtype=np.float64)
    ways = gammaln(n + 1) - gammaln(hits + 1) - gammaln(n - hits + 1)
    chances = np.zeros(n + 1)
    for rate, weight in zip(rates, weights, strict=True):
        chances += weight * np.exp(ways + _log_likelihood(hits, float(n), np.array([rate]), baseline.drift))
    at_most = np.minimum(1.0, np.cumsum(chances))
    lower = int(np.searchsorted(at_most, tail, side="right"))
    return Prediction(n, float((rates * weights).sum()), lower / n, lower, at_most)


def whole_counts(rate: Rate) -> tuple[int, int] | None:
    """Refusals and prompts as whole numbers of independent prompts; None where the rate is undefined.

    The prompts are rounded down, so that duplicates do not add certainty, and cut at 5,000 as in `predict_run`.
    """
    if rate.value is None:
        return None
    n = min(MOST_PROMPTS, max(1, floor(rate.effective_n + 1e-9)))
    return min(n, max(0, round(rate.value * n))), n


def prompts_to_fall_below(baseline: Baseline, language: str, *, tail: float = 0.025) -> int | None:
    """The fewest prompts with which not a single refusal would be below the baseline; None up to 5,000."""
    low, high = 0, 1
    while predict_run(baseline, language, high, tail=tail).lower_count == 0:
        low, high = high, high * 2
        if high > MOST_PROMPTS:
            return None
    while high - low > 1:
        middle = ceil((low + high) / 2)
        if predict_run(baseline, language, middle, tail=tail).lower_count == 0:
            low = middle
        else:
            high = middle
    return high


def _loss(point: Floats, counts: Mapping[str, Sequence[tuple[float, float]]], grid: Floats) -> float:
    mean, concentration, drift = _expit(point[0]), exp(point[1]), exp(point[2])
    prior = _log_prior(mean, concentration, grid)
    fit = sum(float(logsumexp(prior + _log_history(pairs, drift, grid))) for pairs in counts.values())
    guesses = (point[1] - USUAL_CONCENTRATION) ** 2 + (point[2] - USUAL_DRIFT) ** 2
    return -fit + float(guesses) / (2 * GUESS_SPREAD**2) + float(point[0] ** 2) / 200


def _posterior(
    pairs: Sequence[tuple[float, float]], mean: float, concentration: float, drift: float, grid: Floats
) -> Floats:
    """Weights of the grid's rates, summing to 1."""
    logs = _log_prior(mean, concentration, grid) + _log_history(pairs, drift, grid)
    return np.asarray(np.exp(logs - logsumexp(logs)), dtype=np.float64)


def _log_prior(mean: float, concentration: float, grid: Floats) -> Floats:
    # On the arcsine scale of the grid the beta density gains half a power at each end.
    first, second = mean * concentration, (1 - mean) * concentration
    logs = (first - 0.5) * np.log(grid) + (second - 0.5) * np.log1p(-grid)
    return np.asarray(logs - logsumexp(logs), dtype=np.float64)


def _log_history(pairs: Sequence[tuple[float, float]], drift: float, grid: Floats) -> Floats:
    logs = np.zeros_like(grid)
    for hits, n in pairs:
        logs += _log_likelihood(hits, n, grid, drift)
    return logs


def _log_likelihood(hits: float | Floats, n: float, rates: Floats, drift: float) -> Floats:
    first, second = rates * drift, (1 - rates) * drift
    return np.asarray(betaln(hits + first, n - hits + second) - betaln(first, second), dtype=np.float64)


def _grid(prompts: float) -> Floats:
    """Rates between 0 and 1, dense at both ends, finer than what so many prompts can resolve."""
    size = int(min(3000, max(200, ceil(2 * pi * sqrt(prompts)))))
    angles = (np.arange(size) + 0.5) * pi / 2 / size
    return np.asarray(np.sin(angles) ** 2, dtype=np.float64)


def _describe(pairs: Sequence[tuple[float, float]], weights: Floats, grid: Floats) -> LanguageBaseline:
    n = sum(prompts for _, prompts in pairs)
    cumulated = np.cumsum(weights)
    low, high = (float(np.interp(level, cumulated, grid)) for level in (0.025, 0.975))
    return LanguageBaseline(
        runs=len(pairs),
        n=n,
        observed=sum(hits for hits, _ in pairs) / n,
        expected=float((weights * grid).sum()),
        interval=(low, high),
    )


def _notes(counts: Mapping[str, Sequence[tuple[float, float]]]) -> tuple[str, ...]:
    notes = []
    most = max(len(pairs) for pairs in counts.values())
    if most == 1:
        notes.append("one earlier run: how far runs stray is assumed (about 2 points), not seen")
    if len(counts) < 3:
        notes.append(f"{len(counts)} language(s): how far languages differ is mostly assumed")
    return tuple(notes)


def _logit(share: float) -> float:
    return log(share / (1 - share))


def _expit(value: float) -> float:
    return 1 / (1 + exp(-min(30.0, max(-30.0, float(value)))))
