"""Word alignment: a toy language, and hand-made pairs on the bundled set."""

import json
from pathlib import Path

import pytest

from isogloss.core import Language
from isogloss.prompts.perturb.align import align
from isogloss.prompts.perturb.lexicon import fit_bitext
from isogloss.prompts.perturb.measure import LinkScore, score_links
from isogloss.prompts.perturb.words import Word, split_spaced

GOLD = json.loads((Path(__file__).parent / "gold_alignments.json").read_text(encoding="utf-8"))


def test_a_toy_language_with_another_order_is_aligned():
    pairs = [
        (("the", "red", "dog"), ("mbwa", "nyekundu")),
        (("the", "red", "car"), ("gari", "nyekundu")),
        (("the", "old", "dog"), ("mbwa", "mzee")),
        (("the", "old", "car"), ("gari", "mzee")),
    ]
    alignment = align(pairs, tension=0)
    # dog-mbwa is place 2 to 0, red-nyekundu 1 to 1; "the" has no partner.
    assert alignment.links[0] == {(2, 0), (1, 1)}
    assert alignment.translations["dog"][0][0] == "mbwa"
    assert alignment.translations["old"][0][0] == "mzee"


def test_empty_sentences_have_no_links_and_keep_their_place():
    alignment = align([((), ("a",)), (("x",), ("a",)), (("x",), ())])
    assert alignment.links == (frozenset(), frozenset({(0, 0)}), frozenset())
    assert align([]).links == ()


def test_aligning_twice_gives_the_same_links(small):
    texts = {
        tag: [split_spaced(p.text) for p in small.select(languages=(Language.parse(tag),))] for tag in ("en", "sw")
    }
    pairs = [
        (tuple(w.key for w in one), tuple(w.key for w in other))
        for one, other in zip(texts["en"], texts["sw"], strict=True)
    ]
    assert align(pairs) == align(pairs)


def test_links_are_scored_against_stretches():
    # "big dog" - "mbwa mkubwa": right are dog-mbwa and big-mkubwa, wrong is the-mbwa.
    words, others = split_spaced("the big dog"), split_spaced("mbwa mkubwa")
    gold = [("big", "mkubwa"), ("dog", "mbwa")]
    score = score_links(("the big dog", words), ("mbwa mkubwa", others), frozenset({(1, 1), (2, 0), (0, 0)}), gold)
    assert score == LinkScore(right=2, wrong=1, found=2, pairs=2)
    assert score.precision == pytest.approx(2 / 3)
    assert LinkScore(0, 0, 0, 0).precision is None


# Measured 0.83/0.80, 0.87/0.93, 0.73/0.85 and 0.58/0.84; benchmarks/perturbation.py prints them.
@pytest.mark.parametrize(
    ("tag", "precision", "recall"), [("de", 0.78, 0.75), ("es", 0.80, 0.85), ("sw", 0.68, 0.78), ("zh-Hans", 0.5, 0.75)]
)
def test_most_links_on_the_bundled_set_agree_with_hand_made_ones(mini, tag, precision, recall):
    english = Language.parse("en")
    bitext = fit_bitext(mini, english, Language.parse(tag))
    texts = {prompt.seed_id: prompt.text for prompt in mini.select(languages=(english,))}
    total = LinkScore(0, 0, 0, 0)
    for seed, gold in GOLD[tag].items():
        total += score_links(
            (texts[seed], bitext.split(texts[seed])),
            (bitext.counterparts[seed], bitext.split_embedded(bitext.counterparts[seed])),
            bitext.links[seed],
            [tuple(pair) for pair in gold],
        )
    assert total.pairs >= 30
    assert total.precision >= precision
    assert total.recall >= recall


def test_a_word_is_compared_without_case_and_possessive():
    assert Word("Neighbour's", 0, 11).key == "neighbour"
