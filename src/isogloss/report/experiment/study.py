"""The records of one study, read together."""

from dataclasses import dataclass
from pathlib import Path

from isogloss.core.run import load_run_record
from isogloss.experiment import record
from isogloss.experiment.summary import DetectionTable


@dataclass(frozen=True, eq=False)
class StudyRecords:
    """One study folder; parts that were not made are None."""

    folder: Path
    run: dict[str, object]
    study: record.StudyRecord
    layer: record.LayerChoiceRecord | None
    detection: record.DetectionRecord | None
    layers: record.LayersRecord | None
    projections: record.ProjectionsRecord | None
    transfer: record.TransferRecord | None
    outside: record.OutsideRecord | None
    intervention: record.InterventionRecord | None
    strength: record.StrengthRecord | None
    behaviour: record.BehaviourRecord | None

    @property
    def table(self) -> DetectionTable | None:
        """The detection grid as arrays."""
        return None if self.detection is None else DetectionTable(self.detection, confidence=self.study.confidence)

    def name(self, tag: str) -> str:
        """A language's English name; its tag where the study does not know it."""
        facts = self.study.languages.get(tag)
        return facts.name if facts else tag

    def tier(self, tag: str) -> str | None:
        """A language's tier."""
        facts = self.study.languages.get(tag)
        return facts.tier if facts else None


def load_study(folder: Path) -> StudyRecords:
    """Read a study folder.

    Raises:
        UnknownName: the folder holds no study.
        BrokenInput: a part cannot be read; the message names it.
    """
    study = record.require_part(folder, record.StudyRecord)
    return StudyRecords(
        folder=folder,
        run=load_run_record(folder),
        study=study,
        layer=record.load_part(folder, record.LayerChoiceRecord),
        detection=record.load_part(folder, record.DetectionRecord),
        layers=record.load_part(folder, record.LayersRecord),
        projections=record.load_part(folder, record.ProjectionsRecord),
        transfer=record.load_part(folder, record.TransferRecord),
        outside=record.load_part(folder, record.OutsideRecord),
        intervention=record.load_part(folder, record.InterventionRecord),
        strength=record.load_part(folder, record.StrengthRecord),
        behaviour=record.load_part(folder, record.BehaviourRecord),
    )
