"""Questions with a known answer: what a model could do before a repair, and must still do after it."""

from isogloss.prompts.questions.global_mmlu import load_global_mmlu
from isogloss.prompts.questions.mgsm import load_mgsm
from isogloss.prompts.questions.numbers import find_last_number
from isogloss.prompts.questions.question import Question, QuestionSet
from isogloss.prompts.questions.wording import word_prompt, word_question

__all__ = [
    "Question",
    "QuestionSet",
    "find_last_number",
    "load_global_mmlu",
    "load_mgsm",
    "word_prompt",
    "word_question",
]
