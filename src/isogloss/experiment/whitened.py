"""Our default direction for many sets of shots at once: what fits one case after the other would take hours to do.

Every case (a budget under one draw, say) and every source language that is left out for the prior has a direction
``A^-1 d`` of its own, as ``inside.directions.fit_whitened_direction`` defines it. The cases share all of ``A`` that
comes from the source languages; a language that is left out takes its own rows away, shots add theirs. So nothing is
factored: conjugate gradients solve all systems of a few cases side by side, and every step is a few large products.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Language
from isogloss.experiment.cases import SOURCE, Case, CaseRows, Cases
from isogloss.inside.directions import (
    COINCIDENCE,
    Classes,
    SoftClasses,
    count_targets,
    fit_pooled_direction,
    inner_rows,
    mean_difference,
)
from isogloss.repair.gate import SHRINKAGE

Floats = npt.NDArray[np.floating[Any]]

# Up to this width products are cheap enough for double precision.
WIDEST_DOUBLE = 1024
# Residuals of the directions themselves, and of those without a language, which only the prior is measured with.
TOLERANCES = {np.dtype(np.float64): (1e-10, 1e-10), np.dtype(np.float32): (5e-6, 1e-4)}
CASES_AT_ONCE = 10
# Axes along which the steps are scaled by the spread itself, and rounds to find them: on most models few axes hold most
# of the spread, and they would take most of the steps.
AXES = 128
ROUNDS = 3
# Shrinkage bounds the condition number by width * (1 - s) / s + 1, and with it the steps: this many only for a width
# that no model has.
MOST_STEPS = 5000


@dataclass(frozen=True, eq=False)
class Whitened:
    """The directions of every case.

    Attributes:
        cases: in the order of the columns.
        vectors: float [hidden, case], unit length.
        left_out: the same without one source language, by that language; a language without which there is no
            direction has no entry.
    """

    cases: tuple[Case, ...]
    vectors: Floats
    left_out: Mapping[Language, Floats]

    def column(self, case: Case) -> int:
        """Where a case stands."""
        return self.cases.index(case)


def fit_whitened(
    train: Mapping[Language, Classes],
    pool: Mapping[Language, Floats],
    cases: Cases,
    *,
    shrinkage: float = SHRINKAGE,
    label: str = "the prompts",
) -> Whitened:
    """``fit_whitened_direction`` for every case, with all source languages and without each of them.

    Equal to the single fits up to rounding: relative residuals end below 1e-10 up to a width of 1,024, where double
    precision is used. Beyond, in single precision, they end below 5e-6, and below 1e-4 where a language is left out.

    Args:
        train: states of the source languages' training prompts, float [prompt, hidden].
        pool: states of target prompts, float [row, hidden].
        cases: rows of ``pool`` by target language; ``SOURCE``, without any, is always there.
        shrinkage: see ``fit_whitened_direction``.
        label: layer, for messages.

    Raises:
        TooFewPrompts: a source language has fewer than two rows of a class.
        DegenerateDirection: the source languages' mean difference vanishes.

    Source: preconditioned conjugate gradients (Hestenes and Stiefel 1952), scaled along the widest axes of the source
    spread, which subspace iteration finds from random ones.
    """
    pooled = fit_pooled_direction(train, label=label)
    source = _Source.of(train, shrinkage)
    every = {SOURCE: {}, **cases}
    names = tuple(every)
    vectors = np.empty((len(pooled), len(names), len(source.kept)), source.dtype)
    for start in range(0, len(names), CASES_AT_ONCE):
        part = [_Target.of(pool, every[name], source.dtype) for name in names[start : start + CASES_AT_ONCE]]
        vectors[:, start : start + len(part)] = _solve(source, part)
    left_out = {left: vectors[:, :, place] for place, left in enumerate(source.kept) if left is not None}
    return Whitened(names, vectors[:, :, 0], left_out)


@dataclass(frozen=True, eq=False)
class _Source:
    """What all cases share. ``kept`` lists what is left out: nothing, then one language after the other.

    Attributes:
        inner: rows around the mean of their class, by language.
        squares: their sum of squares over all languages, [hidden, hidden].
        difference: mean difference of the languages that stay, [hidden, left out].
        axes: the widest ones, [hidden, axis].
        along: variances along them, [axis, left out].
        total: variances along all axes together, [left out].
        freedom: degrees of freedom that stay.
        shrinkage: of the covariance.
    """

    kept: tuple[Language | None, ...]
    inner: Mapping[Language, Floats]
    squares: Floats
    difference: Floats
    axes: Floats
    along: Floats
    total: Floats
    freedom: Floats
    shrinkage: float
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, train: Mapping[Language, Classes], shrinkage: float) -> "_Source":
        width = next(iter(train.values()))[0].shape[1]
        dtype = np.dtype(np.float64 if width <= WIDEST_DOUBLE else np.float32)
        differences = {language: _difference(both) for language, both in train.items()}
        scale = float(np.linalg.norm(next(iter(train.values()))[0], axis=1).mean())
        kept: list[Language | None] = [None]
        for left in train if len(train) > 1 else ():
            rest = np.mean([part for language, part in differences.items() if language != left], axis=0)
            if np.linalg.norm(rest) > COINCIDENCE * scale:
                kept.append(left)
        inner = {language: _centre(both, dtype) for language, both in train.items()}
        freedom = {language: sum(len(part) - 1 for part in both) for language, both in train.items()}
        squares = np.zeros((width, width), dtype)
        for part in inner.values():
            squares += part.T @ part
        axes = _find_axes(squares)
        own = {language: _measure_along(part, axes) for language, part in inner.items()}
        stay = [[language for language in train if language != left] for left in kept]
        free = np.array([max(sum(freedom[language] for language in part), 1) for part in stay], np.float64)
        return cls(
            kept=tuple(kept),
            inner=inner,
            squares=squares,
            difference=np.stack([np.mean([differences[one] for one in part], axis=0) for part in stay], axis=1),
            axes=axes,
            along=np.stack([np.sum([own[one][0] for one in part], axis=0) for part in stay], axis=1) / free,
            total=np.array([sum(own[one][1] for one in part) for part in stay]) / free,
            freedom=free,
            shrinkage=shrinkage,
            dtype=dtype,
        )

    def times(self, vectors: Floats, shares: Floats, places: tuple[int, ...]) -> Floats:
        """Covariance of what stays, times ``vectors`` [hidden, case, place]; each case counts with its share."""
        flat = np.ascontiguousarray(vectors.reshape(len(vectors), -1))
        found = (self.squares @ flat).reshape(vectors.shape)
        for column, place in enumerate(places):
            left = self.kept[place]
            if left is not None:
                rows = self.inner[left]
                found[:, :, column] -= rows.T @ (rows @ np.ascontiguousarray(vectors[:, :, column]))
        return np.asarray(found * (shares[:, None] / self.freedom[list(places)]).astype(self.dtype))


@dataclass(frozen=True, eq=False)
class _Target:
    """One case's rows around their means and its difference of means, and how much either counts.

    Attributes:
        inner: rows whose squares add up to the covariance, [row, hidden].
        weight: of that covariance beside the sources'.
        difference: float64 [hidden]; None where no language has both classes.
        difference_weight: of that difference.
    """

    inner: Floats
    weight: float
    difference: Floats | None = None
    difference_weight: float = 0.0

    @classmethod
    def of(cls, pool: Mapping[Language, Floats], rows: Mapping[Language, CaseRows], dtype: np.dtype[Any]) -> "_Target":
        own = [SoftClasses(pool[one][part.rows], part.harmful, part.harmless) for one, part in rows.items()]
        if not own:
            width = next((part.shape[1] for part in pool.values()), 0)
            return cls(np.zeros((0, width), dtype), 0.0)
        paired = [both for both in own if both.has_both]
        return cls(
            inner=inner_rows(own).astype(dtype),
            weight=count_targets(own),
            difference=mean_difference(paired, by_freedom=True) if paired else None,
            difference_weight=count_targets(paired),
        )


@dataclass(frozen=True, eq=False)
class _Systems:
    """The systems of a few cases; ``places`` picks what is left out from them.

    Attributes:
        right: right sides, float [hidden, case, left out].
        along: variances along the source's axes, [axis, case, left out].
        total: variances along all axes together, [case, left out].
    """

    source: _Source
    targets: Sequence[_Target]
    places: tuple[int, ...]
    right: Floats
    along: Floats
    total: Floats

    @classmethod
    def of(cls, source: _Source, targets: Sequence[_Target], places: tuple[int, ...]) -> "_Systems":
        right = np.empty((len(source.squares), len(targets), len(places)))
        along = np.empty((source.axes.shape[1], *right.shape[1:]))
        total = np.empty(right.shape[1:])
        for place, one in enumerate(targets):
            right[:, place] = (1 - one.difference_weight) * source.difference[:, places]
            along[:, place] = (1 - one.weight) * source.along[:, places]
            total[place] = (1 - one.weight) * source.total[list(places)]
            if one.difference is not None:
                right[:, place] += one.difference_weight * one.difference[:, None]
            if one.weight:
                own, every = _measure_along(one.inner, source.axes)
                along[:, place] += one.weight * own[:, None]
                total[place] += one.weight * every
        return cls(source, targets, places, right, along, total)

    def solve(self, tolerance: float, start: Floats | None = None) -> Floats:
        """Solutions in the shape of ``right``; ``tolerance`` is the residual's length as a share of the right side."""
        dtype, right = self.source.dtype, self.right.astype(self.source.dtype)
        ridge = self.source.shrinkage * self.total / len(right)
        # No spread at all leaves the plain difference, which is what a unit matrix does.
        ridge = np.where(ridge > 0, ridge, 1.0)
        begin = np.zeros_like(right) if start is None else np.broadcast_to(start, right.shape).astype(dtype)
        return _descend(
            lambda vectors: self._times(vectors, ridge.astype(dtype)), self._scaler(ridge), right, begin, tolerance
        )

    def _scaler(self, ridge: Floats) -> Callable[[Floats], Floats]:
        """Roughly the inverse: exact along the axes, one number for all others."""
        share, dtype, axes = 1 - self.source.shrinkage, self.source.dtype, self.source.axes
        others = max(len(axes) - axes.shape[1], 1)
        rest = 1 / (share * np.maximum(self.total - self.along.sum(axis=0), 0) / others + ridge)
        extra = (1 / (share * self.along + ridge) - rest).astype(dtype)
        everywhere = rest.astype(dtype)

        def scale(vectors: Floats) -> Floats:
            flat = vectors.reshape(len(vectors), -1)
            return np.asarray(
                vectors * everywhere + (axes @ (extra.reshape(len(extra), -1) * (axes.T @ flat))).reshape(vectors.shape)
            )

        return scale

    def _times(self, vectors: Floats, ridge: Floats) -> Floats:
        shrinkage = self.source.shrinkage
        shares = np.array([(1 - shrinkage) * (1 - one.weight) for one in self.targets])
        found = self.source.times(vectors, shares, self.places) + ridge * vectors
        for place, one in enumerate(self.targets):
            if len(one.inner):
                pushed = one.inner.T @ (one.inner @ np.ascontiguousarray(vectors[:, place]))
                found[:, place] += self.source.dtype.type((1 - shrinkage) * one.weight) * pushed
        return np.asarray(found)


def _solve(source: _Source, targets: Sequence[_Target]) -> Floats:
    """Unit solutions [hidden, case, left out]; those without a language start from the one with all of them."""
    tight, loose = TOLERANCES[source.dtype]
    found = _Systems.of(source, targets, (0,)).solve(tight)
    rest = tuple(range(1, len(source.kept)))
    if rest:
        found = np.concatenate([found, _Systems.of(source, targets, rest).solve(loose, found)], axis=2)
    return np.asarray(found / np.linalg.norm(found, axis=0))


def _descend(
    times: Callable[[Floats], Floats],
    scale: Callable[[Floats], Floats],
    right: Floats,
    found: Floats,
    tolerance: float,
) -> Floats:
    """Solutions of ``times(x) = right``, column by column, all in step; ``found`` is where to start."""
    lengths = np.linalg.norm(right, axis=0)
    left = right - times(found)
    ready = scale(left)
    ahead, power = ready.copy(), (left * ready).sum(axis=0)
    for _ in range(MOST_STEPS):
        if bool((np.linalg.norm(left, axis=0) <= tolerance * lengths).all()):
            break
        pushed = times(ahead)
        along = (ahead * pushed).sum(axis=0)
        step = np.divide(power, along, out=np.zeros_like(power), where=along > 0)
        found += step * ahead
        left -= step * pushed
        ready = scale(left)
        before, power = power, (left * ready).sum(axis=0)
        ahead *= np.divide(power, before, out=np.zeros_like(power), where=before > 0)
        ahead += ready
    return found


def _find_axes(squares: Floats) -> Floats:
    """The widest axes, [hidden, axis]: subspace iteration, and the eigenvectors inside the subspace."""
    width = len(squares)
    start = np.random.default_rng(0).normal(size=(width, min(AXES, width)))
    found = start.astype(squares.dtype)
    for _ in range(ROUNDS):
        found = np.linalg.qr(squares @ found)[0]
    return np.asarray(found @ np.linalg.eigh(found.T @ (squares @ found))[1])


def _measure_along(rows: Floats, axes: Floats) -> tuple[Floats, float]:
    """Sums of squares of rows along each axis, and along all axes there are."""
    return np.asarray(((rows @ axes) ** 2).sum(axis=0, dtype=np.float64)), float((rows**2).sum(dtype=np.float64))


def _difference(both: Classes) -> Floats:
    harmful, harmless = (part.mean(axis=0, dtype=np.float64) for part in both)
    return np.asarray(harmful - harmless)


def _centre(both: Classes, dtype: np.dtype[Any]) -> Floats:
    """Rows around the mean of their class."""
    return np.concatenate([(part - part.mean(axis=0, dtype=np.float64)).astype(dtype) for part in both])
