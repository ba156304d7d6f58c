"""Suggestions by rules: languages and a topic with the words that speak for them. Suggestions are never labels."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from isogloss.survey.annotations import Annotation, as_json
from isogloss.survey.codebook import Codebook
from isogloss.survey.mentions import Mention, scan_mentions
from isogloss.survey.mentions_table import compile_stems
from isogloss.survey.records import Paper

RULES = "rules-1"
NOT_LABELS = "Suggestions are not labels: they say where to look, and count nowhere until people have labelled."
FIELDS = ("title", "abstract", "full_text")
_TITLE_WEIGHT = 2


@dataclass(frozen=True, slots=True)
class Evidence:
    """One place in a paper's record that speaks for a suggestion.

    Attributes:
        label: "languages", "topic", "relevant" or "stated".
        value: what it speaks for: tags joined by ";", or a topic's id.
        field: "title", "abstract" or "full_text".
        start: offset in that field, in characters.
        end: offset after the last character.
        quote: ``field[start:end]``, verbatim.
        because: why.
    """

    label: str
    value: str
    field: str
    start: int
    end: int
    quote: str
    because: str


@dataclass(frozen=True, slots=True)
class Suggested:
    """What a rule or a model suggests for one paper.

    Attributes:
        annotation: with the source "rule" or "model", which no figure counts.
        evidence: places in the text; empty where nothing was found.
        passed_over: names that seem to be something else than a language, with the reason.
        rejected: what a model said and could not quote, one sentence each.
    """

    annotation: Annotation
    evidence: tuple[Evidence, ...]
    passed_over: tuple[Evidence, ...] = ()
    rejected: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """JSON-able fields for a file of suggestions."""
        return {
            **as_json(self.annotation),
            "evidence": [_fields(one) for one in self.evidence],
            "passed_over": [_fields(one) for one in self.passed_over],
            "rejected": list(self.rejected),
            "standing": NOT_LABELS,
        }


def suggest_by_rules(paper: Paper, codebook: Codebook) -> Suggested:
    """Suggest languages, documentation and a topic from title, abstract and, where there is one, the body.

    Nothing found is nothing said: an abstract without a language's name does not mean English, and no language is
    suggested for it. Of topics, the one with most cues is suggested, cues in the title counting twice; none at a tie.

    Args:
        paper: whose text is searched.
        codebook: topics with their cues, and the policy for tags.
    """
    evidence: list[Evidence] = []
    passed: list[Evidence] = []
    named: set[str] = set()
    tags: set[str] = set()
    scores: dict[str, int] = {}
    for field, text in list_texts(paper):
        scan = scan_mentions(text, codebook)
        tags |= set(scan.tags)
        named |= set(scan.named)
        for target, mentions in ((evidence, scan.mentions), (passed, scan.passed_over)):
            target += [_as_evidence(field, mention) for mention in mentions]
        found = list(_find_topics(field, text, codebook))
        evidence += found
        for one in found:
            scores[one.value] = scores.get(one.value, 0) + (_TITLE_WEIGHT if field == "title" else 1)
    topic = _choose(scores)
    discard = {entry.id for entry in codebook.topics if entry.discard}
    annotation = Annotation(
        paper=paper.id,
        annotator=RULES,
        source="rule",
        relevant=None if topic is None else topic not in discard,
        topic=topic,
        languages=tuple(sorted(tags)) or None,
        stated=True if named else None,
        codebook=codebook.version,
    )
    return Suggested(annotation, tuple(evidence), tuple(passed))


def list_texts(paper: Paper) -> list[tuple[str, str]]:
    """The searchable fields of a paper that hold text, by name."""
    texts = ((field, getattr(paper, field)) for field in FIELDS)
    return [(field, text) for field, text in texts if text]


def _as_evidence(field: str, mention: Mention) -> Evidence:
    value = ";".join(mention.tags)
    return Evidence("languages", value, field, mention.start, mention.end, mention.text, mention.because)


def _find_topics(field: str, text: str, codebook: Codebook) -> Iterator[Evidence]:
    for topic, pattern in _patterns(codebook).items():
        for match in pattern.finditer(text):
            yield Evidence("topic", topic, field, match.start(), match.end(), match.group(), "a cue of the codebook")


@cache
def _patterns(codebook: Codebook) -> Mapping[str, Any]:
    return {topic.id: compile_stems(topic.cues) for topic in codebook.topics if topic.cues}


def _choose(scores: Mapping[str, int]) -> str | None:
    best = [topic for topic, score in scores.items() if score == max(scores.values())]
    return best[0] if len(best) == 1 else None


def _fields(evidence: Evidence) -> dict[str, Any]:
    return {name: getattr(evidence, name) for name in Evidence.__dataclass_fields__}
