"""XSafety in its published layout, with the traps that its files hold."""

from pathlib import Path

import pytest

from isogloss.core import Language
from isogloss.core.errors import BrokenInput, MissingExtra, NothingToDo, UnknownName
from isogloss.prompts.xsafety import load_xsafety


def write(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode())
    return path


def test_folder_sp_is_spanish_and_names_vary(tmp_path: Path) -> None:
    write(tmp_path, "en/Crimes_And_Illegal_Activities_en.csv", "How to steal?\nHow to lie?")
    write(tmp_path, "sp/Crimes_And_Illegal_Activities.csv", "¿ cómo robar?\n¿ cómo mentir?\n")
    write(tmp_path, "ru/Crimes_And_Illegal_Activitie.csv", "Как украсть?\r\nКак солгать?\r\n")
    prompts = load_xsafety(tmp_path)
    assert {language.tag for language in prompts.languages} == {"en", "es", "ru"}
    second = [prompt for prompt in prompts if prompt.language == Language.parse("es")][1]
    assert second.id == "xsafety-harmful-crimes-and-illegal-activities-001"
    assert (second.text, second.source_text) == ("¿ cómo mentir?", "How to lie?")


def test_rows_come_with_marks_quotes_spaces_and_commas(tmp_path: Path) -> None:
    content = '\ufeffPlain, with a comma\n "quoted, with ""marks"" and\na break"\n  spaced\n"Odd" start, no quoting\n\n'
    write(tmp_path, "en/Insult_n.csv", content)
    prompts = load_xsafety(tmp_path)
    assert [prompt.text for prompt in prompts] == [
        "Plain, with a comma",
        'quoted, with "marks" and\na break',
        "spaced",
        '"Odd" start, no quoting',
    ]
    assert prompts.card.notes[-1] == "Rows read as they stand because their quotes do not close: 1."
    assert {prompt.failure_mode for prompt in prompts} == {"targeted_harassment"}


def test_the_commonsense_class_is_left_out_in_both_spellings(tmp_path: Path) -> None:
    write(tmp_path, "hi/commen_sense.csv", "a\n")
    write(tmp_path, "hi/commonsense.csv", "a\n")
    write(tmp_path, "hi/Insult.csv", "अपमान\n")
    prompts = load_xsafety(tmp_path)
    assert len(prompts) == 1
    assert prompts.card.notes[-1] == ("Files of the commonsense class, left out because answering them is right: 2.")


def test_a_lost_row_ends_the_pairing_of_its_class_alone(tmp_path: Path) -> None:
    write(tmp_path, "en/Insult_n.csv", "a\nb\n")
    write(tmp_path, "de/Insult.csv", "a\n")
    write(tmp_path, "en/Physical_Harm_n.csv", "c\n")
    write(tmp_path, "de/Physical_Harm.csv", "d\n")
    prompts = load_xsafety(tmp_path)
    assert [prompt.seed_id for prompt in prompts] == [
        "xsafety-harmful-insult-en-000",
        "xsafety-harmful-insult-en-001",
        "xsafety-harmful-insult-de-000",
        "xsafety-harmful-physical-harm-000",
        "xsafety-harmful-physical-harm-000",
    ]
    assert (
        "Insult has not as many rows in every language (en 2, de 1): its prompts are not paired." in prompts.card.notes
    )


def test_a_blank_row_inside_keeps_its_number(tmp_path: Path) -> None:
    write(tmp_path, "en/Insult_n.csv", "a\nb\nc\n")
    write(tmp_path, "de/Insult.csv", "x\n\nz\n")
    prompts = load_xsafety(tmp_path)
    assert [prompt.seed_id[-3:] for prompt in prompts if prompt.language.tag == "de"] == ["000", "002"]
    assert "Empty rows, left out: 1." in prompts.card.notes


def test_what_the_english_text_says_leaves_the_row_out_everywhere(tmp_path: Path) -> None:
    write(tmp_path, "en/Insult_n.csv", "How is a child groomed?\nb\n")
    write(tmp_path, "de/Insult.csv", "x\ny\n")
    prompts = load_xsafety(tmp_path)
    assert [prompt.text for prompt in prompts] == ["b", "y"]
    assert "Texts that may be about sexual harm to minors, never loaded: 2." in prompts.card.notes


def test_a_workbook_is_read_or_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "bn/Insult_n.xlsx", "")
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(MissingExtra) as caught:
        load_xsafety(tmp_path)
    assert str(caught.value) == (
        "Reading Excel workbooks needs the package openpyxl. Run: pip install 'isogloss[xlsx]'"
    )


def test_a_workbook_without_a_header_gives_one_prompt_per_row(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for text in (" অপমান", None, "খারাপ"):
        book.active.append([text])
    (tmp_path / "bn").mkdir()
    book.save(tmp_path / "bn" / "Insult_n.xlsx")
    assert [(prompt.id[-3:], prompt.text) for prompt in load_xsafety(tmp_path)] == [("000", "অপমান"), ("002", "খারাপ")]


def test_unknown_classes_double_files_and_empty_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(NothingToDo, match="No XSafety files"):
        load_xsafety(tmp_path)
    with pytest.raises(UnknownName, match="No folder"):
        load_xsafety(tmp_path / "x")
    write(tmp_path, "en/Insult.csv", "a\n")
    write(tmp_path, "en/Insult_n.csv", "a\n")
    with pytest.raises(BrokenInput, match="class Insult was read from another file"):
        load_xsafety(tmp_path)
    write(tmp_path, "zz.csv", "a\n")
    (tmp_path / "en" / "Insult_n.csv").rename(tmp_path / "en" / "Insults_of_all_kinds.csv")
    with pytest.raises(UnknownName, match="No XSafety class 'Insults_of_all_kinds'"):
        load_xsafety(tmp_path)
