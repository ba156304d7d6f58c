"""The five failure modes and the categories of known sets."""

import pytest

from isogloss.core.errors import UnknownName
from isogloss.prompts import load_mini, load_multijail, load_polyrefuse
from isogloss.prompts.failure_modes import (
    CATEGORY_MODES,
    DEFINITIONS,
    FailureMode,
    fill_failure_modes,
    find_failure_mode,
)


def test_every_mode_has_a_written_definition():
    assert set(DEFINITIONS) == set(FailureMode)
    assert len(FailureMode) == 5
    for definition in DEFINITIONS.values():
        assert definition.covers.endswith(".")
        assert definition.excludes.endswith(".")


def test_the_bundled_set_uses_these_modes_and_its_categories_are_mapped():
    mini = load_mini()
    assert {prompt.failure_mode for prompt in mini} <= set(FailureMode)
    assert {prompt.category for prompt in mini} == set(CATEGORY_MODES["mini"])
    assert fill_failure_modes(mini) == mini


def test_published_categories_are_mapped(shared_data):
    for prompts in (
        load_multijail(shared_data / "multijail" / "MultiJail.csv"),
        load_polyrefuse(shared_data / "polyrefuse"),
    ):
        found = {prompt.category for prompt in prompts if prompt.category}
        assert found <= set(CATEGORY_MODES[prompts.card.name]), prompts.card.name
        filled = fill_failure_modes(prompts)
        assert len(filled) == len(prompts)
        mapped = [prompt for prompt in filled if prompt.failure_mode]
        assert len(mapped) >= 0.3 * len(prompts)
        # A topic cannot show that a prompt is disguised or mixed.
        assert {prompt.failure_mode for prompt in mapped} == {
            FailureMode.DIRECT_ASSISTANCE,
            FailureMode.TARGETED_HARASSMENT,
            FailureMode.LOCAL_MISINFORMATION,
        }


def test_a_category_that_says_nothing_has_no_mode():
    assert find_failure_mode("polyrefuse", "harmful") is None
    assert find_failure_mode("polyrefuse", None) is None
    assert find_failure_mode("multijail", "Bullying & harassment") is FailureMode.TARGETED_HARASSMENT


def test_unknown_sets_and_categories_are_refused():
    with pytest.raises(UnknownName, match="Did you mean 'multijail'"):
        find_failure_mode("multijial", "Theft")
    with pytest.raises(UnknownName, match="Did you mean 'Theft'"):
        find_failure_mode("multijail", "Thef")
