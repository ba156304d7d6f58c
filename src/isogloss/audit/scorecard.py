"""The scorecard: what the file ``scorecard.json`` holds."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from isogloss.core.records import check_record
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


class PairedCounts(BaseModel):
    """The 2x2 table of harmful prompts that were scored here and in the reference language.

    Attributes:
        both_refused: refused in both languages.
        only_reference_refused: refused in the reference and answered here: the leak.
        only_here_refused: answered in the reference and refused here.
        neither_refused: answered in both.
        p_value: of no difference, exact (McNemar; a sign-flip test of ideas where prompts repeat).
        adjusted_p_value: the same after Holm's correction over all languages of the scorecard.
    """

    model_config = ConfigDict(frozen=True)

    both_refused: int
    only_reference_refused: int
    only_here_refused: int
    neither_refused: int
    p_value: float | None = None
    adjusted_p_value: float | None = None


class CellScore(BaseModel):
    """Harmful refusal in one language and category or failure mode."""

    model_config = ConfigDict(frozen=True)

    harmful_refusal_rate: float | None
    interval: Interval | None
    n_harmful: int


class WorstCell(BaseModel):
    """The lowest harmful refusal over all cells of a breakdown, and how many cells may have it."""

    model_config = ConfigDict(frozen=True)

    group: str
    language: str
    harmful_refusal_rate: float
    interval: Interval
    may_be_worst: int
    cells: int


class Breakdown(BaseModel):
    """Harmful refusal by a label of the prompts (category or failure mode) and language."""

    model_config = ConfigDict(frozen=True)

    cells: dict[str, dict[str, CellScore]] = {}
    worst: WorstCell | None = None


class GroupScore(Measures):
    """A macro average: every language counts once."""

    languages: tuple[str, ...] = ()


class Change(BaseModel):
    """After minus before in percentage points, for one language or a macro average over several.

    Attributes:
        n_harmful: harmful prompts scored in both conditions.
        n_harmless: harmless prompts scored in both conditions.
    """

    model_config = ConfigDict(frozen=True)

    languages: tuple[str, ...]
    harmful_refusal_points: float | None
    harmful_refusal_interval: Interval | None
    harmless_refusal_points: float | None
    harmless_refusal_interval: Interval | None
    selectivity_points: float | None
    selectivity_interval: Interval | None
    n_harmful: int
    n_harmless: int


class PerturbationScore(BaseModel):
    """What a way of writing does to the same prompts: perturbed minus plain, by the plain prompts' language."""

    model_config = ConfigDict(frozen=True)

    average: Change
    languages: dict[str, Change]


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
    paired: PairedCounts | None = None
    labels: dict[str, dict[str, int]]
    failed: int
    undecided_share: float | None
    degenerate_share: float | None
    off_language_share: float | None
    notes: tuple[str, ...] = ()


class WorstScore(BaseModel):
    """The lowest harmful refusal over the languages, and every language that may have it.

    Attributes:
        split_estimate: the language chosen on one half of the prompts and measured on the other, averaged over
            splits; the plain minimum is biased downwards.
    """

    model_config = ConfigDict(frozen=True)

    language: str | None
    harmful_refusal_rate: float | None = None
    interval: Interval | None = None
    may_be_worst: tuple[str, ...] = ()
    split_estimate: float | None = None


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
    failure_modes: Breakdown = Breakdown()
    categories: Breakdown = Breakdown()
    perturbations: dict[str, PerturbationScore] = {}
    notes: tuple[str, ...] = ()


def load_scorecard(folder: Path) -> Scorecard:
    """Read the scorecard of a run folder.

    Raises:
        UnknownName: the folder holds no scorecard.
        BrokenInput: the file is no scorecard.
    """
    path = RunFolder(folder).scorecard
    value = load_json(path, what="scorecard", schema=SCHEMA)
    again = f"Run `isogloss report {folder}` to make it again."
    return check_record(Scorecard, value, path, what="a scorecard", again=again)


def save_scorecard(scorecard: Scorecard, folder: Path) -> None:
    """Write ``scorecard.json`` into a run folder."""
    write_json(RunFolder(folder).scorecard, {"schema": SCHEMA, **scorecard.model_dump(mode="json")})
