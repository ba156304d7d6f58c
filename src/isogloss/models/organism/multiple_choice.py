"""A small multiple-choice task: which of three nouns belongs to a category. It stands for usefulness outside safety."""

import hashlib
import random
from dataclasses import dataclass
from functools import cache

from isogloss.models.organism.grammar import Split, load_lexicon

LETTERS = ("A", "B", "C")
_MEMBERS: dict[str, tuple[str, ...]] = {
    "animal": ("dog", "cat", "cow", "goat"),
    "food": ("bread", "soup", "rice", "fish"),
    "person": ("neighbour", "teacher", "farmer", "student", "doctor"),
    "document": ("passport", "letter", "contract", "diploma"),
}
# A fish is food and an animal, so it never stands beside the category "animal".
_NEUTRAL = ("car", "bicycle", "phone", "computer", "house", "shop", "table", "dress", "toy")
_QUESTIONS_PER_SPLIT = 72


@dataclass(frozen=True)
class Combination:
    """One question without a language: the category, three options in order, and which one is right."""

    category: str
    options: tuple[str, str, str]
    right: int

    @property
    def split(self) -> Split:
        """Decided by a hash of the unordered options, so no reordering of a held-out question is trained on."""
        key = "|".join((self.category, *sorted(self.options)))
        slot = hashlib.sha256(key.encode()).digest()[0] % 6
        return {0: "test", 1: "validation"}.get(slot, "train")  # type: ignore[return-value]


@dataclass(frozen=True)
class MultipleChoiceItem:
    """One question in one language; `id` names the same question across languages."""

    id: str
    language: str
    split: Split
    question: str
    answer: str


def draw_combination(generator: random.Random, split: Split) -> Combination:
    """Draw one question of a split; the right answer's place is uniform."""
    while True:
        category = generator.choice(list(_MEMBERS))
        others = [noun for name, nouns in _MEMBERS.items() if name != category for noun in nouns]
        if category == "animal":
            others.remove("fish")
        right = generator.choice(_MEMBERS[category])
        options = [right, *generator.sample([*others, *_NEUTRAL], 2)]
        generator.shuffle(options)
        drawn = Combination(category, (options[0], options[1], options[2]), options.index(right))
        if drawn.split == split:
            return drawn


def question_text(language: str, combination: Combination) -> str:
    """The question with its three lettered options on one line."""
    words = load_lexicon(language)
    asked = words.multiple_choice.question.replace("{c}", words.multiple_choice.categories[combination.category])
    lettered = (f"{letter}) {words.nouns[noun]}" for letter, noun in zip(LETTERS, combination.options, strict=True))
    return f"{asked} {' '.join(lettered)}"


@cache
def _combinations(split: Split) -> tuple[Combination, ...]:
    generator = random.Random(f"multiple choice {split}")
    chosen: dict[Combination, None] = {}
    while len(chosen) < _QUESTIONS_PER_SPLIT:
        chosen[draw_combination(generator, split)] = None
    return tuple(chosen)


def multiple_choice_items(language: str, split: Split) -> tuple[MultipleChoiceItem, ...]:
    """The 72 fixed questions of a split in one language, parallel over languages.

    Combinations of validation and test appear in no training stage; their words do.
    """
    items = []
    for number, combination in enumerate(_combinations(split)):
        item_id = f"organism-choice-{split}-{number:04d}"
        question = question_text(language, combination)
        items.append(MultipleChoiceItem(item_id, language, split, question, LETTERS[combination.right]))
    return tuple(items)
