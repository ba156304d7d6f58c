"""How far the judge can be trusted in the languages of a run: its measured error, and where none was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isogloss.audit.scorecard import Scorecard
from isogloss.judges.card import CardShare, JudgeCard, LanguageCard
from isogloss.report.cells import Number, plain_cell, share_cell
from isogloss.report.figures.ladder import order_languages
from isogloss.report.text import count, join, percent
from isogloss.stats import Rate
from isogloss.stats.judge_error import LEAST_YOUDEN, youden

FEW_NAMES = 8


@dataclass(frozen=True, slots=True)
class JudgeRow:
    """The judge's measured error in one language.

    Attributes:
        informedness: sensitivity + specificity - 1: 1 is a perfect judge, 0 one that knows nothing.
        weak: whether the data do not exclude that the judge says next to nothing there.
    """

    tag: str
    name: str
    tier: str
    sensitivity: Number
    specificity: Number
    informedness: Number
    undecided: Number
    n: str
    weak: bool


@dataclass(frozen=True, slots=True)
class CardTable:
    """One judge card, for the languages of the run.

    Attributes:
        source: against what truth, on whose replies to what, when.
        caveats: why the figures may not hold here.
    """

    source: str
    caveats: tuple[str, ...]
    rows: tuple[JudgeRow, ...]


@dataclass(frozen=True, slots=True)
class JudgeTrust:
    """Everything that the page says about the judge's error.

    Attributes:
        cards: each with at least one language of the run.
        missing: where no error was measured, in a sentence.
        weak: names of the languages in which the judge tells refusals apart badly.
        notes: cards that were found and do not apply.
    """

    cards: tuple[CardTable, ...]
    missing: str
    weak: tuple[str, ...]
    notes: tuple[str, ...]


def assess_judge(scorecard: Scorecard, cards: Sequence[JudgeCard], fingerprint: Mapping[str, str] | None) -> JudgeTrust:
    """Choose the judge cards that speak of this run's judge and lay them out by language.

    Args:
        scorecard: the run's result.
        cards: those found, the best first.
        fingerprint: of the run's judge, from its record; None where the record lacks it, so that a card can only be
            matched by the judge's name.
    """
    tables, notes, unmeasured = [], [], list(scorecard.languages)
    for card in cards:
        reason = _refuse(card, scorecard, fingerprint)
        if reason:
            notes.append(reason)
            continue
        table = _table(card, scorecard)
        if table.rows:
            tables.append(table)
            unmeasured = [tag for tag in unmeasured if tag not in {row.tag for row in table.rows}]
    weak = dict.fromkeys(row.name for table in tables for row in table.rows if row.weak)
    names = [scorecard.languages[tag].name for tag in unmeasured]
    return JudgeTrust(tuple(tables), _explain_missing(scorecard.judge, names, bool(tables)), tuple(weak), tuple(notes))


def describe_judge(trust: JudgeTrust) -> list[str]:
    """What of the judge's error belongs into the verdict: languages in which it tells refusals apart badly."""
    if not trust.weak:
        return []
    where = join(list(trust.weak)) if len(trust.weak) <= 4 else count(len(trust.weak), "language")
    return [f"In {where} the judge itself was measured and found weak, so the rate there says little."]


def _refuse(card: JudgeCard, scorecard: Scorecard, fingerprint: Mapping[str, str] | None) -> str:
    """Why a card does not speak of this run's judge, or nothing."""
    if card.judge != scorecard.judge:
        return f"A card of the judge {card.judge} lies with the run and was left out: this run's judge is another."
    known = {key: value for key, value in (fingerprint or {}).items() if key != "name"}
    if fingerprint is not None and card.fingerprint != known:
        return (
            f"A card of {card.judge}, measured on {card.measured_on}, was left out: the judge's rules have changed "
            "since, or this run used another version of them."
        )
    if card.mapping.value != scorecard.mapping:
        return (
            f"A card of {card.judge}, measured on {card.measured_on}, was left out: it holds for the "
            f"{card.mapping.value} mapping, and this run uses the {scorecard.mapping} one."
        )
    return ""


def _table(card: JudgeCard, scorecard: Scorecard) -> CardTable:
    tags = [tag for _, tags in order_languages(scorecard) for tag in tags if tag in card.languages]
    source = (
        f"Truth: {card.truth}. Replies of {card.model} to {card.prompts}. Measured on {card.measured_on}, "
        f"{percent(card.confidence)} intervals."
    )
    caveats = (
        [] if card.truth_kind == "people" else ["The truth is a guard model's label, which has errors of its own."]
    )
    if not _same_model(card.model, scorecard.model):
        caveats.append("Measured on another model's replies; on this model's the judge may err more or less.")
    return CardTable(source, (*caveats, *card.notes), tuple(_row(tag, scorecard, card.languages[tag]) for tag in tags))


def _row(tag: str, scorecard: Scorecard, found: LanguageCard) -> JudgeRow:
    score = scorecard.languages[tag]
    gain = youden(_rate(found.sensitivity), _rate(found.specificity))
    one_kind = "no labelled reply of one of the two kinds"
    return JudgeRow(
        tag=tag,
        name=score.name,
        tier=score.tier or "unknown",
        sensitivity=share_cell(found.sensitivity.value, found.sensitivity.interval, "no true refusal was decided"),
        specificity=share_cell(found.specificity.value, found.specificity.interval, "no other reply was decided"),
        informedness=plain_cell(gain[0], gain[1], "") if gain else Number("", reason=one_kind),
        undecided=share_cell(found.undecided.value, found.undecided.interval, "no labelled reply"),
        n=f"{found.sensitivity.n} · {found.specificity.n} of {found.n}",
        weak=gain is not None and gain[1][0] <= LEAST_YOUDEN,
    )


def _rate(share: CardShare) -> Rate:
    return Rate(share.value, share.n, float(share.n), share.interval)


def _same_model(measured: str, audited: str) -> bool:
    """The same name, or the last part of a path or hub id; whatever else differs is taken for another model."""
    return measured == audited or audited.replace(":", "/").rsplit("/", 1)[-1] == measured.rsplit("/", 1)[-1]


def _explain_missing(judge: str, names: list[str], any_card: bool) -> str:
    if not names:
        return ""
    if not any_card:
        return (
            f"No measured error for the judge {judge} in any language of this run: "
            "every rate may be wrong by an unknown amount."
        )
    more = len(names) - FEW_NAMES
    where = join(names) if more <= 0 else f"{', '.join(names[:FEW_NAMES])} and {more} more"
    return f"No measured error for this judge in {where}: the rate may be wrong by an unknown amount."
