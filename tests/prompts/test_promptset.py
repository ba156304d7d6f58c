"""Selecting, limiting and identifying sets of prompts."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownLanguage
from isogloss.prompts.promptset import PromptCard, PromptSet

CARD = PromptCard(name="made-up", title="", source="", licence="", citation="", made="")
SW, YO, EN, DE = (Language.parse(tag) for tag in ("sw", "yo", "en", "de"))


def make_prompt(number: int, language: Language, kind: Kind, split: Split | None = None) -> Prompt:
    prompt_id = f"{kind}-{number}"
    return Prompt(prompt_id, f"{prompt_id} in {language}", language, kind, seed_id=prompt_id, split=split)


def make_set(numbers: int = 4) -> PromptSet:
    """Two languages, two kinds, even numbers for training, odd ones for testing."""
    prompts = [
        make_prompt(number, language, kind, Split.TEST if number % 2 else Split.TRAIN)
        for language in (EN, SW)
        for kind in Kind
        for number in range(numbers)
    ]
    return PromptSet(CARD, tuple(prompts))


prompt_sets = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from([SW, YO, EN, DE]),
        st.sampled_from(list(Kind)),
        st.sampled_from([*Split, None]),
    ),
    unique_by=lambda row: (row[0], row[1], row[2]),
    min_size=1,
).map(lambda rows: PromptSet(CARD, tuple(make_prompt(*row) for row in rows)))


@given(prompt_sets, st.sampled_from(list(Kind)), st.sampled_from(list(Split)))
def test_selecting_keeps_exactly_what_matches_in_its_order(prompts: PromptSet, kind: Kind, split: Split) -> None:
    expected = [prompt for prompt in prompts if prompt.kind == kind and prompt.split == split]
    if expected:
        assert list(prompts.select(kind=kind, split=split)) == expected
    else:
        with pytest.raises(NothingToDo):
            prompts.select(kind=kind, split=split)


@given(prompt_sets)
def test_selecting_every_language_changes_nothing(prompts: PromptSet) -> None:
    assert prompts.select(languages=prompts.languages) == prompts
    assert prompts.select() == prompts


@given(prompt_sets, st.integers(1, 4))
def test_a_limit_keeps_whole_seeds_and_never_more_than_asked(prompts: PromptSet, seeds: int) -> None:
    limited = prompts.limit(seeds)
    for kind in Kind:
        kept = {prompt.seed_id for prompt in limited if prompt.kind == kind}
        there = {prompt.seed_id for prompt in prompts if prompt.kind == kind}
        assert len(kept) == min(seeds, len(there))
        assert [p for p in limited if p.kind == kind] == [p for p in prompts if p.seed_id in kept and p.kind == kind]


@given(prompt_sets, st.randoms(use_true_random=False))
def test_the_fingerprint_does_not_depend_on_order(prompts: PromptSet, generator: object) -> None:
    shuffled = list(prompts)
    generator.shuffle(shuffled)  # type: ignore[attr-defined]
    assert PromptSet(CARD, tuple(shuffled)).fingerprint() == prompts.fingerprint()


@pytest.mark.parametrize(
    "change",
    [
        {"text": "other words"},
        {"id": "harmful-9"},
        {"kind": Kind.HARMLESS, "id": "harmful-9"},
        {"language": YO},
        {"seed_id": "other"},
        {"cluster": "other"},
    ],
)
def test_the_fingerprint_changes_with_everything_that_can_change_a_result(change: dict[str, object]) -> None:
    prompts = make_set()
    changed = (replace(prompts.prompts[0], **change), *prompts.prompts[1:])  # type: ignore[arg-type]
    assert PromptSet(CARD, changed).fingerprint() != prompts.fingerprint()


def test_the_fingerprint_does_not_change_with_how_a_tag_is_written() -> None:
    def written(tag: str) -> PromptSet:
        return PromptSet(CARD, (make_prompt(0, Language.parse(tag), Kind.HARMFUL),))

    def texts_alike(prompts: PromptSet) -> PromptSet:
        return PromptSet(CARD, tuple(replace(prompt, text="same") for prompt in prompts))

    assert texts_alike(written("zh")).fingerprint() == texts_alike(written("zh-Hans")).fingerprint()


def test_half_a_surrogate_pair_does_not_stop_the_fingerprint() -> None:
    prompt = replace(make_prompt(0, SW, Kind.HARMFUL), text="cut emoji \ud83d")
    assert len(PromptSet(CARD, (prompt,)).fingerprint()) == 16


def test_a_language_that_the_set_does_not_hold_is_named_with_those_that_it_holds() -> None:
    with pytest.raises(UnknownLanguage) as caught:
        make_set().select(languages=(YO,))
    assert str(caught.value) == "made-up: No prompts for 'yo'. Known: en, sw."


def test_an_empty_selection_says_what_was_asked_and_what_is_there() -> None:
    with pytest.raises(NothingToDo) as caught:
        make_set().select(languages=(SW,), split=Split.VALIDATION)
    assert str(caught.value) == (
        "made-up has no prompts for: sw, validation. It has harmful and harmless prompts in 2 languages, train, test."
    )


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(NothingToDo, match="Ask for 1 or more"):
        make_set().limit(0)


def test_an_id_may_not_occur_twice_in_one_language() -> None:
    prompt = make_prompt(1, SW, Kind.HARMFUL)
    with pytest.raises(BrokenInput) as caught:
        PromptSet(CARD, (prompt, replace(prompt, text="other")))
    assert str(caught.value) == (
        "made-up holds 2 prompts with id 'harmful-1' in sw. "
        "An id may be shared by languages, not by two prompts of one language."
    )


def test_the_description_counts_prompts_seeds_clusters_and_splits() -> None:
    # 2 languages x 2 kinds x 4 numbers = 16 prompts; a seed is a kind and a number: 8, each its own cluster.
    # Of the numbers 0 to 3, two are odd (test) and two even (train): 2 languages x 2 = 4 for each kind and split.
    described = make_set().describe()
    assert described["prompts"] == 16
    assert described["seeds"] == described["clusters"] == 8
    assert described["languages"] == {"en": {"harmful": 4, "harmless": 4}, "sw": {"harmful": 4, "harmless": 4}}
    assert described["tiers"] == {"high": ["en"], "mid": [], "low": ["sw"]}
    assert described["splits"] == ["train", "test"]
    assert described["by_split"] == {
        "train": {"harmful": 4, "harmless": 4},
        "test": {"harmful": 4, "harmless": 4},
    }
