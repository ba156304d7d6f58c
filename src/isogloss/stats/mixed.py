"""A mixed logistic model of refusal: what about a language goes with how often a model refuses in it.

The log-odds of a refusal are a line in the language's predictors, plus a deviation of the language, plus one of the
prompt (its seed). Both deviations are random and normal: without the first, thousands of prompts would pass for
thousands of languages; without the second, an easy prompt asked in every language would count as news each time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import t as student

from isogloss.core.errors import TooFewPrompts
from isogloss.stats.quadrature import NODES, WEIGHTS, Trials, integrate_seeds
from isogloss.stats.rates import Floats, Interval

LANGUAGES_PER_PREDICTOR = 5
"""Fewer languages than this for each predictor, and a fit follows chance."""

_LOG_SD_LIMITS = (-5.0, 3.0)
_SLOPE_SD = 5.0
_STEPS = 60
_SIMPLEX = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, -1.0]])
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Coefficient:
    """What goes with one predictor, in log-odds of a refusal.

    Attributes:
        name: of the predictor.
        per_sd: change for one standard deviation of the predictor over the languages.
        interval: of ``per_sd``, two-sided.
        per_unit: change for one unit of the predictor.
        mean: of the predictor over the languages.
        sd: its standard deviation over the languages.
    """

    name: str
    per_sd: float
    interval: Interval
    per_unit: float
    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class MixedFit:
    """A fitted model.

    Attributes:
        intercept: log-odds of a refusal of an average prompt in a language with average predictors.
        coefficients: one per predictor, in their order.
        seed_sd: standard deviation of the prompts' deviations, in log-odds.
        language_sd: of the languages' deviations that the predictors leave over.
        languages: how many.
        seeds: how many prompts.
        outcomes: how many scored answers.
        degrees_of_freedom: of the intervals: languages minus predictors minus 1.
        seed_effects: by prompt, its deviation and the standard deviation of what is not known about it.
        converged: whether the search for the standard deviations ended inside its limits.
    """

    intercept: float
    coefficients: tuple[Coefficient, ...]
    seed_sd: float
    language_sd: float
    languages: int
    seeds: int
    outcomes: int
    degrees_of_freedom: int
    seed_effects: dict[str, tuple[float, float]]
    converged: bool


@dataclass(frozen=True, slots=True)
class Prediction:
    """One language, predicted by a model that never saw it."""

    language: str
    observed: float
    predicted: float
    outcomes: int


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """How well languages are predicted from the others; every language counts once.

    Attributes:
        predictions: one per language.
        brier: mean squared difference between each answer (1 or 0) and its language's predicted rate.
        log_loss: mean negative log-likelihood of the answers under the predicted rates, in nats.
        mean_error: mean absolute difference between predicted and observed rate, as a share.
    """

    predictions: tuple[Prediction, ...]
    brier: float
    log_loss: float
    mean_error: float


@dataclass(frozen=True, slots=True)
class _Design:
    """The table, folded, with standardised predictors and an intercept column."""

    trials: Trials
    folded: Trials
    column_of: NDArray[np.intp]
    columns: Floats
    means: Floats
    sds: Floats


@dataclass(frozen=True, slots=True)
class _Mode:
    """The most likely effects at given standard deviations, and what they imply."""

    effects: Floats
    seed_means: Floats
    seed_sds: Floats
    covariance: Floats
    objective: float


def fit_mixed(trials: Trials, predictors: Mapping[str, Mapping[str, float]], *, confidence: float = 0.95) -> MixedFit:
    """Fit the model.

    Args:
        trials: refusals by language and prompt.
        predictors: by name a number for every language; categories as 0 and 1. None at all gives the variation
            between languages and between prompts.
        confidence: of the intervals.

    Raises:
        TooFewPrompts: fewer than 5 languages per predictor, fewer than 3 languages or 2 prompts, a predictor that is
            the same in every language, predictors that say the same thing, or answers on which the model does not
            settle.
        KeyError: a predictor lacks a language.

    Source: seeds are integrated out by adaptive Gauss-Hermite quadrature (Pinheiro and Bates 1995), languages and
    fixed effects by a Laplace approximation (as REML does, which matters with few languages); standard deviations lie
    at their maximum under the boundary-avoiding prior of Chung et al. 2013 (Psychometrika 78), slopes per standard
    deviation have a normal prior of width 5. Intervals are t intervals with the languages as the units.
    """
    design = _make_design(trials, predictors)
    found = _search(design)
    freedom = len(trials.languages) - len(predictors) - 1
    variances = np.diag(found[0].covariance)
    if not (variances > 0).all():
        raise TooFewPrompts(
            "The model does not settle on these answers; every language refuses almost exactly the prompts that the "
            "next one refuses too. Audit more prompts, or use fewer predictors."
        )
    reach = float(student.ppf(0.5 + confidence / 2, freedom)) * np.sqrt(variances)
    return _describe_fit(design, tuple(predictors), reach, found, freedom)


def predict_rate(fit: MixedFit, trials: Trials, language: str, predictors: Mapping[str, Mapping[str, float]]) -> float:
    """The refusal rate to expect in a language that the fit has not seen, on the prompts asked in it.

    The deviation of an unseen language is unknown, so its rate is averaged over the deviations that the fit finds
    likely; otherwise predictions would be too extreme.

    Args:
        fit: of the other languages.
        trials: holds which prompts were asked in the language.
        language: to predict.
        predictors: as for the fit, with this language.
    """
    line = fit.intercept + sum(
        coefficient.per_unit * (predictors[coefficient.name][language] - coefficient.mean)
        for coefficient in fit.coefficients
    )
    asked = trials.asked[trials.languages.index(language)]
    unseen = (0.0, fit.seed_sd)
    offsets, doubts = np.array([fit.seed_effects.get(seed, unseen) for seed in trials.seeds]).T
    widths = np.sqrt(doubts**2 + fit.language_sd**2)
    log_odds = line + offsets[:, None] + widths[:, None] * NODES[None, :]
    per_seed = expit(log_odds) @ WEIGHTS / WEIGHTS.sum()
    return float((per_seed * asked).sum() / asked.sum())


def leave_one_language_out(trials: Trials, predictors: Mapping[str, Mapping[str, float]]) -> LeaveOneOut:
    """Predict every language from a fit on the others.

    Compare the result with that of a simpler set of predictors on the same trials: that difference, not the
    intervals, says whether the predictors are of any use for a language not yet audited.

    Raises:
        TooFewPrompts: as for ``fit_mixed``; or a predictor differs in one language alone, so that without it nothing
            is left to learn from.
    """
    _check_size(trials, predictors)
    _check_left_out(trials, predictors)
    near = _search(_make_design(trials, predictors))[1]
    predictions = []
    for language in trials.languages:
        design = _make_design(trials.without(language), predictors, check_size=False)
        # Only predictions are wanted, and one language fewer may leave no degrees of freedom for intervals.
        unknown = np.full(len(predictors) + 1, np.inf)
        fit = _describe_fit(design, tuple(predictors), unknown, _search(design, near), 0)
        predicted = predict_rate(fit, trials, language, predictors)
        asked = int(trials.asked[trials.languages.index(language)].sum())
        predictions.append(Prediction(language, trials.rate(language), predicted, asked))
    return score_predictions(predictions)


def score_predictions(predictions: Sequence[Prediction]) -> LeaveOneOut:
    """Score predicted against observed rates; every language counts once."""
    observed = np.array([prediction.observed for prediction in predictions])
    predicted = np.clip([prediction.predicted for prediction in predictions], 1e-6, 1 - 1e-6)
    squared = observed * (1 - predicted) ** 2 + (1 - observed) * predicted**2
    surprise = -(observed * np.log(predicted) + (1 - observed) * np.log(1 - predicted))
    return LeaveOneOut(
        tuple(predictions),
        brier=float(squared.mean()),
        log_loss=float(surprise.mean()),
        mean_error=float(np.abs(observed - predicted).mean()),
    )


def _check_size(trials: Trials, predictors: Mapping[str, Mapping[str, float]]) -> None:
    count, needed = len(trials.languages), max(3, LANGUAGES_PER_PREDICTOR * len(predictors))
    if count < needed:
        carried = count // LANGUAGES_PER_PREDICTOR
        raise TooFewPrompts(
            f"{count} languages cannot carry {len(predictors)} predictors ({', '.join(predictors) or 'none'}): "
            f"{LANGUAGES_PER_PREDICTOR} languages are needed for each, and 3 at least. "
            f"Choose {carried} of them or audit {needed - count} more languages."
        )


def _check_left_out(trials: Trials, predictors: Mapping[str, Mapping[str, float]]) -> None:
    for name, values in predictors.items():
        for language in trials.languages:
            if len({values[other] for other in trials.languages if other != language}) == 1:
                raise TooFewPrompts(
                    f"Predictor '{name}' differs in {language} alone: nothing can be learnt about it from the other "
                    f"languages. Leave it out, or audit more languages like {language}."
                )


def _make_design(trials: Trials, predictors: Mapping[str, Mapping[str, float]], *, check_size: bool = True) -> _Design:
    if check_size:
        _check_size(trials, predictors)
    if len(trials.seeds) < 2:
        raise TooFewPrompts(f"{len(trials.seeds)} prompt cannot show how prompts differ. Audit with two or more.")
    values = np.array([[predictors[name][language] for name in predictors] for language in trials.languages])
    values = values.reshape(len(trials.languages), len(predictors)).astype(np.float64)
    means, sds = values.mean(axis=0), values.std(axis=0)
    for name, sd in zip(predictors, sds, strict=True):
        if sd < 1e-9:
            raise TooFewPrompts(
                f"Predictor '{name}' is the same in all {len(trials.languages)} languages at hand. Leave it out."
            )
    columns = np.column_stack([np.ones(len(values)), (values - means) / sds])
    if np.linalg.matrix_rank(columns, tol=1e-6) < columns.shape[1]:
        raise TooFewPrompts(
            f"The predictors {', '.join(predictors)} say the same thing about these languages. Leave one out."
        )
    return _Design(trials, *trials.fold(), columns, means, sds)


def _search(design: _Design, start: tuple[float, float] | None = None) -> tuple[_Mode, tuple[float, float], bool]:
    """The standard deviations of seeds and languages that make the data likeliest.

    A start from much the same data is trusted to be near, which saves half of the steps.
    """

    last: _Mode | None = None

    def cost(log_sds: Floats) -> float:
        nonlocal last
        last = _find_mode(design, float(np.exp(log_sds[0])), float(np.exp(log_sds[1])), last)
        return -last.objective

    first = np.log(start) if start else np.array([0.3, -0.3])
    reach = 0.1 if start else 0.7
    found = minimize(
        cost,
        x0=first,
        method="Nelder-Mead",
        bounds=[_LOG_SD_LIMITS, _LOG_SD_LIMITS],
        options={
            "xatol": 1e-2,
            "fatol": 1e-3,
            "maxiter": 200,
            "initial_simplex": np.clip(first + reach * _SIMPLEX, *_LOG_SD_LIMITS),
        },
    )
    sds = (float(np.exp(found.x[0])), float(np.exp(found.x[1])))
    inside = bool(np.all(found.x < _LOG_SD_LIMITS[1] - 0.01))
    return _find_mode(design, *sds, last), sds, bool(found.success) and inside


def _find_mode(design: _Design, seed_sd: float, language_sd: float, near: _Mode | None) -> _Mode:
    """Newton steps to the most likely effects of predictors and languages, from a mode nearby where there is one."""
    trials, fixed_count = design.folded, design.columns.shape[1]
    matrix = np.column_stack([design.columns, np.eye(len(trials.languages))])
    precision = np.full(matrix.shape[1], 1 / language_sd**2)
    precision[:fixed_count] = 1 / _SLOPE_SD**2
    precision[0] = 0.0
    effects = near.effects if near else _start(trials, matrix.shape[1])
    at = integrate_seeds(trials, matrix @ effects, seed_sd, near.seed_means if near else np.zeros(len(trials.seeds)))
    value = at.log_likelihood - 0.5 * float(precision @ effects**2)
    for _ in range(_STEPS):
        curvature = matrix.T @ at.information @ matrix + np.diag(precision)
        step = np.linalg.solve(curvature, matrix.T @ at.slope - precision * effects)
        size, gain = 1.0, -1.0
        while gain < -_TOLERANCE and size > 1e-4:
            tried = effects + size * step
            new = integrate_seeds(trials, matrix @ tried, seed_sd, at.seed_means)
            gain = new.log_likelihood - 0.5 * float(precision @ tried**2) - value
            size /= 2
        effects, at, value = tried, new, value + gain
        if abs(gain) < _TOLERANCE:
            break
    curvature = matrix.T @ at.information @ matrix + np.diag(precision)
    log_determinant = float(np.linalg.slogdet(curvature)[1])
    objective = value - 0.5 * log_determinant - (len(trials.languages) - 1) * np.log(language_sd) + np.log(seed_sd)
    covariance: Floats = np.linalg.inv(curvature).astype(np.float64)[:fixed_count, :fixed_count]
    return _Mode(effects, at.seed_means, at.seed_sds, covariance, float(objective))


def _start(trials: Trials, count: int) -> Floats:
    """No effects but an intercept at the overall rate, kept away from the ends."""
    rate = (trials.refused.sum() + 0.5) / (trials.asked.sum() + 1)
    effects = np.zeros(count)
    effects[0] = np.log(rate / (1 - rate))
    return effects


def _describe_fit(
    design: _Design, names: tuple[str, ...], reach: Floats, found: tuple[_Mode, tuple[float, float], bool], freedom: int
) -> MixedFit:
    mode, sds, converged = found
    coefficients = tuple(
        Coefficient(
            name=name,
            per_sd=float(mode.effects[i + 1]),
            interval=(float(mode.effects[i + 1] - reach[i + 1]), float(mode.effects[i + 1] + reach[i + 1])),
            per_unit=float(mode.effects[i + 1] / design.sds[i]),
            mean=float(design.means[i]),
            sd=float(design.sds[i]),
        )
        for i, name in enumerate(names)
    )
    return MixedFit(
        intercept=float(mode.effects[0]),
        coefficients=coefficients,
        seed_sd=sds[0],
        language_sd=sds[1],
        languages=len(design.trials.languages),
        seeds=len(design.trials.seeds),
        outcomes=int(design.trials.asked.sum()),
        degrees_of_freedom=freedom,
        seed_effects={
            seed: (float(mode.seed_means[column]), float(mode.seed_sds[column]))
            for seed, column in zip(design.trials.seeds, design.column_of, strict=True)
        },
        converged=converged,
    )
