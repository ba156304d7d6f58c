"""What happened while papers were read: everything that was counted, skipped or guessed, never silently."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

SHOWN = 8


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a source that could not be read and was skipped.

    Attributes:
        place: file and line: "2021.acl.xml, line 12".
        what: what was found and what was skipped, as a sentence.
    """

    place: str
    what: str


@dataclass(slots=True)
class LoadReport:
    """Fills up while papers are read; complete once the last paper has been taken.

    Attributes:
        problems: what was skipped, with file and line.
        not_papers: front and back matter, by kind.
        unknown_venues: papers under tags that the venue table does not know.
        untagged: volumes without venue tags, whose venue was taken from their id.
        unhosted: papers of workshops for which the data name no host event.
        collections: ids of the Anthology collections read, such as "2021.acl".
        volumes: ids of the Anthology volumes read.
        colocated: ids of the volumes that events list, read or not.
        commits: data commit by source, where the source is a clone.
        sources: names of the sources, in the order in which they were read.
    """

    problems: list[Problem] = field(default_factory=list)
    not_papers: Counter[str] = field(default_factory=Counter)
    unknown_venues: Counter[str] = field(default_factory=Counter)
    untagged: list[str] = field(default_factory=list)
    unhosted: int = 0
    collections: set[str] = field(default_factory=set)
    volumes: set[str] = field(default_factory=set)
    colocated: set[str] = field(default_factory=set)
    commits: dict[str, str] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)

    def add_problem(self, place: str, what: str) -> None:
        """Note what was skipped, and where."""
        self.problems.append(Problem(place, what))

    def describe(self) -> list[str]:
        """One sentence for each kind of thing that a reader of the counts should know."""
        said = [f"Skipped: {problem.place}: {problem.what}" for problem in self.problems]
        if self.unknown_venues:
            papers = sum(self.unknown_venues.values())
            listed = name_some([f"{tag} ({n})" for tag, n in self.unknown_venues.most_common()])
            said.append(
                f"{papers} papers of {len(self.unknown_venues)} unknown venues: {listed}. Without an event that lists "
                "their volume they are in the group 'other'; add the tags to a venue table (--venues)."
            )
        if self.untagged:
            listed = name_some(self.untagged)
            said.append(f"{len(self.untagged)} volumes carry no venue tag; it was taken from their id: {listed}.")
        if self.unhosted:
            said.append(
                f"{self.unhosted} workshop papers without a host event in the data: whether they belong to the ACL "
                "family is what the venue table says of the workshop."
            )
        return said

    def as_json(self) -> dict[str, Any]:
        """The same as JSON-able values."""
        return {
            "sources": self.sources,
            "commits": self.commits,
            "collections": len(self.collections),
            "volumes": len(self.volumes),
            "not_papers": dict(sorted(self.not_papers.items())),
            "problems": [{"place": problem.place, "what": problem.what} for problem in self.problems],
            "unknown_venues": dict(sorted(self.unknown_venues.items())),
            "volumes_without_venue_tag": self.untagged,
            "workshop_papers_without_host": self.unhosted,
        }


def name_some(names: list[str]) -> str:
    """The first names of a list, and how many more there are."""
    rest = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
