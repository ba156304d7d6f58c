"""One pass over the journals of a run: example rows, gate counts and what changed, without holding the texts.

Harmful texts are dropped while reading unless they are asked for, so that no later step can show them by mistake.
"""

import hashlib
from bisect import insort
from collections.abc import Collection, Iterator
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
PER_PERTURBATION = 2
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
    """One prompt with its verdict; ``before`` is there in comparisons. Texts are None where they are hidden.

    ``perturbation`` is the way of writing, empty for a plain prompt.
    """

    prompt_id: str
    language: str
    kind: str
    prompt: str | None
    answer: Text
    before: Text | None = None
    perturbation: str = ""


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
        gates: gate counts of plain prompts by (language, kind); empty where no repair was active.
        against_before: pairs of plain prompts, the run before (first) and this one (second), by (language, kind).
    """

    examples: tuple[Example, ...] = ()
    gates: dict[Cell, GateCount] = field(default_factory=dict)
    against_before: dict[Cell, Moves] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Pick:
    """A row chosen as an example: its verdict rows, before the texts are known."""

    order: str
    verdict: Row
    perturbation: str
    before: "_Earlier | None"


class _Place(NamedTuple):
    """What examples are chosen for: a few of each."""

    language: str
    kind: str
    perturbation: str
    verdict: str
    before: str


class _Earlier(NamedTuple):
    """What is kept of every verdict of the run before: little, as there may be a million."""

    key: str
    label: Label
    flags: tuple[str, ...]


def digest_rows(
    run: RunFolder,
    before: RunFolder | None = None,
    *,
    mapping: Mapping,
    perturbations: Collection[str] = (),
    show_text: bool,
) -> Digest:
    """Read the journals of a run, and of the run before it where two are compared.

    Examples are the rows whose prompt id has the smallest hash: the same on every machine, and chosen by nobody.

    Args:
        run: journals may be missing; what they would give is then empty.
        before: the run to pair with, by prompt id, language and kind.
        mapping: how labels become refusals in the paired tables.
        perturbations: names of the ways of writing; prompts written so enter the examples and no count.
        show_text: keep the texts of harmful prompts and of the answers to them.

    Raises:
        BrokenInput: a row lacks a field or has a label that we do not know.
    """
    earlier = _read_earlier(before)
    ways = _Ways(perturbations)
    moves: dict[Cell, Moves] = {}
    picks: dict[_Place, list[_Pick]] = {}
    for row in _verdicts(run):
        pair, way = earlier.get(_pairing(row)), ways.of(row["prompt_id"])
        _pick(picks, row, way, pair)
        refusal = mapping.refusal(Label(row["verdict"])) if pair and not way else None
        first = mapping.refusal(pair.label) if pair else None
        if refusal is not None and first is not None:
            cell = (row["language"], row["kind"])
            moves[cell] = _add(moves.get(cell, Moves()), first, refusal)
    chosen = _limit(picks)
    texts, gates = _read_replies(run, {pick.verdict["key"] for pick in chosen}, show_text=show_text)
    keys = {pick.before.key for pick in chosen if pick.before}
    texts_before = _read_replies(before, keys, show_text=show_text)[0] if before else {}
    return Digest(
        examples=tuple(_example(pick, texts, texts_before, show_text=show_text) for pick in chosen),
        gates=gates,
        against_before=moves,
    )


class _Ways:
    """Tells the way of writing from a prompt's id, which ends in ``+`` and its name; verdicts carry nothing else."""

    def __init__(self, names: Collection[str]) -> None:
        # The longest first: one name may end another.
        self._endings = sorted((f"+{name}" for name in names), key=len, reverse=True)
        self._any = tuple(self._endings)

    def of(self, prompt_id: str) -> str:
        """The name, or nothing for a plain prompt."""
        if not prompt_id.endswith(self._any):
            return ""
        return next(ending[1:] for ending in self._endings if prompt_id.endswith(ending))


def _read_earlier(run: RunFolder | None) -> dict[Pairing, _Earlier]:
    if run is None:
        return {}
    return {_pairing(row): _Earlier(row["key"], Label(row["verdict"]), _flags(row)) for row in _verdicts(run)}


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


def _pick(picks: dict[_Place, list[_Pick]], row: Row, perturbation: str, before: _Earlier | None) -> None:
    """Keep the row if its hash is among the smallest of its language, kind, way of writing and verdicts."""
    order = hashlib.sha256("\x1f".join(_pairing(row)).encode("utf-8", "surrogatepass")).hexdigest()
    place = _Place(row["language"], row["kind"], perturbation, row["verdict"], before.label.value if before else "")
    kept = picks.setdefault(place, [])
    if len(kept) < PER_CELL or order < kept[-1].order:
        insort(kept, _Pick(order, row, perturbation, before), key=lambda pick: pick.order)
        del kept[PER_CELL:]


def _limit(picks: dict[_Place, list[_Pick]]) -> list[_Pick]:
    """At most so many examples of a language, kind and way of writing.

    Changed verdicts come first, then the others in the labels' order.
    """
    labels = list(Label)
    groups: dict[tuple[str, str, str], list[tuple[tuple[bool, int, str], _Pick]]] = {}
    for place, kept in picks.items():
        for pick in kept:
            rank = (place.before == place.verdict, labels.index(Label(place.verdict)), pick.order)
            groups.setdefault(place[:3], []).append((rank, pick))
    chosen = []
    for cell in sorted(groups):
        most = PER_PERTURBATION if cell[2] else PER_KIND
        chosen += [pick for _, pick in sorted(groups[cell], key=lambda entry: entry[0])[:most]]
    return chosen


def _read_replies(
    run: RunFolder, keys: set[str], *, show_text: bool
) -> tuple[dict[str, tuple[str | None, str | None]], dict[Cell, GateCount]]:
    """Prompt and reply texts of the rows with these keys, and the gate counts of all plain prompts."""
    texts: dict[str, tuple[str | None, str | None]] = {}
    gates: dict[Cell, GateCount] = {}
    for row in read_rows(run.replies) if run.replies.exists() else ():
        gate = row.get("gate")
        if isinstance(gate, dict) and not row.get("perturbation"):
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
        perturbation=pick.perturbation,
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
