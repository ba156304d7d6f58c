"""A small multilayer probe: is there more about harmfulness in a state than a linear readout finds?"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from isogloss.core import Language
from isogloss.core.seeds import derive_seed
from isogloss.repair.probes.detector import Pooling
from isogloss.repair.probes.networks import (
    NetworkDetector,
    Standardise,
    TrainingRecipe,
    build_network,
    cut_logits,
    train_network,
)
from isogloss.repair.published.rows import Rows, check_both_classes
from isogloss.repair.published.thresholds import Objective

Floats = npt.NDArray[np.floating[Any]]

WIDTH = 32
MLP_RECIPE = TrainingRecipe(epochs=80, batch_size=None, learning_rate=0.01, decay=0.01)


def fit_mlp_detector(
    source: Rows,
    targets: Mapping[Language, Rows],
    *,
    layer: int,
    seed: int,
    recipe: TrainingRecipe = MLP_RECIPE,
    objective: Objective = Objective.BALANCED_MACRO_F1,
    pooling: Pooling = Pooling.TOKEN,
) -> NetworkDetector:
    """One hidden layer of 32 GELU units on the whole state, refitted with each target language's shots.

    Raises:
        TooFewPrompts: a class is missing.

    Source: the probe comparison of arXiv 2606.01196; of its MLP we know the width and the activation, the rest of the
    recipe is ours: the gate's schedule with a fifth of its learning rate.
    """
    check_both_classes(source, "The source languages")
    fallback = _train(source, recipe, derive_seed(seed, "mlp"))
    networks, thresholds = {}, {}
    for language, rows in targets.items():
        if not len(rows):
            continue
        check_both_classes(rows, f"The shots in {language}")
        networks[language.key] = _train(Rows.join([source, rows]), recipe, derive_seed(seed, "mlp", language.key))
        thresholds[language.key] = cut_logits(networks[language.key], rows, objective)
    cut = cut_logits(fallback, source, objective)
    return NetworkDetector(layer, fallback, cut, networks, thresholds, pooling)


def make_mlp(hidden: Floats) -> nn.Module:
    """From a state to a logit by way of 32 GELU units, standardised by these rows [row, hidden]."""
    width = hidden.shape[1]
    return nn.Sequential(Standardise(hidden), nn.Linear(width, WIDTH), nn.GELU(), nn.Linear(WIDTH, 1))


def _train(rows: Rows, recipe: TrainingRecipe, seed: int) -> nn.Module:
    start = build_network(lambda: make_mlp(rows.hidden), seed=derive_seed(seed, "start"))
    return train_network(start, rows, recipe, seed=seed)
