"""What is believed about a language's two classes once some of its prompts are seen, and the threshold that follows.

Every kind of evidence (labelled prompts, prompts without labels, harmless prompts alone) goes through the same belief:
a table of pairs of possible classes, weighted by how well they explain what was seen. All of it is array arithmetic, so
that many draws of shots are weighed at once.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from scipy.stats import t as student

from isogloss.repair.class_prior import ClassPrior

Floats = npt.NDArray[np.floating[Any]]

# Chance that a language does not resemble the sources: there its harmful class may lie anywhere between its harmless
# class and the place that it has in the sources.
STRANGE = 0.7
# Half-width of the harmless mean in such a language (Student, 3 degrees), as a share of the source distance. Published
# figures: 0.02 to 0.3 (arXiv 2606.01196, modes of the projections, three models).
STRANGE_SHIFT = 0.15
# How sharply the place of the harmful class is bounded, on the same scale.
EDGE = 0.12
FURTHEST = 1.05
# Where recognition fades unevenly, the harmful class widens by this share of what it has lost.
UNEVENNESS = 0.3
# Shares of harmful prompts that a strange language still places where the sources do, and their prior weights.
RECOGNISED = (0.0, 0.15, 0.3, 0.5)
RECOGNISED_WEIGHTS = (0.4, 0.2, 0.2, 0.2)
# Natural-log standard deviations of the spreads: like the sources; strange harmless; strange harmful.
LIKE_SPREAD, HARMLESS_SPREAD, HARMFUL_SPREAD = 0.2, 0.3, 0.8
# Logits inside a class have Student tails, so that one odd prompt does not move a class.
TAILS = 5
STUDENT_HEIGHT = float(student.pdf(0.0, TAILS))
# Share of prompts whose label is simply wrong; it bounds what one mislabelled shot can do.
WRONG_LABELS = 0.03
# Spacing of the possible means, as a share of the source distance, and number of thresholds tried.
STEP = 0.06
THRESHOLDS = 400
# Prevalences of harmful prompts in unlabelled text, and their prior weights: none and only are possible.
PREVALENCES = np.array([0.0, 0.03, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97, 1.0])
# Evidence without labels counts as at most this many prompts, since the shape of the classes is only assumed and
# a large sample would be spent on fitting the assumption's errors.
MOST_UNLABELLED = 120
# A larger sample is read through this many of its quantiles.
MOST_MIXED = 400
# Densities of a batch are held at once up to this many numbers.
CHUNK = 4_000_000


@dataclass(frozen=True, eq=False)
class ClassTable:
    """Possible classes of a language, and how likely each pair is before anything is seen.

    Attributes:
        prior: what it was made from.
        harmless_mean: float64 [harmless node].
        harmless_scale: the same shape.
        harmful_mean: float64 [harmful node], of the prompts that are not placed as in the sources.
        harmful_scale: the same shape.
        recognised: share of harmful prompts placed as in the sources, the same shape.
        pairs: prior probability, float64 [harmless node, harmful node].
        like_harmless: probabilities of the harmless nodes in a language like the sources.
        like_harmful: the same for harmful nodes; there the two classes are independent.
        thresholds: float64 [threshold].
        missed: share of the harmful class below each threshold, float64 [harmful node, threshold].
        alarms: share of the harmless class at or above it, float64 [harmless node, threshold].
    """

    prior: ClassPrior
    harmless_mean: Floats
    harmless_scale: Floats
    harmful_mean: Floats
    harmful_scale: Floats
    recognised: Floats
    pairs: Floats
    like_harmless: Floats
    like_harmful: Floats
    thresholds: Floats
    missed: Floats
    alarms: Floats

    def harmful_density(self, scores: Floats) -> Floats:
        """Density of logits [...] under every harmful node, [..., harmful node]."""
        faded = _student(scores, self.harmful_mean, self._blur(self.harmful_scale))
        same = _student(scores, np.array([self.prior.harmful]), np.array([self.prior.harmful_spread]))
        return np.asarray((1 - self.recognised) * faded + self.recognised * same)

    def harmless_density(self, scores: Floats) -> Floats:
        """Density of logits [...] under every harmless node, [..., harmless node]."""
        return _student(scores, self.harmless_mean, self._blur(self.harmless_scale))

    def centre(self) -> Floats:
        """Mean of every harmful node, with the prompts that are placed as in the sources."""
        return np.asarray((1 - self.recognised) * self.harmful_mean + self.recognised * self.prior.harmful)

    def _blur(self, scale: Floats) -> Floats:
        # A node stands for all means around it.
        return np.asarray(np.sqrt(scale**2 + (STEP * self.prior.distance) ** 2 / 12))


@dataclass(frozen=True, eq=False)
class Belief:
    """What is believed of a language after its evidence; every array has one row per draw.

    Attributes:
        harmless: probabilities, float64 [draw, harmless node].
        harmful: float64 [draw, harmful node].
        middle: expected middle between the class means, logits, [draw].
        error: its standard deviation, [draw].
        like_sources: probability that the language resembles the sources, [draw].
    """

    harmless: Floats
    harmful: Floats
    middle: Floats
    error: Floats
    like_sources: Floats

    def replace_draw(self, draw: int, other: "Belief") -> None:
        """Put the only draw of another belief in place of one of these."""
        for name in ("harmless", "harmful", "middle", "error", "like_sources"):
            getattr(self, name)[draw] = getattr(other, name)[0]


@lru_cache(maxsize=32)
def build_table(prior: ClassPrior) -> ClassTable:
    """The possible classes of a language, and the prior probability of each pair."""
    distance, n0, h0 = prior.distance, prior.harmless, prior.harmful
    places = np.arange(-0.9, 0.9 + STEP / 2, STEP), np.arange(-0.6, 1.6 + STEP / 2, STEP)
    spreads = np.geomspace(0.45, 2.2, 6), np.geomspace(0.4, 5.0, 7)
    harmless = np.meshgrid(n0 + distance * places[0], prior.harmless_spread * spreads[0], indexing="ij")
    harmful = np.meshgrid(
        n0 + distance * places[1], prior.harmful_spread * spreads[1], np.array(RECOGNISED), indexing="ij"
    )
    mn, sn = (part.ravel() for part in harmless)
    mh, sh, known = (part.ravel() for part in harmful)
    wide_n, wide_h = np.log(sn / prior.harmless_spread), np.log(sh / prior.harmful_spread)
    like_n = _bell(mn, n0, prior.harmless_shift) * _bell(wide_n, 0.0, LIKE_SPREAD)
    like_h = _bell(mh, h0, prior.harmful_shift) * _bell(wide_h, 0.0, LIKE_SPREAD) * (known == 0)
    like_n, like_h = like_n / like_n.sum(), like_h / like_h.sum()
    place = (mh[None] - mn[:, None]) / distance
    bounded = norm.cdf(place / EDGE) * norm.cdf((FURTHEST - place) / EDGE)
    lost = UNEVENNESS * distance * np.clip(1 - place, 0, None) / prior.harmful_spread
    widths = _bell(wide_h[None], 0.5 * np.log1p(lost**2), HARMFUL_SPREAD)
    shift = max(prior.harmless_shift, STRANGE_SHIFT * distance)
    anywhere = student.pdf((mn - n0) / shift, 3) * _bell(wide_n, 0.0, HARMLESS_SPREAD)
    strange = anywhere[:, None] * bounded * widths * np.array(RECOGNISED_WEIGHTS)[_number(known)][None]
    thresholds = np.linspace(n0 - distance, h0 + 0.8 * distance, THRESHOLDS)
    recognised = student.cdf((thresholds - h0) / prior.harmful_spread, TAILS)
    missed = student.cdf((thresholds - mh[:, None]) / sh[:, None], TAILS)
    return ClassTable(
        prior=prior,
        harmless_mean=mn,
        harmless_scale=sn,
        harmful_mean=mh,
        harmful_scale=sh,
        recognised=known,
        pairs=(1 - STRANGE) * np.outer(like_n, like_h) + STRANGE * strange / strange.sum(),
        like_harmless=like_n,
        like_harmful=like_h,
        thresholds=thresholds,
        missed=(1 - known[:, None]) * missed + known[:, None] * recognised,
        alarms=student.sf((thresholds - mn[:, None]) / sn[:, None], TAILS),
    )


def weigh_labelled(table: ClassTable, harmful: Floats, harmless: Floats) -> Belief:
    """The belief after labelled prompts.

    Args:
        table: the possible classes.
        harmful: logits [draw, prompt]; no prompts ([draw, 0]) say nothing of the class.
        harmless: the same for harmless prompts; as many draws.
    """
    parts = [
        _join(table, likelihood_of(table, harmful[rows], True), likelihood_of(table, harmless[rows], False))
        for rows in _chunks(len(harmful), max(1, harmful.shape[1]) * len(table.harmful_mean))
    ]
    return Belief(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def likelihood_of(table: ClassTable, scores: Floats, of_harmful: bool) -> Floats:
    """Log-likelihood [draw, node] of labelled logits [draw, prompt], a few wrong labels allowed for."""
    return np.asarray(log_densities(table, scores, of_harmful).sum(axis=-2))


def log_densities(table: ClassTable, scores: Floats, of_harmful: bool) -> Floats:
    """Log-density of every labelled logit [...] under every node, [..., node]."""
    density = table.harmful_density(scores) if of_harmful else table.harmless_density(scores)
    span = table.thresholds[-1] - table.thresholds[0]
    return np.asarray(np.log((1 - WRONG_LABELS) * density + WRONG_LABELS / span))


def weigh_unlabelled(
    table: ClassTable,
    scores: Floats,
    *,
    harmful: Floats | None = None,
    harmless: Floats | None = None,
    prevalences: Floats | None = None,
) -> tuple[Belief, Floats]:
    """The belief after prompts without labels, and after labelled ones where there are some.

    Args:
        table: the possible classes.
        scores: logits of the prompts without labels, [prompt].
        harmful: logits of labelled harmful prompts, [prompt].
        harmless: the same for harmless ones.
        prevalences: what is believed of ``PREVALENCES`` beforehand; None believes every share possible.

    Returns:
        The belief, one draw, and the probabilities of ``PREVALENCES``.
    """
    kept = scores
    if len(scores) > MOST_MIXED:
        kept = np.quantile(scores, (np.arange(MOST_MIXED) + 0.5) / MOST_MIXED)
    logs = _log_mixtures(table, kept) * (len(scores) / len(kept))
    tempered = logs * min(1.0, MOST_UNLABELLED / (MOST_UNLABELLED + len(scores)))
    if harmful is not None and len(harmful):
        tempered = tempered + likelihood_of(table, harmful[None], True)[0].astype(np.float32)
    if harmless is not None and len(harmless):
        tempered = tempered + likelihood_of(table, harmless[None], False)[0].astype(np.float32)[:, None]
    before = prevalence_prior() if prevalences is None else prevalences
    weights = np.exp(tempered - tempered.max()) * before[:, None, None] * table.pairs[None]
    weights /= weights.sum()
    joint = weights.sum(axis=0)
    # Which of the pairs resemble the sources is told by the prior odds of the two parts of each pair.
    alike = (1 - STRANGE) * np.outer(table.like_harmless, table.like_harmful)
    like = float((joint * np.divide(alike, table.pairs, out=np.zeros_like(alike), where=table.pairs > 0)).sum())
    middles = (table.harmless_mean[:, None] + table.centre()[None]) / 2
    middle = float((joint * middles).sum())
    error = float((joint * (middles - middle) ** 2).sum()) ** 0.5
    belief = Belief(
        joint.sum(axis=1)[None], joint.sum(axis=0)[None], np.array([middle]), np.array([error]), np.array([like])
    )
    return belief, np.asarray(weights.sum(axis=(1, 2)))


def share_harmful(table: ClassTable, belief: Belief, prevalences: Floats, scores: Floats) -> Floats:
    """Probability [prompt] that each prompt without a label is harmful, under the only draw of a belief.

    Beyond the expected mean of a class, a prompt does not become less likely to belong to it.
    """
    harmful, harmless = belief.harmful[0], belief.harmless[0]
    ends = np.sort([harmless @ table.harmless_mean, harmful @ table.centre()])
    inside = np.clip(np.asarray(scores, np.float64), *ends)
    expected = float(prevalences @ PREVALENCES)
    as_harmful = expected * (table.harmful_density(inside) @ harmful)
    as_harmless = (1 - expected) * (table.harmless_density(inside) @ harmless)
    return np.asarray(as_harmful / (as_harmful + as_harmless))


def decide(table: ClassTable, belief: Belief, caution: float) -> Floats:
    """The thresholds [draw] with the least expected cost, where a false alarm costs ``caution`` misses."""
    cost = belief.harmful @ table.missed + caution * (belief.harmless @ table.alarms)
    return np.asarray(table.thresholds[cost.argmin(axis=1)])


def _join(table: ClassTable, harmful: Floats, harmless: Floats) -> tuple[Floats, ...]:
    """The fields of a belief, from log-likelihoods [draw, node] of the two classes."""
    h, n = (np.exp(part - part.max(axis=1, keepdims=True)) for part in (harmful, harmless))
    seen_n, seen_h = n * (h @ table.pairs.T), h * (n @ table.pairs)
    total = seen_n.sum(axis=1)
    post_n, post_h = seen_n / total[:, None], seen_h / total[:, None]
    means = table.harmless_mean - table.prior.harmless, table.centre() - table.prior.harmless
    first, second = post_n @ means[0], post_h @ means[1]
    product = ((n * means[0]) @ table.pairs * (h * means[1])).sum(axis=1) / total
    squares = post_n @ means[0] ** 2 + 2 * product + post_h @ means[1] ** 2
    error = np.sqrt(np.clip(squares - (first + second) ** 2, 0, None)) / 2
    like = (1 - STRANGE) * (n @ table.like_harmless) * (h @ table.like_harmful) / total
    return post_n, post_h, table.prior.harmless + (first + second) / 2, error, like


def _log_mixtures(table: ClassTable, scores: Floats) -> npt.NDArray[np.float32]:
    """Log-likelihood [prevalence, harmless node, harmful node] of unlabelled logits, prompt by prompt."""
    harmful = table.harmful_density(scores).astype(np.float32)
    harmless = table.harmless_density(scores).astype(np.float32)
    share = PREVALENCES.astype(np.float32)[:, None]
    product = np.ones((len(PREVALENCES), *table.pairs.shape), np.float32)
    term = np.empty_like(product)
    logs = np.zeros_like(product)
    smallest = np.finfo(np.float32).tiny
    for number, (of_harmful, of_harmless) in enumerate(zip(harmful, harmless, strict=True), start=1):
        top = max(of_harmful.max(), of_harmless.max())
        np.add(((1 - share) * of_harmless / top)[:, :, None], (share * of_harmful / top)[:, None, :], out=term)
        product *= term
        if number % 8 == 0 or number == len(scores):
            logs += np.log(np.maximum(product, smallest))
            product.fill(1)
    return logs


def prevalence_prior() -> Floats:
    """Beforehand, ``PREVALENCES`` are even over the range, and a sample of one class has a tenth each."""
    inner = np.gradient(PREVALENCES)
    inner[[0, -1]] = 0
    weights = 0.8 * inner / inner.sum()
    weights[[0, -1]] = 0.1
    return np.asarray(weights)


def _chunks(draws: int, width: int) -> list[slice]:
    size = max(1, CHUNK // width)
    return [slice(start, start + size) for start in range(0, draws, size)]


def _number(known: Floats) -> npt.NDArray[np.int64]:
    return np.searchsorted(np.array(RECOGNISED), known)


def _student(scores: Floats, mean: Floats, scale: Floats) -> Floats:
    deviation = (np.asarray(scores, np.float64)[..., None] - mean) / scale
    return np.asarray(STUDENT_HEIGHT * (1 + deviation**2 / TAILS) ** (-(TAILS + 1) / 2) / scale)


def _bell(value: Floats, mean: Floats | float, deviation: float) -> Floats:
    return np.asarray(np.exp(-0.5 * ((value - mean) / deviation) ** 2))
