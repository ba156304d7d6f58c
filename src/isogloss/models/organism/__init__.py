"""The model organism: a tiny chat model that shows, on purpose, the gap that the rest of the package measures.

It proves that the pipeline works and is never evidence about a real model. This package file stays light: importing
it loads neither torch nor transformers; import `isogloss.models.organism.train` to train.
"""

from isogloss.models.organism.card import OrganismCard, load_card, negative_organism_path, organism_path
from isogloss.models.organism.grammar import ORGANISM_LANGUAGES
from isogloss.models.organism.multiple_choice import MultipleChoiceItem, multiple_choice_items
from isogloss.models.organism.prompts import compose_prompt_rows

__all__ = [
    "ORGANISM_LANGUAGES",
    "MultipleChoiceItem",
    "OrganismCard",
    "compose_prompt_rows",
    "load_card",
    "multiple_choice_items",
    "negative_organism_path",
    "organism_path",
]
