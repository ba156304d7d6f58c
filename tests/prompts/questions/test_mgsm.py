"""MGSM files: the published ones where they are at hand, and broken ones."""

from pathlib import Path

import pytest

from isogloss.core import Language
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownLanguage, UnknownName
from isogloss.prompts.questions import find_last_number, load_mgsm


def write(folder: Path, tag: str, text: str) -> Path:
    path = folder / f"mgsm_{tag}.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_published_files_are_read_in_full(shared_data: Path) -> None:
    loaded = load_mgsm(shared_data / "mgsm")
    assert len(loaded) == 11 * 250
    assert len(loaded.languages) == 11
    assert {question.cluster for question in loaded} == {f"mgsm-{number:04d}" for number in range(1, 251)}
    # The 3rd sum is about a house: 80,000 + 50,000 spent, worth 200,000 in the end.
    assert {question.answer for question in loaded if question.id == "mgsm-0003"} == {"70000"}
    assert not loaded.has_choices


def test_an_answer_written_in_the_languages_own_digits_is_found_again(shared_data: Path) -> None:
    bengali = load_mgsm(shared_data / "mgsm", (Language.parse("bn"),))
    digits = str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")
    for question in bengali:
        found = find_last_number(f"উত্তর {question.answer.translate(digits)}।", question.language)
        assert str(found) == question.answer


def test_quotation_marks_at_the_start_of_a_question_do_not_swallow_the_next_lines(tmp_path: Path) -> None:
    loaded = load_mgsm(write(tmp_path, "es", '"Uno" y dos\t3\n¿Cuánto?\t1,200\n'))
    assert [(question.text, question.answer) for question in loaded] == [('"Uno" y dos', "3"), ("¿Cuánto?", "1200")]


def test_files_that_are_not_parallel_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "en", "one\t1\ntwo\t2\n")
    write(tmp_path, "sw", "mbili\t2\nmoja\t1\n")
    with pytest.raises(BrokenInput, match="not parallel"):
        load_mgsm(tmp_path)


@pytest.mark.parametrize("line", ["no tab", "question\tno number", "\t18"])
def test_a_line_that_is_no_sum_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(BrokenInput, match=r"mgsm_en\.tsv, line 2"):
        load_mgsm(write(tmp_path, "en", f"fine\t1\n{line}\n"))


def test_missing_and_empty_places_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UnknownName):
        load_mgsm(tmp_path / "nowhere")
    with pytest.raises(NothingToDo, match=r"mgsm_\*\.tsv"):
        load_mgsm(tmp_path)
    with pytest.raises(NothingToDo, match="no questions"):
        load_mgsm(write(tmp_path, "en", "\n"))


def test_languages_that_are_not_there_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "en", "one\t1\n")
    with pytest.raises(UnknownLanguage, match="'yo'"):
        load_mgsm(tmp_path, (Language.parse("yo"),))
    with pytest.raises(UnknownLanguage, match="names no language"):
        load_mgsm(write(tmp_path, "qqqq", "one\t1\n"))
