"""Other probes of the same states, fitted one after the other: an MLP, an OMNIGuard-style one, shuffled labels."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.experiment.draws import Draws
from isogloss.experiment.plan import DetectionMethod
from isogloss.experiment.states import Read
from isogloss.repair.probes.detector import Detector
from isogloss.repair.probes.forms import Form
from isogloss.repair.probes.mlp import fit_mlp_detector
from isogloss.repair.probes.omniguard import OmniguardVariant, fit_omniguard
from isogloss.repair.probes.permutation import fit_permuted_gate
from isogloss.repair.published.rows import Rows

Floats = npt.NDArray[np.floating[Any]]
Fitted = Mapping[tuple[int, int], Detector]
"""Detectors by shots and seed."""
MOST_DRAWS = 3


def fit_probes(
    method: DetectionMethod,
    read: Read,
    prompts: Mapping[Language, Sequence[Prompt]],
    source: Sequence[Language],
    targets: Sequence[Language],
    draws: Draws,
    *,
    layer: int,
    shots: Sequence[int],
    seeds: Sequence[int],
) -> Fitted:
    """One detector per budget and draw, of the first three draws, on whole states.

    The OMNIGuard-style probe is its network and training on the last prompt token of the study's layer; the original
    reads means over tokens at a layer of its own, which a study does not store. Permuted labels are the published
    gate on source labels that were shuffled inside each language; the shots keep theirs.

    Args:
        method: one of ``PROBES``.
        read: states of prompts.
        prompts: by language.
        source: the source languages; their training prompts are used.
        targets: languages with shots.
        draws: of the shots.
        layer: of the states.
        shots: budgets.
        seeds: of draws and start weights.
    """
    base = [one for language in source for one in prompts[language] if one.split == Split.TRAIN]
    rows = _rows(read, base, layer)
    fit = _FITS[method]
    found: dict[tuple[int, int], Detector] = {}
    for budget in shots:
        ready = [language for language in targets if budget <= draws.available[language]]
        for seed in seeds[:MOST_DRAWS]:
            own = {one: _rows(read, draws.chosen(one, seed, budget), layer) for one in ready} if budget else {}
            found[budget, seed] = fit(rows, own, layer, seed)
    return found


def score_probes(
    fitted: Fitted, read: Read, prompts: Mapping[Language, Sequence[Prompt]], layer: int, split: Split
) -> Iterator[tuple[Language, tuple[int, int], Floats, Floats, float]]:
    """Scores of every language's harmful and harmless prompts of a split under every detector, and its threshold."""
    for language, every in prompts.items():
        parts = [[one for one in every if one.kind == kind and one.split == split] for kind in Kind]
        harmful, harmless = (read(part, layer) for part in parts)
        for name, detector in fitted.items():
            scored = [detector.score(part, language) for part in (harmful, harmless)]
            yield language, name, scored[0], scored[1], detector.threshold(language)


def _rows(read: Read, chosen: Sequence[Prompt], layer: int) -> Rows:
    marks = np.array([one.kind == Kind.HARMFUL for one in chosen], np.bool_)
    return Rows(read(chosen, layer), marks, tuple(one.language for one in chosen))


def _fit_mlp(source: Rows, targets: Mapping[Language, Rows], layer: int, seed: int) -> Detector:
    return fit_mlp_detector(source, targets, layer=layer, seed=seed)


def _fit_omniguard(source: Rows, targets: Mapping[Language, Rows], layer: int, seed: int) -> Detector:
    return fit_omniguard(source, targets, layer=layer, seed=seed, variant=OmniguardVariant.BUDGETED)


def _fit_permuted(source: Rows, targets: Mapping[Language, Rows], layer: int, seed: int) -> Detector:
    # Shuffled inside each language: no language can lose a class.
    return fit_permuted_gate(source, targets, layer=layer, seed=seed, form=Form.CORRECTED).detector


_FITS: Mapping[DetectionMethod, Callable[[Rows, Mapping[Language, Rows], int, int], Detector]] = {
    DetectionMethod.MLP: _fit_mlp,
    DetectionMethod.OMNIGUARD: _fit_omniguard,
    DetectionMethod.PERMUTED: _fit_permuted,
}
