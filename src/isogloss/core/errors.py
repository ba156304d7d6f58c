"""Everything that can go wrong, as one tree.

    IsoglossError
    ├── UserError                  exit code 2: the request cannot be carried out as asked
    │   ├── UnknownName            a model, prompt set, judge or file that does not exist
    │   ├── UnknownLanguage        a tag that names no language, or one that a set does not hold
    │   ├── BrokenInput            a file whose content cannot be read; names file and line
    │   ├── NothingToDo            a selection that leaves no prompts, replies or rows
    │   ├── TooFewPrompts          a fit or an estimate that the data cannot carry
    │   ├── DegenerateDirection    two class means that coincide, so no direction exists
    │   ├── PlanMismatch           a run folder that belongs to another plan
    │   ├── FingerprintMismatch    a repair or store made for another model, tokenizer or template
    │   ├── UnsupportedModel       a model whose layers cannot be found or do not behave as expected
    │   └── MissingExtra           an optional dependency that is not installed
    └── OutsideError               exit code 3: the world outside failed; what was computed is kept
        ├── EndpointFailed         a model endpoint that does not answer, or answers nonsense
        └── WriteFailed            a disk that is full or a folder that cannot be written

A message says what was found, what was expected and what to do next. The command line prints it as one
paragraph; anything that is not an IsoglossError is a bug and keeps its traceback.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class IsoglossError(Exception):
    """Root of every error that Isogloss raises on purpose."""

    exit_code = 1


class UserError(IsoglossError):
    """The request cannot be carried out as asked; the message says how to ask instead."""

    exit_code = 2


class UnknownName(UserError):
    """A model, prompt set, judge, layer or file that does not exist."""


class UnknownLanguage(UserError):
    """A tag that names no language, or a language that a set, judge or gate does not hold."""


class BrokenInput(UserError):
    """A file whose content cannot be read; the message names the file and the line."""


class NothingToDo(UserError):
    """A selection that leaves nothing: no prompts, no replies, no rows."""


class TooFewPrompts(UserError):
    """A fit or an estimate that the data given cannot carry."""


class DegenerateDirection(UserError):
    """The class means coincide, so that no direction between them exists."""


class PlanMismatch(UserError):
    """A run folder that was made by another plan; the message lists what differs."""


class FingerprintMismatch(UserError):
    """An artifact made for another model, tokenizer or chat template, or changed since it was written."""


class UnsupportedModel(UserError):
    """A model whose decoder blocks cannot be found or do not behave as expected."""


class MissingExtra(UserError):
    """An optional dependency that is not installed; the message is the exact install command."""


class OutsideError(IsoglossError):
    """The world outside failed. Whatever had been computed is on disk; the same command goes on from there."""

    exit_code = 3


class EndpointFailed(OutsideError):
    """A model endpoint that does not answer, or answers something that is not a reply."""


class WriteFailed(OutsideError):
    """A file or folder that could not be written."""


def say_unknown(what: str, name: str, known: Iterable[str], *, shown: int = 8) -> str:
    """Compose "No X 'name'. Known: ... (8 of 14 shown). Did you mean 'y'?" for an unknown name."""
    names = sorted(known)
    listed = ", ".join(names[:shown]) or "none"
    count = f" ({shown} of {len(names)} shown)" if len(names) > shown else ""
    close = get_close_matches(name, names, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return f"No {what} '{name}'. Known: {listed}{count}.{hint}"
