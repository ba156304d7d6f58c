"""The same papers through the ``acl-anthology`` package: a second reader to check the first against.

The package validates more and holds everything in memory; its releases follow the layout of the data closely, and a
release that does not fit the clone refuses to load it. Version 0.5.4 has been seen to read
data of 2020-2024; 1.3.4 refuses these and reads the fixture of our tests.

Formulas differ: the package turns TeX into Unicode where it can, our reader leaves it as written.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from isogloss.core.errors import BrokenInput, UnknownName
from isogloss.prompts.extras import import_extra
from isogloss.survey.anthology import PAGE, SOURCE, find_xml_folder
from isogloss.survey.ids import compose_volume_id
from isogloss.survey.loading import LoadReport
from isogloss.survey.records import Paper
from isogloss.survey.venues import VenueTable, default_venues, note_placement


def load_with_package(
    path: Path, *, report: LoadReport | None = None, venues: VenueTable | None = None
) -> Iterator[Paper]:
    """Read the papers of an Anthology clone with ``acl_anthology``.

    Args:
        path: root of the clone or its ``data`` folder; beside ``xml`` the package wants ``xml/schema.rnc``.
        report: filled with front matter, unknown venues, volumes and collections.
        venues: the table of venue groups; by default the bundled one.

    Raises:
        UnknownName: there are no XML files.
        BrokenInput: the files do not stand in a folder named xml, or the package refuses them.
        MissingExtra: acl-anthology is not installed.
    """
    folder = find_xml_folder(path)
    if folder is None:
        raise UnknownName(f"No XML files in {path}. Expected a clone of github.com/acl-org/acl-anthology.")
    if folder.name != "xml":
        raise BrokenInput(f"acl-anthology wants the files in a folder named xml; {folder} is named otherwise.")
    package = import_extra("acl_anthology", extra="anthology", purpose="Reading with the acl-anthology package")
    return _read(package, folder, report if report is not None else LoadReport(), venues or default_venues())


def _read(package: Any, folder: Path, report: LoadReport, venues: VenueTable) -> Iterator[Paper]:
    report.sources.append(SOURCE)
    try:
        anthology = package.Anthology(datadir=str(folder.parent), verbose=False)
        hosts = _find_hosts(anthology)
        report.colocated.update(hosts)
        for volume in anthology.volumes():
            yield from _read_volume(volume, hosts.get(volume.full_id, ()), report, venues)
    except (ValueError, TypeError, KeyError, OSError) as error:
        # What the package raises on a layout that it does not know: attrs validators and its own ValueErrors.
        raise BrokenInput(
            f"acl-anthology cannot read {folder}: {str(error).splitlines()[0]}. Its version may not fit these data; "
            "leave it out to use our own reader."
        ) from error


def _find_hosts(anthology: Any) -> dict[str, tuple[str, ...]]:
    """Which events list which volume, by the <event> blocks alone, as our own reader does it."""
    hosts: dict[str, tuple[str, ...]] = {}
    for collection in anthology.collections.values():
        event = collection.get_event()
        if event is None or not getattr(event, "is_explicit", True):
            continue
        for triple, kind in _list_links(event.colocated_ids):
            if getattr(kind, "name", "EXPLICIT") != "EXPLICIT":
                continue
            name = compose_volume_id(str(triple[0]), str(triple[1]))
            hosts[name] = (*hosts.get(name, ()), str(event.id))
    return hosts


def _list_links(listed: Any) -> list[tuple[Any, Any]]:
    """Triples (collection, volume, paper), each with the kind of its link, None where the version does not tell.

    Version 1.3 holds a mapping, earlier ones a list of such pairs, the first ones a list of plain triples.
    """
    if isinstance(listed, Mapping):
        return list(listed.items())
    return [one if isinstance(one[0], tuple) else (one, None) for one in listed]


def _read_volume(volume: Any, events: tuple[str, ...], report: LoadReport, venues: VenueTable) -> Iterator[Paper]:
    report.volumes.add(volume.full_id)
    report.collections.add(volume.collection_id)
    tags = tuple(dict.fromkeys(str(tag).lower() for tag in volume.venue_ids))
    placement = venues.place(tags, events)
    papers = []
    for paper in volume.papers():
        kind = _value(getattr(paper, "type", None)) or "frontmatter"
        if paper.is_frontmatter or kind == "backmatter":
            report.not_papers[kind] += 1
        else:
            papers.append(paper)
    note_placement(placement, report, papers=len(papers))
    for paper in papers:
        deletion = paper.deletion
        yield Paper(
            id=paper.full_id,
            title=_text(paper.title) or "",
            abstract=_text(paper.abstract),
            authors=tuple(_name(author) for author in paper.authors),
            year=int(volume.year),
            venues=tags,
            venue_group=placement.group,
            acl_family=placement.acl_family,
            volume=volume.full_id,
            source=SOURCE,
            kind=_value(volume.type),
            doi=paper.doi.lower() if paper.doi else None,
            url=PAGE + paper.full_id,
            events=events,
            revisions=sum(revision.id != "1" for revision in paper.revisions),
            retracted=None if deletion is None else " ".join((deletion.note or "no reason given").split()),
        )


def _value(kind: Any) -> str | None:
    return None if kind is None else str(getattr(kind, "value", kind))


def _text(markup: Any) -> str | None:
    return None if markup is None else " ".join(markup.as_text().split()) or None


def _name(author: Any) -> str:
    return " ".join(part for part in (author.name.first, author.name.last) if part)
