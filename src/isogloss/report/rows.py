"""One pass over the journals of a run: example rows, gate counts and paired tables, without holding the texts.

Harmful texts are dropped while reading unless they are asked for, so that no later step can show them by mistake.
"""

import hashlib
from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from isogloss.core.errors import BrokenInput
from isogloss.core.journal import Row, read_rows
from isogloss.core.run import RunFolder
from isogloss.core.verdict import Label, Mapping
from isogloss.report.text import cut

HARMFUL = "harmful"
LABELS = frozenset(label.value for label in Label)
PER_CELL = 2
PER_KIND = 8
TEXT_LENGTH = 600

Cell = tuple[str, str]
Pairing = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Text:
    """What one run answered: the verdict, and the reply where it may be shown."""

    label: Label
    reply: str | None = None
    evidence: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """One prompt with its verdict; ``before`` is there in comparisons. Texts are None where they are hidden."""

    prompt_id: str
    language: str
    kind: str
    prompt: str | None
    answer: Text
    before: Text | None = None


@dataclass(frozen=True, slots=True)
class GateCount:
    """How many prompts a repair's gate read, and how many of them it took for harmful."""

    read: int = 0
    harmful: int = 0


@dataclass(frozen=True, slots=True)
class Moves:
    """A 2 by 2 table of pairs: first and second answer, each a refusal or not."""

    both: int = 0
    only_first: int = 0
    only_second: int = 0
    neither: int = 0

    @property
    def n(self) -> int:
        """Pairs in which both answers are scored."""
        return self.both + self.only_first + self.only_second + self.neither


@dataclass(frozen=True)
class Digest:
    """What a report needs from the journals.

    Attributes:
        examples: sorted by language and kind.
        gates: gate counts by (language, kind); empty where no repair was active.
        against_reference: harmful pairs of the reference language (first) and each other language (second).
        against_reference_before: the same in the run before.
        against_before: pairs of the run before (first) and this one (second) by (language, kind).
    """

    examples: tuple[Example, ...] = ()
    gates: dict[Cell, GateCount] = field(default_factory=dict)
    against_reference: dict[str, Moves] = field(default_factory=dict)
    against_reference_before: dict[str, Moves] = field(default_factory=dict)
    against_before: dict[Cell, Moves] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Pick:
    """A row chosen as an example: its verdict rows, before the texts are known."""

    order: str
    verdict: Row
    before: "_Earlier | None"


class _Earlier(NamedTuple):
    """What is kept of every verdict of the run before: little, as there may be a million."""

    key: str
    label: Label
    flags: tuple[str, ...]


def digest_rows(
    run: RunFolder, before: RunFolder | None = None, *, mapping: Mapping, reference: str | None, show_text: bool
) -> Digest:
    """Read the journals of a run, and of the run before it where two are compared.

    Examples are the rows whose prompt id has the smallest hash: the same on every machine, and chosen by nobody.

    Args:
        run: journals may be missing; what they would give is then empty.
        before: the run to pair with, by prompt id, language and kind.
        mapping: how labels become refusals in the paired tables.
        reference: tag of the language that the others are paired with.
        show_text: keep the texts of harmful prompts and of the answers to them.

    Raises:
        BrokenInput: a row lacks a field or has a label that we do not know.
    """
    earlier = _read_earlier(before)
    refusals = _Refusals(mapping)
    moves: dict[Cell, Moves] = {}
    picks: dict[tuple[str, ...], list[_Pick]] = {}
    for row in _verdicts(run):
        pair = earlier.get(_pairing(row))
        _pick(picks, row, pair)
        refusal = refusals.add(_pairing(row), Label(row["verdict"]))
        first = mapping.refusal(pair.label) if pair else None
        if refusal is not None and first is not None:
            cell = (row["language"], row["kind"])
            moves[cell] = _add(moves.get(cell, Moves()), first, refusal)
    refusals_before = _Refusals(mapping)
    for pairing, old in earlier.items():
        refusals_before.add(pairing, old.label)
    chosen = _limit(picks)
    texts, gates = _read_replies(run, {pick.verdict["key"] for pick in chosen}, show_text=show_text)
    keys = {pick.before.key for pick in chosen if pick.before}
    texts_before = _read_replies(before, keys, show_text=show_text)[0] if before else {}
    return Digest(
        examples=tuple(_example(pick, texts, texts_before, show_text=show_text) for pick in chosen),
        gates=gates,
        against_reference=refusals.pair(reference),
        against_reference_before=refusals_before.pair(reference),
        against_before=moves,
    )


def _read_earlier(run: RunFolder | None) -> dict[Pairing, _Earlier]:
    if run is None:
        return {}
    return {_pairing(row): _Earlier(row["key"], Label(row["verdict"]), _flags(row)) for row in _verdicts(run)}


class _Refusals:
    """Scored harmful prompts by language, for the paired tables against a reference language."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._found: dict[str, dict[str, int]] = {}

    def add(self, pairing: Pairing, label: Label) -> int | None:
        """Note one verdict; returns it as a refusal (1), none (0) or unscored (None)."""
        prompt_id, language, kind = pairing
        refusal = self._mapping.refusal(label)
        if refusal is not None and kind == HARMFUL:
            self._found.setdefault(language, {})[prompt_id] = refusal
        return refusal

    def pair(self, reference: str | None) -> dict[str, Moves]:
        """A table for every other language that shares scored prompts with the reference."""
        base = self._found.get(reference or "", {})
        tables: dict[str, Moves] = {}
        for language, found in self._found.items():
            table = Moves()
            for prompt_id in found.keys() & base.keys():
                table = _add(table, base[prompt_id], found[prompt_id])
            if table.n and language != reference:
                tables[language] = table
        return tables


def _verdicts(run: RunFolder) -> Iterator[Row]:
    if not run.verdicts.exists():
        return
    for row in read_rows(run.verdicts):
        lacking = [name for name in ("prompt_id", "language", "kind", "verdict") if not isinstance(row.get(name), str)]
        if lacking or row["verdict"] not in LABELS:
            what = f"lacks {', '.join(lacking)}" if lacking else f"has the unknown verdict '{row['verdict']}'"
            raise BrokenInput(f"{run.verdicts}: the row with key {row['key']} {what}. Judge the run again.")
        yield row


def _pairing(row: Row) -> Pairing:
    return (row["prompt_id"], row["language"], row["kind"])


def _pick(picks: dict[tuple[str, ...], list[_Pick]], row: Row, before: _Earlier | None) -> None:
    """Keep the row if its hash is among the smallest of its language, kind and verdicts."""
    order = hashlib.sha256("\x1f".join(_pairing(row)).encode("utf-8", "surrogatepass")).hexdigest()
    cell = (row["language"], row["kind"], row["verdict"], before.label.value if before else "")
    kept = picks.setdefault(cell, [])
    if len(kept) < PER_CELL or order < kept[-1].order:
        insort(kept, _Pick(order, row, before), key=lambda pick: pick.order)
        del kept[PER_CELL:]


def _limit(picks: dict[tuple[str, ...], list[_Pick]]) -> list[_Pick]:
    """At most so many examples of a language and kind; changed verdicts come first, then in the labels' order."""
    labels = list(Label)
    groups: dict[Cell, list[tuple[tuple[bool, int, str], _Pick]]] = {}
    for (language, kind, verdict, before), kept in picks.items():
        for pick in kept:
            rank = (before == verdict, labels.index(Label(verdict)), pick.order)
            groups.setdefault((language, kind), []).append((rank, pick))
    return [pick for cell in sorted(groups) for _, pick in sorted(groups[cell], key=lambda entry: entry[0])[:PER_KIND]]


def _read_replies(
    run: RunFolder, keys: set[str], *, show_text: bool
) -> tuple[dict[str, tuple[str | None, str | None]], dict[Cell, GateCount]]:
    """Prompt and reply texts of the rows with these keys, and the gate counts of all rows."""
    texts: dict[str, tuple[str | None, str | None]] = {}
    gates: dict[Cell, GateCount] = {}
    for row in read_rows(run.replies) if run.replies.exists() else ():
        gate = row.get("gate")
        if isinstance(gate, dict):
            cell = (str(row.get("language")), str(row.get("kind")))
            count = gates.get(cell, GateCount())
            gates[cell] = GateCount(count.read + 1, count.harmful + bool(gate.get("harmful")))
        if row["key"] in keys:
            hidden = row.get("kind") == HARMFUL and not show_text
            texts[row["key"]] = (None, None) if hidden else (_cut(row.get("prompt")), _cut(row.get("reply")))
    return texts, gates


def _cut(text: object) -> str | None:
    return cut(text, TEXT_LENGTH) if isinstance(text, str) else None


def _example(
    pick: _Pick,
    texts: dict[str, tuple[str | None, str | None]],
    texts_before: dict[str, tuple[str | None, str | None]],
    *,
    show_text: bool,
) -> Example:
    row, before = pick.verdict, pick.before
    hidden = row["kind"] == HARMFUL and not show_text
    prompt, reply = texts.get(row["key"], (None, None))
    earlier = texts_before.get(before.key, (None, None)) if before else (None, None)
    return Example(
        prompt_id=row["prompt_id"],
        language=row["language"],
        kind=row["kind"],
        prompt=prompt if prompt is not None else earlier[0],
        answer=_text(row, reply, hidden=hidden),
        before=Text(before.label, earlier[1], flags=before.flags) if before else None,
    )


def _text(row: Row, reply: str | None, *, hidden: bool) -> Text:
    """Evidence often quotes the reply, so it is hidden with it."""
    return Text(
        label=Label(row["verdict"]),
        reply=reply,
        evidence="" if hidden else cut(str(row.get("evidence") or ""), 120),
        flags=_flags(row),
    )


def _flags(row: Row) -> tuple[str, ...]:
    flags = row.get("flags")
    return tuple(str(flag) for flag in flags) if isinstance(flags, list) else ()


def _add(table: Moves, first: int, second: int) -> Moves:
    return Moves(
        both=table.both + (first and second),
        only_first=table.only_first + (first and not second),
        only_second=table.only_second + (second and not first),
        neither=table.neither + (not first and not second),
    )
