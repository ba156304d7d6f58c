"""Which language a hidden state comes from, where nobody says: distances to language centroids at the gate's layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from isogloss.core import Language
from isogloss.core.errors import TooFewPrompts
from isogloss.inside.directions import Classes

Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]
Clusters = tuple[Sequence[str], Sequence[str]]

RANK = 64
# The spread inside languages is estimated from few rows and mixed with the same spread in every direction.
SHRINKAGE = 0.3
# Share of held-out prompts of known languages that may be taken for an unknown one.
STRAYS = 0.01
FOLDS = 5
# More rows of a class sharpen neither centroid nor spread noticeably, and the fit grows with their square.
MOST_ROWS = 64
# Log-posteriors are never sharpened, only flattened.
TEMPERATURES = (1.0, 64.0)
# Keeps one impossible row from deciding the temperature alone.
SMALLEST_SHARE = 1e-12


class Far(StrEnum):
    """What a state gets that lies far from every known language.

    ``fallback``: it fires at the gate's fallback; below that it counts as harmless only where the languages that it
    leans to say so too, and is left alone otherwise. ``lean``: it is treated like any other, by the languages that it
    leans to. ``leave``: it is left alone whatever its logit, because a readout may mean nothing out there.
    """

    FALLBACK = "fallback"
    LEAN = "lean"
    LEAVE = "leave"


@dataclass(frozen=True, eq=False)
class Located:
    """Where some states lie.

    Attributes:
        shares: float64 [prompt, language], the posterior over the locator's languages; each row sums to 1.
        distance: float64 [prompt], squared distance to the nearest centroid in units of the spread inside languages.
        far: bool [prompt], beyond the locator's reach.
    """

    shares: Floats
    distance: Floats
    far: Bools

    @property
    def nearest(self) -> npt.NDArray[np.intp]:
        """Position of the likeliest language, [prompt]."""
        return np.asarray(self.shares.argmax(axis=1))


@dataclass(frozen=True, eq=False)
class Locator:
    """Language centroids in a subspace where languages spread alike in all directions.

    With ``z = (h - centre) @ axes`` the squared distance to language l is ``d_l = |z - centroid_l|^2 * shrink_l``
    and its share is proportional to ``exp((-d_l + rank * ln(shrink_l)) / (2 * temperature))``, where
    ``shrink_l = n_l / (n_l + 1)`` allows for a centroid that few rows were averaged into.

    Attributes:
        languages: those it knows, in the order of the centroids.
        centre: float32 [hidden].
        axes: float32 [hidden, rank].
        centroids: float64 [language, rank].
        counts: float64 [language], rows that each centroid comes from.
        temperature: at least 1; flattens the shares until held-out prompts are as likely as stated.
        reach: squared distance beyond which a state is far from every language.
        far: what far states get.
    """

    languages: tuple[Language, ...]
    centre: Floats
    axes: Floats
    centroids: Floats
    counts: Floats
    temperature: float
    reach: float
    far: Far = Far.FALLBACK

    def project(self, hidden: Floats) -> Floats:
        """Coordinates float64 [prompt, rank] of states [prompt, hidden]."""
        centred = np.asarray(hidden, np.float64) - np.asarray(self.centre, np.float64)
        return np.asarray(centred @ np.asarray(self.axes, np.float64))

    def locate(self, hidden: Floats) -> Located:
        """Shares and distances of states [prompt, hidden] at the gate's layer and position."""
        distances, logits = _measure(self.project(hidden), self.centroids, self.counts)
        nearest = distances.min(axis=1)
        return Located(_share(logits / self.temperature), nearest, nearest > self.reach)

    def with_language(self, language: Language, classes: Classes) -> "Locator":
        """The same locator knowing one more language, or knowing one anew, from a few states; takes milliseconds.

        The subspace stays, so a language that differs only outside it is not told apart; ``fit_locator`` anew with
        all languages where there is time.

        Raises:
            TooFewPrompts: there are no states.
        """
        place = _centroid(language, (self.project(classes[0]), self.project(classes[1])))
        kept = [number for number, known in enumerate(self.languages) if known != language]
        return replace(
            self,
            languages=(*(self.languages[number] for number in kept), language),
            centroids=np.concatenate([self.centroids[kept], place[None]]),
            counts=np.append(self.counts[kept], float(len(classes[0]) + len(classes[1]))),
        )


@dataclass(frozen=True, eq=False)
class _Rows:
    """Calibration states as one table: states [row, hidden], the number of the language, the class, the idea."""

    hidden: Floats
    language: npt.NDArray[np.int64]
    harmful: Bools
    cluster: npt.NDArray[np.str_]

    def take(self, chosen: Bools) -> "_Rows":
        return _Rows(self.hidden[chosen], self.language[chosen], self.harmful[chosen], self.cluster[chosen])


def fit_locator(
    classes: Mapping[Language, Classes],
    *,
    seed: int,
    clusters: Mapping[Language, Clusters] | None = None,
    rank: int = RANK,
    shrinkage: float = SHRINKAGE,
    strays: float = STRAYS,
    far: Far = Far.FALLBACK,
) -> Locator:
    """Learn where languages lie at the gate's layer and position.

    A language's centroid is the middle of its two class means, whatever their counts, and the spread inside a
    language includes the difference between its classes; so whether a prompt is harmful says next to nothing about its
    language. The subspace holds the principal axes of all rows, every language with the same weight.

    Temperature and reach come from rows that a fit has not seen, every language with the same weight. Five folds hold
    out ideas: the temperature is the likeliest on them, and all but ``strays`` of them lie within ``needed``. Up to
    five more hold out languages: half of their rows lie beyond ``strange``. The reach is ``sqrt(needed * strange)``,
    and no less than ``needed``.

    Not for telling languages apart for its own sake: languages that the model treats alike coincide here, which costs
    nothing where their thresholds are alike too.

    Args:
        classes: harmful and harmless states [prompt, hidden] of each language; source languages' training prompts and
            the target languages' shots. A language may lack one class; its centroid then leans to the other.
        seed: decides which rows are used of a class with more than 64, and the folds.
        clusters: the idea behind each row; parallel prompts share one across languages. None: each row is its own.
        rank: most axes of the subspace.
        shrinkage: between 0 and 1, weight of the even spread.
        strays: share of prompts of known languages that is taken for unknown.
        far: what states beyond the reach get.

    Raises:
        TooFewPrompts: fewer than two languages, or a language without states.

    Source: linear discriminant analysis with a shrunken covariance (Friedman 1989), predictive distances, and
    Mahalanobis distance as a test for the unknown (Lee et al. 2018, arXiv 1807.03888). The balance of the classes and
    held-out calibration are ours.
    """
    languages = tuple(classes)
    if len(languages) < 2:
        raise TooFewPrompts(f"A locator tells languages apart; {len(languages)} were given. Name at least two.")
    rows = _gather(classes, clusters, np.random.default_rng(seed))
    ideas = [_hold_out(rows, fold, languages, rank, shrinkage) for fold in _assign_folds(rows.cluster, seed)]
    known = _HeldOut.join(ideas)
    strange = _HeldOut.join(
        [_hold_out(rows, fold, languages, rank, shrinkage) for fold in _assign_folds(rows.language, seed)]
    )
    return replace(
        _fit(rows, languages, rank, shrinkage),
        temperature=_calibrate_temperature(known),
        reach=_choose_reach(known, strange, strays),
        far=far,
    )


def _gather(
    classes: Mapping[Language, Classes], clusters: Mapping[Language, Clusters] | None, generator: np.random.Generator
) -> _Rows:
    hidden, language, harmful, cluster = [], [], [], []
    for number, (name, both) in enumerate(classes.items()):
        if not sum(len(part) for part in both):
            raise TooFewPrompts(f"No states of {name} to locate it by. Give it shots, or leave it out.")
        for kind, part in enumerate(both):
            kept = generator.permutation(len(part))[:MOST_ROWS]
            labels = clusters[name][kind] if clusters else [f"{name.key}-{kind}-{row}" for row in range(len(part))]
            hidden.append(np.asarray(part, np.float64)[kept].reshape(len(kept), -1 if len(kept) else part.shape[1]))
            language.append(np.full(len(kept), number))
            harmful.append(np.full(len(kept), kind == 0))
            cluster.append(np.asarray(labels, dtype=np.str_)[kept])
    return _Rows(*(np.concatenate(parts) for parts in (hidden, language, harmful, cluster)))


@dataclass(frozen=True, eq=False)
class _HeldOut:
    """Rows that a fit has not seen: their language, distances and logits to the languages that it has seen."""

    language: npt.NDArray[np.int64]
    distances: Floats
    logits: Floats

    @classmethod
    def join(cls, parts: Sequence["_HeldOut"]) -> "_HeldOut":
        return cls(
            np.concatenate([part.language for part in parts]),
            np.concatenate([part.distances for part in parts]),
            np.concatenate([part.logits for part in parts]),
        )

    @property
    def weights(self) -> Floats:
        """The same for every language."""
        return np.asarray(1 / np.bincount(self.language)[self.language])

    def nearest(self, share: float) -> float:
        """The distance to the nearest language that this share of the rows does not exceed."""
        return _weighted_quantile(self.distances.min(axis=1), self.weights, share)

    def take(self, chosen: Bools) -> "_HeldOut":
        return _HeldOut(self.language[chosen], self.distances[chosen], self.logits[chosen])


def _assign_folds(groups: npt.NDArray[Any], seed: int) -> list[Bools]:
    """Which rows each fold holds out: whole ideas, in all languages at once, or whole languages."""
    names, number = np.unique(groups, return_inverse=True)
    folds = min(FOLDS, len(names))
    fold = np.random.default_rng(seed).permutation(len(names)) % folds
    return [fold[number] == turn for turn in range(folds)]


def _hold_out(rows: _Rows, out: Bools, languages: tuple[Language, ...], rank: int, shrinkage: float) -> _HeldOut:
    test, train = rows.take(out), rows.take(~out)
    present = np.unique(train.language)
    fitted = _fit(
        replace(train, language=np.searchsorted(present, train.language)),
        tuple(languages[number] for number in present),
        rank,
        shrinkage,
    )
    distances, logits = _measure(fitted.project(test.hidden), fitted.centroids, fitted.counts)
    both = [np.full((len(distances), len(languages)), empty) for empty in (np.inf, -np.inf)]
    both[0][:, present], both[1][:, present] = distances, logits
    return _HeldOut(test.language, both[0], both[1])


def _choose_reach(known: _HeldOut, strange: _HeldOut, strays: float) -> float:
    """Between what known languages need and where unknown ones begin; never less than the former."""
    own = np.isfinite(known.distances[np.arange(len(known.language)), known.language])
    unknown = strange.nearest(0.5)
    if not own.any():
        return unknown
    needed = known.take(own).nearest(1 - strays)
    return max(needed, float(np.sqrt(needed * unknown)))


def _fit(rows: _Rows, languages: tuple[Language, ...], rank: int, shrinkage: float) -> Locator:
    """Subspace, spread and centroids, uncalibrated."""
    numbers = range(len(languages))
    parts = [rows.take(rows.language == number) for number in numbers]
    counts = np.array([len(part.language) for part in parts], np.float64)
    middles = np.stack([_middle(part) for part in parts])
    centre = middles.mean(axis=0)
    weighted = (rows.hidden - centre) / np.sqrt(counts[rows.language])[:, None]
    basis = _principal_axes(weighted, rank)
    inside = (rows.hidden - middles[rows.language]) @ basis
    spread = inside.T @ inside / max(len(inside) - len(languages), 1)
    even = max(float(np.trace(spread)) / len(spread), np.finfo(np.float64).tiny)
    values, vectors = np.linalg.eigh((1 - shrinkage) * spread + shrinkage * even * np.eye(len(spread)))
    axes = basis @ (vectors / np.sqrt(values))
    return Locator(
        languages=languages,
        centre=centre.astype(np.float32),
        axes=axes.astype(np.float32),
        centroids=(middles - centre) @ axes,
        counts=counts,
        temperature=1.0,
        reach=float("inf"),
    )


def _middle(part: _Rows) -> Floats:
    both = [part.hidden[part.harmful], part.hidden[~part.harmful]]
    return np.asarray(np.mean([rows.mean(axis=0) for rows in both if len(rows)], axis=0))


def _centroid(language: Language, classes: Classes) -> Floats:
    means = [rows.mean(axis=0) for rows in classes if len(rows)]
    if not means:
        raise TooFewPrompts(f"No states of {language} to locate it by. Give it shots, or leave it out.")
    return np.asarray(np.mean(means, axis=0))


def _principal_axes(rows: Floats, rank: int) -> Floats:
    """Orthonormal [hidden, axis], through whichever of the two Gram matrices is smaller."""
    wide = rows.shape[0] < rows.shape[1]
    values, vectors = np.linalg.eigh(rows @ rows.T if wide else rows.T @ rows)
    kept = int(min(rank, (values > values[-1] * 1e-10).sum()))
    values, vectors = values[::-1][:kept], vectors[:, ::-1][:, :kept]
    return np.asarray(rows.T @ vectors / np.sqrt(values) if wide else vectors)


def _measure(places: Floats, centroids: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Predictive squared distances and log-densities up to a constant, [prompt, language]."""
    shrink = counts / (counts + 1)
    distances = ((places[:, None] - centroids) ** 2).sum(axis=2) * shrink
    return distances, (-distances + places.shape[1] * np.log(shrink)) / 2


def _share(logits: Floats) -> Floats:
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def _calibrate_temperature(known: _HeldOut) -> float:
    """The likeliest on rows whose language the fit has seen; 1 where there are none."""
    own = np.isfinite(known.distances[np.arange(len(known.language)), known.language])
    if not own.any():
        return 1.0
    seen = known.take(own)
    place, weights = (np.arange(len(seen.language)), seen.language), seen.weights

    def loss(log_temperature: float) -> float:
        shares = _share(seen.logits / np.exp(log_temperature))
        return float(-weights @ np.log(np.maximum(shares[place], SMALLEST_SHARE)))

    low, high = np.log(TEMPERATURES)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))


def _weighted_quantile(values: Floats, weights: Floats, share: float) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][min(int(np.searchsorted(reached, share)), len(values) - 1)])
