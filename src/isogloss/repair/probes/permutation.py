"""The permutation control: the same fit on labels that mean nothing."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Language
from isogloss.core.seeds import derive_seed
from isogloss.repair.probes.forms import Form
from isogloss.repair.published.gate import PublishedGate, fit_published_gate
from isogloss.repair.published.rows import Rows
from isogloss.repair.published.thresholds import Objective


def permute_labels(rows: Rows, *, seed: int, form: Form = Form.PUBLISHED) -> Rows:
    """The same states with shuffled labels.

    Published: over all rows, which also shuffles how many harmful rows each language has, so that the control may
    pick up languages. Corrected: inside each language, so that class sizes per language stay as they are.
    """
    generator = np.random.default_rng(derive_seed(seed, "permutation"))
    if form == Form.PUBLISHED:
        return Rows(rows.hidden, generator.permutation(rows.harmful), rows.languages)
    labels = rows.harmful.copy()
    for language in dict.fromkeys(rows.languages):
        index = _where(rows, language)
        labels[index] = generator.permutation(labels[index])
    return Rows(rows.hidden, labels, rows.languages)


def fit_permuted_gate(
    source: Rows,
    targets: Mapping[Language, Rows],
    *,
    layer: int,
    seed: int,
    rank: int | None = None,
    form: Form = Form.PUBLISHED,
    name: str = "",
    objective: Objective = Objective.BALANCED_MACRO_F1,
) -> PublishedGate:
    """The published gate on shuffled source labels; the shots keep theirs, so the threshold alone is informed.

    Directions, basis and readout are all refitted. Average over seeds: one shuffle may align with the truth by luck.

    Raises:
        TooFewPrompts: a class is missing; in the published form a shuffle may leave a small language without one.
    """
    shuffled = permute_labels(source, seed=seed, form=form)
    return fit_published_gate(shuffled, targets, layer=layer, rank=rank, seed=seed, name=name, objective=objective)


def _where(rows: Rows, language: Language) -> npt.NDArray[np.integer[Any]]:
    return np.flatnonzero([held == language for held in rows.languages])
