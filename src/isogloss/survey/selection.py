"""Run a query over papers in one pass: what it selects, what was counted on the way, and what to be wary of."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from isogloss.core.errors import BrokenInput
from isogloss.survey.counts import PrismaCounts
from isogloss.survey.duplicates import Duplicates
from isogloss.survey.loading import LoadReport, name_some
from isogloss.survey.matching import Matcher
from isogloss.survey.query import Query
from isogloss.survey.records import Paper
from isogloss.survey.sensitivity import Sensitivity, Variant, in_scope
from isogloss.survey.venues import VenueTable, default_venues

RETRACTED = "retracted or removed"
NO_YEAR = "year unknown"
OTHER_YEAR = "year outside the query's"
OTHER_VENUE = "venue outside the query's groups"
NOT_FAMILY = "venue outside the ACL family"
NO_TEXT = "none of the searched fields present"
NO_MATCH = "terms not found"


@dataclass(frozen=True, slots=True)
class Published:
    """How much was published in one year and group within the scope of the query: the denominators of a survey.

    Attributes:
        year: of publication.
        group: one of ``records.GROUPS``.
        papers: in scope, whatever they say; retracted ones are left out unless the query keeps them, duplicates are not
            looked for.
        without_abstract: of these, papers whose abstract the source does not hold.
        selected: of these, papers that the query included.
    """

    year: int
    group: str
    papers: int
    without_abstract: int
    selected: int


@dataclass(frozen=True, slots=True)
class Missing:
    """What the source lacks within the years of the query.

    Attributes:
        collections: Anthology collections that a complete copy holds.
        volumes: volumes that the source's own events list as co-located and that it does not hold.
    """

    collections: tuple[str, ...]
    volumes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QueryRun:
    """What a query found.

    Attributes:
        query: as it was run.
        papers: the records included, in the order of the source.
        set_aside: the records that the query's exclusion list removed, with its reasons.
        counts: at every step.
        published: papers in scope by year and group.
        sensitivity: how the total moves.
        missing: what the source lacks.
        warnings: one sentence each.
    """

    query: Query
    papers: tuple[Paper, ...]
    set_aside: tuple[tuple[Paper, str], ...]
    counts: PrismaCounts
    published: tuple[Published, ...]
    sensitivity: tuple[Variant, ...]
    missing: Missing
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Counts, denominators and gaps as JSON-able values; the papers are a file of their own."""
        return {
            "schema": 1,
            "query": self.query.name,
            **self.counts.as_json(),
            "published": [
                {
                    "year": row.year,
                    "group": row.group,
                    "papers": row.papers,
                    "without_abstract": row.without_abstract,
                    "selected": row.selected,
                }
                for row in self.published
            ],
            "missing_collections": list(self.missing.collections),
            "missing_volumes": list(self.missing.volumes),
            "set_aside": [{"id": paper.id, "reason": reason} for paper, reason in self.set_aside],
            "warnings": list(self.warnings),
        }


def run_query(
    papers: Iterable[Paper], query: Query, *, report: LoadReport | None = None, venues: VenueTable | None = None
) -> QueryRun:
    """Select papers in one pass. Memory grows with the papers selected, not with those read.

    Args:
        papers: from ``load_source`` or any other iterable.
        query: what to select.
        report: the one that the loader fills while this function takes its papers; without it, gaps of the source
            cannot be named.
        venues: the table that knows which collections a complete copy holds; by default the bundled one.

    Raises:
        BrokenInput: the query insists on a state of the clone, and the clone's is another.
    """
    _check_commit(query, report)
    screen = _Pass(query)
    for paper in papers:
        screen.take(paper)
    missing = _find_missing(query, report, venues or default_venues())
    return screen.finish(report, missing)


class _Pass:
    """The state of one pass over the papers."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._matcher = Matcher.of(query)
        self._sensitivity = Sensitivity(query, self._matcher)
        self._duplicates = Duplicates(query.duplicates_by)
        self._by_id = {entry.id: entry.reason for entry in query.exclude if entry.id is not None}
        self._by_volume = {entry.volume: entry.reason for entry in query.exclude if entry.volume is not None}
        self._used: set[str] = set()
        self._identified: Counter[str] = Counter()
        self._automatic: Counter[str] = Counter()
        self._other: Counter[str] = Counter()
        self._same: Counter[str] = Counter()
        self._published: Counter[tuple[int, str]] = Counter()
        self._blank: Counter[tuple[int, str]] = Counter()
        self._lacking: Counter[str] = Counter()
        self._kept: list[Paper] = []
        self._set_aside: list[tuple[Paper, str]] = []

    def take(self, paper: Paper) -> None:
        """Count one record at the first step that removes it, or keep it."""
        self._identified[paper.source or "unnamed source"] += 1
        if paper.retracted is not None and not self._query.retracted:
            self._other[RETRACTED] += 1
            return
        if paper.year is None or not self._query.first_year <= paper.year <= self._query.last_year:
            self._automatic[NO_YEAR if paper.year is None else OTHER_YEAR] += 1
            return
        self._sensitivity.add(paper)
        if not in_scope(self._query, paper):
            outside = paper.venue_group not in self._query.venue_groups
            self._automatic[OTHER_VENUE if outside else NOT_FAMILY] += 1
            return
        self._count_published(paper, paper.year)
        text = self._matcher.prepare(paper, self._query.fields)
        if not text:
            self._automatic[NO_TEXT] += 1
        elif not self._matcher.matches(text, self._query.match):
            self._automatic[NO_MATCH] += 1
        else:
            self._screen(paper)

    def finish(self, report: LoadReport | None, missing: Missing) -> QueryRun:
        """The result, once every paper was taken."""
        counts = PrismaCounts(
            identified=dict(self._identified),
            removed_automatically=dict(self._automatic),
            removed_otherwise=dict(self._other),
            duplicates=dict(self._same),
            excluded=dict(Counter(reason for _, reason in self._set_aside)),
        )
        chosen = Counter((paper.year, paper.venue_group) for paper in self._kept)
        published = tuple(
            Published(year, group, papers, self._blank[year, group], chosen[year, group])
            for (year, group), papers in sorted(self._published.items())
        )
        warnings = [*self._list_warnings(counts), *_describe_missing(missing), *(report.describe() if report else [])]
        return QueryRun(
            query=self._query,
            papers=tuple(self._kept),
            set_aside=tuple(self._set_aside),
            counts=counts,
            published=published,
            sensitivity=self._sensitivity.rows(),
            missing=missing,
            warnings=tuple(warnings),
        )

    def _count_published(self, paper: Paper, year: int) -> None:
        self._published[year, paper.venue_group] += 1
        self._blank[year, paper.venue_group] += paper.abstract is None
        for name in self._query.fields:
            self._lacking[name] += not getattr(paper, name)

    def _screen(self, paper: Paper) -> None:
        same = self._duplicates.add(paper)
        if same is not None:
            self._same[f"same {same}"] += 1
            return
        reason = self._by_id.get(paper.id)
        if reason is not None:
            self._used.add(paper.id)
        elif paper.volume is not None and paper.volume in self._by_volume:
            reason = self._by_volume[paper.volume]
            self._used.add(paper.volume)
        if reason is None:
            self._kept.append(paper)
        else:
            self._set_aside.append((paper, reason))

    def _list_warnings(self, counts: PrismaCounts) -> list[str]:
        said: list[str] = []
        papers = sum(self._published.values())
        if not counts.records:
            said.append("The source holds no papers.")
        elif not papers:
            said.append("No paper is within the years and venues of the query.")
        for name, lacking in self._lacking.items():
            if lacking:
                share = 100 * lacking / papers
                said.append(
                    f"{lacking} of {papers} papers in scope ({share:.1f} %) have no {name.replace('_', ' ')}: the "
                    "query cannot see what it says."
                )
        if self._automatic[NO_YEAR]:
            said.append(f"{self._automatic[NO_YEAR]} records have no year and were left out.")
        unused = [name for name in (*self._by_id, *self._by_volume) if name not in self._used]
        if unused:
            said.append(
                f"{len(unused)} entries of the exclusion list match no selected record: {name_some(unused)}. Are they "
                "spelt right?"
            )
        return said


def _check_commit(query: Query, report: LoadReport | None) -> None:
    if query.data_commit is None or report is None:
        return
    for source, commit in report.commits.items():
        if commit != query.data_commit:
            raise BrokenInput(
                f"The query insists on commit {query.data_commit[:12]} of the data, the clone of '{source}' is at "
                f"{commit[:12]}. Check out that commit, or remove [data] commit from the query."
            )


def _find_missing(query: Query, report: LoadReport | None, venues: VenueTable) -> Missing:
    if report is None or not report.collections:
        return Missing((), ())
    years = {str(year) for year in range(query.first_year, query.last_year + 1)}
    expected = venues.list_expected(query.first_year, query.last_year, query.venue_groups)
    collections = [name for name in expected if name not in report.collections]
    volumes = [
        name
        for name in report.colocated - report.volumes
        if name[:4] in years and name.split("-")[0] not in collections
    ]
    return Missing(tuple(collections), tuple(sorted(volumes)))


def _describe_missing(missing: Missing) -> list[str]:
    said: list[str] = []
    if missing.collections:
        said.append(
            f"{len(missing.collections)} collections that a complete Anthology holds are not in the source: "
            f"{name_some(list(missing.collections))}. The counts are those of an incomplete copy."
        )
    if missing.volumes:
        said.append(
            f"{len(missing.volumes)} volumes that events list as co-located are not in the source: "
            f"{name_some(list(missing.volumes))}."
        )
    return said
