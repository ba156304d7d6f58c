"""A file is whole or not there."""

from pathlib import Path

import pytest

from isogloss.core.drafts import draft_of
from isogloss.core.errors import WriteFailed


def test_the_draft_takes_the_place_of_the_file_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.bin"
    with draft_of(path) as draft:
        draft.write_bytes(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert [one.name for one in path.parent.iterdir()] == ["a.bin"]


def test_an_exception_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), draft_of(path) as draft:
        draft.write_bytes(b"half" + None)  # type: ignore[operator]
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["a.bin"]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WriteFailed, match="Cannot write"), draft_of(tmp_path / "file" / "a.bin"):
        pass
