"""MultiJail in its published layout: made-up files for the traps, the real one for the counts."""

from pathlib import Path

import pytest

from isogloss.core import Kind, Language
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownLanguage
from isogloss.prompts.multijail import load_multijail

HEADER = "\ufeffid,source,tags,en,sw\r\n"


def write(folder: Path, content: str) -> Path:
    path = folder / "MultiJail.csv"
    path.write_bytes(content.encode())
    return path


def complaint(path: Path, error: type[Exception] = BrokenInput) -> str:
    with pytest.raises(error) as caught:
        load_multijail(path)
    return str(caught.value)


def test_a_row_becomes_one_prompt_per_language(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + '12,x,"[\'Theft (e.g. bikes, cars)\', \'Fraud\']","Steal, ""now""",Iba\r\n')
    english, swahili = load_multijail(path)
    assert english.id == swahili.id == "multijail-harmful-0012"
    assert english.kind == Kind.HARMFUL
    assert english.category == "Theft (e.g. bikes, cars)"
    assert (english.text, english.source_text) == ('Steal, "now"', None)
    assert (swahili.text, swahili.source_text) == ("Iba", 'Steal, "now"')
    assert swahili.language == Language.parse("sw")


def test_a_row_may_have_no_tags_and_a_text_may_be_empty(tmp_path: Path) -> None:
    prompts = load_multijail(write(tmp_path, HEADER + "1,x,[],Steal,\r\n2,x,,Lie,Danganya\r\n"))
    assert [(prompt.id, prompt.language.tag) for prompt in prompts] == [
        ("multijail-harmful-0001", "en"),
        ("multijail-harmful-0002", "en"),
        ("multijail-harmful-0002", "sw"),
    ]
    assert {prompt.category for prompt in prompts} == {None}
    assert prompts.card.notes[-1] == "Empty texts, left out: 1."


@pytest.mark.parametrize("tags", ["Theft", "{'a': 1}", "[1]", "['Theft'", "__import__('os')"])
def test_tags_that_are_no_list_of_names_are_refused(tmp_path: Path, tags: str) -> None:
    path = write(tmp_path, HEADER + f'1,x,"{tags}",a,b\r\n')
    assert (
        complaint(path) == f"{path}, line 2: tags should be a list in the manner of ['Theft', 'Weapons'], not {tags}."
    )


def test_an_id_must_be_a_number_and_unique(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + "a,x,[],a,b\r\n")
    assert complaint(path) == f"{path}, line 2: id 'a' is not a whole number."
    path = write(tmp_path, HEADER + "1,x,[],a,b\r\n01,x,[],c,d\r\n")
    assert complaint(path) == f"{path}, line 3: id 1 occurs twice, first in line 2."


def test_a_missing_column_lists_what_was_found(tmp_path: Path) -> None:
    path = write(tmp_path, "id,tag,en\r\n1,[],a\r\n")
    assert complaint(path) == (
        f"{path}, line 1: no 'tags'. Found: id, tag, en. Did you mean 'tag'? Rename it to 'tags'. "
        "MultiJail has the columns id, tags and one for each language, among them en."
    )


def test_a_column_that_is_no_language_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "id,tags,en,swahili\r\n1,[],a,b\r\n")
    assert complaint(path, UnknownLanguage) == (
        f"{path}, line 1: column 'swahili' names no language. "
        "Write a BCP-47 tag, such as sw, zh-Hans or ar-Latn. Did you mean 'sw' (Swahili)? "
        "MultiJail has the columns id, tags and one for each language, among them en."
    )


def test_a_file_without_rows_is_told_what_it_should_hold(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER)
    assert complaint(path, NothingToDo) == (
        f"{path} holds no prompts. MultiJail has the columns id, tags and one for each language, among them en."
    )


def test_the_published_set_has_ten_parallel_languages(shared_data: Path) -> None:
    prompts = load_multijail(shared_data / "multijail" / "MultiJail.csv")
    tags = [language.tag for language in prompts.languages]
    assert tags == ["en", "zh", "it", "vi", "ar", "ko", "th", "bn", "sw", "jv"]
    # 315 published rows less those about sexual harm to minors: 307.
    assert prompts.describe()["languages"] == {
        language.tag: {"harmful": 307, "harmless": 0} for language in prompts.languages
    }
    assert prompts.describe()["seeds"] == prompts.describe()["clusters"] == 307
    assert prompts.prompts[0].id == "multijail-harmful-0001"
    assert all(prompt.category for prompt in prompts)


def test_rows_about_sexual_harm_to_minors_are_never_loaded_and_counted(tmp_path):
    path = tmp_path / "MultiJail.csv"
    path.write_text("id,source,tags,en,sw\n46,s,\"['x']\",one,moja\n47,s,\"['x']\",two,mbili\n", encoding="utf-8")
    loaded = load_multijail(path)
    assert {prompt.id for prompt in loaded} == {"multijail-harmful-0047"}
    assert any("never loaded: 1" in note for note in loaded.card.notes)
