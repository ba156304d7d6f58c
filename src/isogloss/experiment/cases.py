"""Which labelled prompts of target languages a readout of ours is fitted with: its cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.experiment.draws import Draws, Rows


@dataclass(frozen=True, slots=True)
class Case:
    """One set of labelled target prompts.

    Attributes:
        shots: per class and language, where they are drawn.
        seed: of the draw.
        of: the key of the one language that they come from, or ``TRANSLATIONS``; empty for draws in all of them.
    """

    shots: int = 0
    seed: int = 0
    of: str = ""


CaseRows = Mapping[Language, tuple[Rows, Rows]]
"""Numbers of harmful and of harmless prompts inside each target language's prompts."""
SOURCE = Case()
"""No target prompts at all."""
TRANSLATIONS = Case(of="translations")


def shot_cases(
    draws: Draws, targets: Sequence[Language], shots: Sequence[int], seeds: Sequence[int]
) -> dict[Case, CaseRows]:
    """One case per budget and draw: the shots of every target language that has so many."""
    found: dict[Case, CaseRows] = {}
    for budget in sorted({one for one in shots if one}):
        ready = [language for language in targets if budget <= draws.available[language]]
        for seed in seeds if ready else ():
            found[Case(budget, seed)] = {language: draws.shots(language, seed, budget) for language in ready}
    return found


def case_of(shots: int, seed: int) -> Case:
    """The case of a budget under one draw; without shots there is no draw."""
    return Case(shots, seed) if shots else SOURCE


def language_cases(prompts: Mapping[Language, Sequence[Prompt]], targets: Sequence[Language]) -> dict[Case, CaseRows]:
    """One case per target language: all of its training prompts."""
    found: dict[Case, CaseRows] = {}
    for language in targets:
        both = tuple(_where(prompts[language], kind, Split.TRAIN) for kind in Kind)
        if min(map(len, both)):
            found[Case(of=language.key)] = {language: (both[0], both[1])}
    return found


@dataclass(frozen=True, eq=False)
class Translations:
    """One language's prompts whose idea a source language has, with the source prompts of that idea.

    Attributes:
        rows: numbers inside the language's prompts, harmful then harmless; the kind is that of the source prompt.
        sources: for each row the source language and number of every source prompt of the same idea.
    """

    rows: tuple[Rows, Rows]
    sources: tuple[tuple[tuple[tuple[Language, int], ...], ...], ...]


def find_translations(
    prompts: Mapping[Language, Sequence[Prompt]], source: Sequence[Language], language: Language, split: Split
) -> Translations | None:
    """Pairs by ``seed_id`` as ``calibrate_thresholds`` finds them; None where a kind has none.

    Source prompts are those of the train and validation splits.
    """
    ideas: dict[str, list[tuple[Language, int]]] = {}
    for one in source:
        for row, prompt in enumerate(prompts[one]):
            if one != language and prompt.split in (Split.TRAIN, Split.VALIDATION):
                ideas.setdefault(prompt.seed_id, []).append((one, row))
    found: dict[Kind, list[tuple[int, tuple[tuple[Language, int], ...]]]] = {kind: [] for kind in Kind}
    for row, prompt in enumerate(prompts[language]):
        same = ideas.get(prompt.seed_id)
        if same and prompt.split == split:
            known, number = same[0]
            found[prompts[known][number].kind].append((row, tuple(same)))
    if not all(found.values()):
        return None
    rows = [np.array([row for row, _ in part], np.int64) for part in found.values()]
    return Translations((rows[0], rows[1]), tuple(tuple(same for _, same in part) for part in found.values()))


def translation_case(
    prompts: Mapping[Language, Sequence[Prompt]],
    source: Sequence[Language],
    targets: Sequence[Language],
    split: Split,
) -> dict[Case, CaseRows]:
    """All translations in every target language; no case where there are none."""
    pairs = {language: find_translations(prompts, source, language, split) for language in targets}
    rows = {language: found.rows for language, found in pairs.items() if found is not None}
    return {TRANSLATIONS: rows} if rows else {}


def _where(prompts: Sequence[Prompt], kind: Kind, split: Split) -> Rows:
    return np.array([row for row, one in enumerate(prompts) if one.kind == kind and one.split == split], np.int64)
