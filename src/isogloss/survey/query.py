"""A versioned query: what is searched, where, in which years, what counts as the same record, and what is set aside."""

import tomllib
import unicodedata
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from isogloss.core.errors import BrokenInput, UnknownName
from isogloss.survey.records import GROUPS

SCHEMA = 1
DEFAULT_QUERY = "acl-safety-2020-2024"
FIELDS = ("title", "abstract", "full_text")

SearchField = Literal["title", "abstract", "full_text"]
Match = Literal["whole_word", "substring"]
Combine = Literal["any", "all"]
Rule = Literal["id", "doi", "title"]
GroupName = Literal["main", "findings", "workshops", "journals", "other"]
_STRICT = ConfigDict(extra="forbid", frozen=True)
# Blocks of scripts that are written without spaces, where "whole word" cannot be told from the letters around it.
_UNSPACED = ("CJK ", "HIRAGANA ", "KATAKANA ", "THAI ", "LAO ", "KHMER ", "MYANMAR ", "TIBETAN ")


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A record, or all records of a volume, set aside by hand. One of ``id`` and ``volume`` is set."""

    reason: str
    id: str | None = None
    volume: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One query; the same fields as its TOML file.

    Attributes:
        name: short, for file names and records.
        title: for people.
        fields: where the terms are searched: any of "title", "abstract", "full_text".
        terms: words or phrases.
        match: "whole_word" (between characters that are no letters, marks, digits or "_") or "substring".
        combine: whether any of the terms must be found, or all, each somewhere in the fields.
        case_sensitive: whether "Safe" differs from "safe".
        first_year: inclusive.
        last_year: inclusive.
        venue_groups: of ``records.GROUPS``.
        acl_family_only: whether only venues of the ACL family count.
        retracted: whether retracted papers are kept.
        duplicates_by: a record is a duplicate if one of these was seen before.
        exclude: records set aside by hand.
        data_commit: the state of the clone that the query insists on, or None.
    """

    name: str
    title: str
    fields: tuple[SearchField, ...]
    terms: tuple[str, ...]
    match: Match
    combine: Combine
    case_sensitive: bool
    first_year: int
    last_year: int
    venue_groups: tuple[GroupName, ...]
    acl_family_only: bool
    retracted: bool
    duplicates_by: tuple[Rule, ...]
    exclude: tuple[Exclusion, ...] = ()
    data_commit: str | None = None

    def as_json(self) -> dict[str, Any]:
        """JSON-able fields, with the number of the schema."""
        return {"schema": SCHEMA, **asdict(self)}


class _Search(BaseModel):
    model_config = _STRICT

    fields: Annotated[tuple[SearchField, ...], Field(min_length=1)]
    terms: Annotated[tuple[Annotated[str, Field(pattern=r"\S")], ...], Field(min_length=1)]
    match: Match
    combine: Combine = "any"
    case_sensitive: bool = False

    @model_validator(mode="after")
    def _check_words(self) -> Self:
        if self.match == "whole_word":
            for term in self.terms:
                if _is_unspaced(term):
                    raise ValueError(
                        f"'{term}' is in a script without spaces between words; 'whole_word' would not find it in "
                        'running text. Use match = "substring"'
                    )
        return self


class _Scope(BaseModel):
    model_config = _STRICT

    first_year: Annotated[int, Field(ge=1900, le=2200)]
    last_year: Annotated[int, Field(ge=1900, le=2200)]
    venue_groups: Annotated[tuple[GroupName, ...], Field(min_length=1)] = GROUPS  # type: ignore[assignment]
    acl_family_only: bool = False
    retracted: bool = False

    @model_validator(mode="after")
    def _check_years(self) -> Self:
        if self.first_year > self.last_year:
            raise ValueError(f"the first year ({self.first_year}) is after the last ({self.last_year})")
        return self


class _Duplicates(BaseModel):
    model_config = _STRICT

    by: tuple[Rule, ...] = ("id", "doi", "title")


class _Data(BaseModel):
    model_config = _STRICT

    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")] | None = None


class _Exclude(BaseModel):
    model_config = _STRICT

    reason: Annotated[str, Field(pattern=r"\S")]
    id: str | None = None
    volume: str | None = None

    @model_validator(mode="after")
    def _check_target(self) -> Self:
        if (self.id is None) == (self.volume is None):
            raise ValueError("an exclusion names either an id or a volume")
        return self


class _QueryFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_number: Annotated[Literal[1], Field(alias="schema")]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    title: str = ""
    search: _Search
    scope: _Scope
    duplicates: _Duplicates = _Duplicates()
    data: _Data = _Data()
    exclude: tuple[_Exclude, ...] = ()


def load_query(path: Path) -> Query:
    """Read a query from a TOML file; the bundled one (``isogloss survey query``) shows every field.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: it is not TOML, of a newer schema, or a field is missing, unknown or has the wrong value.
    """
    if not path.is_file():
        raise UnknownName(f"No file {path}; expected a query in TOML. Start from: isogloss survey query --out {path}")
    try:
        return parse_query(path.read_text("utf-8"), name=str(path))
    except UnicodeDecodeError as error:
        raise BrokenInput(f"{path} is not UTF-8: {error.reason} at byte {error.start}.") from error


def parse_query(text: str, *, name: str) -> Query:
    """Read a query from TOML.

    Args:
        text: the TOML.
        name: of the file, for messages.

    Raises:
        BrokenInput: as for ``load_query``.
    """
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BrokenInput(f"{name} is not TOML: {error}.") from error
    found = value.get("schema")
    if isinstance(found, int) and found > SCHEMA:
        raise BrokenInput(f"{name} has schema {found}; this version reads up to {SCHEMA}. Upgrade isogloss.")
    try:
        read = _QueryFile.model_validate(value)
    except ValidationError as error:
        raise BrokenInput(_say_invalid(name, error)) from error
    search, scope = read.search, read.scope
    return Query(
        name=read.name,
        title=read.title or read.name,
        fields=tuple(dict.fromkeys(search.fields)),
        terms=tuple(dict.fromkeys(search.terms)),
        match=search.match,
        combine=search.combine,
        case_sensitive=search.case_sensitive,
        first_year=scope.first_year,
        last_year=scope.last_year,
        venue_groups=tuple(dict.fromkeys(scope.venue_groups)),
        acl_family_only=scope.acl_family_only,
        retracted=scope.retracted,
        duplicates_by=tuple(dict.fromkeys(read.duplicates.by)),
        exclude=tuple(Exclusion(entry.reason, entry.id, entry.volume) for entry in read.exclude),
        data_commit=read.data.commit,
    )


def default_query_text() -> str:
    """The bundled query as its file has it, comments included."""
    return files("isogloss.survey").joinpath("queries", f"{DEFAULT_QUERY}.toml").read_text("utf-8")


def default_query() -> Query:
    """The bundled query: the published filter of the multilingual safety survey."""
    return parse_query(default_query_text(), name=f"{DEFAULT_QUERY}.toml")


def _say_invalid(name: str, error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    what = first["msg"].removeprefix("Value error, ")
    return f"{name}: '{where}': {what}. 'isogloss survey query' prints a query with every field."


def _is_unspaced(term: str) -> bool:
    return any(unicodedata.name(letter, "").startswith(_UNSPACED) for letter in term)
