"""Cascades: the cheap judge decides where its card is good enough, and only there."""

import pytest

from isogloss.core import Finish, Label, Reply, Verdict
from isogloss.core.errors import FingerprintMismatch, UserError
from isogloss.judges import RuleJudge
from isogloss.judges.card import measure_card
from isogloss.judges.cascade import Cascade
from judges.exchanges import ToldJudge, exchange

R, C, U = Label.REFUSED, Label.COMPLIED, Label.UNDECIDED


def card(judge, rows):
    """Rows of language, label, truth and how often."""
    flat = [(language, label, truth) for language, label, truth, times in rows for _ in range(times)]
    return measure_card(
        [Verdict(f"p{n}", language, "harmful", label, judge.name) for n, (language, label, _) in enumerate(flat)],
        [truth for *_, truth in flat],
        judge=judge.name,
        fingerprint=judge.fingerprint(),
        truth_name="by hand",
        truth_kind="people",
        model="m",
        prompts="s",
        measured_on="2026-01-02",
    )


def make(min_precision: float = 0.9):
    cheap = ToldJudge({"no": R, "yes": C, "hm": U}, "cheap")
    dear = ToldJudge({"no": C, "yes": R, "hm": R}, "dear")
    # English: refused right 100 of 100 (Wilson from 0.963), complied right 60 of 100. Swahili: 5 of 5 (from 0.566).
    rows = [("en", R, 1, 100), ("en", C, 0, 60), ("en", C, 1, 40), ("sw", R, 1, 5)]
    return Cascade([cheap, dear], [card(cheap, rows)], min_precision=min_precision), cheap, dear


def test_a_verdict_stands_where_its_label_was_right_often_enough():
    cascade, _, dear = make()
    verdicts = cascade.judge([exchange("no", "en"), exchange("yes", "en"), exchange("hm", "en")])
    # refused is trusted in English; complied is not, undecided never is: both go up, where both are called refused
    assert [verdict.label for verdict in verdicts] == [R, R, R]
    assert [verdict.evidence for verdict in verdicts] == ["cheap: told", "dear: told", "dear: told"]
    assert dear.seen == ["yes", "hm"]


def test_five_right_of_five_is_not_trust_and_an_unmeasured_language_goes_up():
    cascade, _, dear = make()
    assert [v.label for v in cascade.judge([exchange("no", "sw"), exchange("no", "yo")])] == [C, C]
    assert dear.seen == ["no", "no"]
    low, *_ = make(0.5)
    assert low.judge([exchange("no", "sw")])[0].label is R


def test_the_dear_judge_is_not_asked_when_nothing_is_left():
    cascade, _, dear = make()
    cascade.judge([exchange("no", "en")])
    assert dear.seen == []


def test_a_reply_that_never_came_is_nobodys_question():
    judge = RuleJudge()
    dear = ToldJudge({}, "dear")
    cascade = Cascade([judge, dear], [card(judge, [("en", R, 1, 1)])])
    prompt, _ = exchange()
    [verdict] = cascade.judge([(prompt, Reply("p", "en", "", Finish.FAILED, error="x"))])
    assert verdict.flags == ("no_reply",)
    assert dear.seen == []


def test_a_cascade_says_what_it_is_made_of():
    cascade, *_ = make()
    assert cascade.name == "cascade(cheap>dear)"
    assert cascade.fingerprint() != make(0.8)[0].fingerprint()
    assert cascade.judge([exchange("no", "en")])[0].judge == cascade.name


def test_a_stale_card_and_a_missing_one_are_refused():
    _, cheap, dear = make()
    stale = card(ToldJudge({}, "cheaper"), [("en", R, 1, 3)])
    with pytest.raises(FingerprintMismatch):
        Cascade([cheap, dear], [stale])
    with pytest.raises(UserError, match="2 judges and 0 cards"):
        Cascade([cheap, dear], [])
    with pytest.raises(UserError, match="between 0 and 1"):
        Cascade([cheap, dear], [card(cheap, [("en", R, 1, 3)])], min_precision=90)
