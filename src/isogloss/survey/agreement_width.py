"""How wide an interval of kappa to expect from so many double-coded papers, before anybody codes them."""

from dataclasses import dataclass

import numpy as np

DRAWS = 4000
WIDE = 0.2
"""An interval of kappa wider than this does not tell good agreement from fair."""
SIZES = (20, 40, 80, 150, 300)


@dataclass(frozen=True, slots=True)
class ExpectedWidth:
    """Where kappa of a double-coded sample falls in 95 of 100 surveys like this.

    Attributes:
        papers: double-coded.
        labels: equally common labels.
        kappa: in the long run.
        low: 2.5 % of the draws lie below.
        high: 97.5 % lie below.
    """

    papers: int
    labels: int
    kappa: float
    low: float
    high: float

    @property
    def width(self) -> float:
        return self.high - self.low


def expect_width(papers: int, *, labels: int, kappa: float, seed: int, draws: int = DRAWS) -> ExpectedWidth:
    """Simulate the double coding of papers and look at the spread of Cohen's kappa.

    Both coders give equally common labels; with probability ``kappa`` the second repeats the first, else gives any
    label at random, which makes ``kappa`` the value in the long run. Rare labels make the spread larger than shown.

    Args:
        papers: double-coded, at least two.
        labels: at least two.
        kappa: agreement beyond chance, from 0 to 1.
        seed: of the simulation.
        draws: surveys simulated.

    Raises:
        ValueError: a number is out of range.
    """
    if papers < 2 or labels < 2 or not 0 <= kappa <= 1:
        raise ValueError(
            f"expected at least 2 papers and 2 labels and kappa in [0, 1], got {papers}, {labels}, {kappa}"
        )
    generator = np.random.default_rng(seed)
    first = generator.integers(labels, size=(draws, papers))
    other = generator.integers(labels, size=(draws, papers))
    second = np.where(generator.random((draws, papers)) < kappa, first, other)
    codes = np.arange(labels)
    shares = [(coder[:, :, None] == codes).mean(axis=1) for coder in (first, second)]
    by_chance = (shares[0] * shares[1]).sum(axis=1)
    agreed = (first == second).mean(axis=1)
    usable = by_chance < 1
    values = (agreed[usable] - by_chance[usable]) / (1 - by_chance[usable])
    low, high = np.quantile(values, [0.025, 0.975])
    return ExpectedWidth(papers, labels, kappa, float(low), float(high))


def warn_small(papers: int, *, labels: int, kappa: float | None, seed: int) -> str | None:
    """A sentence about the width to expect where so few papers cannot carry a kappa; None where they can.

    Args:
        papers: double-coded.
        labels: that occur.
        kappa: as measured; where it is undefined or no better than chance, 0.8 is taken as a plan.
        seed: of the simulation.
    """
    if papers < 2:
        return f"{papers} double-coded papers: agreement cannot be measured. Let two people label at least 80 papers."
    if labels < 2:
        return None
    assumed = kappa if kappa is not None and kappa > 0 else 0.8
    expected = expect_width(papers, labels=labels, kappa=assumed, seed=seed)
    if expected.width <= WIDE:
        return None
    larger = (expect_width(size, labels=labels, kappa=assumed, seed=seed) for size in SIZES if size > papers)
    enough = next((plan for plan in larger if plan.width <= WIDE), None)
    advice = f" {enough.papers} papers would give about {enough.low:.2f} to {enough.high:.2f}." if enough else ""
    return (
        f"{papers} double-coded papers are few: with {labels} labels and kappa {assumed:.2f}, chance alone moves it "
        f"from about {expected.low:.2f} to {expected.high:.2f}.{advice}"
    )
