"""What a repair is asked to be."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from isogloss.core import Language, parse_languages
from isogloss.core.errors import NothingToDo
from isogloss.repair.estimates import Recalibration
from isogloss.repair.gate import Readout
from isogloss.repair.locator import Far
from isogloss.repair.moves import HarmfulEdit, HarmlessEdit

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(gt=0, lt=1)]


class RepairPlan(BaseModel):
    """The fields of ``isogloss repair``, from Python, a TOML file or flags.

    Attributes:
        model: what the model is called on the command line.
        prompts: what the prompt set is called.
        source: tags of the languages in which the model is trusted.
        target: tags of the languages to calibrate.
        recalibrate: what the target languages' thresholds, and what they add to a whitened readout, are taken from.
        shots: labelled prompts per class and target language, where that draws some; with 0 it goes on without them,
            and ``shots`` alone keeps the source threshold.
        layer: 0-based decoder block; None chooses one on validation prompts of the source languages.
        multiplier: strength as a multiple of the distance between the source classes; None chooses one.
        readout: which coordinates the gate looks at.
        rank: axes of the gate's subspace, of a ``span`` readout; None takes one per source language.
        direction: a ``.gguf`` or ``.svec`` file to take the direction from; None fits it.
        seed: decides which shots are drawn.
        caution: what a false alarm costs, in missed harmful prompts. Above 1, because the model's own refusal may still
            meet a harmful prompt that the gate misses, while a false alarm is turned into a refusal for sure.
        max_harmless_refusal: largest share of harmless prompts that may make the gate fire, promised per language
            by conformal risk control; None promises nothing.
        promise_confidence: of that promise over calibration draws; None promises the average.
        leave_cost: what leaving a prompt alone costs, in missed harmful prompts; with it each target language gets two
            thresholds, between which the model is left alone. None: one threshold.
        locate: learn to tell a prompt's language from its state, for prompts whose language nobody names.
        far: what a prompt gets that is far from every language.
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
    recalibrate: Recalibration = Recalibration.SHOTS
    shots: Count = 4
    layer: Count | None = None
    multiplier: Annotated[float, Field(gt=0)] | None = None
    readout: Readout = Readout.WHITENED
    rank: Annotated[int, Field(ge=1)] | None = None
    direction: str | None = None
    seed: int = 0
    caution: Annotated[float, Field(ge=1)] = 2.0
    max_harmless_refusal: Share | None = None
    promise_confidence: Share | None = None
    leave_cost: Annotated[float, Field(gt=0)] | None = None
    locate: bool = True
    far: Far = Far.FALLBACK
    harmful: HarmfulEdit = HarmfulEdit.LIFT
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
