"""Which records are the same paper: by id, by DOI, by title."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from isogloss.survey.query import Rule
from isogloss.survey.records import Paper


@dataclass(slots=True)
class Duplicates:
    """Remembers the keys of the records it was shown; the first record of a paper is the one that stays."""

    rules: Sequence[Rule]
    _seen: set[str] = field(default_factory=set)

    def add(self, paper: Paper) -> Rule | None:
        """Show it a record.

        Returns:
            The rule by which an earlier record is the same paper, or None for a new one.
        """
        found: Rule | None = None
        for rule, key in list_keys(paper, self.rules):
            if found is None and key in self._seen:
                found = rule
            # The keys of a duplicate are remembered too: a third record may share only its DOI.
            self._seen.add(key)
        return found


def list_keys(paper: Paper, rules: Sequence[Rule]) -> list[tuple[Rule, str]]:
    """What a record shares with other records of the same paper, by rule; rules that do not apply are left out."""
    return [(rule, key) for rule in rules if (key := _key(paper, rule)) is not None]


def normalise_title(title: str) -> str:
    """A title without case, accents' variants, signs and spaces: what two records of one paper share."""
    text = unicodedata.normalize("NFKC", title).casefold()
    return "".join(letter for letter in text if letter.isalnum() or unicodedata.category(letter)[0] == "M")


def _key(paper: Paper, rule: Rule) -> str | None:
    match rule:
        case "id":
            return "id:" + paper.id
        case "doi":
            return "doi:" + paper.doi if paper.doi else None
        case "title":
            title = normalise_title(paper.title)
            return "title:" + title if title else None
