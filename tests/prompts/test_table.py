"""Your own prompts, read from files of every supported kind."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownLanguage
from isogloss.prompts.promptset import PromptCard, PromptSet
from isogloss.prompts.table import load_prompts_file, save_prompts_file

CARD = PromptCard(name="made-up", title="", source="", licence="", citation="", made="")
EXPECTED = (
    "A file of prompts holds text (or prompt), language and kind; it may hold id, seed_id, cluster, category, "
    "failure_mode, split, source_text, provenance and perturbation."
)


def write_rows(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def complaint(path: Path, error: type[Exception] = BrokenInput) -> str:
    with pytest.raises(error) as caught:
        load_prompts_file(path)
    return str(caught.value)


def test_the_least_that_a_file_may_hold(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "my.jsonl", {"prompt": "Habari?", "language": "swa", "kind": "Harmless"})
    prompts = load_prompts_file(path)
    assert prompts.prompts == (
        Prompt("my-0000", "Habari?", Language.parse("sw"), Kind.HARMLESS, seed_id="my-0000", cluster="my-0000"),
    )
    assert prompts.card.name == "my.jsonl"
    assert prompts.card.licence == "not stated"
    assert prompts.card.notes == ("No harmful prompts: selectivity cannot be measured with this set alone.",)
    assert list(prompts.card.checksums) == ["my.jsonl"]


def test_every_column_is_used(tmp_path: Path) -> None:
    row = {
        "id": 7,
        "seed_id": "lock",
        "cluster": "doors",
        "text": "Wie oeffne ich das Schloss?",
        "language": "de",
        "kind": "harmless",
        "category": "theft",
        "failure_mode": "direct_assistance",
        "split": "val",
        "source_text": "How do I open the lock?",
        "provenance": "human translation",
        "perturbation": "no umlauts",
    }
    assert load_prompts_file(write_rows(tmp_path / "my.jsonl", row)).prompts == (
        Prompt(
            id="7",
            text="Wie oeffne ich das Schloss?",
            language=Language.parse("de"),
            kind=Kind.HARMLESS,
            seed_id="lock",
            cluster="doors",
            category="theft",
            failure_mode="direct_assistance",
            split=Split.VALIDATION,
            source_text="How do I open the lock?",
            provenance="human translation",
            perturbation="no umlauts",
        ),
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("my.csv", "text,language,kind,split\nAbc,en,harmful,\nDef,en,harmless,test\n"),
        ("my.tsv", "text\tlanguage\tkind\tsplit\nAbc\ten\tharmful\t\nDef\ten\tharmless\ttest\n"),
        (
            "my.json",
            '[{"text":"Abc","language":"en","kind":"harmful","split":null},'
            '{"text":"Def","language":"en","kind":"harmless","split":"test"}]',
        ),
        (
            "my.ndjson",
            '{"text":"Abc","language":"en","kind":"harmful"}\n'
            '{"text":"Def","language":"en","kind":"harmless","split":"test"}\n',
        ),
    ],
)
def test_every_format_gives_the_same_prompts(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    english = Language.parse("en")
    assert load_prompts_file(path).prompts == (
        Prompt("my-0000", "Abc", english, Kind.HARMFUL, seed_id="my-0000"),
        Prompt("my-0001", "Def", english, Kind.HARMLESS, seed_id="my-0001", split=Split.TEST),
    )


def test_translations_with_one_id_are_one_seed(tmp_path: Path) -> None:
    rows = [{"id": "a", "text": tag, "language": tag, "kind": "harmful"} for tag in ("en", "sw", "yo")]
    prompts = load_prompts_file(write_rows(tmp_path / "my.jsonl", *rows))
    assert {prompt.seed_id for prompt in prompts} == {"a"}
    assert prompts.describe()["seeds"] == 1


def test_without_an_id_the_seed_and_the_kind_make_one(tmp_path: Path) -> None:
    rows = [{"seed_id": "s1", "text": kind, "language": "en", "kind": kind} for kind in Kind]
    prompts = load_prompts_file(write_rows(tmp_path / "my.jsonl", *rows))
    assert [prompt.id for prompt in prompts] == ["s1-harmful", "s1-harmless"]


def test_one_language_written_in_two_ways_is_one_language(tmp_path: Path) -> None:
    rows = [{"id": tag, "text": tag, "language": tag, "kind": "harmful"} for tag in ("zh", "zh-Hans", "cmn")]
    prompts = load_prompts_file(write_rows(tmp_path / "my.jsonl", *rows))
    assert [prompt.language.tag for prompt in prompts] == ["zh", "zh", "zh"]


def test_columns_that_are_not_used_are_told(tmp_path: Path) -> None:
    row = {"text": "a", "prompt": "b", "language": "en", "kind": "harmful", "seedid": "1"}
    prompts = load_prompts_file(write_rows(tmp_path / "my.jsonl", row))
    assert prompts.card.notes[0] == "Columns that were not used: prompt, seedid."
    assert prompts.prompts[0].text == "a"


def test_a_missing_column_lists_what_was_found(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "my.jsonl", {"text": "a", "lang": "en", "kind": "harmful"})
    assert complaint(path) == (
        f"{path}, line 1: no 'language'. Found: text, lang, kind. "
        f"Did you mean 'lang'? Rename it to 'language'. {EXPECTED}"
    )


def test_a_missing_text_may_be_called_prompt(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "my.jsonl", {"q": "a", "language": "en", "kind": "harmful"})
    assert complaint(path) == f"{path}, line 1: no 'text'. Found: q, language, kind. {EXPECTED}"


def test_a_csv_with_semicolons_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    path.write_text("text;language;kind\na;en;harmful\n", encoding="utf-8")
    assert complaint(path) == (
        f"{path}, line 2: no 'text'. Found: text;language;kind. "
        f"The cells seem to be separated by something else than the ending of the file says. {EXPECTED}"
    )


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"kind": "benign"}, "No kind 'benign'. Known: harmful, harmless."),
        ({"kind": "harmles"}, "No kind 'harmles'. Known: harmful, harmless. Did you mean 'harmless'?"),
        ({"split": "tests"}, "No split 'tests'. Known: test, train, validation. Did you mean 'test'?"),
        ({"text": " \n"}, "'text' is empty."),
        ({"text": ""}, "'text' is empty."),
        ({"text": ["a"]}, "'text' holds a list. Input should be a valid string."),
        ({"kind": None}, "'kind' is empty."),
        ({"text": "cut \ud83d"}, "'text' holds half a surrogate pair (a cut emoji). Remove or complete it."),
    ],
)
def test_a_bad_value_is_named_with_its_line(tmp_path: Path, row: dict[str, Any], expected: str) -> None:
    good = {"text": "a", "language": "en", "kind": "harmful"}
    path = write_rows(tmp_path / "my.jsonl", good, good | row)
    assert complaint(path) == f"{path}, line 2: {expected}"


def test_an_unknown_language_is_named_with_its_line(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "my.jsonl", {"text": "a", "language": "swahili", "kind": "harmful"})
    assert complaint(path, UnknownLanguage) == (
        f"{path}, line 1: 'swahili' names no language. "
        "Write a BCP-47 tag, such as sw, zh-Hans or ar-Latn. Did you mean 'sw' (Swahili)?"
    )


def test_an_id_that_occurs_twice_in_a_language_is_named_with_both_lines(tmp_path: Path) -> None:
    rows = [{"id": "a", "text": "x", "language": tag, "kind": "harmful"} for tag in ("en", "zh", "zh-Hans")]
    path = write_rows(tmp_path / "my.jsonl", *rows)
    assert complaint(path) == (
        f"{path}, line 3: id 'a' occurs twice in zh, first in line 2. "
        "An id may be shared by languages, not by two prompts of one language."
    )


@pytest.mark.parametrize(("name", "content"), [("a.jsonl", ""), ("a.csv", "text,language,kind\n"), ("a.json", "[]")])
def test_an_empty_file_is_told_what_it_should_hold(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert complaint(path, NothingToDo) == f"{path} holds no prompts. {EXPECTED}"


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda text: text.strip())
optional = st.none() | words


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    st.lists(
        st.builds(
            Prompt,
            id=words,
            text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text.strip()),
            language=st.sampled_from(["sw", "ar-Latn", "zh-Hant", "pt-BR"]).map(Language.parse),
            kind=st.sampled_from(list(Kind)),
            seed_id=words,
            cluster=words,
            category=optional,
            failure_mode=optional,
            split=st.none() | st.sampled_from(list(Split)),
            source_text=optional,
            provenance=optional,
            perturbation=optional,
        ),
        min_size=1,
        unique_by=lambda prompt: prompt.key,
    )
)
def test_a_saved_set_reads_back_to_equal_prompts(tmp_path: Path, prompts: list[Prompt]) -> None:
    saved = PromptSet(CARD, tuple(prompts))
    save_prompts_file(saved, tmp_path / "saved.jsonl")
    loaded = load_prompts_file(tmp_path / "saved.jsonl")
    assert loaded.prompts == saved.prompts
    assert loaded.fingerprint() == saved.fingerprint()


def test_prompts_are_saved_as_jsonl_only(tmp_path: Path) -> None:
    with pytest.raises(BrokenInput) as caught:
        save_prompts_file(PromptSet(CARD, ()), tmp_path / "a.csv")
    assert str(caught.value) == "Prompts are saved as JSONL; 'a.csv' should end in .jsonl."
