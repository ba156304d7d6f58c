"""One paper of a survey, wherever its record came from; and a file of them, read and written line by line."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from isogloss.core.drafts import draft_of
from isogloss.core.errors import BrokenInput, UnknownName

GROUPS = ("main", "findings", "workshops", "journals", "other")
Group = Annotated[str, Field(pattern=f"^({'|'.join(GROUPS)})$")]


@dataclass(frozen=True, slots=True)
class Paper:
    """What a survey knows about one paper before anybody has read it.

    Attributes:
        id: unique within its source; an Anthology id such as "P18-1001" or "2020.acl-main.1" where there is one.
        title: plain text; markup is flattened.
        abstract: plain text, or None where the source holds none: a search in abstracts cannot see the paper.
        authors: "First Last", in the order of the paper.
        year: of publication, or None where the source does not say.
        venues: the venue tags of the volume, in lower case, such as ("acl", "ijcnlp").
        venue_group: one of ``GROUPS``; "other" where no tag is known.
        acl_family: whether the venue belongs to the ACL family (see ``venues.toml``).
        volume: id of the volume, such as "2021.acl-long"; a journal or booktitle where there are no ids.
        source: the database that the record came from: "anthology", or the name of the file.
        kind: "proceedings", "journal", or what a BibTeX file calls the entry.
        doi: without the resolver's address, in lower case.
        url: page of the paper.
        events: ids of the events where the volume was presented, such as ("acl-2021",), as far as the source says.
        revisions: number of later versions that replaced the first.
        retracted: the reason, "no reason given", or None for a paper that stands.
        full_text: plain text of the body where the user brought it.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    id: Annotated[str, Field(min_length=1)]
    title: str
    abstract: str | None = None
    authors: tuple[str, ...] = ()
    year: int | None = None
    venues: tuple[str, ...] = ()
    venue_group: Group = "other"
    acl_family: bool = False
    volume: str | None = None
    source: str = ""
    kind: str | None = None
    doi: str | None = None
    url: str | None = None
    events: tuple[str, ...] = ()
    revisions: Annotated[int, Field(ge=0)] = 0
    retracted: str | None = None
    full_text: str | None = None


# Unknown keys of a line are refused, so that a misspelt one is not lost.
_READER = TypeAdapter(Paper)


def load_papers(path: Path) -> Iterator[Paper]:
    """Read papers one by one from a JSONL file that ``write_papers`` wrote.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: a line is not a paper; the message names the line. Raised when that line is reached.
    """
    if not path.is_file():
        raise UnknownName(f"No file {path}; expected the papers of a survey, one JSON object a line.")
    return _read_lines(path)


def write_papers(papers: Iterable[Paper], path: Path) -> int:
    """Write papers as JSONL, one by one, so that a crash leaves the old file or the whole new one.

    Fields that hold their default are left out.

    Returns:
        The number of papers.

    Raises:
        WriteFailed: the disk is full or the folder cannot be written.
    """
    count = 0
    with draft_of(path) as draft, draft.open("wb") as stream:
        for paper in papers:
            stream.write(paper_line(paper).encode(errors="backslashreplace"))
            count += 1
    return count


def paper_line(paper: Paper) -> str:
    """A paper as one line of JSONL, with its line break."""
    fields = {name: value for name, value in asdict(paper).items() if value not in (None, (), "", 0, False)}
    return json.dumps({"id": paper.id, "title": paper.title, **fields}, ensure_ascii=False) + "\n"


def _read_lines(path: Path) -> Iterator[Paper]:
    # Bytes, because text mode could not say which line is not UTF-8.
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield _read_line(f"{path}, line {number}", line)


def _read_line(place: str, line: bytes) -> Paper:
    try:
        return _READER.validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise BrokenInput(f"{place} is no paper: {name + ': ' if name else ''}{first['msg']}.") from error
