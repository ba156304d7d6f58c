"""Content hashes: what makes two runs, models or files the same."""

import hashlib
import json
from pathlib import Path


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spaces: equal values have equal text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def fingerprint(value: object) -> str:
    """The first 16 hex digits of the SHA-256 of a JSON value."""
    return hashlib.sha256(canonical_json(value).encode(errors="backslashreplace")).hexdigest()[:16]


def fingerprint_file(path: Path) -> str:
    """The full SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
