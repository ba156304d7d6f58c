"""p-values of a family of tests, adjusted for having asked several questions at once."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import numpy as np

Name = TypeVar("Name", bound=Hashable)
Adjustment = Literal["holm", "benjamini-hochberg"]


@dataclass(frozen=True, slots=True)
class Family(Generic[Name]):
    """Adjusted p-values.

    Attributes:
        name: what the family is, in the words of whoever chose it; a family that is not named cannot be checked.
        method: "holm" or "benjamini-hochberg".
        size: tests that were adjusted together.
        adjusted: by test; None where the test had no p-value (it is no member of the family).
    """

    name: str
    method: Adjustment
    size: int
    adjusted: dict[Name, float | None]

    def rejected(self, level: float = 0.05) -> tuple[Name, ...]:
        """The tests whose adjusted p-value is at most ``level``."""
        return tuple(name for name, p in self.adjusted.items() if p is not None and p <= level)


def adjust_p_values(p_values: Mapping[Name, float | None], *, family: str, method: Adjustment = "holm") -> Family[Name]:
    """Adjust the p-values of one family.

    Use Holm where a single false alarm hurts (a claim about a named language, a release gate): it bounds the
    chance of any false rejection, however the tests depend on each other. Use Benjamini-Hochberg to explore a
    map of categories and languages: it bounds the expected share of false ones among the rejections, for
    independent or positively dependent tests.

    Args:
        p_values: by test; None for a test that could not be done.
        family: its name, such as "gap to English, 13 languages, harmful prompts".
        method: which guarantee.

    Raises:
        ValueError: a p-value outside [0, 1], or an unknown method.

    Source: Holm 1979; Benjamini and Hochberg 1995.
    """
    known = {name: p for name, p in p_values.items() if p is not None}
    for name, p in known.items():
        if not 0 <= p <= 1:
            raise ValueError(f"{name}: a p-value lies between 0 and 1, not {p}")
    if method not in ("holm", "benjamini-hochberg"):
        raise ValueError(f"no adjustment {method!r}; known: holm, benjamini-hochberg")
    names = sorted(known, key=lambda name: known[name])
    ordered = np.array([known[name] for name in names], dtype=np.float64)
    size = len(names)
    if method == "holm":
        steps = np.maximum.accumulate(ordered * (size - np.arange(size)))
    else:
        steps = np.minimum.accumulate((ordered * size / np.arange(1, size + 1))[::-1])[::-1]
    found = dict(zip(names, np.minimum(1.0, steps).tolist(), strict=True))
    return Family(family, method, size, {name: found.get(name) for name in p_values})
