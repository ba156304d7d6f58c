"""How literature covers languages: counts, rates and trends over labelled papers, each with its definition."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from isogloss.core.errors import BrokenInput
from isogloss.survey.annotations import CoverageClass, derive_class
from isogloss.survey.annotations_adjudication import Settlement, require_settled
from isogloss.survey.codebook import Codebook
from isogloss.survey.coverage_languages import list_languages, list_speakers, list_tiers, measure_languages
from isogloss.survey.coverage_papers import (
    Labelled,
    count_years,
    cross_topics,
    measure_documentation,
    measure_english,
    measure_trend,
    measure_venues,
)
from isogloss.survey.coverage_record import CoverageRecord
from isogloss.survey.records import Paper

SHOWN = 5


@dataclass(frozen=True, slots=True)
class _Sorted:
    """Papers by what became of them."""

    kept: list[Labelled]
    counts: dict[str, int]


def measure_coverage(
    papers: Iterable[Paper],
    settlement: Settlement,
    codebook: Codebook,
    *,
    title: str,
    published: Mapping[int, int] | None = None,
    confidence: float = 0.95,
    inputs: Mapping[str, str] | None = None,
) -> CoverageRecord:
    """Measure everything about coverage that the labels can carry.

    Only labels of people count. A paper that is not about safety is left out, a paper without a label is counted and
    left out.

    Args:
        papers: that were screened, for year and venue.
        settlement: the labels; nobody's may be left undecided.
        codebook: policies for language tags and for papers that do not state their languages.
        title: of the survey.
        published: papers published by year in the scope of the query; without it there is no trend.
        confidence: of all intervals, two-sided.
        inputs: fingerprints of files, for the record.

    Raises:
        BrokenInput: conflicting labels are undecided, or labels name papers that are not among ``papers``.
    """
    found = _sort_papers(list(papers), settlement, codebook)
    warnings = _list_warnings(found, settlement, published)
    languages = list_languages(found.kept, codebook)
    years = count_years(found.kept, codebook, published)
    documentation, documentation_rates = measure_documentation(found.kept, confidence)
    venues, venue_rates = measure_venues(found.kept, codebook, confidence)
    speakers, speaker_rates = list_speakers(languages, codebook)
    tiers = list_tiers(languages, codebook, confidence)
    return CoverageRecord(
        title=title,
        codebook=codebook.as_json(),
        confidence=confidence,
        papers=found.counts,
        statistics=(
            *measure_english(found.kept, codebook, confidence),
            *documentation_rates,
            *measure_languages(languages),
            *venue_rates,
            *measure_trend(found.kept, codebook, published, confidence),
            *speaker_rates,
        ),
        tables=(
            years,
            languages,
            cross_topics(found.kept, codebook, confidence),
            documentation,
            venues,
            tiers,
            speakers,
        ),
        warnings=tuple(warnings),
        inputs=dict(inputs or {}),
    )


def _sort_papers(papers: list[Paper], settlement: Settlement, codebook: Codebook) -> _Sorted:
    labels = require_settled(settlement)
    known = {paper.id for paper in papers}
    strangers = sorted(labels.keys() - known)
    if strangers:
        raise BrokenInput(
            f"{len(strangers)} labelled papers are not among the papers: {', '.join(strangers[:SHOWN])}. "
            "Do papers and labels belong to the same survey?"
        )
    counts: Counter[str] = Counter(screened=len(papers))
    kept: list[Labelled] = []
    for paper in papers:
        label = labels.get(paper.id)
        if label is None:
            counts["not labelled"] += 1
        elif label.relevant is False:
            counts["not related to safety"] += 1
        else:
            coverage: CoverageClass | None = derive_class(label.languages, label.stated, unstated=codebook.unstated)
            counts["relevant"] += 1
            if coverage is None:
                counts["languages not labelled"] += 1
            kept.append(Labelled(paper, label, coverage))
    return _Sorted(kept, dict(counts))


def _list_warnings(found: _Sorted, settlement: Settlement, published: Mapping[int, int] | None) -> list[str]:
    said: list[str] = []
    missing = found.counts.get("not labelled", 0)
    if missing:
        said.append(f"{missing} of {found.counts['screened']} papers carry no label and are left out of every figure.")
    if found.counts.get("languages not labelled"):
        said.append(f"{found.counts['languages not labelled']} relevant papers carry no label of languages.")
    if settlement.suggestions:
        said.append(f"{settlement.suggestions} annotations are suggestions by rules or models; they never count.")
    single = sum(settled.how == "one annotator" for settled in settlement.papers.values())
    if single and single < len(settlement.papers):
        said.append(f"{single} of {len(settlement.papers)} papers were labelled by one person alone.")
    elif single:
        said.append("Every paper was labelled by one person alone: nothing says how sure the labels are.")
    without = sum(entry.paper.year is None for entry in found.kept)
    if without:
        said.append(f"{without} relevant papers have no year and are in no figure by year.")
    if not published:
        said.append(
            "No counts of published papers were given, so that nothing is normalised by the growth of the field."
        )
    versions = {settled.label.codebook for settled in settlement.papers.values() if settled.label.codebook}
    if len(versions) > 1:
        said.append(f"Labels were made under several versions of the codebook: {', '.join(sorted(versions))}.")
    return said
