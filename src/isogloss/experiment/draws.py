"""Which prompts are shots: drawn once per language and seed, so that four shots contain the draw of two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import TooFewPrompts
from isogloss.core.seeds import derive_seed
from isogloss.repair.calibration_prompts import draw_shots

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Draws:
    """Row numbers inside a language's prompts, the most shots that any budget asks for.

    Attributes:
        split: where they come from.
        rows: by language, seed and kind; the first k are the draw of k shots.
        available: prompts of the scarcer kind by language.
        prompts: the prompts that the rows count in, by language.
    """

    split: Split
    rows: Mapping[tuple[Language, int, Kind], Rows]
    available: Mapping[Language, int]
    prompts: Mapping[Language, Sequence[Prompt]]

    def shots(self, language: Language, seed: int, shots: int) -> tuple[Rows, Rows]:
        """Harmful and harmless rows of one draw.

        Raises:
            TooFewPrompts: the split holds fewer; the message says how many.
        """
        if shots > self.available[language]:
            raise TooFewPrompts(self.explain(language, shots))
        return self.rows[language, seed, Kind.HARMFUL][:shots], self.rows[language, seed, Kind.HARMLESS][:shots]

    def explain(self, language: Language, shots: int) -> str:
        """Why a budget cannot be filled."""
        found = self.available[language]
        return (
            f"{language} has {found} {self.split} prompts of its scarcer kind, fewer than {shots} shots; test prompts "
            "are never used instead"
        )

    def chosen(self, language: Language, seed: int, shots: int) -> list[Prompt]:
        """The prompts of one draw, harmful ones first."""
        return [self.prompts[language][row] for rows in self.shots(language, seed, shots) for row in rows]

    def ids(self, kind: Kind) -> dict[str, dict[str, tuple[str, ...]]]:
        """Prompt ids by language tag and seed, for the record."""
        found: dict[str, dict[str, tuple[str, ...]]] = {}
        for (language, seed, drawn), rows in self.rows.items():
            if drawn == kind:
                ids = tuple(self.prompts[language][row].id for row in rows)
                found.setdefault(language.tag, {})[str(seed)] = ids
        return found


def draw_all(
    prompts: Mapping[Language, Sequence[Prompt]],
    languages: Sequence[Language],
    *,
    split: Split,
    most: int,
    seeds: Sequence[int],
) -> Draws:
    """Draw the shots of every language and seed.

    Args:
        prompts: by language.
        languages: those to draw for.
        split: train or validation.
        most: the largest budget; a language with fewer prompts gives what it has.
        seeds: one per draw; the same seed gives the same shots as `repair.thresholds.draw_shots`.

    Raises:
        TooFewPrompts: the test split is asked for.
    """
    if split == Split.TEST:
        raise TooFewPrompts("Shots are never drawn from test prompts. Use the train or validation split.")
    rows: dict[tuple[Language, int, Kind], Rows] = {}
    available = {}
    for language in languages:
        held: list[Prompt] = list(prompts[language])
        counts = {kind: sum(one.kind == kind and one.split == split for one in held) for kind in Kind}
        available[language] = min(counts.values())
        wanted = min(most, available[language])
        for seed in seeds:
            for kind in Kind:
                drawn: Any = draw_shots(held, language, kind, split, wanted, derive_seed(seed, language.key, kind))
                rows[language, seed, kind] = np.asarray(drawn, np.int64)
    return Draws(split, rows, available, prompts)
