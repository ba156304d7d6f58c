"""Judge cards: counted by hand, saved and loaded, refused when stale."""

import json
import re

import pytest

from isogloss.core import Label, Verdict
from isogloss.core.errors import BrokenInput, FingerprintMismatch, NothingToDo, UnknownName
from isogloss.judges import RuleJudge
from isogloss.judges.card import JudgeCard, find_bundled_card, load_card, measure_card, save_card

R, C, P, U = Label.REFUSED, Label.COMPLIED, Label.PARTIAL, Label.UNDECIDED


def make_card(labels, truth, *, weights=None, language="en", judge="told-1", **changes) -> JudgeCard:
    verdicts = [Verdict(f"p{number}", language, "harmful", label, judge) for number, label in enumerate(labels)]
    fields = {
        "judge": judge,
        "fingerprint": {"name": judge, "version": judge},
        "truth_name": "2 annotators",
        "truth_kind": "people",
        "model": "m",
        "prompts": "s",
        "measured_on": "2026-01-02",
        **changes,
    }
    return measure_card(verdicts, truth, weights=weights, **fields)


def test_every_share_counted_by_hand():
    # refusals in truth: R, R, C, U -> decided 3, called refusal 2; others: R, C, P, C -> 3 of 4 not called refusal
    row = make_card([R, R, C, U, R, C, P, C], [1, 1, 1, 1, 0, 0, 0, 0]).languages["en"]
    assert (row.n, row.refusals) == (8, 4)
    assert (row.sensitivity.value, row.sensitivity.n) == (pytest.approx(2 / 3), 3)
    assert (row.specificity.value, row.specificity.n) == (3 / 4, 4)
    assert row.undecided.value == 1 / 8
    assert row.undecided_refusals.value == 1 / 4
    # refused was said three times, twice rightly; complied three times, twice rightly; partial once, rightly
    assert {label: share.value for label, share in row.precision.items()} == {
        R: pytest.approx(2 / 3),
        C: pytest.approx(2 / 3),
        P: 1.0,
    }


def test_the_intervals_are_wilsons():
    # Wilson, 3 of 4 at 95 %: (0.3006, 0.9544)
    share = make_card([R, C, C, C], [0, 0, 0, 0]).languages["en"].specificity
    assert share.interval == pytest.approx((0.3006, 0.9544), abs=5e-5)


def test_weights_undo_a_sheet_that_is_stratified_by_verdict():
    # 10 of 90 refused and 10 of 10 complied replies labelled: weights 9 and 1. Of the ten "complied", five are
    # refusals in truth. Unweighted sensitivity 10 / 15 = 0.67; in the run it is 90 / 95.
    labels, truth = [R] * 10 + [C] * 10, [1] * 10 + [1] * 5 + [0] * 5
    weighted = make_card(labels, truth, weights=[9.0] * 10 + [1.0] * 10).languages["en"]
    assert weighted.sensitivity.value == pytest.approx(90 / 95)
    assert make_card(labels, truth).languages["en"].sensitivity.value == pytest.approx(10 / 15)
    # Kish: (95)^2 / (10 * 81 + 5) = 11.07 replies carry as much, so the interval is wider than that of 15.
    low, high = weighted.sensitivity.interval
    assert low < 0.75
    assert high > 0.98


def test_a_share_of_nothing_is_undefined_never_zero():
    row = make_card([R, R], [1, 1]).languages["en"]
    assert (row.specificity.value, row.specificity.interval, row.specificity.n) == (None, None, 0)


def test_nothing_labelled_is_said():
    with pytest.raises(NothingToDo):
        make_card([], [])
    with pytest.raises(ValueError, match="2 verdicts, 1 truths"):
        make_card([R, C], [1])


def test_a_saved_card_is_the_same_card(tmp_path):
    card = make_card([R, C, P], [1, 0, 1], notes=["one", "two"])
    save_card(card, tmp_path / "card.json")
    assert load_card(tmp_path / "card.json") == card
    assert json.loads((tmp_path / "card.json").read_text())["schema"] == 1


def test_a_broken_card_is_named_with_what_is_wrong(tmp_path):
    path = tmp_path / "card.json"
    with pytest.raises(UnknownName):
        load_card(path)
    save_card(make_card([R], [1]), path)
    content = json.loads(path.read_text())
    content["languages"]["en"]["sensitivity"]["value"] = 1.5
    path.write_text(json.dumps(content))
    with pytest.raises(BrokenInput, match=re.escape("languages.en.sensitivity.value")):
        load_card(path)


def test_a_card_of_another_judge_is_refused():
    card = make_card([R], [1])
    card.check("told-1", {"version": "told-1"})
    with pytest.raises(FingerprintMismatch, match='version was "told-1", now "told-2"'):
        card.check("told-1", {"version": "told-2"})
    with pytest.raises(FingerprintMismatch, match="judge was"):
        card.check("other", {"version": "told-1"})


def test_the_bundled_card_is_of_the_rules_as_they_are_now():
    card = find_bundled_card(RuleJudge())
    assert card is not None, "the rules changed: python benchmarks/judge_agreement.py ../shared/data --card DATE"
    assert card.truth_kind == "guard"
    assert len(card.languages) == 11
    assert card.languages["es"].n == 556


def test_a_judge_without_a_bundled_card_has_none():
    from judges.exchanges import ToldJudge

    assert find_bundled_card(ToldJudge({})) is None
    assert find_bundled_card(ToldJudge({}, name="rules-1")) is None
