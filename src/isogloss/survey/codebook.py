"""The codebook: which labels a paper can get and what they mean, read from versioned TOML."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from isogloss.core.errors import BrokenInput, UnknownName, say_unknown
from isogloss.core.fingerprint import fingerprint

SCHEMA = 1
CODEBOOK_FILE = "codebook.toml"

Macro = Literal["standard", "merge", "keep"]
Variants = Literal["drop", "keep"]
Unstated = Literal["as_labelled", "apart"]
_STRICT = ConfigDict(extra="forbid", frozen=True)
_Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    Attributes:
        id: what files hold.
        label: what people read.
        means: when the label is given.
        excludes: what looks like it and is not.
        discard: whether papers with it are set aside as not relevant.
        cues: words and phrases that suggest it; "*" ends a stem.
    """

    id: str
    label: str
    means: str
    excludes: str
    discard: bool
    cues: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Artefact:
    """What a paper brings: a data set, an attack, a method."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Codebook:
    """Everything that a label can be.

    Attributes:
        name: short.
        version: changes with every change of meaning.
        title: for people.
        macro: which tags are one language: "standard", "merge" or "keep" (see the file).
        variants: whether script and region make another language.
        unstated: how papers that do not state their languages count.
        topics: in the order of the file.
        artefacts: in the order of the file.
    """

    name: str
    version: str
    title: str
    macro: Macro
    variants: Variants
    unstated: Unstated
    topics: tuple[Topic, ...]
    artefacts: tuple[Artefact, ...]

    @property
    def safety_topics(self) -> tuple[Topic, ...]:
        """The topics of papers that are kept."""
        return tuple(topic for topic in self.topics if not topic.discard)

    def find_topic(self, text: str) -> Topic:
        """The topic of an id or a label, in any case.

        Raises:
            UnknownName: there is none; the message lists the topics.
        """
        for topic in self.topics:
            if _same(text, topic.id, topic.label):
                return topic
        raise UnknownName(say_unknown("topic", text, [topic.id for topic in self.topics]))

    def find_artefact(self, text: str) -> Artefact:
        """The artefact type of an id or a label, in any case.

        Raises:
            UnknownName: there is none; the message lists the types.
        """
        for artefact in self.artefacts:
            if _same(text, artefact.id, artefact.label):
                return artefact
        raise UnknownName(say_unknown("artefact type", text, [artefact.id for artefact in self.artefacts]))

    def as_json(self) -> dict[str, Any]:
        """What a record keeps of the codebook: its name, version, choices and a fingerprint of its meanings."""
        topics = [[topic.id, topic.means, topic.excludes, topic.discard] for topic in self.topics]
        return {
            "name": self.name,
            "version": self.version,
            "macro_languages": self.macro,
            "variants": self.variants,
            "unstated": self.unstated,
            "meanings": fingerprint([topics, [artefact.id for artefact in self.artefacts]]),
        }


class _TopicTable(BaseModel):
    model_config = _STRICT

    id: _Id
    label: str
    means: str
    excludes: Annotated[str, Field(alias="not")] = ""
    discard: bool = False
    cues: tuple[str, ...] = ()


class _ArtefactTable(BaseModel):
    model_config = _STRICT

    id: _Id
    label: str


class _Languages(BaseModel):
    model_config = _STRICT

    macro: Macro = "standard"
    variants: Variants = "drop"


class _Coverage(BaseModel):
    model_config = _STRICT

    unstated: Unstated = "as_labelled"


class _CodebookFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_number: Annotated[Literal[1], Field(alias="schema")]
    name: str
    version: str
    title: str = ""
    languages: _Languages = _Languages()
    coverage: _Coverage = _Coverage()
    topic: Annotated[tuple[_TopicTable, ...], Field(min_length=2)]
    artefact: Annotated[tuple[_ArtefactTable, ...], Field(min_length=1)]


def load_codebook(path: Path) -> Codebook:
    """Read a codebook from TOML; the bundled one shows every field.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: it is not TOML, a field is missing or wrong, an id repeats, or no topic discards.
    """
    if not path.is_file():
        raise UnknownName(f"No file {path}; expected a codebook in TOML.")
    try:
        return parse_codebook(path.read_text("utf-8"), name=str(path))
    except UnicodeDecodeError as error:
        raise BrokenInput(f"{path} is not UTF-8: {error.reason} at byte {error.start}.") from error


def parse_codebook(text: str, *, name: str) -> Codebook:
    """Read a codebook from the text of its file; ``name`` is for messages.

    Raises:
        BrokenInput: as for ``load_codebook``.
    """
    try:
        read = _CodebookFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BrokenInput(f"{name} is not TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BrokenInput(f"{name}: '{where}': {first['msg']}.") from error
    ids = [entry.id for entry in read.topic] + [entry.id for entry in read.artefact]
    repeated = sorted({one for one in ids if ids.count(one) > 1})
    if repeated:
        raise BrokenInput(f"{name}: the id '{repeated[0]}' is used twice. Give every topic and artefact its own.")
    if sum(topic.discard for topic in read.topic) != 1:
        raise BrokenInput(f"{name}: exactly one topic needs 'discard = true', for papers that are not about safety.")
    return Codebook(
        name=read.name,
        version=read.version,
        title=read.title or read.name,
        macro=read.languages.macro,
        variants=read.languages.variants,
        unstated=read.coverage.unstated,
        topics=tuple(Topic(t.id, t.label, t.means, t.excludes, t.discard, t.cues) for t in read.topic),
        artefacts=tuple(Artefact(a.id, a.label) for a in read.artefact),
    )


@cache
def default_codebook() -> Codebook:
    """The bundled codebook, with the published topics."""
    return parse_codebook(files("isogloss.survey").joinpath(CODEBOOK_FILE).read_text("utf-8"), name=CODEBOOK_FILE)


def _same(text: str, *names: str) -> bool:
    return _fold(text) in map(_fold, names)


def _fold(text: str) -> str:
    return " ".join(text.casefold().replace("_", " ").replace("-", " ").split())
