"""Questions, sets of them, and how they are worded."""

from dataclasses import replace

import pytest

from isogloss.core import Kind, Language
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownLanguage
from isogloss.prompts.promptset import PromptCard
from isogloss.prompts.questions import Question, QuestionSet, word_prompt, word_question
from isogloss.prompts.questions.wording import CHOICE_INSTRUCTION, NUMBER_INSTRUCTION

CARD = PromptCard("scripted", "Scripted", "tests", "Apache-2.0", "none", "by hand")
EN, SW = Language.parse("en"), Language.parse("sw")
CHOICE = Question("q0", SW, "Ipi ni ndege?", "B", choices=("jiwe", "kuku", "maji", "nyumba"), subject="biology")


def make_set(count: int = 6) -> QuestionSet:
    return QuestionSet(
        CARD,
        tuple(
            Question(f"q{number}", language, f"{language} {number}", "A", choices=("x", "y"))
            for language in (EN, SW)
            for number in range(count)
        ),
    )


def test_options_stand_on_lettered_lines_between_question_and_instruction() -> None:
    assert word_question(CHOICE).split("\n") == [
        "Ipi ni ndege?",
        "A. jiwe",
        "B. kuku",
        "C. maji",
        "D. nyumba",
        "",
        CHOICE_INSTRUCTION,
    ]


def test_a_sum_asks_for_a_number_and_a_question_with_its_own_labels_is_left_as_it_is() -> None:
    assert word_question(Question("q", EN, "1 + 1?", "2")) == f"1 + 1?\n\n{NUMBER_INSTRUCTION}"
    assert word_question(Question("q", EN, "Which? A) x B) y", "A", labels=("A", "B"))) == "Which? A) x B) y"


def test_a_question_becomes_a_harmless_prompt_of_its_own_cluster() -> None:
    prompt = word_prompt(replace(CHOICE, cluster="idea"))
    assert (prompt.id, prompt.language, prompt.kind, prompt.cluster) == ("q0", SW, Kind.HARMLESS, "idea")


def test_a_limit_spreads_over_the_set_and_keeps_the_languages_parallel() -> None:
    # 3 of 6 questions, evenly: numbers 0, 2 and 4, in both languages.
    limited = make_set().limit(3)
    assert [question.id for question in limited] == ["q0", "q2", "q4"] * 2
    assert make_set().limit(None) == make_set()
    assert len(make_set().limit(99)) == 12
    with pytest.raises(NothingToDo):
        make_set().limit(0)


def test_a_set_refuses_what_cannot_be_scored() -> None:
    with pytest.raises(BrokenInput, match="none of A, B, C, D"):
        QuestionSet(CARD, (replace(CHOICE, answer="E"),))
    with pytest.raises(BrokenInput, match="twice"):
        QuestionSet(CARD, (CHOICE, CHOICE))
    with pytest.raises(BrokenInput, match="mixes"):
        QuestionSet(CARD, (CHOICE, Question("q1", EN, "1 + 1?", "2")))


def test_languages_are_selected_by_name() -> None:
    assert make_set().select((SW,)).languages == (SW,)
    with pytest.raises(UnknownLanguage, match="'yo'"):
        make_set().select((Language.parse("yo"),))


def test_the_fingerprint_sees_answers_and_choices_but_not_the_order() -> None:
    whole = make_set()
    assert replace(whole, questions=whole.questions[::-1]).fingerprint() == whole.fingerprint()
    changed = (replace(whole.questions[0], answer="B"), *whole.questions[1:])
    assert replace(whole, questions=changed).fingerprint() != whole.fingerprint()
