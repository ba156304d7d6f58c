"""Our default gate for target languages without labelled shots: readout and thresholds from other evidence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Language, Prompt, Split
from isogloss.core.errors import TooFewPrompts
from isogloss.experiment.cases import SOURCE, Case, CaseRows, text_case
from isogloss.experiment.ours import OurGate, fit_ours, score_all
from isogloss.experiment.plan import DetectionMethod
from isogloss.experiment.states import LayerStates, Read, read_layer
from isogloss.inside.activations import Activations
from isogloss.repair.calibration_prompts import CalibrationPlan, CalibrationPrompts, select_calibration
from isogloss.repair.estimates import Recalibration
from isogloss.repair.thresholds import calibrate_thresholds
from isogloss.repair.unlabelled import FEWEST_UNLABELLED, guess_classes

Floats = npt.NDArray[np.floating[Any]]
Prompts = Mapping[Language, Sequence[Prompt]]
RECALIBRATION = {
    DetectionMethod.OURS_UNLABELLED: Recalibration.UNLABELLED,
    DetectionMethod.OURS_HARMLESS: Recalibration.HARMLESS,
    DetectionMethod.OURS_TRANSLATIONS: Recalibration.TRANSLATIONS,
}
"""What `isogloss repair` calls the methods."""


@dataclass(frozen=True, eq=False)
class LabelFree:
    """One language's threshold, and the logits [prompt] that it belongs to."""

    language: Language
    threshold: float
    scores: Floats


def label_free_cases(
    prompts: Prompts, source: Sequence[Language], targets: Sequence[Language], methods: Sequence[DetectionMethod]
) -> dict[Case, dict[Language, CaseRows]]:
    """What the readouts are fitted with whose prompts have a label from the start: harmless text and translations."""
    found: dict[Case, dict[Language, CaseRows]] = {}
    for method in (DetectionMethod.OURS_HARMLESS, DetectionMethod.OURS_TRANSLATIONS):
        if method in methods:
            found |= text_case(RECALIBRATION[method], _select(prompts, source, targets, method))
    return found


def cut_label_free(
    states: LayerStates, targets: Sequence[Language], method: DetectionMethod, *, read: Read | None = None
) -> Iterator[LabelFree]:
    """Thresholds from every training and validation prompt that a method can use, as `isogloss repair` takes them.

    Languages that have no such prompts are passed over.

    Args:
        states: with the case of the method among those that the readout was fitted with (``label_free_cases``).
        targets: languages to cut.
        method: one of ``LABEL_FREE``.
        read: gives whole states again. Unlabelled text enters the readout by what the readout without it makes of
            it, so that this method has a second fit; without ``read`` it has none and nothing is found.
    """
    prompts = {language: own.prompts for language, own in states.languages.items()}
    used = _select(prompts, states.source, targets, method)
    prevalences: dict[Language, Floats] = {}
    case = Case(of=RECALIBRATION[method])
    if method == DetectionMethod.OURS_UNLABELLED:
        if read is None:
            return
        rows, prevalences = _guess(fit_ours(states, SOURCE), states, used)
        cases = {case: rows} if rows else {}
        states = read_layer(read, prompts, states.source, states.layer, cases=cases)
    ours = fit_ours(states, case if states.has(case) else SOURCE)
    scores = score_all(ours, states.languages)
    for record in calibrate_thresholds(
        ours.gate,
        _as_activations(ours, states),
        list(used),
        _wanted(states.source, method),
        layer=states.layer,
        prior=ours.prior,
        prevalences=prevalences,
    )[1]:
        yield LabelFree(record.language, record.threshold, scores[record.language])


def _guess(
    ours: OurGate, states: LayerStates, used: Mapping[Language, CalibrationPrompts]
) -> tuple[dict[Language, CaseRows], dict[Language, Floats]]:
    """What the readout of the source languages makes of unlabelled text."""
    rows, prevalences, nothing = {}, {}, np.empty(0)
    for language, part in used.items():
        if len(part.unlabelled) >= FEWEST_UNLABELLED:
            scores = ours.score(states.languages[language])[list(part.unlabelled)]
            guess = guess_classes(ours.gate, scores, nothing, nothing, prior=ours.prior)
            if guess.is_certain:
                rows[language] = CaseRows.guessed(part.unlabelled, guess.harmful)
                prevalences[language] = guess.prevalences
    return rows, prevalences


def _wanted(source: Sequence[Language], method: DetectionMethod) -> CalibrationPlan:
    return CalibrationPlan(RECALIBRATION[method], source=tuple(source))


def _select(
    prompts: Prompts, source: Sequence[Language], targets: Sequence[Language], method: DetectionMethod
) -> dict[Language, CalibrationPrompts]:
    """What each target language has for a method; places count inside the language's own prompts."""
    found = {}
    sources = [one for language in source for one in prompts[language] if one.split != Split.TEST]
    for language in targets:
        try:
            found[language] = select_calibration([*prompts[language], *sources], language, _wanted(source, method))
        except TooFewPrompts:
            continue
    return found


def _as_activations(ours: OurGate, states: LayerStates) -> Activations:
    """What the gate sees of every prompt that is not a test prompt, in place of its state."""
    prompts, seen = [], []
    for own in states.languages.values():
        kept = [row for row, prompt in enumerate(own.prompts) if prompt.split != Split.TEST]
        prompts += [own.prompts[row] for row in kept]
        seen.append(ours.view(own)[kept])
    hidden = np.concatenate(seen).astype(np.float32)[:, None, None, :]
    return Activations(hidden, tuple(prompts), (states.layer,), (-1,), {})
