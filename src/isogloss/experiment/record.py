"""What a study of gates leaves behind: files that every table and figure can be made from without the model."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from isogloss.core.errors import UnknownName
from isogloss.core.records import check_record
from isogloss.core.run import load_json, write_json

SCHEMA = 1
Limits = tuple[float, float]
Part = TypeVar("Part", bound="PartRecord")


class PartRecord(BaseModel):
    """One part of a study. ``key`` is the hash of everything that decides it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = ""


class LanguageFacts(BaseModel):
    """What tables and figures say about a language."""

    model_config = ConfigDict(frozen=True)

    name: str
    tier: str | None
    source: bool
    right_to_left: bool


class LayerChoiceRecord(PartRecord):
    """The layer of everything but the sweep.

    Attributes:
        scores: validation AUROC between source languages, one per entry of ``layers``; empty where it was given.
        reason: one sentence.
    """

    layer: int
    layers: tuple[int, ...]
    scores: tuple[float | None, ...]
    reason: str


class Refusal(BaseModel):
    """A cell that was not computed, and why."""

    model_config = ConfigDict(frozen=True)

    language: str
    shots: int
    reason: str


class DetectionRecord(PartRecord):
    """Every fit of the grid, as columns of equal length; one row per method, language, shots, rank and draw.

    Attributes:
        rank: 0 for methods of one dimension.
        seed: of the draw; fits that use no randomness appear under the first seed alone.
        auroc: does not depend on the threshold.
        threshold: in the method's own scores.
        refused: cells that lack prompts.
        counts: harmful and harmless test prompts by language.
        seconds: what the fits and scores took, without recording.
    """

    layer: int
    shots_split: str
    method: list[str]
    language: list[str]
    shots: list[int]
    rank: list[int]
    seed: list[int]
    balanced_accuracy: list[float]
    f1: list[float]
    auroc: list[float]
    tpr: list[float]
    fpr: list[float]
    threshold: list[float]
    refused: tuple[Refusal, ...]
    counts: dict[str, tuple[int, int]]
    seconds: float


class DrawRecord(PartRecord):
    """Ids of the shots by language and seed: the first k of a kind are the draw of k shots."""

    split: str
    harmful: dict[str, dict[str, tuple[str, ...]]]
    harmless: dict[str, dict[str, tuple[str, ...]]]


class LayerRow(BaseModel):
    """One language at every layer of the sweep."""

    model_config = ConfigDict(frozen=True)

    auroc: tuple[float | None, ...]
    auroc_interval: tuple[Limits | None, ...]
    transported: tuple[float | None, ...]
    recalibrated: tuple[float | None, ...]
    published: tuple[float | None, ...] = ()


class LayersRecord(PartRecord):
    """How well each layer tells the classes apart, and how well thresholds carry over.

    Attributes:
        transported: balanced accuracy of our gate at the source threshold.
        recalibrated: the same with ``shots`` shots per class, mean over draws.
        published: of the published gate with the same shots.
        full_depth: layers of the model, for shares of depth.
    """

    layers: tuple[int, ...]
    chosen: int
    shots: int
    full_depth: int
    languages: dict[str, LayerRow]


class ProjectionRow(BaseModel):
    """Projections of one language's test prompts on the pooled source direction, in model units."""

    model_config = ConfigDict(frozen=True)

    harmful: tuple[float, ...]
    harmless: tuple[float, ...]
    best_threshold: float | None


class ProjectionsRecord(PartRecord):
    """Where each language's prompts lie.

    Attributes:
        source_threshold: fitted on source training prompts.
        best_threshold: fitted on the language's own test prompts; for figures only.
    """

    layer: int
    source_threshold: float
    languages: dict[str, ProjectionRow]


class TransferRecord(PartRecord):
    """Balanced accuracy and F1 on a language (column) after everything known of another (row) was used.

    Attributes:
        languages: of rows and columns, in order.
        balanced_accuracy: by method, [row][column].
        f1: the same.
        notes: what each method does with the row's training prompts.
    """

    layer: int
    languages: tuple[str, ...]
    balanced_accuracy: dict[str, tuple[tuple[float | None, ...], ...]]
    f1: dict[str, tuple[tuple[float | None, ...], ...]]
    notes: dict[str, str]


class OutsideRow(BaseModel):
    """One language of another prompt set under one method; means and percentile limits over draws."""

    model_config = ConfigDict(frozen=True)

    prompts: str
    language: str
    method: str
    calibrated_on: str
    shots: int
    n_harmful: int
    n_harmless: int
    balanced_accuracy: float | None
    balanced_accuracy_interval: Limits | None
    auroc: float | None
    tpr: float | None
    fpr: float | None
    reason: str = ""


class OutsideRecord(PartRecord):
    """Prompts of other sets, scored with gates that never saw those sets unless ``calibrated_on`` says so."""

    layer: int
    rows: tuple[OutsideRow, ...]


class InterventionRecord(PartRecord):
    """Layer and strength of the steered methods, chosen on validation prompts of the source languages.

    Attributes:
        choice: everything that was tried.
    """

    layer: int
    multiplier: float
    reason: str
    choice: dict[str, Any]


class StrengthRow(BaseModel):
    """What one strength did in one language.

    Attributes:
        method: ``ours`` lifts rows to a place, the published gate adds a length; both in multiples of the distance
            between the source classes.
    """

    model_config = ConfigDict(frozen=True)

    method: str
    multiplier: float
    strength: float
    language: str
    kind: str
    refused: int
    degenerate: int
    scored: int
    asked: int


class StrengthRecord(PartRecord):
    """Refusals on validation prompts under rising strength, routed by our gate and by the published one."""

    layer: int
    shots: int
    split: str
    rows: tuple[StrengthRow, ...]


class Measured(BaseModel):
    """A number with its interval, in percentage points."""

    model_config = ConfigDict(frozen=True)

    value: float | None = None
    interval: Limits | None = None


class GroupRow(BaseModel):
    """One method in one group of languages (a tier, ``target``, or all)."""

    model_config = ConfigDict(frozen=True)

    languages: tuple[str, ...]
    harmful: Measured
    harmless: Measured
    selectivity: Measured
    change: Measured = Measured()
    harmless_change: Measured = Measured()


class WorstRow(BaseModel):
    """The language with the lowest selectivity; the interval covers the lowest true one, whichever language has it."""

    model_config = ConfigDict(frozen=True)

    language: str
    selectivity: Measured


class MethodRow(BaseModel):
    """One method: what it did in every language and group. All numbers in percentage points.

    Attributes:
        evidence: what the method was told of the target languages, in words; empty where it is not fitted.
        folder: of the method's audit inside the run folder, with its replies and verdicts.
        groups: by tier, ``target`` and ``all``.
        worst: over the target languages; None where selectivity is undefined.
        degenerate_share: of all replies.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    variant: str
    shots: int | None
    evidence: str = ""
    note: str
    folder: str
    languages: dict[str, GroupRow]
    groups: dict[str, GroupRow]
    worst: WorstRow | None
    degenerate_share: float | None
    n_harmful: int
    n_harmless: int
    seconds: float | None = None


class BehaviourRecord(PartRecord):
    """Every method on the same test prompts; changes are paired with the unsteered model, prompt by prompt."""

    layer: int
    split: str
    judge: str
    unsteered: str
    methods: tuple[MethodRow, ...]
    refused: tuple[Refusal, ...] = ()


class StudyRecord(PartRecord):
    """What holds for the whole study; written first."""

    model: str
    prompts: str
    source: tuple[str, ...]
    target: tuple[str, ...]
    languages: dict[str, LanguageFacts]
    confidence: float
    notes: tuple[str, ...] = ()


PARTS: dict[str, type[PartRecord]] = {
    "study": StudyRecord,
    "layer": LayerChoiceRecord,
    "draws": DrawRecord,
    "detection": DetectionRecord,
    "layers": LayersRecord,
    "projections": ProjectionsRecord,
    "transfer": TransferRecord,
    "outside": OutsideRecord,
    "intervention": InterventionRecord,
    "strength": StrengthRecord,
    "behaviour": BehaviourRecord,
}


def part_path(folder: Path, name: str) -> Path:
    """Where a part lies."""
    return folder / "parts" / f"{name}.json"


def load_part(folder: Path, kind: type[Part]) -> Part | None:
    """Read one part; None where it was not made.

    Raises:
        BrokenInput: the file is not that part; the message names the first field that is wrong.
    """
    [name] = [name for name, known in PARTS.items() if known is kind]
    path = part_path(folder, name)
    if not path.exists():
        return None
    value = load_json(path, what=f"{name} part", schema=SCHEMA)
    value.pop("schema", None)
    again = "Delete the file and run the study again; it makes only what is missing."
    return check_record(kind, value, path, what=f"the {name} part of a study", again=again)


def require_part(folder: Path, kind: type[Part]) -> Part:
    """Read one part that must be there.

    Raises:
        UnknownName: it was not made.
    """
    found = load_part(folder, kind)
    if found is None:
        raise UnknownName(f"{folder} holds no {kind.__name__}. Run `isogloss experiment gate` into that folder first.")
    return found


def write_part(folder: Path, name: str, part: PartRecord) -> None:
    """Write one part so that a crash leaves the old file or the new one.

    Raises:
        WriteFailed: the folder cannot be written.
    """
    value: dict[str, Any] = {"schema": SCHEMA, **part.model_dump(mode="json")}
    write_json(part_path(folder, name), value)
