"""PolyRefuse in its published layout: made-up files for the traps, the real ones for the counts."""

import json
from pathlib import Path
from typing import Any

import pytest

from isogloss.core import Kind, Language, Split
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownLanguage, UnknownName
from isogloss.prompts.polyrefuse import load_polyrefuse
from isogloss.prompts.promptset import PromptSet

EN, SW, YO = (Language.parse(tag) for tag in ("en", "sw", "yo"))


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def write_small_release(folder: Path) -> None:
    """Two languages; row 2 of the harmful test set repeats row 0, and so does a row of the training set."""
    english = ["Steal a bike", "Tell a lie", "steal  a bike"]
    write(
        folder,
        "harmful_test_translated_en",
        [{"instruction": text, "category": category} for text, category in zip(english, ["A", None, ""], strict=True)],
    )
    write(
        folder,
        "harmful_test_translated_sw",
        [{"instruction": text, "instruction_translated": f"sw {text}"} for text in english],
    )
    write(folder, "harmful_train_translated_en", [{"instruction": "Steal a bike"}, {"instruction": "Cheat"}])
    write(folder, "harmful_train_translated_sw", [{"instruction": "Iba"}, {"instruction": "Danganya"}])
    write(folder, "harmless_test_translated_en", [{"instruction": "Sing", "instruction_translated": "Sing"}])
    (folder / "README.md").write_text("not a set")


@pytest.fixture
def small(tmp_path: Path) -> PromptSet:
    write_small_release(tmp_path)
    return load_polyrefuse(tmp_path)


def test_ids_are_rows_from_zero_and_the_same_in_every_language(small: PromptSet) -> None:
    test = small.select(kind=Kind.HARMFUL, split=Split.TEST)
    for language in (EN, SW):
        assert [prompt.id for prompt in test.select(languages=(language,))] == [
            "polyrefuse-harmful-test-0000",
            "polyrefuse-harmful-test-0001",
            "polyrefuse-harmful-test-0002",
        ]
    assert all(prompt.seed_id == prompt.id for prompt in small)


def test_test_files_carry_both_texts(small: PromptSet) -> None:
    english, swahili = small.select(split=Split.TEST, kind=Kind.HARMFUL).prompts[::3]
    assert (english.text, english.source_text, english.provenance) == ("Steal a bike", None, "original")
    assert (swahili.text, swahili.source_text) == ("sw Steal a bike", "Steal a bike")
    assert swahili.provenance == "machine translation, unreviewed"


def test_training_files_are_paired_with_english_by_row(small: PromptSet) -> None:
    swahili = small.select(split=Split.TRAIN, languages=(SW,)).prompts
    assert [(prompt.text, prompt.source_text) for prompt in swahili] == [("Iba", "Steal a bike"), ("Danganya", "Cheat")]


def test_a_category_may_be_absent_or_empty(small: PromptSet) -> None:
    english = small.select(split=Split.TEST, kind=Kind.HARMFUL, languages=(EN,))
    assert [prompt.category for prompt in english] == ["A", None, None]


def test_duplicates_form_one_cluster_across_rows_splits_and_languages(small: PromptSet) -> None:
    clusters = {(prompt.id, prompt.language.tag): prompt.cluster for prompt in small}
    first = "polyrefuse-harmful-train-0000"
    for tag in ("en", "sw"):
        assert clusters["polyrefuse-harmful-train-0000", tag] == first
        assert clusters["polyrefuse-harmful-test-0000", tag] == first
        assert clusters["polyrefuse-harmful-test-0002", tag] == first
        assert clusters["polyrefuse-harmful-test-0001", tag] == "polyrefuse-harmful-test-0001"


def test_the_card_tells_what_is_absent_and_what_is_repeated(small: PromptSet) -> None:
    assert small.card.notes[:-1] == (
        "No harmful val files.",
        "No harmless train files.",
        "No harmless val files.",
        "No harmless test file for sw.",
        "English texts that occur more than once: 1. Their rows share a cluster.",
        "English texts that occur in more than one split: 1. What is fitted on one has seen the other.",
    )
    assert len(small.card.checksums) == 5
    assert "machine-translated and unreviewed" in small.card.made


def test_without_the_english_file_test_sources_are_still_known(tmp_path: Path) -> None:
    rows = [{"instruction": "Tell a lie", "instruction_translated": "Danganya"}] * 2
    write(tmp_path, "harmful_test_translated_sw", rows)
    write(tmp_path, "harmful_train_translated_sw", [{"instruction": "Iba"}] * 2)
    prompts = load_polyrefuse(tmp_path)
    test = prompts.select(split=Split.TEST)
    assert [prompt.source_text for prompt in test] == ["Tell a lie", "Tell a lie"]
    assert {prompt.cluster for prompt in test} == {"polyrefuse-harmful-test-0000"}
    train = prompts.select(split=Split.TRAIN)
    assert [prompt.source_text for prompt in train] == [None, None]
    assert "No English harmful train file: duplicates in it cannot be found, and sources are not shown." in (
        prompts.card.notes
    )


def test_empty_translations_are_left_out_and_told(tmp_path: Path) -> None:
    write(tmp_path, "harmful_train_translated_yo", [{"instruction": "Jale"}, {"instruction": " "}])
    prompts = load_polyrefuse(tmp_path)
    assert [prompt.id for prompt in prompts] == ["polyrefuse-harmful-train-0000"]
    assert "Empty texts in yo, left out: 1." in prompts.card.notes


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownName) as caught:
        load_polyrefuse(tmp_path / "nowhere")
    assert str(caught.value) == (
        f"No folder {tmp_path / 'nowhere'}. "
        "Expected one with PolyRefuse's files, such as harmful_test_translated_sw.json."
    )


def test_a_folder_without_files_says_what_was_expected(tmp_path: Path) -> None:
    (tmp_path / "harmful_dev_translated_sw.json").write_text("[]")
    with pytest.raises(NothingToDo) as caught:
        load_polyrefuse(tmp_path)
    assert str(caught.value) == (
        f"No PolyRefuse files in {tmp_path}. Expected names such as harmful_test_translated_sw.json: "
        "harmful or harmless, train, val or test, and a language tag."
    )


def test_a_file_of_another_length_is_refused(tmp_path: Path) -> None:
    write_small_release(tmp_path)
    path = write(tmp_path, "harmful_train_translated_sw", [{"instruction": "Iba"}])
    with pytest.raises(BrokenInput) as caught:
        load_polyrefuse(tmp_path)
    assert str(caught.value) == (
        f"{path} has 1 rows, harmful_train_translated_en.json has 2. "
        "Row i must be the same prompt in every language; take all files from one release."
    )


def test_a_row_with_other_english_is_refused(tmp_path: Path) -> None:
    write_small_release(tmp_path)
    rows = [{"instruction": text, "instruction_translated": "x"} for text in ("Steal a bike", "Lie", "steal  a bike")]
    path = write(tmp_path, "harmful_test_translated_sw", rows)
    with pytest.raises(BrokenInput) as caught:
        load_polyrefuse(tmp_path)
    assert str(caught.value) == (
        f"{path}, row 2: its English differs from row 2 of harmful_test_translated_en.json. "
        "Row i must be the same prompt in every language; take all files from one release."
    )


def test_a_test_row_without_its_translation_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "harmful_test_translated_sw", [{"instruction": "Tell a lie"}])
    with pytest.raises(BrokenInput) as caught:
        load_polyrefuse(tmp_path)
    assert str(caught.value) == f"{path}, row 1: no 'instruction_translated', the text in Swahili."


def test_a_row_without_an_instruction_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "harmful_train_translated_sw", [{"instruction": "Iba"}, {"instruction": None}])
    with pytest.raises(BrokenInput) as caught:
        load_polyrefuse(tmp_path)
    assert str(caught.value) == f"{path}, row 2: 'instruction' holds null. Input should be a valid string."


def test_a_file_name_with_an_unknown_language_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "harmful_train_translated_jp", [{"instruction": "a"}])
    with pytest.raises(UnknownLanguage) as caught:
        load_polyrefuse(tmp_path)
    assert str(caught.value) == (
        f"{path}: 'jp' names no language. "
        "Write a BCP-47 tag, such as sw, zh-Hans or ar-Latn. Did you mean 'ja' (Japanese)?"
    )


def test_two_files_for_one_language_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "harmful_train_translated_zh", [{"instruction": "a"}])
    path = write(tmp_path, "harmful_train_translated_zh-Hans", [{"instruction": "a"}])
    with pytest.raises(BrokenInput) as caught:
        load_polyrefuse(tmp_path)
    first = "harmful_train_translated_zh.json"
    names = sorted([path.name, first])
    assert str(caught.value) == (f"{tmp_path / names[1]} and {names[0]} are for the same language. Keep one of them.")


@pytest.fixture(scope="module")
def real(shared_data: Path) -> PromptSet:
    return load_polyrefuse(shared_data / "polyrefuse")


def test_the_published_set_has_fourteen_parallel_languages(real: PromptSet) -> None:
    tags = [language.tag for language in real.languages]
    assert tags == ["en", "ar", "de", "es", "fr", "it", "ja", "ko", "nl", "pl", "ru", "th", "yo", "zh"]
    assert real.card.notes[0] == "No harmless test file for zh."
    for kind in Kind:
        for split in Split:
            part = real.select(kind=kind, split=split)
            english = [prompt.id for prompt in part.select(languages=(EN,))]
            for language in part.languages:
                assert [prompt.id for prompt in part.select(languages=(language,))] == english


def test_the_published_set_has_the_counts_of_the_shared_part(real: PromptSet) -> None:
    # Rows in the files beside the tests' README, with rows about sexual harm to minors removed:
    # harmful 258 train, 38 val, 556 test; harmless 200, 200, 500, with no Chinese test file.
    assert real.describe()["by_split"] == {
        "train": {"harmful": 14 * 258, "harmless": 14 * 200},
        "validation": {"harmful": 14 * 38, "harmless": 14 * 200},
        "test": {"harmful": 14 * 556, "harmless": 13 * 500},
    }
    by_language = real.describe()["languages"]
    for tag, counts in by_language.items():
        assert counts == {"harmful": 258 + 38 + 556, "harmless": 400 if tag == "zh" else 900}


def test_the_published_set_has_nine_repeated_test_prompts_and_one_that_is_also_in_training(real: PromptSet) -> None:
    harmful = real.select(kind=Kind.HARMFUL, languages=(EN,))
    test = harmful.select(split=Split.TEST)
    assert len(test) - len({prompt.cluster for prompt in test}) == 9
    train = {prompt.cluster for prompt in harmful.select(split=Split.TRAIN)}
    assert len(train & {prompt.cluster for prompt in test}) == 1
    # 852 + 900 English rows, of which 9 repeat a test prompt and 1 a training prompt.
    assert real.describe()["seeds"] - real.describe()["clusters"] == 10


def test_the_recorded_replies_beside_the_set_find_their_prompts(real: PromptSet, shared_data: Path) -> None:
    keys = {prompt.key for prompt in real}
    for path in (shared_data / "replies" / "qwen2.5-7b-instruct").glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            assert (row["id"], row["language"]) in keys
