"""Papers from the XML files of a clone of the ACL Anthology: a thin reader that holds one volume at a time.

It relies on few elements (volume, meta with year and venue, paper with title, author, abstract, url, doi, revision and
retracted) that have not changed for years, and passes over everything else.
"""

import mmap
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isogloss.core.errors import UnknownName
from isogloss.core.progress import Progress, silent
from isogloss.prompts.extras import import_extra
from isogloss.survey.ids import compose_paper_id, compose_volume_id, infer_year, is_collection_id, split_old_number
from isogloss.survey.loading import LoadReport
from isogloss.survey.records import Paper
from isogloss.survey.venues import VenueTable, default_venues, note_placement

SOURCE = "anthology"
PAGE = "https://aclanthology.org/"
_TAGS = ("volume", "meta", "frontmatter", "paper", "event", "collection")
_NOT_PAPERS = ("frontmatter", "backmatter")


@dataclass(slots=True)
class _Draft:
    """A paper as its element says, before the meta data of its volume are known."""

    number: str
    title: str
    abstract: str | None
    authors: tuple[str, ...]
    doi: str | None
    revisions: int
    retracted: str | None


@dataclass(slots=True)
class _Meta:
    """What the meta element of a volume says."""

    year: str = ""
    venues: tuple[str, ...] = ()


@dataclass(slots=True)
class _Open:
    """The volume that is being read."""

    drafts: list[_Draft] = field(default_factory=list)
    numbers: set[str] = field(default_factory=set)
    meta: _Meta | None = None
    not_papers: list[str] = field(default_factory=list)
    begun: bool = False


def find_xml_folder(path: Path) -> Path | None:
    """The folder of the Anthology's XML files in a clone: given its root, ``data``, ``data/xml`` or a copy of these.

    Returns:
        None where no such folder is found.
    """
    for folder in (path / "data" / "xml", path / "xml", path):
        if folder.is_dir() and any(folder.glob("*.xml")):
            return folder
    return None


def load_anthology(
    path: Path,
    *,
    report: LoadReport | None = None,
    venues: VenueTable | None = None,
    progress: Progress = silent,
) -> Iterator[Paper]:
    """Read the papers of an Anthology clone one by one, in the order of file names.

    Front and back matter are counted in the report and left out; retracted papers are read and marked. A volume that
    cannot be read is named in the report with file and line, and skipped; where the XML itself breaks, so is the rest
    of its file. No entity is expanded, no DTD is read and nothing is fetched; a file that declares a document type is
    skipped.

    Args:
        path: root of the clone, its ``data``, or the folder of XML files.
        report: filled while papers are taken.
        venues: the table of venue groups; by default the bundled one.
        progress: told the files done and in all.

    Raises:
        UnknownName: there are no XML files.
        MissingExtra: lxml is not installed.
    """
    folder = find_xml_folder(path)
    if folder is None:
        raise UnknownName(
            f"No XML files in {path}. Expected a clone of github.com/acl-org/acl-anthology, its data folder, or its "
            "data/xml folder."
        )
    etree = import_extra("lxml.etree", extra="survey", purpose="Reading the Anthology")
    return _read_folder(
        etree, folder, report if report is not None else LoadReport(), venues or default_venues(), progress
    )


def _read_folder(
    etree: Any, folder: Path, report: LoadReport, venues: VenueTable, progress: Progress
) -> Iterator[Paper]:
    paths = sorted(folder.glob("*.xml"))
    hosts = _find_hosts(etree, paths, report)
    report.sources.append(SOURCE)
    for number, path in enumerate(paths, start=1):
        yield from _FileReader(etree, path, report, venues, hosts).read()
        progress("reading volumes", number, len(paths))


def _find_hosts(etree: Any, paths: list[Path], report: LoadReport) -> dict[str, tuple[str, ...]]:
    """Which events list which volume. Events stand at the end of the files of their hosts, not of the workshops."""
    hosts: dict[str, tuple[str, ...]] = {}
    for path in paths:
        for event in _cut_events(path):
            try:
                element = etree.fromstring(event, _safe_parser(etree))
            except etree.XMLSyntaxError:
                continue  # The file's own reading says what is wrong, with its line.
            name = element.get("id") or ""
            for listed in element.iter("colocated"):
                # Most events list <volume-id> elements; a few hold the id itself.
                names = [child.text for child in listed.iter("volume-id")] or [listed.text]
                for volume in (text.strip() for text in names if text and text.strip()):
                    hosts[volume] = (*hosts.get(volume, ()), name)
    report.colocated.update(hosts)
    return hosts


def _cut_events(path: Path) -> Iterator[bytes]:
    if not os.access(path, os.R_OK) or not path.is_file() or not path.stat().st_size:
        return  # The file's own reading says what is wrong.
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = content.find(b"<event ")
        while start >= 0:
            end = content.find(b"</event>", start)
            if end < 0:
                return
            yield content[start : end + len(b"</event>")]
            start = content.find(b"<event ", end)


def _safe_parser(etree: Any) -> Any:
    return etree.XMLParser(**_safe_options())


def _safe_options() -> dict[str, bool]:
    # The limits of libxml2 on depth and size of a node stay on (huge_tree): the largest file needs a hundredth.
    return {
        "resolve_entities": False,
        "no_network": True,
        "load_dtd": False,
        "dtd_validation": False,
        "huge_tree": False,
        "remove_comments": True,
        "remove_pis": True,
    }


class _FileReader:
    """Reads one file and forgets each element as soon as it has been used."""

    def __init__(
        self, etree: Any, path: Path, report: LoadReport, venues: VenueTable, hosts: Mapping[str, tuple[str, ...]]
    ) -> None:
        self._etree = etree
        self._path = path
        self._report = report
        self._venues = venues
        self._hosts = hosts
        self._collection = ""
        self._old_layout = False
        self._volume = _Open()

    def read(self) -> Iterator[Paper]:
        """Yield the papers volume by volume: a volume that breaks halfway yields none."""
        # The log is one for the whole process; without this it would begin with an earlier file's error.
        self._etree.clear_error_log()
        try:
            # The size of the whole file never matters: every element is cleared once it has ended.
            steps = self._etree.iterparse(
                str(self._path), events=("start", "end"), tag=_TAGS, **_safe_options(), recover=False
            )
            for step, element in steps:
                if step == "start":
                    if not self._start(element):
                        return
                    continue
                yield from self._end(element)
            self._check_end()
        except self._etree.XMLSyntaxError as error:
            self._report.add_problem(*self._say_broken(error))
        except OSError as error:
            self._report.add_problem(self._path.name, f"cannot be read ({error.strerror or error}); skipped the file.")

    def _check_end(self) -> None:
        if not self._collection:
            self._report.add_problem(f"{self._path.name}, line 1", "holds no <collection>; skipped the file.")
        if self._volume.drafts:
            lost = len(self._volume.drafts)
            self._report.add_problem(self._path.name, f"{lost} papers stand outside any volume; skipped them.")

    def _start(self, element: Any) -> bool:
        if element.tag == "volume" and element.getparent() is not None:
            self._volume = _Open(begun=True)
        if element.getparent() is not None:
            return True
        if element.getroottree().docinfo.doctype:
            self._skip(element, "declares a document type, which no Anthology file does; skipped the file")
            return False
        self._collection = element.get("id") or ""
        self._old_layout = element.tag == "volume" and self._collection[:1].isalpha()
        known = element.tag == "collection" or self._old_layout
        if not known or not is_collection_id(self._collection):
            found = f"<{element.tag} id='{self._collection}'>"
            self._skip(element, f"the root is {found}, expected <collection id='2020.acl'>; skipped the file")
            return False
        self._report.collections.add(self._collection)
        return True

    def _end(self, element: Any) -> Iterator[Paper]:
        match element.tag:
            case "meta":
                if element.getparent().tag == "volume":
                    self._volume.meta = _read_meta(element)
            case "frontmatter":
                self._volume.not_papers.append("frontmatter")
            case "paper":
                self._take_paper(element)
            case "volume" if self._old_layout:
                yield from self._close_old_file(element)
            case "volume":
                yield from self._close_volume(element)
        if element.tag in ("paper", "volume", "event"):
            _forget(element)

    def _take_paper(self, element: Any) -> None:
        kind = element.get("type") or ""
        number = (element.get("id") or "").strip()
        if kind in _NOT_PAPERS or number == "0":
            # Before 2019, front matter was the paper number 0.
            self._volume.not_papers.append(kind or "frontmatter")
            return
        if not number:
            self._skip(element, "a paper without an id; skipped the paper")
        elif number in self._volume.numbers:
            self._skip(element, f"a second paper {number} in one volume; skipped the second")
        else:
            draft = _read_paper(element, number)
            if not draft.title:
                self._skip(element, f"paper {number} has no title; skipped the paper")
                return
            self._volume.numbers.add(number)
            self._volume.drafts.append(draft)

    def _close_volume(self, element: Any) -> Iterator[Paper]:
        name = (element.get("id") or "").strip()
        meta = self._volume.meta
        drafts, self._volume = self._volume, _Open()
        if not name:
            self._skip(element, "a volume without an id; skipped the volume")
            return
        if meta is None or not (meta.year.isascii() and meta.year.isdigit() and len(meta.year) == 4):
            found = "no <meta>" if meta is None else f"the year '{meta.year}'"
            self._skip(element, f"volume '{name}' has {found}; expected four digits; skipped the volume")
            return
        try:
            volume = compose_volume_id(self._collection, name)
            made = [(compose_paper_id(self._collection, name, draft.number), draft) for draft in drafts.drafts]
        except ValueError:
            self._skip(element, f"volume '{name}' or one of its papers has no number; skipped the volume")
            return
        self._report.not_papers.update(drafts.not_papers)
        yield from self._make_papers(volume, meta, element.get("type"), made)

    def _close_old_file(self, element: Any) -> Iterator[Paper]:
        """The layout of before 2019: one <volume id="P18"> with papers "1001", no meta; number 000 is front matter."""
        drafts, self._volume = self._volume.drafts, _Open()
        meta = _Meta(str(infer_year(self._collection)))
        volumes: dict[str, list[tuple[str, _Draft]]] = {}
        for draft in drafts:
            parts = split_old_number(self._collection, draft.number)
            if parts is None:
                self._skip(element, f"'{draft.number}' is not the number of a paper; skipped the paper")
            elif parts[1] == "0":
                self._report.not_papers["frontmatter"] += 1
            else:
                volume = compose_volume_id(self._collection, parts[0])
                volumes.setdefault(volume, []).append((compose_paper_id(self._collection, *parts), draft))
        for volume, made in volumes.items():
            yield from self._make_papers(volume, meta, None, made)

    def _make_papers(
        self, volume: str, meta: _Meta, kind: str | None, made: list[tuple[str, _Draft]]
    ) -> Iterator[Paper]:
        tags = meta.venues or self._guess_venue(volume)
        events = self._hosts.get(volume, ())
        placement = self._venues.place(tags, events)
        self._report.volumes.add(volume)
        note_placement(placement, self._report, papers=len(made))
        for paper_id, draft in made:
            yield Paper(
                id=paper_id,
                title=draft.title,
                abstract=draft.abstract,
                authors=draft.authors,
                year=int(meta.year),
                venues=tags,
                venue_group=placement.group,
                acl_family=placement.acl_family,
                volume=volume,
                source=SOURCE,
                kind=kind,
                doi=draft.doi,
                url=PAGE + paper_id,
                events=events,
                revisions=draft.revisions,
                retracted=draft.retracted,
            )

    def _guess_venue(self, volume: str) -> tuple[str, ...]:
        self._report.untagged.append(volume)
        tag = self._venues.tag_of(self._collection)
        return (tag,) if tag else ()

    def _skip(self, element: Any, what: str) -> None:
        self._report.add_problem(f"{self._path.name}, line {element.sourceline}", what + ".")

    def _say_broken(self, error: Any) -> tuple[str, str]:
        kept = sum(1 for volume in self._report.volumes if volume.startswith(self._collection + "-"))
        line, message = error.lineno, str(error.msg).split(", line")[0]
        if not line and error.error_log:
            # Some errors end the file for lxml, which then only says that nothing was left; its log says more.
            line, message = error.error_log[0].line, error.error_log[0].message
        what = (
            f"not well-formed XML ({message.strip()}); skipped the volume it stands in ({len(self._volume.drafts)} "
            f"papers read so far) and the rest of the file; kept {kept} volumes before it."
        )
        return f"{self._path.name}, line {line}", what


def _read_meta(element: Any) -> _Meta:
    venues = (flatten(child).lower() for child in element.iterfind("venue"))
    year = element.find("year")
    return _Meta("" if year is None else flatten(year), tuple(dict.fromkeys(tag for tag in venues if tag)))


def _read_paper(element: Any, number: str) -> _Draft:
    title = abstract = ""
    doi: str | None = None
    retracted: str | None = None
    authors: list[str] = []
    revisions = 0
    for child in element:
        match child.tag:
            case "title":
                title = flatten(child)
            case "abstract":
                abstract = flatten(child)
            case "author":
                authors.append(_read_name(child))
            case "doi":
                doi = flatten(child).lower() or None
            case "revision":
                # The first "revision" is the version that the others replaced.
                revisions += child.get("id") != "1"
            case "retracted" | "removed":
                retracted = flatten(child) or "no reason given"
    names = tuple(name for name in authors if name)
    return _Draft(number, title, abstract or None, names, doi, revisions, retracted)


def _read_name(element: Any) -> str:
    parts = (element.find("first"), element.find("last"))
    return " ".join(text for text in (flatten(part) for part in parts if part is not None) if text)


def flatten(element: Any) -> str:
    """The text of an element without its markup, with single spaces.

    ``<fixed-case>``, ``<i>``, ``<b>`` and ``<url>`` leave their text; ``<tex-math>`` leaves its TeX as it is written,
    because a search for words has no use for symbols. Letters set apart by markup join: ``<b>s</b>afety`` is "safety".
    """
    text = "".join(element.itertext()) if len(element) else element.text or ""
    return " ".join(text.split())


def _forget(element: Any) -> None:
    element.clear(keep_tail=False)
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]
