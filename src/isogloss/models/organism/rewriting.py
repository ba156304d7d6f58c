"""The user texts of a corpus in other ways of writing: romanised, without accents, mistyped.

Which ways there are is not known here: they come in as functions, so that training needs none of the packages behind
them.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from isogloss.core.errors import UnknownName
from isogloss.models.organism.corpus import Exchange

Writer = Callable[[str, str, int], str]
"""Text, language and seed to the text written in another way; the same text where the way does not apply."""


@dataclass(frozen=True)
class OtherWays:
    """What share of the training documents has its user text rewritten, and how.

    A document's way is drawn among those that change its text, each as likely as the others. The answer, the label
    and the intent stay what they were.

    Args:
        share: of the documents, 0 to 1; less is realised where a text can be written in no other way.
        spellings: ways that write a word alike every time; their words enter the tokenizer's vocabulary.
        slips: ways that differ from time to time; what they make of a word is read in letters.
    """

    share: float
    spellings: tuple[str, ...]
    slips: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All ways, as the writers are called."""
        return (*self.spellings, *self.slips)


def choose_writers(ways: OtherWays | None, writers: Mapping[str, Writer]) -> dict[str, Writer]:
    """The writers that a recipe asks for, by name; none where it asks for no other way of writing.

    Raises:
        UnknownName: a way has no writer.
    """
    names = ways.names if ways else ()
    missing = [name for name in names if name not in writers]
    if missing:
        raise UnknownName(
            f"The recipe rewrites training text by {', '.join(missing)}, but no writer of that name was given "
            f"(given: {', '.join(writers) or 'none'}). Pass one for each of {', '.join(names)}."
        )
    return {name: writers[name] for name in names}


def rewrite_exchanges(
    exchanges: Sequence[Exchange], share: float, writers: Sequence[Writer], generator: random.Random
) -> list[Exchange]:
    """The same documents in the same order, a share of them with another user text."""
    return [
        replace(one, user=_rewrite(one.user, one.language, writers, generator)) if generator.random() < share else one
        for one in exchanges
    ]


def _rewrite(text: str, language: str, writers: Sequence[Writer], generator: random.Random) -> str:
    """The text in the first way that changes it, in an order drawn anew."""
    seed = generator.getrandbits(32)
    for writer in generator.sample(writers, len(writers)):
        written = writer(text, language, seed)
        if written != text:
            return written
    return text
