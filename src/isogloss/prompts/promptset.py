"""Prompts with a card: where they come from and what may be said about them."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from isogloss.core import TIERS, Kind, Language, Prompt, Split, Tier
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownLanguage, say_unknown
from isogloss.core.fingerprint import fingerprint


@dataclass(frozen=True, slots=True)
class PromptCard:
    """What a reader must know before believing a number that a set produced.

    Attributes:
        name: as on the command line, such as ``polyrefuse``; a file's name for a set of your own.
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

    Raises:
        BrokenInput: an id occurs twice within a language; replies could not be told apart.
    """

    card: PromptCard
    prompts: tuple[Prompt, ...]
    audit_split: Split | None = None

    def __post_init__(self) -> None:
        counts = Counter((prompt.id, prompt.language) for prompt in self.prompts)
        if len(counts) < len(self.prompts):
            (prompt_id, language), count = counts.most_common(1)[0]
            raise BrokenInput(
                f"{self.card.name} holds {count} prompts with id '{prompt_id}' in {language.tag}. "
                "An id may be shared by languages, not by two prompts of one language."
            )

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
        """Those prompts that match every condition given, in their order.

        Raises:
            UnknownLanguage: a language is asked for that the set does not hold.
            NothingToDo: no prompt is left.
        """
        self._check_languages(languages or ())
        chosen = self.keep(
            lambda prompt: (
                (languages is None or prompt.language in languages)
                and (kind is None or prompt.kind == kind)
                and (split is None or prompt.split == split)
            )
        )
        if not chosen.prompts:
            asked = ", ".join(str(part) for part in (*(languages or ()), kind, split) if part is not None)
            raise NothingToDo(
                f"{self.card.name} has no prompts for: {asked or 'anything'}. {self._say_what_is_there()}"
            )
        return chosen

    def limit(self, seeds: int | None) -> "PromptSet":
        """The first ``seeds`` seeds of each kind, the same in every language; None keeps all.

        Raises:
            NothingToDo: fewer than one seed is asked for.
        """
        if seeds is None:
            return self
        if seeds < 1:
            raise NothingToDo(f"A limit of {seeds} leaves no prompts of {self.card.name}. Ask for 1 or more.")
        order: dict[Kind, dict[str, None]] = {kind: {} for kind in Kind}
        for prompt in self.prompts:
            order[prompt.kind].setdefault(prompt.seed_id)
        kept = {kind: set(list(ids)[:seeds]) for kind, ids in order.items()}
        return self.keep(lambda prompt: prompt.seed_id in kept[prompt.kind])

    def fingerprint(self) -> str:
        """Identifies ids, languages, kinds, texts, seeds and clusters, in whatever order the prompts stand."""
        return fingerprint(sorted((p.id, p.language.key, p.kind, p.text, p.seed_id, p.cluster) for p in self.prompts))

    def describe(self) -> dict[str, Any]:
        """Counts for screens and records: by language and kind, by split, seeds, clusters, tiers."""
        counts = Counter((prompt.language, prompt.kind) for prompt in self.prompts)
        splits = Counter((prompt.split, prompt.kind) for prompt in self.prompts if prompt.split)
        return {
            "prompts": len(self),
            "seeds": len({prompt.seed_id for prompt in self.prompts}),
            "clusters": len({prompt.cluster for prompt in self.prompts}),
            "languages": {
                language.tag: {kind.value: counts[language, kind] for kind in Kind} for language in self.languages
            },
            "tiers": {tier: [language.tag for language in self.tier(tier)] for tier in TIERS},
            "splits": [split.value for split in Split if any(prompt.split == split for prompt in self.prompts)],
            "by_split": {
                split.value: {kind.value: splits[split, kind] for kind in Kind}
                for split in Split
                if any(splits[split, kind] for kind in Kind)
            },
            "fingerprint": self.fingerprint(),
        }

    def _check_languages(self, asked: tuple[Language, ...]) -> None:
        held = set(self.languages)
        for language in asked:
            if language not in held:
                known = [known.tag for known in self.languages]
                raise UnknownLanguage(f"{self.card.name}: " + say_unknown("prompts for", language.tag, known))

    def _say_what_is_there(self) -> str:
        if not self.prompts:
            return "It is empty."
        kinds = [kind.value for kind in Kind if any(prompt.kind == kind for prompt in self.prompts)]
        splits = self.describe()["splits"] or ["no splits"]
        return f"It has {' and '.join(kinds)} prompts in {len(self.languages)} languages, {', '.join(splits)}."

    def keep(self, wanted: Callable[[Prompt], bool]) -> "PromptSet":
        """Those prompts for which ``wanted`` says yes, in their order; may be none."""
        return replace(self, prompts=tuple(prompt for prompt in self.prompts if wanted(prompt)))
