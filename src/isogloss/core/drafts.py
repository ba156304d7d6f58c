"""Files that are whole or not there: written beside their place, flushed to disk, then moved into it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from isogloss.core.errors import WriteFailed


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """A file to write to that takes the place of ``path`` when the block ends; a crash leaves the old file or the new.

    Args:
        path: where the content belongs; its folder is made.

    Raises:
        WriteFailed: the disk is full or the folder cannot be written. The draft is gone, the old file untouched.
    """
    draft = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        with draft.open("rb") as stream:
            os.fsync(stream.fileno())
        os.replace(draft, path)
    except OSError as error:
        raise WriteFailed(f"Cannot write {path}: {error.strerror}. Make room or choose another folder.") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
