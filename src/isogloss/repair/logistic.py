"""A class-balanced logistic readout, solved to optimality."""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

MOST_STEPS = 100
TOLERANCE = 1e-10


def fit_logistic(features: Floats, harmful: npt.NDArray[np.bool_], *, ridge: float) -> tuple[Floats, float]:
    """Weights and bias that minimise the balanced logistic loss plus a ridge penalty on the weights.

    The loss is ``sum(c_i * log(1 + exp(-y_i * f_i))) / n + ridge / 2 * |w|^2`` with ``c_i = n / (2 * n_class)``, so
    that both classes count the same whatever their sizes; the bias is not penalised. The problem is strictly convex
    in the weights, so the answer depends on neither a start value nor a seed.

    Args:
        features: float [prompt, feature], standardised.
        harmful: bool [prompt]; both values occur.
        ridge: strength of the penalty, positive; it alone bounds the weights of separable classes.

    Returns:
        Weights float64 [feature] and bias.

    Source: Newton's method with step halving. arXiv 2606.01196 uses 80 steps of AdamW with decoupled decay instead.
    """
    count, width = features.shape
    design = np.column_stack([np.asarray(features, np.float64), np.ones(count)])
    share = np.where(harmful, 0.5 / harmful.sum(), 0.5 / (~harmful).sum())
    penalty = np.append(np.full(width, ridge), 0.0)
    solution = np.zeros(width + 1)
    loss = _loss(design, harmful, share, penalty, solution)
    for _ in range(MOST_STEPS):
        chance = _expit(design @ solution)
        gradient = design.T @ (share * (chance - harmful)) + penalty * solution
        if np.abs(gradient).max() < TOLERANCE:
            break
        curvature = (design * (share * chance * (1 - chance))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        solution, loss = _descend(design, harmful, share, penalty, solution, step, loss)
    return solution[:-1], float(solution[-1])


def _descend(
    design: Floats,
    harmful: npt.NDArray[np.bool_],
    share: Floats,
    penalty: Floats,
    solution: Floats,
    step: Floats,
    loss: float,
) -> tuple[Floats, float]:
    """The longest of the halved Newton steps that does not raise the loss."""
    size = 1.0
    while size > TOLERANCE:
        candidate = solution - size * step
        new = _loss(design, harmful, share, penalty, candidate)
        if new <= loss + 1e-15:
            return candidate, new
        size /= 2
    return solution, loss


def _loss(design: Floats, harmful: npt.NDArray[np.bool_], share: Floats, penalty: Floats, solution: Floats) -> float:
    scores = design @ solution
    signed = np.where(harmful, -scores, scores)
    return float(share @ np.logaddexp(0.0, signed) + (penalty * solution**2).sum() / 2)


def _expit(values: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(values / 2)))
