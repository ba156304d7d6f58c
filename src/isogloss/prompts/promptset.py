"""Prompts with a card: where they come from and what may be said about them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from isogloss.core import TIERS, Kind, Language, Prompt, Split, Tier
from isogloss.core.errors import NothingToDo, UnknownLanguage, say_unknown
from isogloss.core.fingerprint import fingerprint


@dataclass(frozen=True, slots=True)
class PromptCard:
    """What a reader must know before believing a number that a set produced.

    Attributes:
        name: as on the command line, such as ``polyrefuse``.
        title: one line.
        source: where the set was published.
        licence: SPDX identifier or the words of the publisher.
        citation: how to cite it.
        made: how the text was made: native, human or machine translation, reviewed by whom.
        notes: traps and departures, one sentence each.
        checksums: SHA-256 of the files read.
    """

    name: str
    title: str
    source: str
    licence: str
    citation: str
    made: str
    notes: tuple[str, ...] = ()
    checksums: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PromptSet:
    """An immutable set of prompts, usually parallel over languages.

    ``audit_split`` is the split that an audit asks unless told otherwise; None means every prompt.
    """

    card: PromptCard
    prompts: tuple[Prompt, ...]
    audit_split: Split | None = None

    def __len__(self) -> int:
        return len(self.prompts)

    def __iter__(self) -> Iterator[Prompt]:
        return iter(self.prompts)

    @property
    def languages(self) -> tuple[Language, ...]:
        """Languages in the order in which they first occur."""
        return tuple(dict.fromkeys(prompt.language for prompt in self.prompts))

    def tier(self, tier: Tier) -> tuple[Language, ...]:
        """The set's languages of one resource tier."""
        return tuple(language for language in self.languages if language.tier == tier)

    def select(
        self,
        *,
        languages: tuple[Language, ...] | None = None,
        kind: Kind | None = None,
        split: Split | None = None,
    ) -> "PromptSet":
        """Those prompts that match every condition given.

        Raises:
            UnknownLanguage: a language is asked for that the set does not hold.
            NothingToDo: no prompt is left.
        """
        for language in languages or ():
            if language not in self.languages:
                known = [known.tag for known in self.languages]
                raise UnknownLanguage(f"{self.card.name}: " + say_unknown("prompts for", language.tag, known))
        chosen = self._keep(
            lambda prompt: (
                (languages is None or prompt.language in languages)
                and (kind is None or prompt.kind == kind)
                and (split is None or prompt.split == split)
            )
        )
        if not chosen.prompts:
            asked = ", ".join(str(part) for part in (*(languages or ()), kind, split) if part is not None)
            raise NothingToDo(f"{self.card.name} has no prompts for: {asked or 'anything'}. See `isogloss prompts`.")
        return chosen

    def limit(self, seeds: int | None) -> "PromptSet":
        """The first ``seeds`` seeds of each kind, the same in every language; None keeps all."""
        if seeds is None:
            return self
        order: dict[Kind, dict[str, None]] = {kind: {} for kind in Kind}
        for prompt in self.prompts:
            order[prompt.kind].setdefault(prompt.seed_id)
        kept = {kind: set(list(ids)[:seeds]) for kind, ids in order.items()}
        return self._keep(lambda prompt: prompt.seed_id in kept[prompt.kind])

    def fingerprint(self) -> str:
        """Identifies texts, languages, kinds and ids; changes when any of them changes."""
        return fingerprint([(p.id, p.language.key, p.kind, p.text, p.seed_id) for p in self.prompts])

    def describe(self) -> dict[str, Any]:
        """Counts for screens and records."""
        counts: dict[str, dict[str, int]] = {}
        for prompt in self.prompts:
            row = counts.setdefault(prompt.language.tag, dict.fromkeys(Kind, 0))
            row[prompt.kind] += 1
        return {
            "prompts": len(self),
            "seeds": len({prompt.seed_id for prompt in self.prompts}),
            "languages": counts,
            "tiers": {tier: [language.tag for language in self.tier(tier)] for tier in TIERS},
            "splits": sorted({prompt.split for prompt in self.prompts if prompt.split}),
            "fingerprint": self.fingerprint(),
        }

    def _keep(self, wanted: Callable[[Prompt], bool]) -> "PromptSet":
        return replace(self, prompts=tuple(prompt for prompt in self.prompts if wanted(prompt)))
