"""Counting tokens, with tokenizers small enough to count by hand."""

from collections.abc import Sequence

import pytest

from isogloss.audit.tokens import count_broken, count_tokens
from isogloss.core import Language


def byte_level(text: str) -> list[str]:
    """One token per byte, written in the alphabet of byte-level tokenizers."""
    from isogloss.audit.tokens import _BYTES

    letters = {byte: letter for letter, byte in _BYTES.items()}
    return [letters[byte] for byte in text.encode()]


def by_word(text: str) -> Sequence[str]:
    return [f"▁{word}" for word in text.split()]


def test_counts_by_hand() -> None:
    counts = count_tokens({"p": "ab cd e", "q": "fgh"}, by_word)
    english = Language.parse("en")
    # 4 words, each a token; 5 + 3 characters without spaces.
    assert counts.tokens == {"p": 3, "q": 1}
    assert counts.find("tokens_per_character", english) == (0.5, "")
    assert counts.find("tokens_per_word", english) == (1.0, "")
    assert counts.find("byte_share", english) == (0.0, "")


def test_words_are_unknown_where_the_script_has_no_spaces() -> None:
    value, reason = count_tokens({"p": "ab"}, by_word).find("tokens_per_word", Language.parse("th"))
    assert (value, reason) == (None, "the script Thai puts no spaces between words")


def test_a_character_stored_in_two_parts_counts_once() -> None:
    assert count_tokens({"p": "e\u0301"}, by_word).characters == 1


def test_no_texts_are_no_zero() -> None:
    assert count_tokens({}, by_word).find("tokens_per_character", Language.parse("en"))[0] is None


def test_pieces_of_characters_are_found_in_byte_level_tokens() -> None:
    # "aé": a is one byte and whole, é two bytes of which neither is a character.
    assert count_broken("aé", byte_level("aé")) == 2
    # GPT-2 writes the two bytes of é as Ã and ©; as one token they are whole.
    assert count_broken("aé", ["a", "Ã©"]) == 0
    assert count_broken("a b", ["a", "Ġb"]) == 0


def test_byte_tokens_and_unknown_tokens_are_found_in_others() -> None:
    assert count_broken("aé", ["▁a", "<0xC3>", "<0xA9>"]) == 2
    assert count_broken("playing", ["play", "##ing"]) == 0
    assert count_broken("aé", ["▁a", "<unk>"]) == 1


def test_letters_that_look_like_bytes_are_read_as_letters() -> None:
    # "é" alone is also a letter of the byte alphabet, but as a byte it would not spell the text.
    assert count_broken("é", ["é"]) == 0


def test_tokens_that_do_not_spell_the_text_tell_nothing() -> None:
    assert count_broken("abc", ["x", "y"]) is None
    value, reason = count_tokens({"p": "abc"}, lambda _: ["x"]).find("byte_share", Language.parse("en"))
    assert value is None
    assert "do not spell the text" in reason


@pytest.mark.parametrize(("text", "pieces"), [("Hello", ["▁hello"]), ("ﬁn", ["▁fin"]), ("a  b", ["▁a", "▁b"])])
def test_changes_of_case_form_and_spaces_do_not_matter(text: str, pieces: list[str]) -> None:
    assert count_broken(text, pieces) == 0
