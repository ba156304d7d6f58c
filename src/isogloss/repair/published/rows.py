"""Labelled hidden states of one layer and position: what every probe is fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Kind, Language, Split
from isogloss.core.errors import TooFewPrompts
from isogloss.inside.activations import Activations
from isogloss.inside.directions import Classes

Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Rows:
    """Hidden states with their labels.

    Attributes:
        hidden: float [row, hidden], in model units.
        harmful: bool [row].
        languages: language of each row.
    """

    hidden: Floats
    harmful: Bools
    languages: tuple[Language, ...]

    def __len__(self) -> int:
        return len(self.harmful)

    @classmethod
    def join(cls, parts: Sequence["Rows"]) -> "Rows":
        """Several sets of rows, one after the other; at least one."""
        return cls(
            np.concatenate([part.hidden for part in parts]),
            np.concatenate([part.harmful for part in parts]),
            tuple(language for part in parts for language in part.languages),
        )

    def of(self, language: Language) -> "Rows":
        """The rows of one language, in order."""
        return self.take([number for number, held in enumerate(self.languages) if held == language])

    def take(self, numbers: Sequence[int] | npt.NDArray[np.integer[Any]]) -> "Rows":
        """Some rows, in the order asked for."""
        index = np.asarray(numbers, np.int64)
        return Rows(self.hidden[index], self.harmful[index], tuple(self.languages[number] for number in index))

    def classes(self) -> dict[Language, Classes]:
        """Harmful and harmless states of each language, languages in order of their first row."""
        parts = {language: self.of(language) for language in dict.fromkeys(self.languages)}
        return {language: (part.hidden[part.harmful], part.hidden[~part.harmful]) for language, part in parts.items()}


def select_rows(
    activations: Activations,
    languages: Sequence[Language],
    layer: int,
    *,
    split: Split | None,
    position: int = -1,
) -> Rows:
    """The rows of some languages and one split, language by language in the order given.

    Raises:
        UnknownName: the layer or position was not recorded.
    """
    parts = [np.flatnonzero(activations.rows(language=language, split=split)) for language in languages]
    return rows_at(activations, np.concatenate([np.empty(0, np.int64), *parts]), layer, position=position)


def rows_at(
    activations: Activations,
    numbers: Sequence[int] | npt.NDArray[np.integer[Any]],
    layer: int,
    *,
    position: int = -1,
) -> Rows:
    """The rows of some recorded prompts, by their number in ``activations.prompts``, in the order given.

    Raises:
        UnknownName: the layer or position was not recorded.
    """
    index = np.asarray(numbers, np.int64)
    chosen = [activations.prompts[number] for number in index]
    harmful = np.array([prompt.kind == Kind.HARMFUL for prompt in chosen], dtype=bool)
    hidden = activations.at(layer, position)[index]
    return Rows(hidden, harmful, tuple(prompt.language for prompt in chosen))


def check_both_classes(rows: Rows, what: str) -> None:
    """Make sure that both classes occur.

    Raises:
        TooFewPrompts: a class is missing; the message says which.
    """
    for kind, held in ((Kind.HARMFUL, rows.harmful.any()), (Kind.HARMLESS, (~rows.harmful).any())):
        if not held:
            raise TooFewPrompts(f"{what}: no {kind} rows among {len(rows)}. A probe needs prompts of both kinds.")
