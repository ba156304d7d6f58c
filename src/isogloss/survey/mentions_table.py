"""The tables behind the language detector: cue words and benchmarks, read once from the data files."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from isogloss.survey.codebook_languages import Name, load_names

CUES_FILE = "mentions_cues.toml"
DATASETS_FILE = "mentions_datasets.toml"


@dataclass(frozen=True, slots=True)
class Cues:
    """Words beside a name that decide what it means (see the data file)."""

    linguistic: frozenset[str]
    nationality: frozenset[str]
    raters: frozenset[str]
    function: frozenset[str]
    sentence: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A benchmark whose name implies languages.

    Attributes:
        name: as papers write it.
        tags: before any policy.
        source: where the languages were read.
    """

    name: str
    tags: tuple[str, ...]
    source: str


@cache
def load_cues() -> Cues:
    """The bundled cue words."""
    table = _read(CUES_FILE)
    return Cues(
        linguistic=frozenset(table["linguistic"]),
        nationality=frozenset(table["nationality"]),
        raters=frozenset(table["raters"]),
        function=frozenset(table["function"]),
        sentence=compile_stems(table["sentence"]),
    )


@cache
def load_datasets() -> tuple[Dataset, ...]:
    """The bundled table of benchmarks."""
    return tuple(
        Dataset(name, tuple(row["languages"]), source)
        for row in _read(DATASETS_FILE)["dataset"]
        for name, source in row["names"].items()
    )


@cache
def name_pattern() -> re.Pattern[str]:
    """Any name of the table, the longest first, with nothing but a hyphen or a slash grown onto it."""
    return _alternatives([name.text for name in load_names()])


@cache
def dataset_pattern() -> re.Pattern[str]:
    """Any benchmark of the table, the longest first."""
    return _alternatives([dataset.name for dataset in load_datasets()])


@cache
def names_as_written() -> dict[str, Name]:
    """The table of names by their exact text."""
    return {name.text: name for name in load_names()}


@cache
def datasets_as_written() -> dict[str, Dataset]:
    """The table of benchmarks by their exact text."""
    return {dataset.name: dataset for dataset in load_datasets()}


def compile_stems(cues: list[str] | tuple[str, ...]) -> re.Pattern[str]:
    """A pattern of whole words and phrases, in any case; "*" ends a stem, a space is any white space."""
    parts = [re.escape(cue.rstrip("*")).replace(r"\ ", r"\s+") + (r"\w*" if cue.endswith("*") else "") for cue in cues]
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)", re.IGNORECASE)


def _alternatives(texts: list[str]) -> re.Pattern[str]:
    ordered = sorted(texts, key=lambda text: (-len(text), text))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, ordered))})(?!\w)")


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files("isogloss.survey").joinpath(name).read_text("utf-8"))
