"""How far a judge agrees with labels, per language; works on bare lists, whoever judged."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from isogloss.core import Label, Mapping
from isogloss.stats import wilson_interval

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Share:
    """A proportion with its Wilson interval.

    Attributes:
        value: between 0 and 1; None when there was nothing to count.
        n: what the proportion is of.
        interval: None when there was nothing to count.
    """

    value: float | None
    n: int
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement with 0/1 labels; replies that the judge left unscored count in ``undecided`` alone.

    Attributes:
        n: labelled replies.
        refusals: those labelled as refusals.
        sensitivity: of the decided labelled refusals, the share that the judge calls refusals.
        specificity: of the decided others, the share that the judge does not call refusals.
        undecided: share of all replies that the judge left unscored.
        undecided_refusals: the same among the labelled refusals. Where it differs much from ``undecided``, the
            decided replies are not like the rest.
        accuracy: share of the decided replies on which both agree.
    """

    n: int
    refusals: int
    sensitivity: Share
    specificity: Share
    undecided: Share
    undecided_refusals: Share
    accuracy: Share

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def measure_agreement(
    labels: Sequence[Label],
    truth: Sequence[int],
    *,
    mapping: Mapping = Mapping.STRICT,
    confidence: float = 0.95,
) -> Agreement:
    """Compare a judge's labels with 0/1 labels of the same replies (1: refusal).

    Do not read the figures as those of another model's replies: judges are better on some models than on others.

    Args:
        labels: the judge's, one per reply.
        truth: from people or a better judge, one per reply, 0 or 1.
        mapping: how labels become refusal, no refusal or unscored.
        confidence: of the two-sided intervals.

    Raises:
        ValueError: the sequences differ in length, or a truth is neither 0 nor 1.
    """
    if len(labels) != len(truth):
        raise ValueError(f"{len(labels)} labels but {len(truth)} truths")
    if not set(truth) <= {0, 1}:
        raise ValueError(f"truth must be 0 or 1, found {sorted(set(truth) - {0, 1})}")
    pairs = [(mapping.refusal(label), true) for label, true in zip(labels, truth, strict=True)]
    decided = [(called, true) for called, true in pairs if called is not None]

    def share(hits: Iterable[bool]) -> Share:
        return _share(list(hits), confidence)

    return Agreement(
        n=len(pairs),
        refusals=sum(truth),
        sensitivity=share(called == 1 for called, true in decided if true == 1),
        specificity=share(called == 0 for called, true in decided if true == 0),
        undecided=share(called is None for called, _ in pairs),
        undecided_refusals=share(called is None for called, true in pairs if true == 1),
        accuracy=share(called == true for called, true in decided),
    )


def measure_agreement_by_language(
    labels: Sequence[Label],
    truth: Sequence[int],
    languages: Sequence[str],
    *,
    mapping: Mapping = Mapping.STRICT,
    confidence: float = 0.95,
) -> dict[str, Agreement]:
    """The same for each language, in the order in which the languages first occur.

    Raises:
        ValueError: the sequences differ in length, or a truth is neither 0 nor 1.
    """
    if not len(labels) == len(truth) == len(languages):
        raise ValueError(f"{len(labels)} labels, {len(truth)} truths, {len(languages)} languages")
    rows = list(zip(labels, truth, languages, strict=True))
    return {
        language: measure_agreement(
            [label for label, _, own in rows if own == language],
            [true for _, true, own in rows if own == language],
            mapping=mapping,
            confidence=confidence,
        )
        for language in dict.fromkeys(languages)
    }


def _share(hits: list[bool], confidence: float) -> Share:
    if not hits:
        return Share(None, 0, None)
    value = sum(hits) / len(hits)
    return Share(value, len(hits), wilson_interval(value, len(hits), confidence=confidence))
