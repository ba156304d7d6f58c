"""What a utility measurement leaves behind: a file that a report can be made from without the model."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from isogloss.core.records import check_record
from isogloss.core.run import load_json, write_json
from isogloss.stats.equivalence import NonInferiority

SCHEMA = 1
UTILITY_FILE = "utility.json"
Limits = tuple[float, float]
Unit = Literal["points", "nats per token"]


class Effect(BaseModel):
    """One measure in one language, or averaged over several that count alike.

    Attributes:
        before: plain, in the unit of the measure; None without pairs.
        after: repaired.
        change: after minus before.
        interval: of the change, two-sided at ``Utility.confidence``; None with fewer than two clusters.
        decision: whether the change is worse than nothing by less than the margin.
        n: pairs behind it.
        clusters: independent questions or ideas behind it; the same one in several languages counts once.
    """

    model_config = ConfigDict(frozen=True)

    before: float | None
    after: float | None
    change: float | None
    interval: Limits | None
    decision: NonInferiority
    n: int
    clusters: int


class Measure(BaseModel):
    """One thing that a repair might break.

    Attributes:
        name: such as ``accuracy global-mmlu``.
        unit: of before, after, change, interval and margin.
        worse: the bad direction.
        margin: the loss that was declared tolerable before looking.
        languages: by tag.
        tiers: means over the languages of a resource tier.
        average: mean over all languages.
        notes: what a reader must know about this measure here.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    unit: Unit
    worse: Literal["lower", "higher"]
    margin: float
    languages: dict[str, Effect]
    tiers: dict[str, Effect]
    average: Effect
    notes: tuple[str, ...] = ()


class Firing(BaseModel):
    """How often the repair's gate took prompts of one language for harmful.

    Attributes:
        fired: prompts that it took for harmful.
        n: prompts asked.
        share: fired / n.
        interval: Wilson, at ``Utility.confidence``.
    """

    model_config = ConfigDict(frozen=True)

    fired: int
    n: int
    share: float
    interval: Limits


class Asked(BaseModel):
    """A set of questions or prompts that was put to both models.

    Attributes:
        name: of the set.
        fingerprint: of what was asked of it.
        n: questions or prompts over all languages.
        split: of prompts; None where the set has none.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    fingerprint: str
    n: int
    split: str | None = None


class Utility(BaseModel):
    """A plain and a repaired model on the same questions and harmless prompts; what ``utility.json`` holds.

    Attributes:
        model: name of the plain model.
        model_fingerprint: of the plain model.
        repair: fingerprint of the repair.
        confidence: of every interval.
        level: chance of each wrong "not worse": half of what ``confidence`` leaves.
        settings: lengths of replies and batches, as far as they decide a result.
        questions: sets of questions.
        prompts: the set whose harmless prompts were answered; None where none were.
        measures: in the order in which they are shown.
        firing: by set and language tag; empty without a gate.
        versions: of what can change a result.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    schema_number: int = Field(default=SCHEMA, alias="schema")
    model: str
    model_fingerprint: dict[str, str]
    repair: str
    confidence: float
    level: float
    settings: dict[str, int]
    questions: tuple[Asked, ...]
    prompts: Asked | None
    measures: tuple[Measure, ...]
    firing: dict[str, dict[str, Firing]]
    versions: dict[str, str]

    @property
    def worse(self) -> tuple[str, ...]:
        """Measures that are shown to be worse by more than the margin, on average or in a language."""
        return tuple(
            f"{measure.name} ({group})"
            for measure in self.measures
            for group, effect in [("average", measure.average), *measure.languages.items()]
            if effect.decision == "worse"
        )

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON values."""
        return self.model_dump(mode="json", by_alias=True)


def write_utility(utility: Utility, folder: Path) -> Path:
    """Write ``utility.json`` into a folder so that a crash leaves the old file or the new one.

    Raises:
        WriteFailed: the disk is full or the folder cannot be written.
    """
    path = folder / UTILITY_FILE
    write_json(path, utility.to_json())
    return path


def load_utility(path: Path) -> Utility:
    """Read a record.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: the file is no utility record; the message names the first field that is wrong.
    """
    value = load_json(path, what="utility record", schema=SCHEMA)
    return check_record(Utility, value, path, what="a utility record", again="Run `isogloss utility` again.")
