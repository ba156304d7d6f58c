"""How the total of a query moves with scope, word boundary and searched fields, counted in the pass that runs it."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from isogloss.survey.duplicates import list_keys
from isogloss.survey.matching import Matcher
from isogloss.survey.query import Match, Query, SearchField
from isogloss.survey.records import Paper

_MATCHES: tuple[Match, ...] = ("whole_word", "substring")
_FIELDS: tuple[tuple[SearchField, ...], ...] = (
    ("abstract",),
    ("title", "abstract"),
    ("title",),
    ("title", "abstract", "full_text"),
)
_ACL_CORE = ("main", "findings", "journals")


@dataclass(frozen=True, slots=True)
class Variant:
    """One row of the table.

    Attributes:
        scope: which venues, in words.
        match: "whole_word" or "substring".
        fields: the searched fields.
        records: how many records the variant selects, without duplicates and before anybody sets any aside.
        by_year: the same by year.
        is_query: whether the row is the query itself.
        difference: records minus those of the query.
        papers: papers in scope, whatever they say.
        unseen: of these, papers that hold none of the searched fields.
    """

    scope: str
    match: Match
    fields: tuple[SearchField, ...]
    records: int
    by_year: dict[int, int]
    is_query: bool
    difference: int
    papers: int
    unseen: int


@dataclass(slots=True)
class _Tally:
    """The counts of one variant; ``bit`` is its place in the masks below."""

    scope: str
    match: Match
    fields: tuple[SearchField, ...]
    bit: int
    by_year: Counter[int] = field(default_factory=Counter)


class Sensitivity:
    """Fills up while papers pass; memory grows with the records that any variant selects, not with those read."""

    def __init__(self, query: Query, matcher: Matcher) -> None:
        self._query = query
        self._matcher = matcher
        self._scopes = _list_scopes(query)
        self._field_sets = tuple(dict.fromkeys((query.fields, *_FIELDS)))
        self._tallies = [
            _Tally(scope, match, chosen, 0)
            for scope in self._scopes
            for chosen in self._field_sets
            for match in _MATCHES
        ]
        for number, tally in enumerate(self._tallies):
            tally.bit = 1 << number
        # For the keys of each record selected by any variant: the variants that selected it, as a mask of bits.
        self._seen: dict[int, int] = {}
        self._papers: Counter[str] = Counter()
        self._unseen: Counter[tuple[str, tuple[SearchField, ...]]] = Counter()
        self._has_full_text = False

    def add(self, paper: Paper) -> None:
        """Count a paper of the query's years in every variant that selects it."""
        scopes = {name for name, holds in self._scopes.items() if holds(paper)}
        if not scopes or paper.year is None:
            return
        self._papers.update(scopes)
        self._has_full_text |= paper.full_text is not None
        for chosen in self._field_sets:
            if not any(getattr(paper, name) for name in chosen):
                self._unseen.update((scope, chosen) for scope in scopes)
        found = self._find(paper)
        if found:
            chosen_by = [
                tally for tally in self._tallies if tally.scope in scopes and (tally.fields, tally.match) in found
            ]
            known = self._remember(paper, sum(tally.bit for tally in chosen_by))
            for tally in chosen_by:
                tally.by_year[paper.year] += not tally.bit & known

    def rows(self) -> tuple[Variant, ...]:
        """The table: the query first, then the others; without full text where no paper has one."""
        query = self._query
        mine = (_scope_name(query), query.match, query.fields)
        base = next(tally for tally in self._tallies if (tally.scope, tally.match, tally.fields) == mine)
        total = sum(base.by_year.values())
        rows = [
            Variant(
                scope=tally.scope,
                match=tally.match,
                fields=tally.fields,
                records=sum(tally.by_year.values()),
                by_year={year: tally.by_year[year] for year in range(query.first_year, query.last_year + 1)},
                is_query=tally is base,
                difference=sum(tally.by_year.values()) - total,
                papers=self._papers[tally.scope],
                unseen=self._unseen[tally.scope, tally.fields],
            )
            for tally in self._tallies
            if self._has_full_text or "full_text" not in tally.fields or tally is base
        ]
        return tuple(sorted(rows, key=lambda row: not row.is_query))

    def _find(self, paper: Paper) -> set[tuple[tuple[SearchField, ...], Match]]:
        """The combinations of fields and match that find the terms in a paper."""
        everything = self._matcher.prepare(paper, ("title", "abstract", "full_text"))
        # Every combination finds a subset of this one; most papers end here.
        if not self._matcher.matches(everything, "substring"):
            return set()
        return {
            (chosen, match)
            for chosen in self._field_sets
            for text in (self._matcher.prepare(paper, chosen),)
            for match in _MATCHES
            if self._matcher.matches(text, match)
        }

    def _remember(self, paper: Paper, mask: int) -> int:
        """Which of these variants had selected the paper before."""
        keys = [hash(key) for _, key in list_keys(paper, self._query.duplicates_by)]
        known = 0
        for key in keys:
            known |= self._seen.get(key, 0)
            self._seen[key] = self._seen.get(key, 0) | mask
        return known


def render_sensitivity(rows: Sequence[Variant]) -> str:
    """The table as CSV: one line a variant, years as columns."""
    years = sorted({year for row in rows for year in row.by_year})
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    header = ["scope", "match", "fields", "records", "difference", "is_query", "papers_in_scope", "papers_unseen"]
    table.writerow([*header, *(f"records_{year}" for year in years)])
    for row in rows:
        cells = [row.scope, row.match, "+".join(row.fields), row.records, row.difference, int(row.is_query)]
        table.writerow([*cells, row.papers, row.unseen, *(row.by_year[year] for year in years)])
    return text.getvalue()


def in_scope(query: Query, paper: Paper) -> bool:
    """Whether the venue of a paper belongs to the scope of a query."""
    return paper.venue_group in query.venue_groups and (paper.acl_family or not query.acl_family_only)


def _scope_name(query: Query) -> str:
    family = "ACL family" if query.acl_family_only else "any venue"
    return f"query: {family}, {', '.join(query.venue_groups)}"


def _list_scopes(query: Query) -> dict[str, Callable[[Paper], bool]]:
    return {
        _scope_name(query): lambda paper: in_scope(query, paper),
        "every venue": lambda _: True,
        "ACL family with workshops": lambda paper: paper.acl_family,
        "ACL family without workshops": lambda paper: paper.acl_family and paper.venue_group in _ACL_CORE,
        "ACL main conferences": lambda paper: paper.acl_family and paper.venue_group == "main",
        "workshops of any host": lambda paper: paper.venue_group == "workshops",
    }
