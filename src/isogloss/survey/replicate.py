"""Do released labels give the published headline figures? Each claim beside what the labels say, by definition.

The claims are data with their standing, and what was published may be wrong, differently defined, or misquoted: nothing
here is fitted to it.
"""

import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from math import isclose
from typing import Any

from isogloss.survey.annotations import CoverageClass
from isogloss.survey.codebook import Codebook
from isogloss.survey.coverage_languages import list_languages
from isogloss.survey.coverage_papers import CONFERENCES, KNOWN, OTHERS, WORKSHOPS, Labelled
from isogloss.survey.replicate_columns import Mapped

CLAIMS_FILE = "replicate_published.toml"


@dataclass(frozen=True, slots=True)
class Claim:
    """One published figure.

    Attributes:
        id: which figure.
        says: the claim in words.
        low: least value that agrees with the words.
        high: greatest value that does.
        reading: how words became a range.
        year: that it is about, or None for the whole corpus.
    """

    id: str
    says: str
    low: float
    high: float
    reading: str
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What the labels give under one definition.

    Attributes:
        definition: in words.
        value: None where it is undefined.
        agrees: whether it lies in the claim's range.
    """

    definition: str
    value: float | None
    agrees: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """One claim beside the labels.

    Attributes:
        claim: as published.
        readings: one or more definitions that the words allow.
        missing: fields that the table lacks for it.
    """

    claim: Claim
    readings: tuple[Reading, ...]
    missing: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """ "reproduced", "depends on the definition", "differs", or "cannot be computed"."""
        if self.missing or all(reading.value is None for reading in self.readings):
            return "cannot be computed"
        agreeing = sum(reading.agrees for reading in self.readings)
        if agreeing == len(self.readings):
            return "reproduced"
        return "depends on the definition" if agreeing else "differs"


@dataclass(frozen=True, slots=True)
class Tension:
    """Whether a gap of a year and a share of English can both hold for that year.

    Attributes:
        most_papers: the year may hold at most so many papers.
        papers: that it holds, where known.
        holds: None where the papers are not known.
        sentence: the same in words.
    """

    most_papers: float
    papers: int | None
    holds: bool | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Replication:
    """Everything that was compared.

    Attributes:
        standing: of the claims.
        papers: relevant ones in the released labels.
        set_aside: labelled as not related to safety.
        disagreeing: rows whose class is not the one that follows from their languages.
        checked: claim by claim.
        tension: whether the gap of 2024 and the share of English can both hold for that year.
    """

    standing: str
    papers: int
    set_aside: int
    disagreeing: int
    checked: tuple[Checked, ...]
    tension: Tension

    def as_json(self) -> dict[str, Any]:
        """JSON-able fields, verdicts included."""
        value = asdict(self)
        for row, checked in zip(value["checked"], self.checked, strict=True):
            row["verdict"] = checked.verdict
        return value


def check_gap_and_share(gap: float, share: float, *, papers: int | None = None) -> Tension:
    """Can a gap (English only minus all others) stand beside a share of English only above ``share`` in one year?

    With N papers of which a share s is English only, the gap is (2s - 1) N; a share above ``share`` therefore needs
    N < gap / (2 share - 1).

    Args:
        gap: in papers, positive.
        share: above one half.
        papers: of that year, where known.

    Raises:
        ValueError: the share is not between one half and 1, or the gap is not positive.
    """
    if not 0.5 < share <= 1 or gap <= 0:
        raise ValueError(f"expected a share in (0.5, 1] and a positive gap, got {share} and {gap}")
    most = gap / (2 * share - 1)
    holds = None if papers is None else gap <= papers <= most
    words = (
        f"A gap of {gap:g} and a share above {100 * share:g} % in one year need fewer than {most:.1f} papers that year"
    )
    if papers is None:
        sentence = f"{words}; how many there were is not known."
    elif holds:
        sentence = f"{words}; there are {papers}, so both can hold."
    else:
        sentence = (
            f"{words}; there are {papers}, so both cannot hold: gap, share or denominator are defined "
            f"differently than they sound."
        )
    return Tension(most, papers, holds, sentence)


def compare_with_published(mapped: Mapped, codebook: Codebook) -> Replication:
    """Compute the headline figures from released labels and set them beside the claims.

    Where the words of a claim allow several definitions, each is computed; none is preferred.
    """
    standing, claims = load_claims()
    figures = _Figures(mapped.papers, codebook)
    checked = [_check(claim, *_COMPUTED[claim.id], mapped=mapped, figures=figures) for claim in claims]
    by_id = {claim.id: claim for claim in claims}
    gap = by_id["gap_2024"]
    papers = sum(figures.counts_of(gap.year).values()) if gap.year in figures.years else None
    tension = check_gap_and_share(gap.low, by_id["english_share"].low, papers=papers)
    return Replication(standing, len(mapped.papers), mapped.set_aside, mapped.disagreeing, tuple(checked), tension)


@cache
def load_claims() -> tuple[str, tuple[Claim, ...]]:
    """The published figures and their standing, from the data file."""
    table = tomllib.loads(files("isogloss.survey").joinpath(CLAIMS_FILE).read_text("utf-8"))
    return table["standing"], tuple(Claim(**row) for row in table["claim"])


Named = Sequence[tuple[str, float | None]]


class _Figures:
    """The headline figures of a set of papers, each under every definition that the words allow."""

    def __init__(self, papers: Sequence[Labelled], codebook: Codebook) -> None:
        self._papers = papers
        self._codebook = codebook
        self.years = sorted({e.paper.year for e in papers if e.paper.year is not None})

    def counts_of(self, year: int | None) -> Counter[CoverageClass]:
        """Papers of a year by class."""
        return Counter(e.coverage for e in self._papers if e.paper.year == year and e.coverage)

    def papers(self) -> Named:
        return [("relevant papers", float(len(self._papers)))]

    def english_share(self) -> Named:
        english = sum(e.coverage == "english_only" for e in self._papers)
        known = sum(e.coverage in KNOWN for e in self._papers)
        return [
            ("English only, of papers with a class", _divide(english, known)),
            ("English only, of all relevant papers", _divide(english, len(self._papers))),
        ]

    def second_language(self) -> Named:
        rows = {str(row["tag"]): row for row in list_languages(self._papers, self._codebook).rows}
        if "en" not in rows or "zh" not in rows:
            return [("papers on Chinese by papers on English", None)]
        both = [(name, int(rows["zh"][name] or 0), int(rows["en"][name] or 0)) for name in ("papers", "alone")]
        words = {"papers": "alone or in groups", "alone": "alone"}
        return [(f"papers on Chinese by papers on English, {words[n]}", _divide(zh, en)) for n, zh, en in both]

    def gap(self, year: int) -> Named:
        counts = self.counts_of(year)
        english = counts["english_only"]
        return [
            (f"{year}: English only minus all others", float(english - sum(counts[name] for name in OTHERS))),
            (f"{year}: English only minus one non-English language", float(english - counts["one_non_english"])),
            (f"{year}: English only minus multilingual", float(english - counts["multilingual"])),
        ]

    def documented(self, classes: Sequence[CoverageClass], *, stated: bool) -> Named:
        own = [e for e in self._papers if e.label.stated is not None and _class_by_reading(e) in classes]
        counted = sum(e.label.stated is stated for e in own)
        what = "that name their languages" if stated else "that do not"
        return [(f"papers {what}, of those for which it is labelled", _divide(counted, len(own)))]

    def workshop_ratio(self) -> Named:
        return [
            ("share at workshops, by that of English only", self._ratio(("english_only",))),
            (
                "share at workshops, by that of English only and multilingual",
                self._ratio(("english_only", "multilingual")),
            ),
            ("share at workshops, by that of all papers", self._ratio(KNOWN)),
        ]

    def languages(self) -> Named:
        return [("different languages", float(len(list_languages(self._papers, self._codebook).rows)))]

    def afrikaans(self) -> Named:
        return [("papers on Afrikaans", float(sum("af" in (e.label.languages or ()) for e in self._papers)))]

    def alignment_rank(self) -> Named:
        shares: dict[str, float] = {}
        for topic in self._codebook.safety_topics:
            own = [e for e in self._papers if e.label.topic == topic.id and e.coverage in KNOWN]
            share = _divide(sum(e.coverage == "english_only" for e in own), len(own))
            if share is not None:
                shares[topic.id] = share
        if "alignment" not in shares:
            return [("rank of alignment by share of English only", None)]
        return [
            ("rank of alignment by share of English only", 1.0 + sum(s > shares["alignment"] for s in shares.values()))
        ]

    def _ratio(self, classes: Sequence[CoverageClass]) -> float | None:
        first, second = self._share(("one_non_english",)), self._share(classes)
        return first / second if first is not None and second else None

    def _share(self, classes: Sequence[CoverageClass]) -> float | None:
        own = [e for e in self._papers if e.coverage in classes and e.paper.venue_group in (*WORKSHOPS, *CONFERENCES)]
        return _divide(sum(e.paper.venue_group in WORKSHOPS for e in own), len(own))


def _class_by_reading(entry: Labelled) -> CoverageClass | None:
    return entry.label.coverage or entry.coverage


_CLASSES = ("languages|class",)
_COMPUTED: Mapping[str, tuple[Sequence[str], Callable[[_Figures], Named]]] = {
    "papers": ((), lambda figures: figures.papers()),
    "english_share": (_CLASSES, lambda figures: figures.english_share()),
    "second_language": (("languages",), lambda figures: figures.second_language()),
    "gap_2020": (("year", *_CLASSES), lambda figures: figures.gap(2020)),
    "gap_2024": (("year", *_CLASSES), lambda figures: figures.gap(2024)),
    "undocumented_english": (
        ("stated", *_CLASSES),
        lambda figures: figures.documented(("english_only",), stated=False),
    ),
    "documented_others": (("stated", *_CLASSES), lambda figures: figures.documented(OTHERS, stated=True)),
    "workshop_ratio": (("venue", *_CLASSES), lambda figures: figures.workshop_ratio()),
    "languages": (("languages",), lambda figures: figures.languages()),
    "afrikaans": (("languages",), lambda figures: figures.afrikaans()),
    "alignment_most_english": (("topic", *_CLASSES), lambda figures: figures.alignment_rank()),
}


def _check(
    claim: Claim,
    needs: Sequence[str],
    compute: Callable[[_Figures], Named],
    *,
    mapped: Mapped,
    figures: _Figures,
) -> Checked:
    missing = tuple(
        need.replace("|", " or ") for need in needs if not any(field in mapped.fields for field in need.split("|"))
    )
    if not missing and claim.year is not None and claim.year not in figures.years:
        missing = (f"papers of {claim.year}",)
    if missing or not mapped.papers:
        return Checked(claim, (), missing or ("papers",))
    readings = tuple(Reading(words, value, _agrees(claim, value)) for words, value in compute(figures))
    return Checked(claim, readings, ())


def _agrees(claim: Claim, value: float | None) -> bool:
    if value is None:
        return False
    return claim.low <= value <= claim.high or isclose(value, claim.low) or isclose(value, claim.high)


def _divide(part: float, whole: float) -> float | None:
    return part / whole if whole else None
