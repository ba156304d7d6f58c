"""What an audit will do, as one frozen object: the same fields from Python, from a TOML file and from flags."""

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from isogloss.core import Language, Mapping, Split, parse_languages
from isogloss.core.errors import BrokenInput, UnknownName
from isogloss.models.chat import Decoding


class AuditPlan(BaseModel):
    """Everything that decides the result of an audit, apart from the files that it names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(description="Model, as on the command line.")
    prompts: str = Field(description="Prompt set, as on the command line.")
    languages: tuple[str, ...] | None = Field(None, description="Language tags; all of the set's when absent.")
    split: Split | Literal["all"] | None = Field(None, description="Which split to ask; absent: the set's own choice.")
    limit: int | None = Field(None, ge=1, description="Ask only the first so many prompts of each kind.")
    perturb: tuple[str, ...] = Field((), description="Ways of writing, asked beside the plain prompts.")
    perturb_seed: int = Field(0, description="Decides how prompts are rewritten.")
    repair: str | None = Field(None, description="Folder of a repair that is active while the model answers.")
    judge: str = Field("rules", description="Who says what an answer was.")
    mapping: Mapping = Field(Mapping.STRICT, description="How verdicts become a rate.")
    reference: str = Field("en", description="Language that the others are compared with.")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Of every interval.")
    max_new_tokens: int = Field(128, ge=1, description="Longest reply.")
    temperature: float = Field(0.0, ge=0, description="0 is greedy.")
    top_p: float = Field(1.0, gt=0, le=1, description="Nucleus mass when sampling.")
    seed: int = Field(0, description="Decides the samples.")
    system_prompt: str | None = Field(None, description="Put before every prompt.")

    @field_validator("languages", mode="before")
    @classmethod
    def _split_tags(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @property
    def decoding(self) -> Decoding:
        return Decoding(
            max_new_tokens=self.max_new_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            seed=self.seed,
            system_prompt=self.system_prompt,
        )

    @property
    def language_list(self) -> tuple[Language, ...] | None:
        """The languages asked for; None means all. Raises UnknownLanguage where a tag names none."""
        return None if self.languages is None else parse_languages(self.languages)

    @property
    def reference_language(self) -> Language:
        """Raises UnknownLanguage where the tag names none."""
        return Language.parse(self.reference)


def load_plan_fields(path: Path) -> dict[str, Any]:
    """Read the fields of a plan from a TOML file.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: the file is not TOML.
    """
    if not path.exists():
        raise UnknownName(f"No plan file {path}. Write one with the fields of `isogloss audit --help`.")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BrokenInput(f"{path} is not TOML: {error}.") from error


def explain_invalid(error: ValidationError, *, where: str) -> BrokenInput:
    """Turn pydantic's findings into one sentence."""
    findings = [f"{'.'.join(str(part) for part in item['loc']) or 'plan'}: {item['msg']}" for item in error.errors()]
    return BrokenInput(f"{where} does not describe a plan: {'; '.join(findings)}.")
