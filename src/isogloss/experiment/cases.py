"""Which prompts of target languages a readout of ours is fitted with: its cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.experiment.draws import Draws, Rows
from isogloss.repair.calibration_prompts import CalibrationPrompts

Shares = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Case:
    """One set of target prompts.

    Attributes:
        shots: per class and language, where they are drawn.
        seed: of the draw.
        of: the key of the one language that they come from, or the name of a method that reads text; empty for draws
            in all languages.
    """

    shots: int = 0
    seed: int = 0
    of: str = ""


SOURCE = Case()
"""No target prompts at all."""


@dataclass(frozen=True, eq=False)
class CaseRows:
    """Numbers of prompts inside a target language's prompts, and what each counts in either class.

    Attributes:
        rows: the numbers.
        harmful: float [row]; with a label 1 or 0, otherwise a probability.
        harmless: the same for the other class.
    """

    rows: Rows
    harmful: Shares
    harmless: Shares

    @classmethod
    def of(cls, harmful: Sequence[int] | Rows, harmless: Sequence[int] | Rows) -> "CaseRows":
        """Labelled prompts."""
        marks = np.concatenate([np.ones(len(harmful)), np.zeros(len(harmless))])
        return cls(np.concatenate([np.array(harmful, np.int64), np.array(harmless, np.int64)]), marks, 1 - marks)

    @classmethod
    def guessed(cls, rows: Sequence[int], harmful: Shares) -> "CaseRows":
        """Prompts that are harmful with some probability."""
        return cls(np.array(rows, np.int64), harmful, 1 - harmful)


Cases = Mapping[Case, Mapping[Language, CaseRows]]
"""Prompts of every case, by target language."""


def shot_cases(
    draws: Draws, targets: Sequence[Language], shots: Sequence[int], seeds: Sequence[int]
) -> dict[Case, dict[Language, CaseRows]]:
    """One case per budget and draw: the shots of every target language that has so many."""
    found: dict[Case, dict[Language, CaseRows]] = {}
    for budget in sorted({one for one in shots if one}):
        ready = [language for language in targets if budget <= draws.available[language]]
        for seed in seeds if ready else ():
            found[Case(budget, seed)] = {
                language: CaseRows.of(*draws.shots(language, seed, budget)) for language in ready
            }
    return found


def case_of(shots: int, seed: int) -> Case:
    """The case of a budget under one draw; without shots there is no draw."""
    return Case(shots, seed) if shots else SOURCE


def language_cases(
    prompts: Mapping[Language, Sequence[Prompt]], targets: Sequence[Language]
) -> dict[Case, dict[Language, CaseRows]]:
    """One case per target language: all of its training prompts."""
    found: dict[Case, dict[Language, CaseRows]] = {}
    for language in targets:
        both = tuple(_where(prompts[language], kind, Split.TRAIN) for kind in Kind)
        if min(map(len, both)):
            found[Case(of=language.key)] = {language: CaseRows.of(*both)}
    return found


def text_case(name: str, used: Mapping[Language, CalibrationPrompts]) -> dict[Case, dict[Language, CaseRows]]:
    """What a method that reads text uses with a label, in every target language; no case where that is nothing."""
    rows = {
        language: CaseRows.of(part.harmful, part.harmless)
        for language, part in used.items()
        if part.harmful or part.harmless
    }
    return {Case(of=name): rows} if rows else {}


def _where(prompts: Sequence[Prompt], kind: Kind, split: Split) -> Rows:
    return np.array([row for row, one in enumerate(prompts) if one.kind == kind and one.split == split], np.int64)
