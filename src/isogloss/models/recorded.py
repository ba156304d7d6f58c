"""Replies that somebody recorded: a model that is asked by looking them up."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from isogloss.core import Finish, Language, Prompt, Reply
from isogloss.core.errors import BrokenInput, UnknownLanguage, UnknownName
from isogloss.core.fingerprint import fingerprint
from isogloss.models.chat import Decoding
from isogloss.models.mending import mend_surrogates

NOT_RECORDED = "no recorded reply"


class RecordedRow(BaseModel):
    """One line of a file of recorded replies; further fields are left alone.

    Attributes:
        id: the prompt's id.
        language: tag of the language that the prompt was written in.
        reply: what the model answered, maybe nothing.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    id: str = Field(min_length=1)
    language: str
    reply: str


class RecordedModel:
    """Replies from a folder of ``<language>.jsonl`` files, found by prompt id and language.

    Every line is a JSON object with ``id``, ``language`` and ``reply``; the order of lines does not matter.
    ``zh.jsonl`` serves prompts in ``zh-Hans`` as well, because these are one language.

    Args:
        folder: where the files are.

    Raises:
        UnknownName: there is no such folder.
        UnknownLanguage: a file is not named after a language.
        BrokenInput: no file, a line that is not such an object, a language that is not the file's, or two replies to
            one prompt. The message names file and line.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.name = f"recorded:{folder}"
        self._replies = _load_replies(self.folder)

    @property
    def languages(self) -> tuple[Language, ...]:
        """Languages that have at least one reply, by tag."""
        return tuple(sorted({language for _, language in self._replies}, key=lambda language: language.tag))

    def __len__(self) -> int:
        return len(self._replies)

    def holds(self, prompt: Prompt) -> bool:
        """Whether a reply to this prompt in this language was recorded."""
        return (prompt.id, prompt.language) in self._replies

    def fingerprint(self) -> dict[str, str]:
        """Hash of all replies; the order of lines and fields that are not read do not count."""
        rows = sorted((id_, language.key, text) for (id_, language), text in self._replies.items())
        return {"replies": fingerprint(rows)}

    def reply(self, prompts: Sequence[Prompt], decoding: Decoding) -> Iterator[Reply]:
        """Look the replies up, in the order asked.

        A prompt without one yields a failed reply that says so; ask ``holds`` first to leave it out. ``decoding`` is
        part of the protocol and changes nothing here: how the replies were made was decided when they were recorded.
        """
        del decoding
        for prompt in prompts:
            text = self._replies.get((prompt.id, prompt.language))
            if text is None:
                yield Reply(prompt.id, prompt.language.tag, "", Finish.FAILED, error=NOT_RECORDED)
            else:
                yield Reply(prompt.id, prompt.language.tag, text)


def _load_replies(folder: Path) -> dict[tuple[str, Language], str]:
    if not folder.is_dir():
        raise UnknownName(f"No folder {folder}. recorded: takes a folder of <language>.jsonl files.")
    paths = sorted(folder.glob("*.jsonl"))
    if not paths:
        raise BrokenInput(f"{folder} holds no <language>.jsonl file, such as sw.jsonl.")
    replies: dict[tuple[str, Language], str] = {}
    for path in paths:
        language = _read_name(path)
        for number, row in _read_rows(path):
            _check_language(row, language, path, number)
            if (row.id, language) in replies:
                raise BrokenInput(f"{path}, line {number}: a second reply to {row.id} in {language}. Keep one of them.")
            replies[row.id, language] = row.reply
    return replies


def _read_name(path: Path) -> Language:
    try:
        return Language.parse(path.stem)
    except UnknownLanguage as error:
        raise UnknownLanguage(f"{path} is not named after a language, such as sw.jsonl. {error}") from error


def _check_language(row: RecordedRow, language: Language, path: Path, number: int) -> None:
    try:
        stated = Language.parse(row.language)
    except UnknownLanguage as error:
        raise UnknownLanguage(f"{path}, line {number}: {error}") from error
    if stated != language:
        raise BrokenInput(
            f"{path}, line {number}: language is '{row.language}', but the file holds {language}. "
            f"Move the line to {row.language}.jsonl."
        )


def _read_rows(path: Path) -> Iterator[tuple[int, RecordedRow]]:
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield number, _read_row(line, path, number)


def _read_row(line: bytes, path: Path, number: int) -> RecordedRow:
    try:
        value: Any = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BrokenInput(
            f"{path}, line {number} is not UTF-8 (byte {error.start}). Save the file as UTF-8."
        ) from error
    except json.JSONDecodeError as error:
        raise BrokenInput(f"{path}, line {number} is not JSON: {error.msg}. Mend or remove the line.") from error
    if not isinstance(value, dict):
        raise BrokenInput(f"{path}, line {number} is not a JSON object with id, language and reply.")
    for column in RecordedRow.model_fields:
        if column not in value:
            raise BrokenInput(f"{path}, line {number} lacks '{column}'; every line needs id, language and reply.")
    try:
        # Half a character is no valid string to pydantic, yet no reason to lose the reply.
        return RecordedRow.model_validate({**value, "reply": _mend(value["reply"])})
    except ValidationError as error:
        first = error.errors()[0]
        raise BrokenInput(f"{path}, line {number}: '{first['loc'][0]}' is wrong: {first['msg']}.") from error


def _mend(value: Any) -> Any:
    return mend_surrogates(value) if isinstance(value, str) else value
