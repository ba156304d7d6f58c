"""Linear probes on other features than the gate's: every source direction, the whole state, any basis."""

from collections.abc import Mapping

import numpy as np

from isogloss.core import Language
from isogloss.repair.probes.detector import LinearDetector, Pooling
from isogloss.repair.published.directions import language_directions
from isogloss.repair.published.probe import fit_linear_probe
from isogloss.repair.published.rows import Rows
from isogloss.repair.published.thresholds import Objective


def fit_bank_probe(
    source: Rows,
    targets: Mapping[Language, Rows],
    *,
    layer: int,
    seed: int,
    name: str = "",
    objective: Objective = Objective.BALANCED_MACRO_F1,
) -> LinearDetector:
    """A logistic readout of the projections on every source language's own direction, not orthogonalised.

    The features span what the gate's do at full rank, but are nearly collinear, and each is standardised by itself, so
    that 80 steps end elsewhere. Arguments and errors as ``fit_published_gate``.

    Source: "direction bank" in the probe comparison of arXiv 2606.01196.
    """
    bank = np.stack(list(language_directions(source.classes()).values()), axis=1)
    return fit_linear_probe(source, targets, bank, layer=layer, seed=seed, name=name, objective=objective)


def fit_full_space_probe(
    source: Rows,
    targets: Mapping[Language, Rows],
    *,
    layer: int,
    seed: int,
    name: str = "",
    objective: Objective = Objective.BALANCED_MACRO_F1,
    pooling: Pooling = Pooling.TOKEN,
) -> LinearDetector:
    """A logistic readout of the whole hidden state, every dimension standardised.

    With fewer rows than dimensions it separates its training rows whatever they are; read it beside the permutation
    control. Arguments and errors as ``fit_published_gate``.

    Source: "full space" in the probe comparison of arXiv 2606.01196.
    """
    return fit_linear_probe(
        source, targets, None, layer=layer, seed=seed, name=name, objective=objective, pooling=pooling
    )
