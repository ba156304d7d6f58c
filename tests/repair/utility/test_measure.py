"""Questions and harmless prompts under a repair, from the model to the record."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownName, UnsupportedModel
from isogloss.core.run import write_json
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptCard, PromptSet
from isogloss.prompts.questions import Question, QuestionSet, word_prompt
from isogloss.repair.artifact import Repair
from isogloss.repair.moves import HarmlessEdit
from isogloss.repair.utility.answers import answer_questions
from isogloss.repair.utility.bundled import load_organism_questions
from isogloss.repair.utility.measure import Lengths, Margins, is_degenerate, keeps_language, measure_utility
from isogloss.repair.utility.record import UTILITY_FILE, load_utility, write_utility

EN, SW = Language.parse("en"), Language.parse("sw")
CARD = PromptCard("scripted-questions", "Scripted", "tests", "Apache-2.0", "none", "by hand")
LENGTHS = Lengths(harmless=4, sums=4)
Maker = Callable[..., Repair]


def make_questions() -> QuestionSet:
    questions = [
        Question(
            f"q{number}",
            language,
            f"{language} Which letter {'is it' * (number % 3)} {number}?",
            "ABC"[number % 3],
            choices=("one", "two", "three"),
        )
        for language in (EN, SW)
        for number in range(6)
    ]
    return QuestionSet(CARD, tuple(questions))


def test_a_label_is_chosen_by_its_log_probability_whatever_the_batch(qwen: OpenModel, make_repair: Maker) -> None:
    questions = make_questions().questions
    qwen.batch_tokens = 150
    steering = make_repair(qwen).steer(qwen)
    answers = answer_questions(qwen, questions, steering=steering)
    for number, question in enumerate(questions):
        with steering:
            [scores] = qwen.choice_log_probabilities([word_prompt(question)], question.answer_labels)
            [reading] = steering.readings() or []
        assert answers.right[number] == ("ABC"[int(np.argmax(scores))] == question.answer)
        assert answers.fired is not None
        assert answers.fired[number] == reading.harmful


def test_the_plain_model_has_no_gate(qwen: OpenModel) -> None:
    assert answer_questions(qwen, make_questions().questions).fired is None


def test_a_sum_is_right_when_the_last_number_of_the_reply_is(qwen: OpenModel, monkeypatch: pytest.MonkeyPatch) -> None:
    sums = [Question("s0", EN, "16 - 3 - 4, times 2?", "18"), Question("s1", SW, "2 + 2?", "4")]
    texts = {"s0": "9 eggs, so 9 * 2 = ١٨.", "s1": "2 + 2 = 5"}

    def reply(prompts: list[Prompt], decoding: Decoding):  # type: ignore[no-untyped-def]
        assert decoding.max_new_tokens == 40
        for one in original(prompts[::-1], replace(decoding, max_new_tokens=1)):
            yield replace(one, text=texts[one.prompt_id])

    original = qwen.reply
    monkeypatch.setattr(qwen, "reply", reply)
    assert answer_questions(qwen, sums, max_new_tokens=40).right == [True, False]


def test_a_question_that_does_not_fit_is_named(qwen: OpenModel) -> None:
    qwen.context_tokens = 20
    with pytest.raises(UnsupportedModel, match="s0"):
        answer_questions(qwen, [Question("s0", EN, "and " * 40, "1")])


def test_what_does_not_fit_is_refused_before_anything_is_asked(qwen: OpenModel, make_repair: Maker) -> None:
    long = QuestionSet(CARD, (Question("s0", EN, "1 + 1?", "2"), Question("s1", EN, "and " * 2000, "1")))
    told: list[str] = []
    with pytest.raises(BrokenInput, match="s1"):
        measure_utility(
            qwen,
            make_repair(qwen).steer(qwen),
            repair="x",
            questions=[make_questions(), long],
            progress=lambda stage, *_counts: told.append(stage),
        )
    assert told == []


def test_the_record_holds_every_measure_and_survives_the_disk(
    qwen: OpenModel, make_repair: Maker, prompts: PromptSet, tmp_path: Path
) -> None:
    repair = make_repair(qwen, strength=6.0)
    test = prompts.select(split=Split.TEST)
    told: list[str] = []
    found = measure_utility(
        qwen,
        repair.steer(qwen),
        repair=repair.fingerprint(),
        questions=[make_questions()],
        prompts=test,
        lengths=LENGTHS,
        progress=lambda stage, *_counts: told.append(stage),
    )
    assert [measure.name for measure in found.measures] == [
        "accuracy scripted-questions",
        "KL on harmless replies",
        "KL at the first token",
        "log-perplexity of plain replies",
        "language fidelity",
        "degenerate replies",
    ]
    assert found.prompts is not None
    # 3 languages, 4 harmless test prompts each; 2 languages, 6 questions each.
    assert (found.prompts.n, found.prompts.split, found.questions[0].n) == (12, "test", 12)
    assert set(found.firing) == {"scripted-questions", "harmless prompts"}
    assert found.measures[1].average.before == 0.0
    assert (found.measures[1].average.after or 0) > 0
    assert found.level == pytest.approx(0.025)
    assert len(set(told)) == 4
    path = write_utility(found, tmp_path)
    assert path.name == UTILITY_FILE
    assert load_utility(path) == found


def test_a_repair_that_does_nothing_changes_no_measure(qwen: OpenModel, make_repair: Maker, prompts: PromptSet) -> None:
    repair = make_repair(qwen, strength=0.0, harmless=HarmlessEdit.LEAVE)
    found = measure_utility(
        qwen,
        repair.steer(qwen),
        repair="nothing",
        questions=[make_questions()],
        prompts=prompts.select(split=Split.TEST),
        lengths=LENGTHS,
    )
    assert [measure.average.change for measure in found.measures] == [0.0] * 6


def test_a_margin_that_is_wide_enough_is_met_and_a_large_distance_is_worse(
    qwen: OpenModel, make_repair: Maker, prompts: PromptSet
) -> None:
    test = prompts.select(split=Split.TEST)
    repair = make_repair(qwen, strength=500.0)
    gate = replace(repair.gate, thresholds={}, fallback=-1e9)
    broken = replace(repair, gate=gate).steer(qwen)
    for margin, decision in ((1e6, "not worse"), (0.01, "worse")):
        found = measure_utility(
            qwen, broken, repair="x", prompts=test, margins=Margins(kl=margin), lengths=LENGTHS, confidence=0.8
        )
        assert found.measures[0].average.decision == decision
    assert "KL on harmless replies (average)" in found.worse


def test_nothing_to_measure_is_said(qwen: OpenModel, make_repair: Maker, prompts: PromptSet) -> None:
    harmful = prompts.select(kind=Kind.HARMFUL)
    with pytest.raises(NothingToDo):
        measure_utility(qwen, make_repair(qwen).steer(qwen), repair="x", prompts=harmful)


def test_replies_are_read_for_language_and_for_being_text() -> None:
    asked = Prompt("p", "Ninawezaje kupika wali?", SW, Kind.HARMLESS, "p")
    assert keeps_language(asked, "Kwanza osha mchele, halafu chemsha maji kwenye sufuria na uweke chumvi kidogo.")
    assert not keeps_language(asked, "First you wash the rice and then you boil the water in a pot with some salt.")
    assert not keeps_language(asked, "先洗米,然后在锅里烧水,再放一点盐和油,最后把米倒进去。")
    assert not keeps_language(asked, "")
    assert is_degenerate(asked, "")
    assert is_degenerate(asked, "wali wali wali wali wali wali wali wali wali wali wali wali wali")
    assert not is_degenerate(asked, "Kwanza osha mchele, halafu chemsha maji kwenye sufuria.")


def test_the_organisms_questions_are_parallel_and_keep_their_own_wording() -> None:
    loaded = load_organism_questions(Split.VALIDATION)
    assert len(loaded) == 12 * 72
    first = loaded.questions[0]
    assert word_prompt(first).text == first.text
    assert first.answer_labels == ("A", "B", "C")
    assert len({question.cluster for question in loaded}) == 72


def test_a_file_that_is_no_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownName):
        load_utility(tmp_path / UTILITY_FILE)
    write_json(tmp_path / UTILITY_FILE, {"schema": 1, "model": "m"})
    with pytest.raises(BrokenInput, match="not a utility record"):
        load_utility(tmp_path / UTILITY_FILE)


def test_reading_a_record_needs_no_torch() -> None:
    script = (
        "import sys, isogloss.repair.utility.record, isogloss.repair.utility.pairing\nprint('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
