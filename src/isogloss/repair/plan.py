"""What a repair is asked to be."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from isogloss.core import Language, parse_languages
from isogloss.core.errors import NothingToDo
from isogloss.repair.moves import HarmfulEdit, HarmlessEdit

Count = Annotated[int, Field(ge=0)]


class RepairPlan(BaseModel):
    """The fields of ``isogloss repair``, from Python, a TOML file or flags.

    Attributes:
        model: what the model is called on the command line.
        prompts: what the prompt set is called.
        source: tags of the languages in which the model is trusted.
        target: tags of the languages to calibrate.
        shots: labelled prompts per class and target language; 0 keeps the source threshold.
        layer: 0-based decoder block; None chooses one on validation prompts of the source languages.
        multiplier: strength as a multiple of the distance between the source classes; None chooses one.
        rank: axes of the gate's subspace; None takes one per source language.
        seed: decides which shots are drawn.
        caution: what a false alarm costs, in missed harmful prompts. Above 1, because the model's own refusal may still
            meet a harmful prompt that the gate misses, while a false alarm is turned into a refusal for sure.
        harmful: ``add`` (published) or ``lift``.
        harmless: ``ablate`` (published), or ``leave``.
        persistence: share of the push at generated tokens; 1 is published.
        choice_prompts: validation prompts per kind that the choice of layer and multiplier generates from, at most.
        choice_tokens: longest reply while choosing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    prompts: str
    source: tuple[str, ...]
    target: tuple[str, ...]
    shots: Count = 4
    layer: Count | None = None
    multiplier: Annotated[float, Field(gt=0)] | None = None
    rank: Annotated[int, Field(ge=1)] | None = None
    seed: int = 0
    caution: Annotated[float, Field(ge=1)] = 3.0
    harmful: HarmfulEdit = HarmfulEdit.ADD
    harmless: HarmlessEdit = HarmlessEdit.ABLATE
    persistence: Annotated[float, Field(ge=0, le=1)] = 0.25
    choice_prompts: Annotated[int, Field(ge=2)] = 60
    choice_tokens: Annotated[int, Field(ge=1)] = 32

    @model_validator(mode="after")
    def _check_languages(self) -> "RepairPlan":
        if not self.source_languages:
            raise NothingToDo("A repair needs source languages: name those in which the model is trusted.")
        return self

    @property
    def source_languages(self) -> tuple[Language, ...]:
        """The source languages, parsed."""
        return parse_languages(self.source)

    @property
    def target_languages(self) -> tuple[Language, ...]:
        """The target languages, parsed."""
        return parse_languages(self.target)

    def to_json(self) -> dict[str, Any]:
        """The plan as plain JSON values."""
        return self.model_dump(mode="json")
