"""The gate of the source languages with what is known of the target languages in its readout, before any threshold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from isogloss.core import Language, Split
from isogloss.inside.activations import Activations
from isogloss.inside.directions import Classes, SoftClasses, split_classes
from isogloss.repair.calibration_prompts import CalibrationPlan, CalibrationPrompts, select_calibration
from isogloss.repair.class_prior import ClassPrior, measure_prior
from isogloss.repair.gate import Floats, Gate, Readout, fit_gate
from isogloss.repair.unlabelled import FEWEST_UNLABELLED, Guess, guess_classes


@dataclass(frozen=True, eq=False)
class TargetReadout:
    """A gate with the source threshold alone, and what thresholds of other languages start from.

    Attributes:
        gate: the readout.
        prior: what the source languages lead one to expect of a language's classes, on the gate's logits.
        prevalences: what is believed of the share of harmful prompts in a language's unlabelled text, by language.
    """

    gate: Gate
    prior: ClassPrior
    prevalences: Mapping[Language, Floats] = field(default_factory=dict)


def fit_target_readout(
    activations: Activations,
    source: Sequence[Language],
    target: Sequence[Language],
    wanted: CalibrationPlan,
    *,
    layer: int,
    readout: Readout = Readout.WHITENED,
    rank: int | None = None,
) -> TargetReadout:
    """Fit the gate on the source languages' training prompts and on what a method reads of the target languages.

    Only a whitened readout takes anything from target languages: labelled prompts with their label, harmless text as
    such, and unlabelled text by one round of self-training. For this the gate without that text says how probably
    each prompt is harmful, and how many are; the readout is fitted again with these probabilities, of the languages
    where most of them are clear. The share of harmful prompts is believed as it was said in that first round, since a
    readout fitted on guesses would confirm them. More rounds gained nothing on validation prompts and lost a language
    now and then.

    Args:
        activations: train and validation prompts of the source languages, and the prompts that ``wanted`` asks for.
        source: languages in which the model is trusted.
        target: languages to calibrate.
        wanted: method, shots and splits.
        layer: 0-based decoder block.
        readout: which coordinates the gate looks at.
        rank: axes of a span readout.

    Raises:
        TooFewPrompts: prompts are missing; see ``fit_gate`` and ``select_calibration``.
        DegenerateDirection: the classes of a source language coincide.

    Source: ours; self-training with soft labels is one step of expectation maximisation (Dempster et al. 1977).
    """
    train = split_classes(activations, source, layer, split=Split.TRAIN)
    every = split_classes(activations, source, layer)
    hidden = activations.at(layer)

    def fit(targets: Mapping[Language, SoftClasses]) -> TargetReadout:
        gate = fit_gate(train, readout=readout, rank=rank, targets=targets, label=f"layer {layer}")
        return TargetReadout(gate, measure_prior(gate, train, every, readout=readout, rank=rank, targets=targets))

    if readout != Readout.WHITENED:
        return fit({})
    used = {language: select_calibration(activations.prompts, language, wanted) for language in target}
    first = fit({language: _soften(hidden, part) for language, part in used.items()})
    guesses = {
        language: guess
        for language, part in used.items()
        if len(part.unlabelled) >= FEWEST_UNLABELLED and (guess := _guess(first, hidden, part)).is_certain
    }
    if not guesses:
        return first
    second = fit(
        {
            language: _soften(hidden, part, guesses[language].harmful if language in guesses else None)
            for language, part in used.items()
        }
    )
    return TargetReadout(
        second.gate, second.prior, {language: guess.prevalences for language, guess in guesses.items()}
    )


def _guess(fitted: TargetReadout, hidden: Floats, used: CalibrationPrompts) -> Guess:
    unlabelled, harmful, harmless = (
        fitted.gate.score(hidden[list(rows)]) for rows in (used.unlabelled, used.harmful, used.harmless)
    )
    return guess_classes(fitted.gate, unlabelled, harmful, harmless, prior=fitted.prior)


def _soften(hidden: Floats, used: CalibrationPrompts, guessed: Floats | None = None) -> SoftClasses:
    """A language's prompts by class; unlabelled ones by what was guessed of them, if anything was."""
    labelled: Classes = (hidden[list(used.harmful)], hidden[list(used.harmless)])
    known = SoftClasses.of(labelled)
    if guessed is None:
        return known
    return SoftClasses(
        np.concatenate([known.hidden, hidden[list(used.unlabelled)]]),
        np.concatenate([known.harmful, guessed]),
        np.concatenate([known.harmless, 1 - guessed]),
    )
