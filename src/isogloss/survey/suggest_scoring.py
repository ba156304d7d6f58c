"""How good suggestions are, measured against people before anybody trusts them."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from isogloss.judges.reliability import Reliability, measure_reliability
from isogloss.stats import Rate, measure_rate
from isogloss.survey.annotations import Annotation, label_of
from isogloss.survey.suggest import NOT_LABELS

COMPARED = ("relevant", "topic", "coverage", "stated")


@dataclass(frozen=True, slots=True)
class SuggestionScore:
    """Suggestions of one suggester against people's labels.

    Attributes:
        papers: that have both.
        precision: of the languages suggested, the share that people noted; intervals treat a paper as one cluster.
        recall: of the languages that people noted, the share suggested.
        unsuggested: papers for which people noted languages and nothing was suggested.
        kappas: Cohen's kappa per label, over papers where both gave one.
        coverage: per label, the share of people's labels for which there is a suggestion at all.
        standing: what these figures do not make of the suggestions.
    """

    papers: int
    precision: Rate
    recall: Rate
    unsuggested: int
    kappas: dict[str, Reliability]
    coverage: dict[str, Rate]
    standing: str = NOT_LABELS

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def score_suggestions(
    suggestions: Iterable[Annotation],
    labels: Mapping[str, Annotation],
    *,
    seed: int,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> SuggestionScore:
    """Compare suggestions with the labels of people on the same papers.

    The labels must have been given without sight of the suggestions, or the figures flatter them.

    Args:
        suggestions: of one suggester, one a paper.
        labels: settled, by paper.
        seed: of the resampling behind the intervals of kappa.
        resamples: draws.
        confidence: two-sided.

    Raises:
        ValueError: a label is not by a person.
    """
    if any(label.source != "human" for label in labels.values()):
        raise ValueError("labels must be by people")
    both = [(one, labels[one.paper]) for one in suggestions if one.paper in labels]
    noted = [(one, label) for one, label in both if label.languages is not None]
    hits = [(one.paper, int(tag in (label.languages or ()))) for one, label in noted for tag in one.languages or ()]
    finds = [(label.paper, int(tag in (one.languages or ()))) for one, label in noted for tag in label.languages or ()]
    return SuggestionScore(
        papers=len(both),
        precision=measure_rate([hit for _, hit in hits], [paper for paper, _ in hits], confidence=confidence),
        recall=measure_rate([hit for _, hit in finds], [paper for paper, _ in finds], confidence=confidence),
        unsuggested=sum(bool(label.languages) and not one.languages for one, label in noted),
        kappas={name: _compare(both, name, seed=seed, resamples=resamples, confidence=confidence) for name in COMPARED},
        coverage={name: _measure_reach(both, name, confidence) for name in COMPARED},
    )


def _compare(
    both: list[tuple[Annotation, Annotation]], name: str, *, seed: int, resamples: int, confidence: float
) -> Reliability:
    pairs = [(label.paper, label_of(one, name), label_of(label, name)) for one, label in both]
    given = [(paper, str(one), str(other)) for paper, one, other in pairs if one is not None and other is not None]
    ratings = [(one, other) for _, one, other in given]
    papers = [paper for paper, _, _ in given]
    return measure_reliability(ratings, papers, seed=seed, resamples=resamples, confidence=confidence)


def _measure_reach(both: list[tuple[Annotation, Annotation]], name: str, confidence: float) -> Rate:
    given = [(one, label) for one, label in both if label_of(label, name) is not None]
    reached = [int(label_of(one, name) is not None) for one, _ in given]
    return measure_rate(reached, [label.paper for _, label in given], confidence=confidence)
