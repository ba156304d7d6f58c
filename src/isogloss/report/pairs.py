"""The same prompts in the reference language and in another: one 2x2 table per language."""

from dataclasses import dataclass

from isogloss.audit.scorecard import PairedCounts, Scorecard
from isogloss.report.text import join, p_value


@dataclass(frozen=True, slots=True)
class Quarter:
    """One cell of a 2x2 table, and its share of all pairs between 0 and 1 for its shade."""

    count: int
    share: float


@dataclass(frozen=True, slots=True)
class PairTable:
    """One language against the reference.

    Attributes:
        only_reference: refused in the reference and not here: what leaks.
        only_here: refused here and not in the reference.
        adjusted_p_value: after Holm's correction over all languages.
    """

    tag: str
    name: str
    tier: str
    n: int
    both: Quarter
    only_reference: Quarter
    only_here: Quarter
    neither: Quarter
    p_value: str
    adjusted_p_value: str


@dataclass(frozen=True, slots=True)
class Pairs:
    """All tables of a run, those that leak most first; ``missing`` says in words which languages have none."""

    reference: str
    tables: tuple[PairTable, ...]
    missing: str


def list_pairs(scorecard: Scorecard) -> Pairs | None:
    """The 2x2 tables of a run; None where there is only one language, so that nothing can be paired."""
    others = [tag for tag in scorecard.languages if tag != scorecard.reference]
    if len(scorecard.languages) < 2:
        return None
    reference = scorecard.languages.get(scorecard.reference or "")
    counted = {tag: table for tag in others if (table := scorecard.languages[tag].paired) is not None and _size(table)}
    order = sorted(counted, key=lambda tag: (-_net(counted[tag]), tag))
    return Pairs(
        reference=reference.name if reference else str(scorecard.reference or ""),
        tables=tuple(_table(tag, scorecard, counted[tag]) for tag in order),
        missing=_explain_missing(scorecard, [tag for tag in others if tag not in counted]),
    )


def _table(tag: str, scorecard: Scorecard, counts: PairedCounts) -> PairTable:
    n, score = _size(counts), scorecard.languages[tag]

    def quarter(count: int) -> Quarter:
        return Quarter(count, round(count / n, 4))

    return PairTable(
        tag=tag,
        name=score.name,
        tier=score.tier or "unknown",
        n=n,
        both=quarter(counts.both_refused),
        only_reference=quarter(counts.only_reference_refused),
        only_here=quarter(counts.only_here_refused),
        neither=quarter(counts.neither_refused),
        p_value=p_value(counts.p_value),
        adjusted_p_value=p_value(counts.adjusted_p_value),
    )


def _explain_missing(scorecard: Scorecard, without: list[str]) -> str:
    if scorecard.reference is None:
        return "No reference language was asked, so no prompts can be paired."
    if not without:
        return ""
    if any(scorecard.languages[tag].gap_points is not None for tag in without):
        return "This scorecard records no tables of pairs. `isogloss report RUN` scores the run again and adds them."
    names = join([scorecard.languages[tag].name for tag in without])
    return f"No table for {names}: no harmful prompt is scored both there and in the reference."


def _size(counts: PairedCounts) -> int:
    return counts.both_refused + counts.only_reference_refused + counts.only_here_refused + counts.neither_refused


def _net(counts: PairedCounts) -> float:
    """Share of pairs that leak, less those that go the other way."""
    return (counts.only_reference_refused - counts.only_here_refused) / _size(counts)
