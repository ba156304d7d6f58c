"""The counts of a review at every step, in the terms of PRISMA 2020."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from isogloss.core.errors import BrokenInput


@dataclass(frozen=True, slots=True)
class PrismaCounts:
    """How many records went which way. Every record is counted once, at the first step that removes it.

    Attributes:
        identified: records read, by source.
        removed_automatically: before screening, by the query: reason to number.
        removed_otherwise: before screening, for other reasons (retracted papers).
        duplicates: before screening, by the rule that found them. Looked for among the records that match.
        excluded: at screening, by people: reason to number.

    Source: Page et al. 2021 (PRISMA 2020), flow diagram for new reviews of databases and registers. We hold the whole
    database, so what the query passes over counts as removed by automation, and what a query of a web interface would
    have returned is ``screened``.
    """

    identified: Mapping[str, int]
    removed_automatically: Mapping[str, int]
    removed_otherwise: Mapping[str, int]
    duplicates: Mapping[str, int]
    excluded: Mapping[str, int]

    @property
    def records(self) -> int:
        """Records identified in all."""
        return sum(self.identified.values())

    @property
    def screened(self) -> int:
        """Records that the query selects, without duplicates."""
        removed = (self.removed_automatically, self.removed_otherwise, self.duplicates)
        return self.records - sum(sum(part.values()) for part in removed)

    @property
    def included(self) -> int:
        """Records left after people set some aside."""
        return self.screened - sum(self.excluded.values())

    def with_screening(self, excluded: Mapping[str, int]) -> "PrismaCounts":
        """The counts after further records were set aside at screening, such as those not about safety.

        Raises:
            BrokenInput: more records are set aside than are left.
        """
        total = Counter(self.excluded)
        total.update(excluded)
        if sum(total.values()) > self.screened or min(total.values(), default=0) < 0:
            raise BrokenInput(
                f"{sum(total.values())} records are set aside, but {self.screened} were screened. Do the labels belong "
                "to another run?"
            )
        return replace(self, excluded=dict(total))

    def as_json(self) -> dict[str, Any]:
        """JSON-able values, sums included."""
        return {
            "identified": dict(self.identified),
            "records": self.records,
            "removed_automatically": dict(self.removed_automatically),
            "removed_otherwise": dict(self.removed_otherwise),
            "duplicates": dict(self.duplicates),
            "screened": self.screened,
            "excluded": dict(self.excluded),
            "included": self.included,
        }


def read_counts(value: Mapping[str, Any]) -> PrismaCounts:
    """The counts that ``as_json`` wrote.

    Raises:
        BrokenInput: a part is missing or is not a table of numbers.
    """
    parts = ("identified", "removed_automatically", "removed_otherwise", "duplicates", "excluded")
    read: list[dict[str, int]] = []
    for part in parts:
        table = value.get(part)
        if not isinstance(table, dict) or not all(isinstance(number, int) for number in table.values()):
            raise BrokenInput(f"The counts hold no table '{part}' of numbers. Make the run again.")
        read.append(table)
    return PrismaCounts(*read)
