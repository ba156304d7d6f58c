"""From several annotators' labels to one label for each paper, with the originals kept beside the decision."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.core.errors import BrokenInput
from isogloss.core.run import write_text
from isogloss.survey.annotations import LABELS, Annotation, as_json, label_of

SHOWN = 6
_COMPARED = tuple(label for label in LABELS if label not in ("secondary_topic", "coverage"))


@dataclass(frozen=True, slots=True)
class Settled:
    """One paper with its label and where it came from.

    Attributes:
        label: what counts.
        originals: the annotations that it rests on, as they were given.
        how: "one annotator", "agreed" or "decided".
        differed: names of the labels on which the originals differ.
    """

    label: Annotation
    originals: tuple[Annotation, ...]
    how: str
    differed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settlement:
    """All papers.

    Attributes:
        papers: by id, those with a label.
        unsettled: ids of papers on which people differ and nobody has decided.
        suggestions: annotations by rules and models; they are never labels and were left out.
    """

    papers: Mapping[str, Settled]
    unsettled: tuple[str, ...]
    suggestions: int


def find_differences(annotations: Sequence[Annotation]) -> tuple[str, ...]:
    """The labels on which annotations of one paper differ; what one of them left empty differs from nothing."""
    differing: list[str] = []
    for label in _COMPARED:
        given = [value for value in (label_of(one, label) for one in annotations) if value is not None]
        if any(value != given[0] for value in given):
            differing.append(label)
    return tuple(differing)


def settle_labels(annotations: Iterable[Annotation], decisions: Iterable[Annotation] = ()) -> Settlement:
    """One label for each paper: the only annotator's, that on which all agree, or the decision of an adjudicator.

    Args:
        annotations: of everybody. Rules and models are counted and left out.
        decisions: of the adjudicator, one for each paper that needs one; a label left empty is taken from the
            annotators where they agree on it.

    Raises:
        BrokenInput: two decisions on one paper, or a decision by a rule or model.
    """
    decided: dict[str, Annotation] = {}
    for decision in decisions:
        if decision.source != "human":
            raise BrokenInput(f"The decision on {decision.paper} is by a {decision.source}; only people decide.")
        if decision.paper in decided:
            raise BrokenInput(f"Two decisions on {decision.paper}. Keep one.")
        decided[decision.paper] = decision
    given = list(annotations)
    by_paper: dict[str, list[Annotation]] = {paper: [] for paper in decided}
    for annotation in given:
        if annotation.source == "human":
            by_paper.setdefault(annotation.paper, []).append(annotation)
    papers: dict[str, Settled] = {}
    unsettled: list[str] = []
    for paper, originals in by_paper.items():
        settled = _settle(originals, decided.get(paper))
        if settled is None:
            unsettled.append(paper)
        else:
            papers[paper] = settled
    return Settlement(papers, tuple(unsettled), sum(annotation.source != "human" for annotation in given))


def require_settled(settlement: Settlement) -> dict[str, Annotation]:
    """The labels by paper.

    Raises:
        BrokenInput: annotators differ on papers and nobody has decided; the message names the first.
    """
    if settlement.unsettled:
        listed = ", ".join(settlement.unsettled[:SHOWN])
        more = f" and {len(settlement.unsettled) - SHOWN} more" if len(settlement.unsettled) > SHOWN else ""
        raise BrokenInput(
            f"Conflicting labels on {len(settlement.unsettled)} papers: {listed}{more}. Decide them in a file of "
            "labels of your own and pass it with --decisions; the originals are kept."
        )
    return {paper: settled.label for paper, settled in settlement.papers.items()}


def write_settlement(settlement: Settlement, path: Path) -> None:
    """Write every paper's label with its originals beside it, as JSONL.

    Raises:
        WriteFailed: the disk is full or the folder cannot be written.
    """
    lines = [json.dumps(_row(paper, settled), ensure_ascii=False) for paper, settled in settlement.papers.items()]
    write_text(path, "".join(line + "\n" for line in lines))


def _row(paper: str, settled: Settled) -> dict[str, Any]:
    return {
        "paper": paper,
        "how": settled.how,
        "differed": list(settled.differed),
        "label": as_json(settled.label),
        "originals": [as_json(original) for original in settled.originals],
    }


def _settle(originals: list[Annotation], decision: Annotation | None) -> Settled | None:
    differed = find_differences(originals)
    if decision is None and differed:
        return None
    base = [decision, *originals] if decision else originals
    how = "decided" if decision else "agreed" if len(originals) > 1 else "one annotator"
    label = _merge(base, undecided=differed if decision else ())
    return None if label is None else Settled(label, tuple(originals), how, differed)


def _merge(ordered: Sequence[Annotation], *, undecided: tuple[str, ...]) -> Annotation | None:
    """The first annotation, its empty labels filled from the others; None where a difference stays undecided."""
    first = ordered[0]
    filled: dict[str, Any] = {}
    for label in (*_COMPARED, "secondary_topic"):
        values = [value for value in (label_of(one, label) for one in ordered) if value is not None]
        if label_of(first, label) is None and label in undecided:
            return None
        filled[label] = values[0] if values else None
    kept = {name: getattr(first, name) for name in Annotation.__dataclass_fields__ if name not in filled}
    return Annotation(**kept, **filled)
