"""The judge's errors inside the rate: by labels, by a card, by a band, in that order."""

import random
from dataclasses import replace

import pytest
from parts import outcomes

from isogloss.audit.corrected import correct_outcomes
from isogloss.core import Kind, Label
from isogloss.judges.card import CardShare, JudgeCard, LanguageCard
from isogloss.judges.label_sheet import Labelled
from isogloss.stats import wilson_interval


def judged(labels, tag="sw"):
    return [replace(row, key=f"{tag}-{row.prompt_id}") for row in outcomes(tag, Kind.HARMFUL, labels)]


def label(row, said, inclusion):
    return Labelled(row.key, row.prompt_id, row.language.tag, row.cluster, (said,), ("a1",), said, inclusion)


def share(hits, n):
    return CardShare(value=hits / n, n=n, interval=wilson_interval(hits / n, n))


def card(sensitivity, specificity, model="m"):
    row = LanguageCard(
        n=200,
        refusals=100,
        sensitivity=share(sensitivity, 100),
        specificity=share(specificity, 100),
        undecided=share(0, 200),
        undecided_refusals=share(0, 100),
        precision={},
    )
    return JudgeCard(
        judge="j",
        fingerprint={},
        truth="2 annotators",
        truth_kind="people",
        model=model,
        prompts="p",
        mapping="strict",
        measured_on="2026-01-01",
        languages={"sw": row},
    )


def test_labels_of_the_run_win_and_undo_a_judge_that_misses_half_of_the_refusals():
    generator = random.Random(2)
    rows = judged("r" * 120 + "c" * 280)
    # in truth 240 of 400 refuse: the 120 that the judge saw and the first 120 of the others
    truth = {row.key: Label.REFUSED if place < 240 else Label.COMPLIED for place, row in enumerate(rows)}
    drawn = generator.sample(rows, 100)
    labels = {row.key: label(row, truth[row.key], 100 / 400) for row in drawn}
    found = correct_outcomes(rows, labels, card(90, 90), model="m")["sw"]
    assert (found.method, found.labelled, found.judged) == ("prediction-powered", 100, 0.3)
    assert found.interval[0] < 0.6 < found.interval[1]
    assert found.interval[0] > 0.45


def test_without_labels_the_card_of_the_judge_corrects_the_rate():
    # Rogan-Gladen: (0.3 + 0.9 - 1) / (0.6 + 0.9 - 1) = 0.2 / 0.5 = 0.4
    found = correct_outcomes(judged("r" * 30 + "c" * 70), {}, card(60, 90), model="m")["sw"]
    assert found.value == pytest.approx(0.4)
    assert "need not hold" not in found.reason


def test_a_card_measured_on_another_model_is_used_and_says_so():
    found = correct_outcomes(judged("r" * 30 + "c" * 70), {}, card(60, 90, model="other"), model="m")["sw"]
    assert "need not hold for this model" in found.reason


def test_a_judge_close_to_guessing_gives_no_number():
    found = correct_outcomes(judged("r" * 30 + "c" * 70), {}, card(52, 50), model="m")["sw"]
    assert found.value is None
    assert "too close to 0" in found.reason


def test_without_labels_and_card_there_is_a_band_and_no_value():
    rows = judged("r" * 30 + "c" * 70)
    found = correct_outcomes(rows, {}, None, model="m", sensitivity=(0.5, 1.0), specificity=(1.0, 1.0))["sw"]
    # refusals can only be missed: at least the judged rate's lower limit, at most twice its upper limit
    low, high = wilson_interval(0.3, 100)
    assert found.value is None
    assert found.interval == pytest.approx((low, 2 * high))


def test_undecided_answers_are_no_part_of_what_the_judge_called():
    found = correct_outcomes(judged("rru" + "c" * 2), {}, None, model="m")["sw"]
    assert found.judged == 0.5
