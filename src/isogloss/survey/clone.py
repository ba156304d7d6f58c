"""The commit of a clone, read from its .git without running git."""

import re
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LONGEST_REFERENCE_CHAIN = 5


def find_data_commit(xml_folder: Path) -> str | None:
    """The commit that a folder of Anthology XML was checked out at, or None where it is not part of a clone.

    Only the clone whose ``data/xml`` the folder is counts (or a clone that it is the root of): a folder of files
    copied into some other repository must not be recorded under that repository's commit. Local changes are not seen.

    Args:
        xml_folder: the folder of XML files.
    """
    folder = xml_folder.resolve()
    roots = [folder]
    if folder.name == "xml":
        roots.append(folder.parent)
        if folder.parent.name == "data":
            roots.append(folder.parent.parent)
    for root in roots:
        git = _find_git(root / ".git")
        if git is not None:
            return _read_head(git)
    return None


def _find_git(place: Path) -> Path | None:
    if place.is_dir():
        return place
    if not place.is_file():
        return None
    # A worktree or submodule holds a file that names the real folder.
    text = _read(place)
    if not text.startswith("gitdir:"):
        return None
    target = (place.parent / text.removeprefix("gitdir:").strip()).resolve()
    return target if target.is_dir() else None


def _read_head(git: Path) -> str | None:
    shared = git
    common = _read(git / "commondir")
    if common:
        shared = (git / common).resolve()
    value = _read(git / "HEAD")
    for _ in range(_LONGEST_REFERENCE_CHAIN):
        if _COMMIT.fullmatch(value):
            return value
        if not value.startswith("ref:"):
            return None
        name = value.removeprefix("ref:").strip()
        if ".." in name or not name.startswith("refs/"):
            return None
        value = _read(git / name) or _read(shared / name) or _find_packed(shared, name)
    return None


def _find_packed(git: Path, name: str) -> str:
    for line in _read(git / "packed-refs").splitlines():
        commit, _, reference = line.partition(" ")
        if reference == name:
            return commit
    return ""


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
