"""Figures over papers: by year, class, topic, venue and documentation."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

from scipy.stats import norm

from isogloss.stats import wilson_interval
from isogloss.survey.annotations import CLASS_WORDS, CLASSES, KNOWN_CLASSES, Annotation, CoverageClass
from isogloss.survey.codebook import Codebook
from isogloss.survey.coverage_record import Cell, Column, CoverageTable, Definition, Statistic
from isogloss.survey.coverage_trend import Trend, compare_trends, fit_trend
from isogloss.survey.records import Paper

WORKSHOPS = ("workshops",)
CONFERENCES = ("main", "findings")
OTHERS: tuple[CoverageClass, ...] = ("one_non_english", "multilingual")
KNOWN = KNOWN_CLASSES
WILSON = "Wilson's interval"
Bounds = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A relevant paper, its label, and the class that counts under the codebook."""

    paper: Paper
    label: Annotation
    coverage: CoverageClass | None


def say_unstated(codebook: Codebook) -> str:
    """How papers count that do not name their languages, in a sentence for definitions."""
    if codebook.unstated == "apart":
        return (
            "Papers that do not name their languages form a class of their own, 'unstated', which is in the "
            "denominator and in no other class. Undetermined papers are left out."
        )
    return (
        "Papers that do not name their languages count in the class of the languages that the annotator found "
        "by reading; papers whose languages could not be determined are left out."
    )


def head_class(name: str) -> str:
    """The words for a class at the head of a column."""
    words = CLASS_WORDS[name]
    return words[0].upper() + words[1:]


def shown_classes(codebook: Codebook) -> tuple[CoverageClass, ...]:
    """The classes that can occur under the codebook's policy."""
    return tuple(name for name in CLASSES if name != "unstated" or codebook.unstated == "apart")


def measure_english(papers: Sequence[Labelled], codebook: Codebook, confidence: float) -> list[Statistic]:
    """The share of papers on English alone, and of those on more than one language."""
    counted = _with_class(papers, codebook)
    return [
        share_statistic(
            f"share_{name}",
            f"Share of papers: {CLASS_WORDS[name]}",
            sum(entry.coverage == name for entry in counted),
            len(counted),
            confidence,
            Definition(
                numerator=f"relevant papers of the class '{CLASS_WORDS[name]}'",
                denominator="relevant papers with a class",
                unstated=say_unstated(codebook),
                method=WILSON,
            ),
        )
        for name in KNOWN
    ]


def count_years(papers: Sequence[Labelled], codebook: Codebook, published: Mapping[int, int] | None) -> CoverageTable:
    """Papers per year by class, beside the papers published, with the gap between English only and the rest."""
    classes = shown_classes(codebook)
    years = sorted({entry.paper.year for entry in papers if entry.paper.year is not None} | set(published or {}))
    rows: list[dict[str, Cell]] = []
    for year in years:
        counts = Counter(entry.coverage for entry in papers if entry.paper.year == year and entry.coverage)
        english, others = counts["english_only"], sum(counts[name] for name in OTHERS)
        total = (published or {}).get(year)
        rows.append(
            {
                "year": year,
                **{name: counts[name] for name in classes},
                "gap": english - others,
                "published": total,
                "english_per_1000": 1000 * english / total if total else None,
                "others_per_1000": 1000 * others / total if total else None,
            }
        )
    return CoverageTable(
        id="years",
        title="Papers per year by class",
        definition=Definition(
            numerator="relevant papers of the year by class; gap: English only minus (one non-English plus "
            "multilingual)",
            denominator="none for counts; the papers published in the query's scope that year for rates per 1,000",
            unstated=say_unstated(codebook),
        ),
        columns=(
            Column(name="year", heading="Year", kind="text"),
            *(Column(name=name, heading=head_class(name), kind="count") for name in classes),
            Column(name="gap", heading="Gap", kind="count"),
            Column(name="published", heading="Published", kind="count"),
            Column(name="english_per_1000", heading="English only per 1,000", kind="number"),
            Column(name="others_per_1000", heading="Others per 1,000", kind="number"),
        ),
        rows=tuple(rows),
    )


def measure_trend(
    papers: Sequence[Labelled], codebook: Codebook, published: Mapping[int, int] | None, confidence: float
) -> list[Statistic]:
    """How fast English-only papers and all others grow among the papers published, and whether they part."""
    years = sorted(published or {})
    totals = [(published or {})[year] for year in years]

    def fit(classes: tuple[CoverageClass, ...]) -> Trend:
        counts = [sum(e.paper.year == year and e.coverage in classes for e in papers) for year in years]
        return fit_trend(counts, totals, years, confidence=confidence)

    english, others = fit(("english_only",)), fit(OTHERS)
    method = (
        "Poisson regression on the year with the logarithm of the papers published as offset; standard errors "
        "widened where counts scatter more"
    )
    rows = (
        ("trend_english", "Yearly growth of English-only papers, among all published", "English-only papers", english),
        ("trend_others", "Yearly growth of all other papers, among all published", "other papers", others),
        (
            "trend_gap",
            "Growth of English-only papers by that of others",
            "the first growth divided by the second; above 1 the gap widens in proportion",
            compare_trends(english, others, confidence=confidence),
        ),
    )
    return [
        Statistic(
            id=name,
            title=title,
            kind="ratio",
            value=trend.ratio,
            n=trend.years,
            interval=trend.interval,
            reason=trend.reason if published else "the papers published per year were not given",
            definition=Definition(
                numerator=f"rate of a year by the rate of the year before: {what}",
                denominator="papers published in the query's scope in the same year",
                unstated=say_unstated(codebook),
                method=method,
            ),
        )
        for name, title, what, trend in rows
    ]


def cross_topics(papers: Sequence[Labelled], codebook: Codebook, confidence: float) -> CoverageTable:
    """Topic by class, with the share of English only in each topic."""
    classes = shown_classes(codebook)
    rows: list[dict[str, Cell]] = []
    for topic in codebook.safety_topics:
        own = [entry for entry in papers if entry.label.topic == topic.id]
        counts = Counter(entry.coverage for entry in own if entry.coverage)
        counted = len(_with_class(own, codebook))
        rows.append(
            {
                "topic": topic.label,
                **{name: counts[name] for name in classes},
                "papers": len(own),
                **share_cells("english_share", counts["english_only"], counted, confidence),
            }
        )
    return CoverageTable(
        id="topics",
        title="Topic by class",
        definition=Definition(
            numerator="relevant papers with this primary topic, by class; share: those on English only",
            denominator="for the share, papers of the topic with a class",
            unstated=say_unstated(codebook),
            method=WILSON,
        ),
        columns=(
            Column(name="topic", heading="Topic", kind="text"),
            *(Column(name=name, heading=head_class(name), kind="count") for name in classes),
            Column(name="papers", heading="Papers", kind="count"),
            Column(name="english_share", heading="English only (%)", kind="share"),
        ),
        rows=tuple(rows),
    )


def measure_documentation(papers: Sequence[Labelled], confidence: float) -> tuple[CoverageTable, list[Statistic]]:
    """How often a paper names the languages it studies, by the class of what it studies."""
    definition = Definition(
        numerator="relevant papers that state which languages they study",
        denominator="relevant papers of the class for which this was labelled",
        unstated="Classes here are always those of the languages found by reading, whatever the codebook's "
        "policy: a paper that states nothing would otherwise be in no class.",
        method=WILSON,
    )
    rows: list[dict[str, Cell]] = []
    statistics: list[Statistic] = []
    for name in (*KNOWN, "undetermined"):
        own = [e for e in papers if e.label.coverage == name and e.label.stated is not None]
        stated = sum(entry.label.stated is True for entry in own)
        words = CLASS_WORDS[name]
        rows.append(
            {"class": words, "stated": stated, "papers": len(own), **share_cells("rate", stated, len(own), confidence)}
        )
        if name in KNOWN:
            title = f"Papers that state their languages: {words}"
            statistics.append(share_statistic(f"documented_{name}", title, stated, len(own), confidence, definition))
    table = CoverageTable(
        id="documentation",
        title="Documentation: does the paper say which languages?",
        definition=definition,
        columns=(
            Column(name="class", heading="Class", kind="text"),
            Column(name="stated", heading="Stated", kind="count"),
            Column(name="papers", heading="Papers", kind="count"),
            Column(name="rate", heading="Documentation rate (%)", kind="share"),
        ),
        rows=tuple(rows),
    )
    return table, statistics


def measure_venues(
    papers: Sequence[Labelled], codebook: Codebook, confidence: float
) -> tuple[CoverageTable, list[Statistic]]:
    """Workshop papers against conference papers by class, and the ratio of non-English monolingual papers to others."""
    placed = [e for e in papers if e.coverage and e.paper.venue_group in (*WORKSHOPS, *CONFERENCES)]
    definition = Definition(
        numerator="relevant papers at workshops",
        denominator="relevant papers at workshops and conferences (main and findings) with a class; journals "
        "and other venues are left out",
        unstated=say_unstated(codebook),
        method=WILSON,
    )
    rows: list[dict[str, Cell]] = []
    for name in shown_classes(codebook):
        workshops, total = _count_workshops(placed, (name,))
        cells = share_cells("share", workshops, total, confidence)
        rows.append({"class": CLASS_WORDS[name], "workshops": workshops, "conferences": total - workshops, **cells})
    table = CoverageTable(
        id="venues",
        title="Workshop against conference",
        definition=definition,
        columns=(
            Column(name="class", heading="Class", kind="text"),
            Column(name="workshops", heading="Workshops", kind="count"),
            Column(name="conferences", heading="Conferences", kind="count"),
            Column(name="share", heading="At workshops (%)", kind="share"),
        ),
        rows=tuple(rows),
    )
    pairs: tuple[tuple[str, str, tuple[CoverageClass, ...]], ...] = (
        ("workshop_ratio", "English-only papers", ("english_only",)),
        ("workshop_ratio_rest", "English-only and multilingual papers", ("english_only", "multilingual")),
    )
    ratios = [
        _compare_workshops(name, words, placed, classes, definition, confidence) for name, words, classes in pairs
    ]
    return table, ratios


def share_statistic(
    name: str, title: str, part: int, whole: int, confidence: float, definition: Definition
) -> Statistic:
    """A share with its Wilson interval; undefined where there is nothing to count."""
    if not whole:
        return Statistic(
            id=name, title=title, kind="share", value=None, n=0, reason="no such papers", definition=definition
        )
    bounds = wilson_interval(part / whole, whole, confidence=confidence)
    return Statistic(
        id=name, title=title, kind="share", value=part / whole, n=whole, interval=bounds, definition=definition
    )


def ratio_interval(part: int, whole: int, other_part: int, other_whole: int, *, confidence: float) -> Bounds | None:
    """Interval for the ratio of two independent proportions; None where a count of successes is 0.

    Source: Katz et al. 1978, the logarithm of the ratio is taken for normal.
    """
    if not part or not other_part:
        return None
    error = sqrt(1 / part - 1 / whole + 1 / other_part - 1 / other_whole)
    centre, reach = log(part / whole / (other_part / other_whole)), float(norm.ppf(0.5 + confidence / 2)) * error
    return (exp(centre - reach), exp(centre + reach))


def _compare_workshops(
    name: str,
    words: str,
    placed: Sequence[Labelled],
    classes: tuple[CoverageClass, ...],
    definition: Definition,
    confidence: float,
) -> Statistic:
    part, whole = _count_workshops(placed, ("one_non_english",))
    other_part, other_whole = _count_workshops(placed, classes)
    defined = whole > 0 and other_part > 0
    bounds = ratio_interval(part, whole, other_part, other_whole, confidence=confidence) if defined else None
    reason = "" if bounds else "no workshop papers in one of the two groups"
    return Statistic(
        id=name,
        title=f"Workshop share of papers on one non-English language, by that of {words}",
        kind="ratio",
        value=(part / whole) / (other_part / other_whole) if defined else None,
        n=whole + other_whole,
        interval=bounds,
        reason=reason,
        definition=Definition(
            numerator="share of papers on one non-English language that are at workshops",
            denominator=f"the same share of {words}",
            unstated=definition.unstated,
            method="interval of the logarithm of the ratio (Katz); 1.46 reads '46 % more likely'",
        ),
    )


def _count_workshops(placed: Sequence[Labelled], classes: tuple[CoverageClass, ...]) -> tuple[int, int]:
    own = [entry for entry in placed if entry.coverage in classes]
    return sum(entry.paper.venue_group in WORKSHOPS for entry in own), len(own)


def _with_class(papers: Iterable[Labelled], codebook: Codebook) -> list[Labelled]:
    """Papers in a denominator: those with known languages, and the unstated where they are a class."""
    counted = (*KNOWN, "unstated") if codebook.unstated == "apart" else KNOWN
    return [entry for entry in papers if entry.coverage in counted]


def share_cells(name: str, part: int, whole: int, confidence: float) -> dict[str, Cell]:
    """Cells of a share and its Wilson limits, all empty where there is nothing to count."""
    if not whole:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    low, high = wilson_interval(part / whole, whole, confidence=confidence)
    return {name: part / whole, f"{name}_low": low, f"{name}_high": high}
