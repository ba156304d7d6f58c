"""What holds for every way of writing and any text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.core import Kind, Language, Prompt
from isogloss.prompts import PromptCard, PromptSet, load_mini
from isogloss.prompts.perturb import Operation, parse_perturbation, perturb_each
from isogloss.prompts.perturb.perturbed import UNCHANGED
from isogloss.prompts.perturb.protection import find_protected

MINI = load_mini()
ALPHABETS = {
    "en": "abcdefghijklmnop ABC.,'!?-",
    "yo": "abdeẹfgíọ́ṣùn ,.",
    "ar": "ابتثجحخدذرزسشصضطظعغفقكلمنهويىةأإآءئؤًَُّْ ،؟",
    "ru": "абвгдеёжзийклмнопрстуфхцчшщьыэюя АБВ,.",
    "zh": "我你他的狗猫车家人门一二三，。？",
    "th": "กขคงจฉชซดตถทนบปผพมยรลวสหอะาิีึืุูเแโใไ่้ ",
    "hi": "अआइईउऊएऐकखगघचछजझटठडढतथदधनपफबभमयरलवशसह़ािीुूेैोौंँ् ।",
}
GUARDED = ["https://example.org/x1", "{name}", "15", "3.14", "a@example.org", "[NAME]", "%s"]
PLAIN = [
    "noise:keyboard:0.4",
    "noise:diacritics:0.5",
    "noise:script-variant",
    "noise:look-alike",
    "noise:full-width",
    "arabizi:egyptian:0.5",
    "arabizi:maghrebi:skeleton",
    "frame:story",
    "frame:classroom",
]


@st.composite
def prompts_with_guarded_parts(draw):
    tag = draw(st.sampled_from(sorted(ALPHABETS)))
    chunks = draw(st.lists(st.text(ALPHABETS[tag], max_size=25), min_size=1, max_size=4))
    guards = draw(st.lists(st.sampled_from(GUARDED), min_size=len(chunks), max_size=len(chunks)))
    text = " ".join(part for pair in zip(chunks, guards, strict=True) for part in pair)
    return Prompt(id="p", text=text, language=Language.parse(tag), kind=Kind.HARMFUL, seed_id="p")


def check_map(result):
    """Spans stand in order, cover both texts, and kept stretches are equal in both."""
    source = target = 0
    for span in result.spans:
        assert (span.source_start, span.target_start) == (source, target)
        before = result.source[span.source_start : span.source_end]
        after = result.text[span.target_start : span.target_end]
        assert before or after
        assert span.operation not in UNCHANGED or before == after
        source, target = span.source_end, span.target_end
    assert (source, target) == (len(result.source), len(result.text))
    assert result.realised_rate is None or 0 <= result.realised_rate <= 1


def rewrite(prompts, name, seed):
    return [entry.perturbed for entry in perturb_each(prompts, parse_perturbation(name), seed=seed)]


@settings(max_examples=150, deadline=None)
@given(prompts_with_guarded_parts(), st.sampled_from(PLAIN), st.integers(0, 5))
def test_any_text_is_mapped_kept_where_protected_and_repeatable(prompt, name, seed):
    alone = PromptSet(PromptCard("toy", "", "", "", "", ""), (prompt,))
    results = rewrite(alone, name, seed)
    assert results == rewrite(alone, name, seed)
    for result in results:
        check_map(result)
        assert result.source == prompt.text
        for guarded in GUARDED:
            assert result.text.count(guarded) >= prompt.text.count(guarded)


@pytest.mark.parametrize("language", MINI.languages, ids=str)
def test_every_bundled_language_keeps_its_map_and_its_protected_parts(language):
    part = MINI.select(languages=(language,)).limit(6)
    for name in PLAIN:
        for result in rewrite(part, name, 1):
            check_map(result)
            guarded = find_protected(result.source, language, guess_names=False)
            for stretch in guarded:
                assert result.source[stretch.start : stretch.end] in result.text


@pytest.mark.parametrize("level", ["sentence", "phrase", "keyword"])
@pytest.mark.parametrize("mix", ["en+sw", "zh+en", "ar+en+yo", "th+my", "ja+ko", "am+hi"])
def test_mixes_keep_their_map_and_repeat(level, mix):
    tags = [Language.parse(tag) for tag in mix.split("+")]
    part = MINI.select(languages=tuple(tags)).limit(12)
    results = rewrite(part, f"code-switch:{mix}:{level}", 4)
    assert results == rewrite(part, f"code-switch:{mix}:{level}", 4)
    for result in results:
        check_map(result)
        words = [span for span in result.spans if span.operation is Operation.SWITCH]
        assert {span.language for span in words} == set(result.languages[1:])


def test_another_seed_gives_another_text():
    part = MINI.select(languages=(Language.parse("en"), Language.parse("sw")))
    for name in ("code-switch:en+sw", "noise:keyboard", "noise:look-alike"):
        first, second = (rewrite(part, name, seed) for seed in (1, 2))
        assert sum(a.text != b.text for a, b in zip(first, second, strict=True)) > 0.5 * len(first)
