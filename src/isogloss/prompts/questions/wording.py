"""How a question is put to a model: zero-shot, in one user turn."""

from isogloss.core import Kind, Prompt
from isogloss.prompts.questions.question import Question

CHOICE_INSTRUCTION = "Reply with the letter of the right option only."
NUMBER_INSTRUCTION = "Work it out step by step, then end with the result as a plain number, and write nothing after it."


def word_question(question: Question) -> str:
    """The text of the user's turn.

    The instruction is English in every language, as is common in zero-shot work on these sets: we have no
    instructions that native speakers have checked, and an unchecked one would differ in quality by language. A plain
    and a repaired model see the same text, so a comparison of the two is not touched; the level in a language may be.

    Returns:
        Question, lettered options on lines of their own and an instruction; the question and an instruction where
        the answer is a number; the question alone where it brings its own labels.
    """
    if question.labels:
        return question.text
    if not question.choices:
        return f"{question.text}\n\n{NUMBER_INSTRUCTION}"
    options = [f"{label}. {text}" for label, text in zip(question.answer_labels, question.choices, strict=True)]
    return "\n".join([question.text, *options, "", CHOICE_INSTRUCTION])


def word_prompt(question: Question) -> Prompt:
    """A harmless prompt that asks the question, with the question's id, language and cluster."""
    return Prompt(
        id=question.id,
        text=word_question(question),
        language=question.language,
        kind=Kind.HARMLESS,
        seed_id=question.cluster,
        category=question.subject,
    )
