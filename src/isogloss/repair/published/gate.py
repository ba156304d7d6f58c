"""The published gate: a rank-r subspace of the source languages' directions, and one probe per target language."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Language
from isogloss.repair.probes.detector import LinearDetector
from isogloss.repair.published.directions import language_directions, source_basis
from isogloss.repair.published.probe import fit_linear_probe
from isogloss.repair.published.rows import Rows
from isogloss.repair.published.thresholds import Objective

Floats = npt.NDArray[np.floating[Any]]

PUBLISHED_RANK = 10


@dataclass(frozen=True, eq=False)
class PublishedGate:
    """What ``fit_published_gate`` returns.

    Attributes:
        detector: reads a state and decides; give it to ``DetectorRouter``.
        basis: float32 [hidden, rank], orthonormal.
        shots: labelled rows per target language that were used, harmful and harmless, by ``Language.key``.
        flags_all: target languages (keys) whose threshold lies below all their own shots, so that everything is
            flagged. The published method does not notice; here it is reported and still done.
    """

    detector: LinearDetector
    basis: Floats
    shots: Mapping[str, tuple[int, int]]
    flags_all: tuple[str, ...]


def fit_published_gate(
    source: Rows,
    targets: Mapping[Language, Rows],
    *,
    layer: int,
    rank: int | None = None,
    seed: int,
    name: str = "",
    objective: Objective = Objective.BALANCED_MACRO_F1,
) -> PublishedGate:
    """Fit the gate on source rows and the shots of each target language.

    The language of every prompt must be known when the gate is used. A language that it was not given shots of is
    read by the source probe with the source threshold, which is the published zero-shot gate.

    Args:
        source: training rows of the source languages at the gate's layer and position.
        targets: k harmful and k harmless rows of each target language; empty rows mean k = 0.
        layer: where the rows were recorded.
        rank: axes; None takes ten, or as many as there are source languages where these are fewer.
        seed: of the readouts' start weights.
        name: of the model, a part of the seeds.
        objective: what the thresholds maximise.

    Raises:
        TooFewPrompts: a class is missing, or the source directions span fewer than ``rank`` dimensions.

    Source: arXiv 2606.01196, "conditional" steering's gate. Departures: fixed signs of the basis, our own seeds and
    float64 arithmetic; see ``docs/methods/published-gate.md``.
    """
    directions = language_directions(source.classes())
    wanted = min(PUBLISHED_RANK, len(directions)) if rank is None else rank
    basis = source_basis(directions, wanted)
    detector = fit_linear_probe(source, targets, basis, layer=layer, seed=seed, name=name, objective=objective)
    flagging = [
        language.key
        for language, rows in targets.items()
        if len(rows) and detector.score(rows.hidden, language).min() > detector.threshold(language)
    ]
    return PublishedGate(
        detector=detector,
        basis=basis,
        shots={
            language.key: (int(rows.harmful.sum()), int((~rows.harmful).sum())) for language, rows in targets.items()
        },
        flags_all=tuple(flagging),
    )
