"""Which group a venue belongs to, and whether it is of the ACL family: a reviewed table, read from TOML."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from isogloss.core.errors import BrokenInput, UnknownName
from isogloss.survey.loading import LoadReport
from isogloss.survey.records import GROUPS

SCHEMA = 1
# A volume with several tags belongs to the first of these groups that one of its tags belongs to.
_PRECEDENCE = ("findings", "journals", "workshops", "main", "other")

Tags = Annotated[list[Annotated[str, Field(pattern=r"^[a-z0-9]+$")]], Field(default_factory=list)]


class _GroupTable(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    acl: Tags
    chapters: Tags
    series: Tags
    elsewhere: Tags


class _VenueFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_number: Annotated[Literal[1], Field(alias="schema")]
    main: _GroupTable
    findings: _GroupTable
    workshops: _GroupTable
    journals: _GroupTable
    other: _GroupTable
    letters: dict[str, str] = Field(default_factory=dict)
    expected: dict[int, list[str]] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Venue:
    """One tag of the table.

    Attributes:
        group: one of ``GROUPS``.
        acl_family: whether it belongs to the ACL family where no event says otherwise.
        chapter: whether it is a regional chapter of the association.
        follows_host: whether an event that lists a volume decides in place of ``acl_family``.
    """

    group: str
    acl_family: bool
    chapter: bool = False
    follows_host: bool = False


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a volume belongs.

    Attributes:
        group: one of ``GROUPS``.
        acl_family: whether it belongs to the ACL family.
        unknown: its tags that the table does not hold.
        host_missing: whether the host event would have decided, and the data name none.
    """

    group: str
    acl_family: bool
    unknown: tuple[str, ...] = ()
    host_missing: bool = False


@dataclass(frozen=True, slots=True)
class VenueTable:
    """The table; ``place`` answers what a volume is."""

    venues: Mapping[str, Venue]
    letters: Mapping[str, str]
    expected: Mapping[int, tuple[str, ...]]

    def place(self, tags: Iterable[str], events: Iterable[str] = ()) -> Placement:
        """Say to which group a volume belongs, and whether to the ACL family.

        Args:
            tags: venue tags of the volume, in lower case.
            events: ids of the events that list it, such as "acl-2021".
        """
        given = tuple(tags)
        unknown = tuple(tag for tag in given if tag not in self.venues)
        hosts = [self._is_family_event(event) for event in events]
        known = {tag: self.venues[tag] for tag in given if tag in self.venues}
        if not known:
            # An unknown venue whose volume an event lists as co-located is a workshop of that event.
            group = "workshops" if hosts else "other"
            return Placement(group, any(hosts), unknown)
        group = min((venue.group for venue in known.values()), key=_PRECEDENCE.index)
        deciding = {tag: venue for tag, venue in known.items() if venue.group == group}
        fixed = [venue.acl_family for venue in deciding.values() if not venue.follows_host]
        if fixed or group != "workshops":
            return Placement(group, any(fixed), unknown)
        if hosts:
            return Placement(group, any(hosts), unknown)
        # "ws" alone says nothing about the family beside a tag that names the workshop.
        named = [venue.acl_family for tag, venue in deciding.items() if tag != "ws"]
        return Placement(group, any(named) if named else True, unknown, host_missing=True)

    def tag_of(self, collection: str) -> str | None:
        """The venue tag that the id of a collection tells: "2020.acl" and "P18" are both "acl"."""
        if "." in collection:
            return collection.split(".", 1)[1]
        return self.letters.get(collection[:1])

    def list_expected(self, first: int, last: int, groups: Iterable[str]) -> list[str]:
        """Ids of the collections of these groups that a complete copy of the Anthology holds for these years."""
        wanted = set(groups)
        return [
            f"{year}.{tag}"
            for year in range(first, last + 1)
            for tag in self.expected.get(year, ())
            if tag in self.venues and self.venues[tag].group in wanted
        ]

    def _is_family_event(self, event: str) -> bool:
        venue = self.venues.get(event.rsplit("-", 1)[0])
        return venue is not None and venue.acl_family


@cache
def default_venues() -> VenueTable:
    """The table that comes with the package."""
    place = files("isogloss.survey").joinpath("venues.toml")
    return _parse_table(place.read_text("utf-8"), "venues.toml")


def load_venues(path: Path) -> VenueTable:
    """Read a venue table of your own; see the bundled ``venues.toml`` for the layout.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: it is not TOML, not such a table, or lists a tag twice.
    """
    if not path.is_file():
        raise UnknownName(f"No file {path}; expected a table of venues in TOML.")
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise BrokenInput(f"{path} is not UTF-8: {error.reason} at byte {error.start}.") from error
    return _parse_table(text, str(path))


def note_placement(placement: Placement, report: LoadReport, *, papers: int) -> None:
    """Count in the report what the table could not say about a volume of so many papers."""
    for tag in placement.unknown:
        report.unknown_venues[tag] += papers
    if placement.host_missing:
        report.unhosted += papers


def _parse_table(text: str, name: str) -> VenueTable:
    try:
        table = _VenueFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BrokenInput(f"{name} is not TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BrokenInput(f"{name}: '{where}': {first['msg']}. The bundled venues.toml shows the layout.") from error
    venues: dict[str, Venue] = {}
    for group in GROUPS:
        for tag, venue in _list_group(group, getattr(table, group)):
            if tag in venues:
                raise BrokenInput(f"{name} lists '{tag}' twice: in {venues[tag].group} and in {group}. Remove one.")
            venues[tag] = venue
    return VenueTable(venues, table.letters, {year: tuple(tags) for year, tags in table.expected.items()})


def _list_group(group: str, lists: Any) -> list[tuple[str, Venue]]:
    moves = group == "workshops"
    return [
        *((tag, Venue(group, acl_family=True, follows_host=moves)) for tag in lists.acl),
        *((tag, Venue(group, acl_family=True, chapter=True)) for tag in lists.chapters),
        *((tag, Venue(group, acl_family=True)) for tag in lists.series),
        *((tag, Venue(group, acl_family=False, follows_host=moves)) for tag in lists.elsewhere),
    ]
