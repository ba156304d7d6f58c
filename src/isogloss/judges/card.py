"""Judge cards: how often a judge was right, by language, against stated truth, on stated replies, on a stated day."""

from collections.abc import Callable, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from isogloss.core import Label, Mapping, Verdict
from isogloss.core.errors import BrokenInput, FingerprintMismatch, NothingToDo
from isogloss.core.run import list_differences, load_json, write_json
from isogloss.judges.judge import Judge
from isogloss.stats import wilson_interval

SCHEMA = 1
Fraction = Annotated[float, Field(ge=0, le=1)]


class CardShare(BaseModel):
    """A proportion with its Wilson interval.

    Attributes:
        value: None when there was nothing to count.
        n: replies counted.
        interval: None when there was nothing to count.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: Fraction | None
    n: Annotated[int, Field(ge=0)]
    interval: tuple[Fraction, Fraction] | None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.value is None) != (self.interval is None) or (self.value is None) != (self.n == 0):
            raise ValueError("value and interval go together, and are null only where n is 0")
        return self


class LanguageCard(BaseModel):
    """One judge in one language.

    Attributes:
        n: replies with a true label.
        refusals: how many of them are refusals in truth.
        sensitivity: of the decided true refusals, the share called refusals.
        specificity: of the decided others, the share not called refusals.
        undecided: share that the judge left unscored.
        undecided_refusals: the same among the true refusals.
        precision: per label of the judge, the share whose truth lies on the same side of the rate.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: Annotated[int, Field(ge=1)]
    refusals: Annotated[int, Field(ge=0)]
    sensitivity: CardShare
    specificity: CardShare
    undecided: CardShare
    undecided_refusals: CardShare
    precision: dict[Label, CardShare]


class JudgeCard(BaseModel):
    """Measured error of one judge. Holds counts alone, no text.

    Errors differ between models and prompt sets: the figures hold for the replies named here.

    Attributes:
        judge: name and version.
        fingerprint: of the judge that was measured; another judge of the same name is refused.
        truth: what the labels are ("guard labels, silver", "2 annotators").
        truth_kind: whether people or a guard labelled; a guard is a silver label with errors of its own.
        model: whose replies.
        prompts: to what.
        mapping: how labels become refusal, no refusal or unscored.
        measured_on: ISO date.
        confidence: of the intervals.
        languages: by tag.
        notes: what a reader must know.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_number: Annotated[int, Field(alias="schema", le=SCHEMA)] = SCHEMA
    judge: str
    fingerprint: dict[str, str]
    truth: str
    truth_kind: Literal["people", "guard"]
    model: str
    prompts: str
    mapping: Mapping
    measured_on: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    languages: dict[str, LanguageCard]
    notes: tuple[str, ...] = ()

    def precision_of(self, label: Label, language: str) -> CardShare | None:
        """How often a label was right in a language, or None where that was not measured."""
        row = self.languages.get(language)
        return None if row is None else row.precision.get(label)

    def check(self, name: str, fingerprint: Map[str, str]) -> None:
        """Make sure that the card speaks of this very judge.

        Raises:
            FingerprintMismatch: it was measured on another judge, or on an earlier state of this one.
        """
        differences = list_differences(
            {"judge": self.judge, **self.fingerprint}, {"judge": name, **_without_name(fingerprint)}
        )
        if differences:
            raise FingerprintMismatch(
                f"The judge card of {self.judge}, measured on {self.measured_on}, is of another judge: "
                f"{'; '.join(differences)}. Measure a new card: isogloss judge card RUN."
            )


def measure_card(
    verdicts: Sequence[Verdict],
    truth: Sequence[int],
    *,
    judge: str,
    fingerprint: Map[str, str],
    truth_name: str,
    truth_kind: Literal["people", "guard"],
    model: str,
    prompts: str,
    measured_on: str,
    weights: Sequence[float] | None = None,
    mapping: Mapping = Mapping.STRICT,
    confidence: float = 0.95,
    notes: Sequence[str] = (),
) -> JudgeCard:
    """Measure a judge against true labels, per language.

    Args:
        verdicts: the judge's, one per reply.
        truth: 1 for a refusal, 0 for none, in the same order.
        judge: the judge's name.
        fingerprint: the judge's.
        truth_name: who labelled, in words.
        truth_kind: people or guard.
        model: whose replies.
        prompts: the prompt set.
        measured_on: ISO date.
        weights: one over the chance with which each reply was drawn for labelling; None where all had the same. Needed
            for a sheet that is stratified by verdict: without them, sensitivity and specificity are those of the
            sheet, not of the run.
        mapping: how labels become refusal, no refusal or unscored.
        confidence: of the two-sided intervals.
        notes: shown with the card.

    Raises:
        NothingToDo: there are no labels.
        ValueError: columns of different length, a truth that is neither 0 nor 1, a weight that is not positive.
    """
    weighed = [1.0] * len(verdicts) if weights is None else list(weights)
    if not len(verdicts) == len(truth) == len(weighed):
        raise ValueError(f"{len(verdicts)} verdicts, {len(truth)} truths, {len(weighed)} weights")
    if not set(truth) <= {0, 1} or any(weight <= 0 for weight in weighed):
        raise ValueError("truth must be 0 or 1 and weights above 0")
    if not verdicts:
        raise NothingToDo("There are no labelled replies to measure a judge card on.")
    rows = [
        _Row(v.language, v.label, t, w, mapping.refusal(v.label))
        for v, t, w in zip(verdicts, truth, weighed, strict=True)
    ]
    languages = {
        tag: _measure_language([row for row in rows if row.language == tag], confidence)
        for tag in sorted({row.language for row in rows})
    }
    return JudgeCard(
        judge=judge,
        fingerprint=_without_name(fingerprint),
        truth=truth_name,
        truth_kind=truth_kind,
        model=model,
        prompts=prompts,
        mapping=mapping,
        measured_on=measured_on,
        confidence=confidence,
        languages=languages,
        notes=tuple(notes),
    )


def save_card(card: JudgeCard, path: Path) -> None:
    """Write a card as JSON.

    Raises:
        WriteFailed: the file cannot be written.
    """
    write_json(path, card.model_dump(mode="json", by_alias=True))


def load_card(path: Path) -> JudgeCard:
    """Read a card.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: it is not a judge card, or one of a newer schema.
    """
    content = load_json(path, what="judge card", schema=SCHEMA)
    return _parse(JudgeCard.model_validate, content, str(path))


def find_bundled_card(judge: Judge) -> JudgeCard | None:
    """The card that comes with the package, or None: for another judge, or when the judge has changed since."""
    place = files("isogloss.judges").joinpath("cards", f"{judge.name}.json")
    if not place.is_file():
        return None
    card = _parse(JudgeCard.model_validate_json, place.read_text(encoding="utf-8"), f"cards/{judge.name}.json")
    return card if card.fingerprint == _without_name(judge.fingerprint()) else None


@dataclass(frozen=True, slots=True)
class _Row:
    """One labelled reply; ``called`` is the judge's side of the rate."""

    language: str
    label: Label
    truth: int
    weight: float
    called: int | None


def _measure_language(rows: list[_Row], confidence: float) -> LanguageCard:
    def share(of: list[_Row], hits: list[bool]) -> CardShare:
        return _share([row.weight for row in of], hits, confidence)

    refusals = [row for row in rows if row.truth == 1]
    decided = [row for row in rows if row.called is not None]
    positive, negative = ([row for row in decided if row.truth == truth] for truth in (1, 0))
    by_label = {label: [row for row in decided if row.label is label] for label in Label}
    return LanguageCard(
        n=len(rows),
        refusals=len(refusals),
        sensitivity=share(positive, [row.called == 1 for row in positive]),
        specificity=share(negative, [row.called == 0 for row in negative]),
        undecided=share(rows, [row.called is None for row in rows]),
        undecided_refusals=share(refusals, [row.called is None for row in refusals]),
        precision={
            label: share(found, [row.called == row.truth for row in found])
            for label, found in by_label.items()
            if found
        },
    )


def _share(weights: list[float], hits: list[bool], confidence: float) -> CardShare:
    """Weighted share; its interval is Wilson's on the number of equally weighted replies that say as much (Kish)."""
    if not hits:
        return CardShare(value=None, n=0, interval=None)
    total = sum(weights)
    value = min(1.0, sum(weight for weight, hit in zip(weights, hits, strict=True) if hit) / total)
    effective = total**2 / sum(weight**2 for weight in weights)
    low, high = wilson_interval(value, effective, confidence=confidence)
    return CardShare(value=value, n=len(hits), interval=(max(0.0, low), min(1.0, high)))


def _without_name(fingerprint: Map[str, str]) -> dict[str, str]:
    return {key: value for key, value in fingerprint.items() if key != "name"}


def _parse(validate: Callable[[Any], JudgeCard], content: object, where: str) -> JudgeCard:
    try:
        return validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BrokenInput(
            f"{where}: {place}: {first['msg']}. Measure the card again: isogloss judge card RUN."
        ) from error
