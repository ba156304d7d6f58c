"""Hashes of values and files."""

import hashlib
from pathlib import Path

import pytest

from isogloss.core.fingerprint import canonical_json, fingerprint, fingerprint_file


def test_the_order_of_keys_does_not_matter_and_the_order_of_lists_does() -> None:
    assert fingerprint({"a": 1, "b": [1, 2]}) == fingerprint({"b": [1, 2], "a": 1})
    assert fingerprint([1, 2]) != fingerprint([2, 1])


def test_a_fingerprint_is_the_same_on_every_machine() -> None:
    # printf '{"a":"é"}' | sha256sum
    assert canonical_json({"a": "é"}) == '{"a":"é"}'
    assert fingerprint({"a": "é"}) == hashlib.sha256(b'{"a":"\xc3\xa9"}').hexdigest()[:16]


def test_types_are_told_apart() -> None:
    assert len({fingerprint(value) for value in (1, "1", [1], None, "null", True, 1.5)}) == 7


def test_a_value_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        fingerprint(float("nan"))


def test_half_a_surrogate_pair_has_a_fingerprint_of_its_own() -> None:
    assert fingerprint("\ud83d") != fingerprint("\ud83e")


def test_a_file_has_the_hash_of_its_bytes(tmp_path: Path) -> None:
    # printf 'abc' | sha256sum
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert fingerprint_file(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
