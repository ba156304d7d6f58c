"""A text in another way of writing, with the map back to the text that it was made from."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from isogloss.core import Language


class Operation(StrEnum):
    """What happened to a stretch of text."""

    KEEP = "keep"
    PROTECT = "protect"
    SWITCH = "switch"
    TRANSLITERATE = "transliterate"
    CHANGE = "change"
    FRAME = "frame"


UNCHANGED = frozenset({Operation.KEEP, Operation.PROTECT})


@dataclass(frozen=True, slots=True)
class Piece:
    """One stretch: what it was, what it became, how, and in which language it now is (None: that of the text)."""

    source: str
    target: str
    operation: Operation
    language: Language | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Where one stretch stands in both texts; offsets count characters, ends are exclusive.

    An empty source stretch is an insertion, an empty target stretch a deletion.
    """

    source_start: int
    source_end: int
    target_start: int
    target_end: int
    operation: Operation
    language: Language | None = None


@dataclass(frozen=True, slots=True)
class Perturbed:
    """One text in another way of writing.

    The spans stand in order and cover both texts without gap or overlap, so that either text can be put together
    from its slices.

    Attributes:
        name: of the perturbation, as it is parsed: ``code-switch:en+sw:phrase``.
        source: the text before.
        text: the text after.
        languages: of the text after; where it is mixed, the matrix language first, then in the order of occurrence.
        spans: the map between both texts.
        realised_rate: changed units over units that could have changed, between 0 and 1; what a unit is depends on
            the perturbation. None where nothing could have changed.
    """

    name: str
    source: str
    text: str
    languages: tuple[Language, ...]
    spans: tuple[Span, ...]
    realised_rate: float | None

    @property
    def changed(self) -> bool:
        """Whether the text differs from its source."""
        return self.text != self.source

    def find_source(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the source that a stretch of the text came from; whole spans, except where text was kept.

        Raises:
            ValueError: the stretch does not lie inside the text.
        """
        if not 0 <= start <= end <= len(self.text):
            raise ValueError(f"{start} to {end} does not lie inside a text of {len(self.text)} characters")
        touched = [s for s in self.spans if s.target_start < end and start < s.target_end]
        if not touched:
            touched = [s for s in self.spans if s.target_start <= start <= s.target_end][:1]
        first, last = touched[0], touched[-1]
        begin = first.source_start + (max(0, start - first.target_start) if first.operation in UNCHANGED else 0)
        cut = max(0, last.target_end - end) if last.operation in UNCHANGED else 0
        return begin, max(begin, last.source_end - cut)


def assemble(
    pieces: Iterable[Piece], *, name: str, languages: tuple[Language, ...], realised_rate: float | None
) -> Perturbed:
    """Put a text together from its pieces and note where each one came from.

    Neighbours that were both left alone become one span.
    """
    source, target = "", ""
    spans: list[Span] = []
    for piece in _join_kept(pieces):
        spans.append(
            Span(
                len(source),
                len(source) + len(piece.source),
                len(target),
                len(target) + len(piece.target),
                piece.operation,
                piece.language,
            )
        )
        source += piece.source
        target += piece.target
    return Perturbed(name, source, target, languages, tuple(spans), realised_rate)


def keep(text: str) -> Piece:
    """A stretch that stays as it is."""
    return Piece(text, text, Operation.KEEP)


def protect(text: str) -> Piece:
    """A stretch that must stay as it is."""
    return Piece(text, text, Operation.PROTECT)


def measure_rate(changed: int, eligible: int) -> float | None:
    """Changed over eligible units; None where there were none."""
    return changed / eligible if eligible else None


def _join_kept(pieces: Iterable[Piece]) -> Iterable[Piece]:
    waiting = ""
    for piece in pieces:
        if piece.operation is Operation.KEEP:
            waiting += piece.source
            continue
        if waiting:
            yield keep(waiting)
            waiting = ""
        if piece.source or piece.target:
            yield piece
    if waiting:
        yield keep(waiting)
