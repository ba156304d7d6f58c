"""How far a text is from another, in which scripts it is, and how good an alignment of words is."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from isogloss.prompts.perturb.align import Links
from isogloss.prompts.perturb.words import Word


def count_edits(text: str, reference: str) -> int:
    """The fewest insertions, deletions and replacements of characters that turn one text into the other."""
    above = list(range(len(reference) + 1))
    for row, letter in enumerate(text, start=1):
        here = [row]
        for column, other in enumerate(reference, start=1):
            here.append(min(above[column] + 1, here[-1] + 1, above[column - 1] + (letter != other)))
        above = here
    return above[-1]


def measure_character_error_rate(pairs: Iterable[tuple[str, str]]) -> float | None:
    """Edits over characters of the references, over all pairs (text, reference); None where these are empty.

    May exceed 1 where texts are much longer than their references.
    """
    edits = characters = 0
    for text, reference in pairs:
        edits += count_edits(text, reference)
        characters += len(reference)
    return edits / characters if characters else None


def measure_script_shares(text: str) -> dict[str, float]:
    """The share of letters by script, as Unicode names it (``LATIN``, ``ARABIC``), largest first."""
    scripts = Counter(
        unicodedata.name(letter, "UNKNOWN").split()[0] for letter in text if unicodedata.category(letter)[0] == "L"
    )
    total = scripts.total()
    return {script: count / total for script, count in scripts.most_common()}


@dataclass(frozen=True, slots=True)
class LinkScore:
    """How links between words compare with stretches that somebody paired by hand.

    Attributes:
        right: links between two words of one hand-made pair.
        wrong: links that touch a hand-made pair on one side only, or two different ones.
        found: hand-made pairs with at least one right link.
        pairs: hand-made pairs.
    """

    right: int
    wrong: int
    found: int
    pairs: int

    def __add__(self, other: "LinkScore") -> "LinkScore":
        return LinkScore(
            self.right + other.right, self.wrong + other.wrong, self.found + other.found, self.pairs + other.pairs
        )

    @property
    def precision(self) -> float | None:
        """Right links over links that touch a hand-made pair; None where there are none."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else None

    @property
    def recall(self) -> float | None:
        """Hand-made pairs that were found; None where there are none."""
        return self.found / self.pairs if self.pairs else None


def score_links(
    first: tuple[str, Sequence[Word]],
    second: tuple[str, Sequence[Word]],
    links: Links,
    gold: Sequence[tuple[str, str]],
) -> LinkScore:
    """Compare the links of one sentence pair with hand-made pairs of stretches.

    Args:
        first: a text and its words.
        second: its translation and the words of that.
        links: between places in both lists of words.
        gold: stretches of the first text with their counterparts in the second; each is looked up where it first
            occurs. Words that are in no stretch are not judged.

    Raises:
        ValueError: a stretch does not occur in its text.
    """
    places = [(_place(first[0], one), _place(second[0], other)) for one, other in gold]
    hits: set[int] = set()
    right = wrong = 0
    for row, column in links:
        left = {number for number, (place, _) in enumerate(places) if _touches(first[1][row], place)}
        across = {number for number, (_, place) in enumerate(places) if _touches(second[1][column], place)}
        hits |= left & across
        right += bool(left & across)
        wrong += bool(left | across) and not left & across
    return LinkScore(right, wrong, len(hits), len(gold))


def _place(text: str, stretch: str) -> tuple[int, int]:
    start = text.index(stretch)
    return start, start + len(stretch)


def _touches(word: Word, place: tuple[int, int]) -> bool:
    return word.start < place[1] and place[0] < word.end
