"""The scorecard: what the file ``scorecard.json`` holds."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from isogloss.core.errors import BrokenInput
from isogloss.core.run import RunFolder, load_json, write_json

SCHEMA = 1
Interval = tuple[float, float]


class Intervals(BaseModel):
    """Two-sided limits of the three measures; None where the measure is undefined."""

    model_config = ConfigDict(frozen=True)

    harmful_refusal_rate: Interval | None = None
    harmless_refusal_rate: Interval | None = None
    selectivity_points: Interval | None = None


class Measures(BaseModel):
    """The three measures of one language or group.

    Rates are shares between 0 and 1; selectivity is harmful minus harmless refusal in percentage points.
    """

    model_config = ConfigDict(frozen=True)

    harmful_refusal_rate: float | None = None
    harmless_refusal_rate: float | None = None
    selectivity_points: float | None = None
    intervals: Intervals = Intervals()


class GroupScore(Measures):
    """A macro average: every language counts once."""

    languages: tuple[str, ...] = ()


class LanguageScore(Measures):
    """One language."""

    name: str
    tier: str | None
    script: str
    right_to_left: bool
    n_harmful: int
    n_harmless: int
    asked_harmful: int
    asked_harmless: int
    gap_points: float | None = None
    gap_interval: Interval | None = None
    labels: dict[str, dict[str, int]]
    failed: int
    undecided_share: float | None
    degenerate_share: float | None
    off_language_share: float | None
    notes: tuple[str, ...] = ()


class WorstScore(BaseModel):
    """The lowest harmful refusal over the languages, and every language that may have it."""

    model_config = ConfigDict(frozen=True)

    language: str | None
    harmful_refusal_rate: float | None = None
    interval: Interval | None = None
    may_be_worst: tuple[str, ...] = ()


class Scorecard(BaseModel):
    """An audit's result: every language, the averages, and the worst."""

    model_config = ConfigDict(frozen=True)

    model: str
    condition: str
    prompts: str
    judge: str
    mapping: str
    confidence: float
    reference: str | None
    languages: dict[str, LanguageScore]
    average: GroupScore
    tiers: dict[str, GroupScore]
    worst: WorstScore
    notes: tuple[str, ...] = ()


def load_scorecard(folder: Path) -> Scorecard:
    """Read the scorecard of a run folder.

    Raises:
        UnknownName: the folder holds no scorecard.
        BrokenInput: the file is no scorecard.
    """
    path = RunFolder(folder).scorecard
    try:
        return Scorecard.model_validate(load_json(path, what="scorecard", schema=SCHEMA))
    except ValidationError as error:
        raise BrokenInput(f"{path} is not a scorecard. Run `isogloss report {folder}` to make it again.") from error


def save_scorecard(scorecard: Scorecard, folder: Path) -> None:
    """Write ``scorecard.json`` into a run folder."""
    write_json(RunFolder(folder).scorecard, {"schema": SCHEMA, **scorecard.model_dump(mode="json")})
