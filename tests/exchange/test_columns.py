import pytest

from isogloss.core.errors import BrokenInput, UnknownName, UserError
from isogloss.exchange import Columns
from isogloss.exchange.columns import look_up


def test_our_own_names_are_read_without_being_told():
    record = {"language": "sw", "kind": "harmful", "seed_id": "s1", "unused": 1}
    found = Columns().read(record, place="log", own_id="7")
    assert found == {"language": "sw", "kind": "harmful", "seed_id": "s1", "id": "7"}


def test_columns_values_and_kinds_translate_a_foreign_record():
    columns = Columns.parse(["language=meta.lang", "seed_id=pair"], values=["category=theft"], kinds=["unsafe=harmful"])
    record = {"meta": {"lang": "yo"}, "pair": 3, "kind": "unsafe"}
    found = columns.read(record, place="log", own_id="7")
    assert found == {"language": "yo", "kind": "harmful", "seed_id": 3, "category": "theft", "id": "7"}


def test_a_records_own_column_wins_over_a_stated_value():
    columns = Columns.parse(values=["language=en", "kind=harmful"])
    assert columns.read({"language": "sw"}, place="log", own_id="1")["language"] == "sw"
    assert columns.read({}, place="log", own_id="1")["language"] == "en"


def test_a_missing_language_says_where_what_was_found_and_what_to_do():
    with pytest.raises(BrokenInput) as caught:
        Columns().read({"lang": "sw", "kind": "harmful"}, place="a.eval, sample 3", own_id="3")
    for part in ("a.eval, sample 3", "kind, lang", "--column language=NAME", "--value language="):
        assert part in str(caught.value)


def test_an_unknown_field_proposes_one_and_a_pair_needs_an_equals_sign():
    with pytest.raises(UnknownName, match="Did you mean 'language'"):
        Columns.parse(["languages=lang"])
    for pair in ("language", "language=", "=lang"):
        with pytest.raises(UserError, match="NAME=VALUE"):
            Columns.parse([pair])


def test_a_plain_key_with_a_dot_wins_over_a_path():
    assert look_up({"a.b": 1, "a": {"b": 2}}, "a.b") == 1
    assert look_up({"a": {"b": 2}}, "a.b") == 2
    assert look_up({"a": 1}, "a.b") is None
