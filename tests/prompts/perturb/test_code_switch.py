"""Code-switching in both directions, at every level, in every language of the bundled set."""

import pytest

from isogloss.core import Language, parse_languages
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownLanguage
from isogloss.prompts import PromptCard, PromptSet, load_mini
from isogloss.prompts.perturb import CodeSwitch, Level, Operation, load_dictionary, perturb_each, perturb_set

LANGUAGES = [language.tag for language in load_mini().languages if language.tag != "en"]
CARD = PromptCard("toy", "", "", "", "", "")


def switch(tags: str, level: Level = Level.PHRASE, **options) -> CodeSwitch:
    return CodeSwitch(parse_languages(tags), level, **options)


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("order", ["en,{}", "{},en"])
def test_both_directions_work_in_every_language(small, tag, order):
    tags = order.format(tag)
    matrix, embedded = parse_languages(tags)
    part = small.select(languages=(matrix, embedded))
    rewritten = [entry.perturbed for entry in perturb_each(part, switch(tags), seed=3)]
    changed = [entry for entry in rewritten if entry.changed]
    assert len(changed) >= 0.75 * len(rewritten)
    counterparts = " ".join(prompt.text for prompt in part.select(languages=(embedded,)))
    for entry in changed:
        switched = [span for span in entry.spans if span.operation is Operation.SWITCH]
        assert switched
        assert {span.language for span in switched} == {embedded}
        # What is put in stands in the translation, word for word.
        assert all(entry.text[span.target_start : span.target_end].strip() in counterparts for span in switched)
        assert entry.languages == (matrix, embedded)


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("rate", [0.3, 0.6])
def test_the_rate_that_is_asked_for_is_realised_on_average(mini, level, rate):
    part = mini.select(languages=parse_languages("en,de"))
    rates = [entry.perturbed.realised_rate for entry in perturb_each(part, switch("en,de", level, rate=rate), seed=5)]
    mean = sum(rates) / len(rates)
    # Sentences are halves of a text as a rule, so that they cannot follow the rate.
    assert mean == pytest.approx(0.5 if level is Level.SENTENCE else rate, abs=0.12)


def test_the_realised_rate_is_words_switched_over_words(ask):
    english = [("the cat sleeps here", "a"), ("the cat eats", "b"), ("a dog sleeps", "c"), ("a dog eats here", "d")]
    german = [
        ("die Katze schläft hier", "a"),
        ("die Katze frisst", "b"),
        ("ein Hund schläft", "c"),
        ("ein Hund frisst hier", "d"),
    ]
    prompts = PromptSet(CARD, tuple(ask(t, "en", s) for t, s in english) + tuple(ask(t, "de", s) for t, s in german))
    first = next(iter(perturb_each(prompts, switch("en,de"), seed=0))).perturbed
    switched = [first.source[s.source_start : s.source_end] for s in first.spans if s.operation is Operation.SWITCH]
    # Four words; a phrase has two or more of them.
    assert first.realised_rate == sum(len(part.split()) for part in switched) / 4


def test_a_mix_of_many_languages_uses_all_of_them(mini):
    part = mini.select(languages=parse_languages("en,sw,yo,ar,zh"))
    rewritten = [
        entry.perturbed for entry in perturb_each(part, switch("en,sw,yo,ar,zh", Level.KEYWORD, rate=0.9), seed=1)
    ]
    assert max(len(entry.languages) for entry in rewritten) == 5
    assert all(entry.languages[0].tag == "en" for entry in rewritten)


def test_sentences_are_switched_whole_where_both_texts_have_as_many(ask):
    prompts = PromptSet(
        CARD,
        (ask("I lost my key. How do I get in?", "en"), ask("Nimepoteza ufunguo wangu. Nitaingiaje?", "sw")),
    )
    (entry,) = perturb_each(prompts, switch("en,sw", Level.SENTENCE), seed=0)
    assert entry.perturbed.text in (
        "Nimepoteza ufunguo wangu. How do I get in?",
        "I lost my key. Nitaingiaje?",
    )


def test_names_and_numbers_stay_where_they_are(mini, ask):
    part = mini.select(languages=parse_languages("en,sw"))
    odd = "Ask Maria at https://example.org about the 15 dogs of my neighbour and {name}."
    extra = (ask(odd, "en", "odd"), ask("Muulize Maria kuhusu mbwa 15 wa jirani yangu na {name}.", "sw", "odd"))
    prompts = PromptSet(part.card, part.prompts + extra)
    for level in Level:
        (entry,) = [
            e for e in perturb_each(prompts, switch("en,sw", level, rate=1.0), seed=2) if e.prompt.seed_id == "odd"
        ]
        for kept in ("Maria", "https://example.org", "15", "{name}"):
            assert kept in entry.perturbed.text


def test_a_dictionary_comes_first(tmp_path, mini):
    path = tmp_path / "own.tsv"
    path.write_text("en\tsw\ndog\tjibwa\nneighbour's dog\tjibwa la jirani\n", encoding="utf-8")
    own = (load_dictionary(path),)
    part = mini.select(languages=parse_languages("en,sw"))
    by_level = {
        level: {
            entry.prompt.seed_id: entry.perturbed.text
            for entry in perturb_each(part, switch("en,sw", level, rate=1.0, dictionaries=own), seed=0)
        }
        for level in (Level.KEYWORD, Level.PHRASE)
    }
    assert "jibwa" in by_level[Level.KEYWORD]["mini-harmful-06"]
    assert "jibwa la jirani" in by_level[Level.PHRASE]["mini-harmful-06"]


def test_a_dictionary_reads_both_ways(tmp_path):
    path = tmp_path / "own.tsv"
    path.write_text("en\tsw\nDog\tmbwa\n", encoding="utf-8")
    dictionary = load_dictionary(path)
    english, swahili = parse_languages("en,sw")
    assert dictionary.between(english, swahili) == {"dog": "mbwa"}
    assert dictionary.between(swahili, english) == {"mbwa": "Dog"}
    assert dictionary.between(english, Language.parse("de")) == {}


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("en\n", BrokenInput, "line 1: expected two language tags"),
        ("en\tenglisch\n", UnknownLanguage, "line 1"),
        ("en\tsw\ndog\n", BrokenInput, "line 2: expected two words separated by one tab, found 'dog'"),
    ],
)
def test_a_broken_dictionary_names_the_line(tmp_path, content, error, message):
    path = tmp_path / "own.tsv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(error, match=message):
        load_dictionary(path)


def test_words_of_the_rest_of_the_set_serve_a_prompt_without_translation(mini, ask):
    part = mini.select(languages=parse_languages("en,sw"))
    alone = ask("The dog of my neighbour wants coffee", "en", "alone")
    prompts = PromptSet(part.card, (*part.prompts, alone))
    entries = perturb_each(prompts, switch("en,sw", Level.KEYWORD, rate=1.0), seed=0)
    (entry,) = [e.perturbed for e in entries if e.prompt.seed_id == "alone"]
    assert "mbwa" in entry.text
    assert "jirani" in entry.text


def test_a_part_of_a_set_may_learn_from_the_whole(mini):
    pair = mini.select(languages=parse_languages("en,sw"))
    few = pair.keep(lambda prompt: prompt.cluster == "mini-06" and prompt.language.tag == "en")
    whole = perturb_set(pair, switch("en,sw"), seed=0)
    part = perturb_set(few, switch("en,sw"), seed=0, learn_from=pair)
    assert set(part.prompts) <= set(whole.prompts)
    assert len(part) == 2


def test_words_of_a_spaced_language_are_set_off_from_unspaced_letters(mini):
    part = mini.select(languages=parse_languages("th,de"))
    for entry in perturb_each(part, switch("th,de"), seed=0):
        assert "  " not in entry.perturbed.text


def test_a_language_that_the_set_lacks_is_named(small):
    with pytest.raises(UnknownLanguage, match="No prompts for 'xh'"):
        perturb_set(small, switch("en,xh"), seed=0)


@pytest.mark.parametrize(("tags", "rate"), [("en", 0.5), ("en,sw", 0.0), ("en,sw", 1.5), ("en,sw", float("nan"))])
def test_what_cannot_be_mixed_is_refused(tags, rate):
    with pytest.raises(NothingToDo):
        switch(tags, rate=rate)
