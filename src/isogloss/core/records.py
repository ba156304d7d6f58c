"""Records that come from files: checked field by field, with one sentence where a field is wrong."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from isogloss.core.errors import BrokenInput

Record = TypeVar("Record", bound=BaseModel)


def check_record(kind: type[Record], value: Any, path: Path, *, what: str, again: str) -> Record:
    """A value from a file as the record that it should be.

    Args:
        kind: the record.
        value: what the file holds.
        path: the file, for the message.
        what: the record with its article, for the message: "a scorecard".
        again: what to do about it, as a sentence.

    Raises:
        BrokenInput: a field is missing or wrong; the message names the first one.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BrokenInput(f"{path} is not {what}: {field}: {first['msg']}. {again}") from error
