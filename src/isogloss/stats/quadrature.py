"""Refusals by language and prompt, and their likelihood when the prompts' own deviations are integrated out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logsumexp

from isogloss.stats.rates import Floats

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
"""Of the quadrature over a standard normal deviation; the weights add up to the square root of 2 pi."""

_STEPS = 60


@dataclass(frozen=True, slots=True)
class Trials:
    """Refusals in a table of languages and prompts.

    Attributes:
        languages: one name per row.
        seeds: one name per column.
        refused: refusals, languages x seeds.
        asked: scored answers, languages x seeds; 0 where a prompt was not scored in a language.
        counts: how many prompts each column stands for; None means one each.
    """

    languages: tuple[str, ...]
    seeds: tuple[str, ...]
    refused: Floats
    asked: Floats
    counts: Floats | None = None

    def fold(self) -> tuple["Trials", NDArray[np.intp]]:
        """One column for all prompts that were answered alike, and each prompt's column in that table.

        The likelihood is the same, and much quicker to compute: in most prompts of a parallel set every language
        gives one of a few patterns.
        """
        both = np.vstack([self.refused, self.asked])
        patterns, column, counts = np.unique(both, axis=1, return_inverse=True, return_counts=True)
        rows = len(self.languages)
        names = tuple(f"pattern {number}" for number in range(patterns.shape[1]))
        folded = Trials(self.languages, names, patterns[:rows], patterns[rows:], counts.astype(np.float64))
        return folded, column.reshape(-1)

    def without(self, language: str) -> "Trials":
        """The same table without one language."""
        keep = [row for row, name in enumerate(self.languages) if name != language]
        names = tuple(self.languages[row] for row in keep)
        return Trials(names, self.seeds, self.refused[keep], self.asked[keep], self.counts)

    def rate(self, language: str) -> float:
        """The observed rate of one language."""
        row = self.languages.index(language)
        return float(self.refused[row].sum() / self.asked[row].sum())


@dataclass(frozen=True, slots=True)
class Integrated:
    """The likelihood with the seeds integrated out, its slope and information in the languages' log-odds."""

    log_likelihood: float
    slope: Floats
    information: Floats
    seed_means: Floats
    seed_sds: Floats


def tabulate_trials(outcomes: Sequence[int], languages: Sequence[str], seeds: Sequence[str]) -> Trials:
    """Count refusals by language and prompt.

    Args:
        outcomes: 0 or 1 per scored answer.
        languages: name per answer.
        seeds: name of the idea behind the prompt per answer; shared by the languages of a parallel set.

    Raises:
        ValueError: the sequences differ in length.
    """
    if not len(outcomes) == len(languages) == len(seeds):
        raise ValueError(f"{len(outcomes)} outcomes, {len(languages)} languages and {len(seeds)} seeds")
    rows, columns = tuple(dict.fromkeys(languages)), tuple(dict.fromkeys(seeds))
    row_of = {name: index for index, name in enumerate(rows)}
    column_of = {name: index for index, name in enumerate(columns)}
    cells = [row_of[language] * len(columns) + column_of[seed] for language, seed in zip(languages, seeds, strict=True)]
    shape = (len(rows), len(columns))
    asked = np.bincount(cells, minlength=shape[0] * shape[1]).astype(np.float64)
    refused = np.bincount(cells, weights=np.asarray(outcomes, dtype=np.float64), minlength=shape[0] * shape[1])
    return Trials(rows, columns, refused.reshape(shape).astype(np.float64), asked.reshape(shape))


def integrate_seeds(trials: Trials, line: Floats, seed_sd: float, start: Floats) -> Integrated:
    """The likelihood of the languages' log-odds ``line``, each seed's deviation integrated out.

    Adaptive Gauss-Hermite quadrature: the nodes of a seed lie around its most likely deviation. Slope and information
    are posterior means over the nodes (Louis 1982).
    """
    centres, scales = _find_seed_modes(trials, line, seed_sd, start)
    deviations = centres[:, None] + scales[:, None] * NODES[None, :]
    log_odds = line[:, None, None] + deviations[None, :, :]
    asked, refused = trials.asked[:, :, None], trials.refused[:, :, None]
    counts = np.ones(len(trials.seeds)) if trials.counts is None else trials.counts
    rates, log_normaliser = _logistic(log_odds)
    log_mass = (refused * log_odds - asked * log_normaliser).sum(axis=0)
    log_mass -= 0.5 * (deviations / seed_sd) ** 2 + np.log(seed_sd) + 0.5 * np.log(2 * np.pi)
    log_mass += np.log(WEIGHTS) + 0.5 * NODES**2 + np.log(scales)[:, None]
    per_seed = logsumexp(log_mass, axis=1)
    share = np.exp(log_mass - per_seed[:, None])
    residuals = refused - asked * rates
    mean_residuals = (share * residuals).sum(axis=2)
    weighted = (residuals * np.sqrt(share * counts[:, None])).reshape(len(line), -1)
    weights = (share * asked * rates * (1 - rates)).sum(axis=2) @ counts
    means = (share * deviations).sum(axis=1)
    return Integrated(
        log_likelihood=float(per_seed @ counts),
        slope=mean_residuals @ counts,
        information=np.diag(weights) - weighted @ weighted.T + (mean_residuals * counts) @ mean_residuals.T,
        seed_means=means,
        seed_sds=np.sqrt(np.maximum((share * deviations**2).sum(axis=1) - means**2, 0.0)),
    )


def _logistic(log_odds: Floats) -> tuple[Floats, Floats]:
    """The rate of each log-odds and ``log(1 + exp(log-odds))``, for the price of one exponential."""
    small = np.exp(-np.abs(log_odds))
    rates = np.where(log_odds >= 0, 1.0, small) / (1 + small)
    return rates, np.log1p(small) + np.maximum(log_odds, 0)


def _find_seed_modes(trials: Trials, line: Floats, seed_sd: float, start: Floats) -> tuple[Floats, Floats]:
    """The most likely deviation of each seed and the width around it; one Newton step for all seeds at a time."""
    deviations = start
    for _ in range(_STEPS):
        rates = expit(line[:, None] + deviations[None, :])
        curvature = (trials.asked * rates * (1 - rates)).sum(axis=0) + 1 / seed_sd**2
        step = ((trials.refused - trials.asked * rates).sum(axis=0) - deviations / seed_sd**2) / curvature
        deviations = deviations + np.clip(step, -2.0, 2.0)
        if float(np.abs(step).max()) < 1e-4:
            break
    return deviations, 1 / np.sqrt(curvature)
