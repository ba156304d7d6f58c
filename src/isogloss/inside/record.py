"""What a diagnosis leaves behind: a file that a report can be made from without the model."""

from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from isogloss.core.records import check_record
from isogloss.core.run import load_json, write_json

SCHEMA = 1
Limits = tuple[float, float]


class Finding(StrEnum):
    """Why a language fails, or that it does not.

    ``in_order``: the source threshold works here. ``calibration``: the model sees the harm, but the threshold of
    the source languages misses it. ``representation``: the model does not tell harmful from harmless along the
    source direction. ``unclear``: the data do not decide.
    """

    IN_ORDER = "in_order"
    CALIBRATION = "calibration"
    REPRESENTATION = "representation"
    UNCLEAR = "unclear"


class ProjectionValues(BaseModel):
    """Projections of the measured prompts on the direction, in model units."""

    model_config = ConfigDict(frozen=True)

    harmful: tuple[float, ...]
    harmless: tuple[float, ...]


class LanguageDiagnosis(BaseModel):
    """One language: how separable, how well calibrated, and what follows.

    Attributes:
        auroc: of the projection on the source direction, at the diagnosis' layer, on measured prompts.
        auroc_by_layer: the same at every layer of ``Diagnosis.layers``.
        balanced_accuracy_source: at the threshold of the source languages.
        balanced_accuracy_recalibrated: at thresholds fitted on this language's own prompts, cross-validated.
        gain: recalibrated minus source balanced accuracy: what recalibration is worth.
        recalibrated_threshold: fitted on all of this language's measured prompts; for figures only.
        more_prompts: harmful and harmless prompts of each class that would decide an unclear case; None where
            the case is decided or no affordable number would.
        advice: one plain sentence.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    tier: str | None
    n_harmful: int
    n_harmless: int
    auroc: float | None
    auroc_interval: Limits | None
    auroc_by_layer: tuple[float | None, ...]
    balanced_accuracy_source: float | None
    balanced_accuracy_source_interval: Limits | None
    balanced_accuracy_recalibrated: float | None
    gain: float | None
    gain_interval: Limits | None
    recalibrated_threshold: float | None
    finding: Finding
    more_prompts: int | None
    advice: str
    projections: ProjectionValues


class Diagnosis(BaseModel):
    """Representation or calibration, language by language.

    Attributes:
        layer_scores: what the layer was chosen by, one number per entry of ``layers``; empty where it was given.
        constants: the limits of the rules that were applied.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    schema_number: int = Field(default=SCHEMA, alias="schema")
    model: str
    model_fingerprint: dict[str, str]
    prompts: str
    prompts_fingerprint: str
    source_languages: tuple[str, ...]
    layer: int
    layers: tuple[int, ...]
    layer_scores: tuple[float | None, ...]
    position: int
    source_threshold: float
    split_fit: str
    split_measured: str
    confidence: float
    constants: dict[str, float]
    languages: dict[str, LanguageDiagnosis]
    summary: str

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON values."""
        return self.model_dump(mode="json", by_alias=True)


def write_diagnosis(diagnosis: Diagnosis, path: Path) -> None:
    """Write the record so that a crash leaves the old file or the new one.

    Raises:
        WriteFailed: the disk is full or the folder cannot be written.
    """
    write_json(path, diagnosis.to_json())


def load_diagnosis(path: Path) -> Diagnosis:
    """Read a record.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: the file is not a diagnosis; the message names the first field that is wrong.
    """
    value = load_json(path, what="diagnosis", schema=SCHEMA)
    return check_record(Diagnosis, value, path, what="a diagnosis", again="Run `isogloss diagnose` again.")
