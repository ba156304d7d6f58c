"""Ids of the ACL Anthology: composed of collection, volume and paper, and taken apart again."""

import re

_NEW_COLLECTION = re.compile(r"[0-9]{4}\.[a-z0-9]+")
_OLD_COLLECTION = re.compile(r"[A-Z][0-9]{2}")
_PAPER_ADDRESS = re.compile(
    r"(?:aclanthology\.org|aclweb\.org/anthology|aclanthology\.info/papers)/"
    r"([0-9]{4}\.[a-z0-9]+-[a-z0-9]+\.[0-9]+|[A-Z][0-9]{2}-[0-9]{4})"
)


def is_collection_id(text: str) -> bool:
    """Whether a text is the id of a collection: "2020.acl" since 2020, "P18" before."""
    return bool(_NEW_COLLECTION.fullmatch(text) or _OLD_COLLECTION.fullmatch(text))


def compose_volume_id(collection: str, volume: str) -> str:
    """The id of a volume: "2020.acl-main", "P18-1", "W18-05".

    Raises:
        ValueError: the collection is of the old kind and the volume is not a number.
    """
    if collection[:1].isdigit():
        return f"{collection}-{volume}"
    return f"{collection}-{int(volume):0{1 if _has_short_volumes(collection, int(volume)) else 2}d}"


def compose_paper_id(collection: str, volume: str, paper: str) -> str:
    """The id of a paper: "2020.acl-main.1", "P18-1001", "W18-0501".

    Before 2020 a volume has one digit and a paper three, except in W, C69 and D19 from volume 50 on, where both have
    two.

    Raises:
        ValueError: the collection is of the old kind and volume or paper is not a number.
    """
    start = compose_volume_id(collection, volume)
    if collection[:1].isdigit():
        return f"{start}.{paper}"
    return f"{start}{int(paper):0{3 if _has_short_volumes(collection, int(volume)) else 2}d}"


def split_collection(paper_id: str) -> str | None:
    """The collection that a paper's id begins with, or None where it is no Anthology id."""
    collection = paper_id.split("-", 1)[0]
    return collection if "-" in paper_id and is_collection_id(collection) else None


def split_volume(paper_id: str) -> str | None:
    """The id of the volume that a paper's id begins with, or None where it is no Anthology id."""
    collection = split_collection(paper_id)
    if collection is None:
        return None
    rest = paper_id.split("-", 1)[1]
    if collection[0].isdigit():
        return f"{collection}-{rest.rsplit('.', 1)[0]}"
    return f"{collection}-{rest[: 1 if _has_short_volumes(collection, int(rest[:2])) else 2]}"


def split_old_number(collection: str, number: str) -> tuple[str, str] | None:
    """Volume and paper of the four digits after an old collection: ("P18", "1001") is volume 1, paper 1.

    Returns:
        None where the collection is not of the old kind, or these are not four digits.
    """
    if not _OLD_COLLECTION.fullmatch(collection) or not (len(number) == 4 and number.isascii() and number.isdigit()):
        return None
    width = 1 if _has_short_volumes(collection, int(number[:2])) else 2
    return str(int(number[:width])), str(int(number[width:]))


def infer_year(collection: str) -> int:
    """The year in the id of a collection; two digits from 60 on are of the last century."""
    if collection[:1].isdigit():
        return int(collection[:4])
    return int(("19" if int(collection[1:]) >= 60 else "20") + collection[1:])


def find_paper_id(address: str) -> str | None:
    """The Anthology id in the address of a paper's page or PDF, or None."""
    found = _PAPER_ADDRESS.search(address)
    return found.group(1) if found else None


def _has_short_volumes(collection: str, volume: int) -> bool:
    return not (collection[0] == "W" or collection == "C69" or (collection == "D19" and volume >= 50))
