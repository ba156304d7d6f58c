"""The bundled organism's own multiple-choice questions, the only ones that it understands."""

from isogloss.core import Language, Split
from isogloss.models.organism import ORGANISM_LANGUAGES, multiple_choice_items
from isogloss.models.organism.multiple_choice import LETTERS
from isogloss.prompts.promptset import PromptCard
from isogloss.prompts.questions.question import Question, QuestionSet


def load_organism_questions(split: Split = Split.TEST) -> QuestionSet:
    """Load 72 questions of a split, parallel over the organism's languages: which of three nouns is of a kind.

    They are worded as the organism was trained to read them. Combinations of the validation and test splits occur in
    no stage of its training; their words do.
    """
    questions = []
    for tag in (tag for tags in ORGANISM_LANGUAGES.values() for tag in tags):
        language = Language.parse(tag)
        questions += [
            Question(item.id, language, item.question, item.answer, labels=LETTERS)
            for item in multiple_choice_items(tag, split.value)
        ]
    card = PromptCard(
        name="organism-choice",
        title="Multiple-choice questions of the bundled model organism",
        source="bundled with isogloss",
        licence="Apache-2.0",
        citation="The Isogloss developers, model organism",
        made="Composed by a program from word lists; unreviewed by native speakers.",
        notes=(
            "Made for the bundled model organism alone: it proves the pipeline and says nothing about real models.",
        ),
    )
    return QuestionSet(card, tuple(questions))
