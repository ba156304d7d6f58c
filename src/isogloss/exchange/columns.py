"""Which field of a foreign record means what: the bridge from anybody's metadata to our prompts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from isogloss.core.errors import BrokenInput, UnknownName, UserError, say_unknown

NEEDED = ("language", "kind")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a record keeps what we need to know about a prompt.

    A dot goes down one level: ``subset.language``. ``values`` states a field for all records, for logs of one
    language or of harmful prompts alone; a record's own column wins over it.

    Attributes:
        prompt_id: the prompt's id, shared by its translations; the record's own id where it is missing.
        language: BCP-47 tag of the prompt.
        kind: harmful or harmless.
        seed_id: pairs a prompt with its translations.
        cluster: unit of resampling.
        category: the set's own topic.
        failure_mode: one of our failure modes.
        split: train, validation or test.
        perturbation: the way of writing applied to the prompt.
        values: by field name, for records that have no such column.
        kinds: what the record writes in the kind's column, to ours: ``{"unsafe": "harmful"}``.
    """

    prompt_id: str = "prompt_id"
    language: str = "language"
    kind: str = "kind"
    seed_id: str = "seed_id"
    cluster: str = "cluster"
    category: str = "category"
    failure_mode: str = "failure_mode"
    split: str = "split"
    perturbation: str = "perturbation"
    values: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, columns: Iterable[str] = (), *, values: Iterable[str] = (), kinds: Iterable[str] = ()) -> "Columns":
        """Read ``FIELD=NAME`` pairs as the command line has them.

        Raises:
            UserError: a pair has no ``=``.
            UnknownName: a field that we do not have.
        """
        named, stated = parse_pairs(columns, option="--column"), parse_pairs(values, option="--value")
        for name in (*named, *stated):
            if name not in FIELDS:
                raise UnknownName(say_unknown("prompt field", name, FIELDS))
        return cls(**named, values=stated, kinds=parse_pairs(kinds, option="--kind"))

    def read(self, record: Mapping[str, Any], *, place: str, own_id: str) -> dict[str, Any]:
        """The fields of one record under our names, ready to become a prompt.

        Args:
            record: the foreign metadata.
            place: where it stands, for messages.
            own_id: the prompt's id where the record names none.

        Raises:
            BrokenInput: language or kind are neither in the record nor stated.
        """
        found = {name: self._find(record, name) for name in FIELDS}
        for name in NEEDED:
            if found[name] is None:
                raise BrokenInput(self._say_missing(name, record, place))
        found["kind"] = self.kinds.get(str(found["kind"]), found["kind"])
        found["id"] = found.pop("prompt_id") or own_id
        return {name: value for name, value in found.items() if value is not None}

    def _find(self, record: Mapping[str, Any], name: str) -> Any:
        value = look_up(record, getattr(self, name))
        return self.values.get(name) if value is None else value

    def _say_missing(self, name: str, record: Mapping[str, Any], place: str) -> str:
        held = ", ".join(sorted(map(str, record))) or "nothing"
        return (
            f"{place} does not say its {name}: no '{getattr(self, name)}' among {held}. Name the column with "
            f"--column {name}=NAME, or state it for every prompt with --value {name}=..."
        )


FIELDS = tuple(one.name for one in fields(Columns) if one.name not in ("values", "kinds"))


def look_up(record: Mapping[str, Any], name: str) -> Any:
    """The value under a name, or under a dotted path; None where there is none."""
    if name in record:
        return record[name]
    head, dot, rest = name.partition(".")
    inner = record.get(head)
    return look_up(inner, rest) if dot and isinstance(inner, Mapping) else None


def parse_pairs(pairs: Iterable[str], *, option: str) -> dict[str, str]:
    """``["a=b"]`` as a mapping.

    Raises:
        UserError: a pair has no ``=``, or nothing on one side of it.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not (name and equals and value):
            raise UserError(f"{option} takes NAME=VALUE, not '{pair}'.")
        found[name] = value
    return found
