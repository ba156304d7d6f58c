"""The tree of errors, and how unknown names are put."""

import inspect
import re

import pytest

from isogloss.core import errors
from isogloss.core.errors import IsoglossError, OutsideError, UserError, say_unknown

CLASSES = [
    value
    for _, value in inspect.getmembers(errors, inspect.isclass)
    if issubclass(value, IsoglossError) and value.__module__ == errors.__name__
]


def drawn_tree() -> dict[str, str | None]:
    """Class and parent, read from the drawing in the module's docstring by its indentation."""
    parents: dict[str, str | None] = {}
    open_branches: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^([\s│├└─]*)([A-Z]\w+)(\s{2,}|$)", line)
        if not match or not hasattr(errors, match[2]):
            continue
        depth = len(match[1])
        open_branches = [branch for branch in open_branches if branch[0] < depth]
        parents[match[2]] = open_branches[-1][1] if open_branches else None
        open_branches.append((depth, match[2]))
    return parents


def test_the_drawn_tree_is_the_tree() -> None:
    real = {found.__name__: None if found is IsoglossError else found.__base__.__name__ for found in CLASSES}
    assert drawn_tree() == real


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_exit_codes_tell_user_errors_from_the_world_outside(error: type[IsoglossError]) -> None:
    expected = 2 if issubclass(error, UserError) else 3 if issubclass(error, OutsideError) else 1
    assert error.exit_code == expected
    assert error.__doc__


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    assert say_unknown("judge", "ruels", ["rules", "guard"]) == (
        "No judge 'ruels'. Known: guard, rules. Did you mean 'rules'?"
    )


def test_a_long_list_is_cut_and_says_so() -> None:
    assert say_unknown("prompts for", "zz", ["d", "c", "b", "a"], shown=2) == (
        "No prompts for 'zz'. Known: a, b (2 of 4 shown)."
    )


def test_an_empty_list_is_none() -> None:
    assert say_unknown("layer", "3", []) == "No layer '3'. Known: none."
