"""An append-only JSONL file with a key on every row: what makes long work resumable.

A row is written with one system call and ends in a newline, so after ``kill -9`` the file holds whole rows and
at most one torn last line, which is cut off when the journal is opened again. Rows are never rewritten.
"""

import errno
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from isogloss.core.errors import BrokenInput, WriteFailed

Row = dict[str, Any]


class Journal:
    """Rows by key, on disk. Use as a context manager; opening reads what is there.

    Raises:
        BrokenInput: a line before the last is not a JSON object with a ``key``.
        WriteFailed: the file cannot be opened or a row cannot be written; earlier rows are safe.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, Row] = {}
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise WriteFailed(f"Cannot write {self.path}: {error.strerror}.") from error
        try:
            _cut_torn_line(self._descriptor)
            self.rows = {row["key"]: row for row in read_rows(self.path)}
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def __contains__(self, key: str) -> bool:
        return key in self.rows

    def __len__(self) -> int:
        return len(self.rows)

    def append(self, key: str, fields: Mapping[str, Any]) -> Row:
        """Write one row at the end; a key that is already there is left as it is."""
        if key in self.rows:
            return self.rows[key]
        if self._descriptor is None:
            raise RuntimeError("the journal is not open; use it as a context manager")
        row: Row = {"key": key, **fields}
        line = _encode(row)
        size = os.fstat(self._descriptor).st_size
        try:
            written = os.write(self._descriptor, line)
            if written < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            os.ftruncate(self._descriptor, size)
            raise WriteFailed(
                f"Cannot write {self.path}: {error.strerror}. The {len(self.rows)} rows before it are safe; "
                "make room and run the same command again, it goes on from there."
            ) from error
        self.rows[key] = row
        return row

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a journal, in the order written.

    Raises:
        BrokenInput: a line is not a JSON object with a ``key``; the message names it.
    """
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (json.JSONDecodeError, UnicodeDecodeError) as error:
                if not line.endswith(b"\n"):
                    return
                raise BrokenInput(_broken(path, number, "is not JSON")) from error
            if not isinstance(row, dict) or not isinstance(row.get("key"), str):
                raise BrokenInput(_broken(path, number, "is not an object with a 'key'"))
            yield row


def _encode(row: Row) -> bytes:
    """One line of UTF-8. Half a surrogate pair, which endpoints send inside cut emoji, becomes its JSON escape."""
    return (json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n").encode(errors="backslashreplace")


def _broken(path: Path, number: int, what: str) -> str:
    return f"{path}, line {number} {what}. Remove that line; what it held will be made again on the next run."


def _cut_torn_line(descriptor: int) -> None:
    """Drop what follows the last newline: a row that a crash cut short."""
    end = size = os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - 65536)
        block = os.pread(descriptor, end - start, start)
        newline = block.rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        os.ftruncate(descriptor, end)
