"""How hard the published intervention pushes."""

from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core.errors import DegenerateDirection, NothingToDo, TooFewPrompts

Floats = npt.NDArray[np.floating[Any]]


def published_strength(harmful: Floats, harmless: Floats, vector: Floats, *, multiplier: float = 1.0) -> float:
    """``alpha = multiplier * (Q75(H . v) - Q25(N . v))`` over the pooled source training rows, in model units.

    Quartiles are interpolated linearly.

    Args:
        harmful: states of all source languages together, float [row, hidden].
        harmless: the same of the other class.
        vector: the unit direction, float [hidden].
        multiplier: lambda; the published headline uses 1.

    Raises:
        NothingToDo: the multiplier is not positive.
        TooFewPrompts: a class is empty.
        DegenerateDirection: the gap between the quartiles is not positive.
    """
    if not multiplier > 0:
        raise NothingToDo(f"A strength multiplier of {multiplier} steers nothing. Give a positive one.")
    if not len(harmful) or not len(harmless):
        raise TooFewPrompts("A strength needs states of both kinds.")
    unit = np.asarray(vector, np.float64)
    high = np.quantile(np.asarray(harmful, np.float64) @ unit, 0.75)
    low = np.quantile(np.asarray(harmless, np.float64) @ unit, 0.25)
    if not high > low:
        raise DegenerateDirection(
            f"Along the direction, the upper quartile of harmful prompts ({high:.4g}) is not above the lower quartile "
            f"of harmless ones ({low:.4g}). Choose a layer where the classes differ."
        )
    return float(multiplier * (high - low))
