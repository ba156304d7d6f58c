"""What is asked."""

from dataclasses import dataclass
from enum import StrEnum

from isogloss.core.language import Language


class Kind(StrEnum):
    """Whether a well-tuned model should refuse the prompt."""

    HARMFUL = "harmful"
    HARMLESS = "harmless"


class Split(StrEnum):
    """What a prompt may be used for: fitting, choosing, or reporting."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request in one language.

    Attributes:
        id: unique inside a set for one language; the same in every language of a parallel set.
        text: what the user types, without any chat template.
        language: the language it is written in.
        kind: harmful or harmless.
        seed_id: the idea behind the prompt, shared across languages and ways of writing; what pairs prompts.
        cluster: the unit of resampling; several seeds about one idea, or duplicates of one text, share it.
            Equals ``seed_id`` unless a loader says otherwise.
        category: the set's own topic label.
        failure_mode: one of our failure modes, where known.
        split: train, validation or test, where the set has splits.
        source_text: the text that this one was translated from, where the set has it.
        provenance: how the text came about ("machine translation, unreviewed", ...).
        perturbation: the way of writing applied to it, or None for plain text.
    """

    id: str
    text: str
    language: Language
    kind: Kind
    seed_id: str
    cluster: str = ""
    category: str | None = None
    failure_mode: str | None = None
    split: Split | None = None
    source_text: str | None = None
    provenance: str | None = None
    perturbation: str | None = None

    def __post_init__(self) -> None:
        if not self.cluster:
            object.__setattr__(self, "cluster", self.seed_id)

    @property
    def key(self) -> tuple[str, str]:
        """Identifies the prompt inside its set: id and language tag."""
        return (self.id, self.language.tag)
