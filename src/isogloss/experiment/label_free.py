"""Our default gate for target languages without labelled shots: thresholds from other evidence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Kind, Language, Split
from isogloss.experiment.cases import SOURCE, TRANSLATIONS, find_translations
from isogloss.experiment.ours import OurGate, fit_ours, score_all
from isogloss.experiment.plan import DetectionMethod
from isogloss.experiment.states import LayerStates
from isogloss.repair.unlabelled import estimate_from_harmless, estimate_from_translations, estimate_from_unlabelled

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class LabelFree:
    """One language's threshold, and the logits [prompt] that it belongs to."""

    language: Language
    threshold: float
    scores: Floats


def cut_label_free(
    states: LayerStates, targets: Sequence[Language], method: DetectionMethod, *, split: Split
) -> Iterator[LabelFree]:
    """Thresholds from every prompt of a split that the method can use; languages that have none are passed over.

    Prompts without labels and harmless prompts leave the readout to the source languages. Translations carry the label
    of their source prompt, so that they join the readout as shots do (see ``Case``).
    """
    if method == DetectionMethod.OURS_TRANSLATIONS:
        yield from _cut_by_translations(states, targets, split)
        return
    ours = fit_ours(states, SOURCE)
    for language in targets:
        own = states.languages[language]
        scores = ours.score(own)
        harmful, harmless = (scores[own.rows(kind, split)] for kind in Kind)
        if method == DetectionMethod.OURS_HARMLESS and len(harmless):
            found = estimate_from_harmless(ours.gate, harmless, prior=ours.prior)
        elif method == DetectionMethod.OURS_UNLABELLED and len(harmful) + len(harmless):
            rows = np.sort(np.concatenate([own.rows(kind, split) for kind in Kind]))
            found = estimate_from_unlabelled(ours.gate, scores[rows], prior=ours.prior)
        else:
            continue
        yield LabelFree(language, found.value, scores)


def _cut_by_translations(states: LayerStates, targets: Sequence[Language], split: Split) -> Iterator[LabelFree]:
    if not states.has(TRANSLATIONS):
        return
    ours: OurGate = fit_ours(states, TRANSLATIONS)
    prompts = {language: own.prompts for language, own in states.languages.items()}
    scores = score_all(ours, states.languages)
    for language in targets:
        found = find_translations(prompts, states.source, language, split)
        if found is None:
            continue
        sources = [
            np.array([np.mean([scores[one][row] for one, row in same]) for same in part]) for part in found.sources
        ]
        own = [scores[language][rows] for rows in found.rows]
        cut = estimate_from_translations(ours.gate, sources[0], sources[1], own[0], own[1], prior=ours.prior)
        yield LabelFree(language, cut.value, scores[language])
