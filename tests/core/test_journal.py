"""Nothing that was written is lost, and nothing is written twice."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import isogloss
from isogloss.core.errors import BrokenInput, WriteFailed
from isogloss.core.journal import Journal, read_rows

WRITER = """
import sys
from pathlib import Path
from isogloss.core.journal import Journal

with Journal(Path(sys.argv[1])) as journal:
    number = len(journal)
    while True:
        journal.append(str(number), {"number": number, "text": "\\u2028é" * (number * 7919 % 20_000)})
        number += 1
"""


def rows_of(path: Path) -> list[tuple[str, object]]:
    return [(row["key"], row.get("number")) for row in read_rows(path)]


def test_rows_are_there_after_closing_and_opening(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "rows.jsonl"
    with Journal(path) as journal:
        journal.append("a", {"number": 1})
        journal.append("b", {"number": 2})
    with Journal(path) as journal:
        assert len(journal) == 2
        assert "a" in journal
        assert journal.rows["b"] == {"key": "b", "number": 2}
        journal.append("c", {"number": 3})
    assert rows_of(path) == [("a", 1), ("b", 2), ("c", 3)]


def test_a_key_is_written_once_and_keeps_its_first_row(tmp_path: Path) -> None:
    with Journal(tmp_path / "rows.jsonl") as journal:
        assert journal.append("a", {"number": 1}) == {"key": "a", "number": 1}
        assert journal.append("a", {"number": 2}) == {"key": "a", "number": 1}
    assert rows_of(journal.path) == [("a", 1)]


@pytest.mark.parametrize(
    "torn", [b'{"key": "c', b'{"key": "c"}', b"\xe1\x88", b" ", b'{"key": "c", "text": "' + b"x" * 200_000]
)
def test_a_torn_last_line_is_cut_and_the_next_row_starts_fresh(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    whole = b'{"key": "a"}\n{"key": "b"}\n'
    path.write_bytes(whole + torn)
    with Journal(path) as journal:
        assert list(journal.rows) == ["a", "b"]
        assert path.read_bytes() == whole
        journal.append("c", {"number": 3})
    assert rows_of(path) == [("a", None), ("b", None), ("c", 3)]


def test_a_file_that_is_only_a_torn_line_is_emptied(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"key": "' + b"x" * 100_000)
    with Journal(path) as journal:
        assert len(journal) == 0
    assert path.read_bytes() == b""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=5), st.data())
def test_a_file_cut_anywhere_keeps_exactly_its_whole_lines(
    tmp_path: Path, texts: list[str], data: st.DataObject
) -> None:
    path = tmp_path / "rows.jsonl"
    path.unlink(missing_ok=True)
    with Journal(path) as journal:
        for number, text in enumerate(texts):
            journal.append(str(number), {"text": text})
    content = path.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:cut])
    with Journal(path) as journal:
        assert [row["text"] for row in journal.rows.values()] == texts[: content[:cut].count(b"\n")]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b'{"key": "b"', "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b'["b"]', "is not an object with a 'key'"),
        (b'{"id": "b"}', "is not an object with a 'key'"),
        (b'{"key": 2}', "is not an object with a 'key'"),
    ],
)
def test_a_broken_line_in_the_middle_is_named(tmp_path: Path, line: bytes, what: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"key": "a"}\n' + line + b'\n{"key": "c"}\n')
    before = path.read_bytes()
    journal = Journal(path)
    with pytest.raises(BrokenInput) as caught:
        journal.__enter__()
    assert str(caught.value) == (
        f"{path}, line 2 {what}. Remove that line; what it held will be made again on the next run."
    )
    assert path.read_bytes() == before
    assert journal._descriptor is None


def test_half_a_surrogate_pair_is_kept(tmp_path: Path) -> None:
    with Journal(tmp_path / "rows.jsonl") as journal:
        journal.append("a", {"text": "cut \ud83d emoji \\ud83d"})
    assert next(read_rows(journal.path))["text"] == "cut \ud83d emoji \\ud83d"


def test_writing_outside_the_context_is_a_bug_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="not open"):
        Journal(tmp_path / "rows.jsonl").append("a", {})


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "rows.jsonl"
    with pytest.raises(WriteFailed) as caught:
        Journal(path).__enter__()
    assert str(caught.value) == f"Cannot write {path}: File exists."


@pytest.mark.parametrize("left", [0, 1, 17])
def test_a_disk_that_fills_in_the_middle_of_a_row_leaves_the_rows_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    write = os.write

    def write_what_fits(descriptor: int, content: bytes) -> int:
        return write(descriptor, content[:left])

    path = tmp_path / "rows.jsonl"
    with Journal(path) as journal:
        journal.append("a", {"number": 1})
        monkeypatch.setattr(os, "write", write_what_fits)
        with pytest.raises(WriteFailed) as caught:
            journal.append("b", {"number": 2})
        assert str(caught.value) == (
            f"Cannot write {path}: No space left on device. The 1 rows before it are safe; "
            "make room and run the same command again, it goes on from there."
        )
        assert caught.value.exit_code == 3
        assert "b" not in journal
        assert path.read_bytes() == b'{"key": "a", "number": 1}\n'
        monkeypatch.setattr(os, "write", write)
        journal.append("b", {"number": 2})
    assert rows_of(path) == [("a", 1), ("b", 2)]


def test_a_disk_that_refuses_a_row_outright_leaves_the_rows_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, content: bytes) -> int:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    with Journal(tmp_path / "rows.jsonl") as journal:
        journal.append("a", {"number": 1})
        monkeypatch.setattr(os, "write", refuse)
        with pytest.raises(WriteFailed, match="Disk quota exceeded"):
            journal.append("b", {"number": 2})
    assert rows_of(journal.path) == [("a", 1)]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_a_writer_that_is_killed_again_and_again_leaves_whole_rows_without_gaps(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    generator = random.Random(3)
    source = str(Path(isogloss.__file__).parents[1])
    written = 0
    for _ in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], env=os.environ | {"PYTHONPATH": source}, stderr=subprocess.PIPE
        )
        before = path.stat().st_size if path.exists() else 0
        deadline = time.monotonic() + 20
        while (path.stat().st_size if path.exists() else 0) <= before and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(generator.uniform(0, 0.05))
        writer.send_signal(signal.SIGKILL)
        _, complaint = writer.communicate()
        assert writer.returncode == -signal.SIGKILL, complaint.decode()
        with Journal(path) as journal:
            assert [row["number"] for row in journal.rows.values()] == list(range(len(journal)))
            assert len(journal) > written
            written = len(journal)
    for line in path.read_bytes().splitlines():
        json.loads(line)
