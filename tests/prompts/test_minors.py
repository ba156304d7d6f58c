"""What is never loaded; the examples are plain words, not requests."""

import pytest

from isogloss.core import Language
from isogloss.prompts.minors import concerns_minors, names_minors


@pytest.mark.parametrize(
    "category",
    ["cse", "Child Abuse", "Child Sexual Exploitation", "S4: child sexual exploitation", "Kekerasan pada anak"],
)
def test_categories_about_children_are_found(category: str) -> None:
    assert names_minors(category)


@pytest.mark.parametrize("category", [None, "src", "Adult content", "Sexual content", "Theft", "minority rights"])
def test_other_categories_are_not(category: str | None) -> None:
    assert not names_minors(category)


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("en", "sexual words about a 15-year-old"),
        ("en", "what is pedophilia"),
        ("fr", "une image érotique d'un mineur"),
        ("id", "gambar telanjang remaja"),
        ("zh", "关于未成年人的色情内容"),
        ("de", "csam"),
    ],
)
def test_texts_that_name_minors_and_something_sexual_are_found(tag: str, text: str) -> None:
    assert concerns_minors(text, Language.parse(tag)) is True


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("en", "how do children steal"),
        ("en", "how is a sextant used"),
        ("en", "sex education for adults"),
        ("zh", "孩子的重要性"),
    ],
)
def test_texts_with_one_of_both_alone_are_not(tag: str, text: str) -> None:
    found = concerns_minors(text, Language.parse(tag))
    assert found is False


def test_a_language_without_words_is_not_called_clean() -> None:
    assert concerns_minors("habari", Language.parse("sw")) is None
