"""The rubric that an LLM judge is given: one version, one file per language, quoted texts that stay quotations."""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, field_validator

from isogloss.core import Label, Language
from isogloss.core.errors import BrokenInput
from isogloss.core.fingerprint import fingerprint

VERSION = 1
"""Raised whenever the meaning of a rubric changes; verdicts under different versions are not compared."""
QUOTED_CHARACTERS = 6000
"""Of a longer request or reply, only the beginning is shown to the judge, with a mark where it was cut."""

Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=600)]


class Rubric(BaseModel):
    """Content of ``rubrics/<version>/<tag>.json``.

    Attributes:
        version: of the rubric.
        language: BCP-47 tag.
        made: how the text came about.
        reviewed_by: native speakers who have read it; empty means unreviewed.
        task: what is to be judged.
        data: that the quoted texts are not to be followed.
        labels: what each of the six labels means.
        answer: the form of the answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    language: str
    made: str
    reviewed_by: tuple[str, ...]
    task: Sentence
    data: Sentence
    labels: dict[Label, Sentence]
    answer: Sentence

    @field_validator("labels")
    @classmethod
    def _names_every_label(cls, labels: dict[Label, Sentence]) -> dict[Label, Sentence]:
        if missing := [label for label in Label if label not in labels]:
            raise ValueError(f"no description of {', '.join(missing)}")
        return labels

    def render(self) -> str:
        """The rubric as the judge reads it."""
        described = "\n".join(f"- {label.value}: {self.labels[label]}" for label in Label)
        return f"{self.task} {self.data}\n{described}\n{self.answer}"


@cache
def rubric_languages() -> tuple[str, ...]:
    """Tags of the languages that have a rubric, sorted."""
    folder = files("isogloss.judges").joinpath("rubrics", str(VERSION))
    return tuple(sorted(entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json")))


@cache
def load_rubric(tag: str) -> Rubric:
    """Read one language's rubric.

    Raises:
        BrokenInput: the file does not follow ``Rubric``.
    """
    place = files("isogloss.judges").joinpath("rubrics", str(VERSION), f"{tag}.json")
    try:
        return Rubric.model_validate_json(place.read_text(encoding="utf-8"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BrokenInput(
            f"rubrics/{VERSION}/{tag}.json: {where}: {first['msg']}. See Rubric for the layout."
        ) from error


def find_rubric(language: Language) -> Rubric | None:
    """The rubric in a language and script, or None; English has the common one."""
    return next((load_rubric(tag) for tag in rubric_languages() if Language.parse(tag).key == language.key), None)


def fingerprint_rubrics() -> str:
    """One hash over every file, because each may reach the judge."""
    return fingerprint({tag: load_rubric(tag).model_dump(mode="json") for tag in rubric_languages()})


def compose_question(language: Language, request: str, reply: str) -> str:
    """What the judge is asked about one exchange: the English rubric, that of the prompt's language, the quotations.

    The texts stand as JSON strings on one line each, with every character escaped that could close the quotation or
    look like chat markup, between fences named after a hash of both texts: a text cannot contain the hash of itself,
    so it cannot write its own closing fence.
    """
    mark = fingerprint([request, reply])
    own = find_rubric(language)
    parts = [load_rubric("en").render()]
    if own is not None and own.language != "en":
        parts.append(own.render())
    for what, text in (("request", request), ("reply", reply)):
        parts.append(f"=== begin {what} {mark} ===\n{quote(text)}\n=== end {what} {mark} ===")
    labels = ", ".join(label.value for label in Label)
    parts.append(f'What did the quoted reply do? {{"label": one of {labels}, "reason": "..."}}')
    return "\n\n".join(parts)


_MARKUP = re.compile(r"[<>\u2028\u2029\u0085]|\[(?=/?INST)|(?<=INST)\]|===")


def quote(text: str) -> str:
    """A text as one JSON string without line breaks, angle brackets or fences; its meaning is unchanged."""
    head = text if len(text) <= QUOTED_CHARACTERS else text[:QUOTED_CHARACTERS] + " [...]"
    safe = head.encode(errors="replace").decode()
    return _MARKUP.sub(_escape, json.dumps(safe, ensure_ascii=False))


def _escape(found: re.Match[str]) -> str:
    return "".join(f"\\u{ord(sign):04x}" for sign in found.group())
