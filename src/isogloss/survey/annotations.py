"""What one annotator says of one paper, and what follows from it: the coverage class is derived, never typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from isogloss.survey.codebook import Codebook, Unstated

Source = Literal["human", "rule", "model"]
SOURCES: tuple[Source, ...] = ("human", "rule", "model")
CoverageClass = Literal["english_only", "one_non_english", "multilingual", "undetermined", "unstated"]
CLASSES: tuple[CoverageClass, ...] = ("english_only", "one_non_english", "multilingual", "undetermined", "unstated")
KNOWN_CLASSES: tuple[CoverageClass, ...] = ("english_only", "one_non_english", "multilingual")
CLASS_WORDS: Mapping[str, str] = {
    "english_only": "English only",
    "one_non_english": "one non-English language",
    "multilingual": "multilingual",
    "undetermined": "undetermined",
    "unstated": "unstated",
}
LABELS = ("relevant", "topic", "secondary_topic", "languages", "stated", "coverage", "artefact")


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotator's labels for one paper. None means "not labelled".

    Attributes:
        paper: id of the paper.
        annotator: who: an anonymous id, the name of a rule, of a model.
        source: "human", "rule" or "model"; only labels of people count.
        relevant: whether the paper is about the safety of language models.
        reason: why it is, or is not.
        topic: id of the primary topic; of the discard topic where the paper is not relevant.
        secondary_topic: id, where a second topic is as good as the first.
        languages: tags in the codebook's form, sorted. Empty: looked for and not to be determined.
        stated: whether the paper itself says which languages it studies.
        quote: its words, verbatim.
        artefact: id of what the paper brings.
        time: ISO 8601, as the annotator's file has it.
        confidence: between 0 and 1.
        note: free text.
        codebook: version under which the labels were given.
    """

    paper: str
    annotator: str
    source: Source = "human"
    relevant: bool | None = None
    reason: str = ""
    topic: str | None = None
    secondary_topic: str | None = None
    languages: tuple[str, ...] | None = None
    stated: bool | None = None
    quote: str = ""
    artefact: str | None = None
    time: str = ""
    confidence: float | None = None
    note: str = ""
    codebook: str = ""

    @property
    def coverage(self) -> CoverageClass | None:
        """The class of the languages as labelled, whether stated or not."""
        return derive_class(self.languages, self.stated, unstated="as_labelled")


def derive_class(languages: tuple[str, ...] | None, stated: bool | None, *, unstated: Unstated) -> CoverageClass | None:
    """The coverage class of a set of languages.

    Args:
        languages: tags; variants of English (en-IN) are English. Empty is "undetermined", None is not labelled.
        stated: whether the paper says so itself.
        unstated: whether papers that do not say so get a class of their own.
    """
    if languages is None:
        return None
    if unstated == "apart" and stated is False:
        return "unstated"
    bases = {tag.split("-")[0] for tag in languages}
    if not bases:
        return "undetermined"
    if bases == {"en"}:
        return "english_only"
    return "multilingual" if len(bases) > 1 else "one_non_english"


def find_contradictions(annotation: Annotation, codebook: Codebook) -> list[str]:
    """Labels of one annotator that cannot stand together, one sentence each."""
    said: list[str] = []
    discard = next(topic.id for topic in codebook.topics if topic.discard)
    if annotation.relevant is True and annotation.topic == discard:
        said.append(f"relevant is yes, but the topic is {discard}")
    if annotation.relevant is False and annotation.topic not in (None, discard):
        said.append(f"relevant is no, but the topic is {annotation.topic}; expected {discard} or nothing")
    if annotation.secondary_topic is not None and annotation.topic is None:
        said.append("there is a secondary topic and no topic")
    if annotation.topic is not None and annotation.secondary_topic == annotation.topic:
        said.append(f"topic and secondary topic are both {annotation.topic}")
    if annotation.secondary_topic == discard:
        said.append(f"{discard} cannot be a secondary topic")
    if annotation.stated is True and annotation.languages == ():
        said.append("the languages are stated, but could not be determined")
    return said


def as_json(annotation: Annotation) -> dict[str, Any]:
    """Fields of an annotation for JSONL, without those that are not labelled, and with its class for readers."""
    fields = {name: getattr(annotation, name) for name in Annotation.__dataclass_fields__}
    kept = {name: value for name, value in fields.items() if value not in (None, "")}
    if annotation.languages is not None:
        kept["languages"] = list(annotation.languages)
        kept["coverage"] = annotation.coverage
    return kept


def label_of(annotation: Annotation, label: str) -> Any:
    """One label of an annotation by its name in ``LABELS``."""
    return getattr(annotation, label)
