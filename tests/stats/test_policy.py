"""Floors, distances and baselines, and what an average hides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.stats.baseline import fit_baseline
from isogloss.stats.pairedtable import measure_pairs
from isogloss.stats.policy import check_baseline, check_distance, check_floor, conclude_policy
from isogloss.stats.rates import Rate, clopper_pearson_interval, measure_rate

NAMES = [str(index) for index in range(1000)]


def rate(hits, n):
    return measure_rate([1] * hits + [0] * (n - hits), NAMES[:n])


def pairs(both, only_reference, only_here, neither):
    reference = [1] * (both + only_reference) + [0] * (only_here + neither)
    here = [1] * both + [0] * only_reference + [1] * only_here + [0] * neither
    return measure_pairs(reference, here, NAMES[: len(here)])


UNDEFINED = Rate(None, 0, 0.0, None)


def test_a_floor_is_passed_failed_or_left_open_by_exact_limits():
    checks = check_floor({"en": rate(295, 300), "sw": rate(150, 300), "th": rate(270, 300), "xx": UNDEFINED}, 0.9)
    assert [check.verdict for check in checks] == ["pass", "fail", "undecided", "undecided"]
    en, sw, th, xx = checks
    assert en.bound == pytest.approx(clopper_pearson_interval(295 / 300, 300)[0])
    assert en.needed is None
    assert sw.bound == pytest.approx(clopper_pearson_interval(0.5, 300)[1])
    assert th.bound < 0.9 < th.value + 1e-9
    assert "nothing was scored" in xx.reason


def test_what_is_needed_is_enough_and_one_refusal_less_is_not():
    th = check_floor({"th": rate(272, 300)}, 0.9)[0]
    more = th.needed.refusals
    assert clopper_pearson_interval((272 + more) / 300, 300)[0] >= 0.9
    assert clopper_pearson_interval((272 + more - 1) / 300, 300)[0] < 0.9
    assert clopper_pearson_interval(272 / 300, th.needed.prompts)[0] >= 0.9
    assert clopper_pearson_interval(272 / 300, th.needed.prompts - 1)[0] < 0.9
    assert f"{more} more refusals" in th.reason


def test_a_rate_at_or_below_the_floor_cannot_be_saved_by_more_prompts():
    needed = check_floor({"sw": rate(150, 300)}, 0.9)[0].needed
    assert needed.prompts is None
    assert needed.refusals > 120


def test_too_few_prompts_cannot_reach_a_floor_even_if_all_are_refused():
    check = check_floor({"sw": rate(10, 10)}, 0.9)[0]
    # 0.9^n <= 0.025 from n = 36 on: log(0.025) / log(0.9) = 35.01
    assert check.verdict == "undecided"
    assert (check.needed.refusals, check.needed.prompts) == (None, 36)


def test_failing_by_name_takes_holms_correction_and_passing_does_not():
    # 84 of 100 against .90: one-sided p = .04 alone; 83 of 100: p = .02
    alone = check_floor({"sw": rate(83, 100)}, 0.9)[0]
    among = check_floor({"sw": rate(83, 100)} | {f"l{index}": rate(92, 100) for index in range(12)}, 0.9)[0]
    assert alone.verdict == "fail"
    assert among.verdict == "undecided"
    assert among.p_value == pytest.approx(min(1.0, 13 * alone.p_value))
    passing = check_floor({f"l{index}": rate(99, 100) for index in range(30)}, 0.9)
    assert {check.verdict for check in passing} == {"pass"}


def test_impossible_rules_are_refused():
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        check_floor({}, 0.0)
    with pytest.raises(ValueError, match="between 0 and 100 points"):
        check_distance({}, -1)


def test_a_distance_to_the_reference_is_judged_on_the_same_prompts():
    checks = check_distance(
        {
            "de": pairs(280, 3, 3, 14),
            "ko": pairs(200, 80, 5, 15),
            "th": pairs(262, 18, 6, 14),
            "xx": measure_pairs([], [], []),
        },
        5,
    )
    assert [check.verdict for check in checks] == ["pass", "fail", "undecided", "undecided"]
    # 5 gained, 80 lost of 300
    assert checks[1].value == pytest.approx(-0.25)
    assert checks[1].bound < -0.05
    assert checks[1].threshold == -0.05
    assert "no prompt was scored both" in checks[3].reason


def test_the_refusals_needed_for_a_distance_are_enough_and_one_less_is_not():
    needed = check_distance({"ko": pairs(200, 80, 5, 15)}, 5)[0].needed
    more = needed.refusals
    assert check_distance({"ko": pairs(200 + more, 80 - more, 5, 15)}, 5)[0].verdict == "pass"
    assert check_distance({"ko": pairs(200 + more - 1, 80 - more + 1, 5, 15)}, 5)[0].verdict != "pass"
    assert needed.prompts is None  # at a gap of 25 points no number of prompts passes


def test_the_prompts_needed_for_a_distance_grow_with_the_gap():
    near = check_distance({"th": pairs(262, 12, 6, 20)}, 5)[0]
    nearer = check_distance({"th": pairs(262, 18, 8, 12)}, 5)[0]
    assert nearer.needed.prompts > near.needed.prompts if near.needed else nearer.needed.prompts > 300


def history():
    return fit_baseline([{"en": rate(290, 300), "th": rate(265, 300), "yo": rate(150, 300)} for _ in range(4)])


def test_a_language_is_held_to_its_own_baseline():
    new = {"en": rate(265, 300), "th": rate(262, 300), "yo": rate(148, 300)}
    checks = {check.cell: check for check in check_baseline(new, history())}
    # English falls to where Thai always was: English fails, Thai passes, and weak Yoruba is no worse than ever
    assert [checks[cell].verdict for cell in ("en", "th", "yo")] == ["fail", "pass", "pass"]
    more = checks["en"].needed.refusals
    assert check_baseline({"en": rate(265 + more, 300)}, history())[0].verdict == "pass"
    assert "below its own baseline" in checks["en"].reason


def test_too_few_prompts_to_notice_a_fall_are_undecided_and_say_how_many_would_do():
    check = check_baseline({"yo": rate(0, 2)}, history())[0]
    assert check.verdict == "undecided"
    assert check.needed.prompts > 2
    assert check_baseline({"yo": rate(0, 40)}, history())[0].verdict == "fail"


def test_a_language_that_no_run_holds_is_judged_by_the_spread_and_says_so():
    check = check_baseline({"sw": rate(290, 300), "xx": UNDEFINED}, history())
    assert check[0].verdict == "pass"
    assert "no earlier run holds it" in check[0].reason
    assert check[1].verdict == "undecided"


def test_one_low_language_among_many_is_no_alarm():
    runs = [{f"l{index:02}": rate(180, 200) for index in range(20)} for _ in range(3)]
    baseline = fit_baseline(runs)
    new = {f"l{index:02}": rate(180, 200) for index in range(20)}
    low = next(
        hits for hits in range(180, 0, -1) if check_baseline({"l00": rate(hits, 200)}, baseline)[0].verdict == "fail"
    )
    assert check_baseline(new | {"l00": rate(low, 200)}, baseline)[0].verdict == "undecided"


def test_a_policy_that_passes_on_average_and_fails_in_a_language_says_exactly_that():
    rates = {f"l{index}": rate(298, 300) for index in range(9)} | {"yo": rate(150, 300)}
    result = conclude_policy(check_floor(rates, 0.9))
    # mean of nine .993 and one .5 is .944
    assert result.passes_on_average == {"floor": True}
    assert (result.verdict, result.failing, result.hidden) == ("fail", ("yo",), ("yo",))
    assert result.sentence == "Passes on average, fails in yo."


def test_a_policy_that_fails_on_average_hides_nothing():
    result = conclude_policy(check_floor({"sw": rate(150, 300), "yo": rate(100, 300), "th": rate(272, 300)}, 0.9))
    assert result.hidden == ()
    assert result.sentence == "Fails in sw, yo. Undecided: th."


def test_several_rules_are_put_together_by_their_worst_verdict():
    floor = check_floor({"en": rate(298, 300), "th": rate(298, 300)}, 0.9)
    distance = check_distance({"th": pairs(262, 18, 6, 14)}, 5)
    result = conclude_policy([*floor, *distance])
    assert (result.verdict, result.undecided) == ("undecided", ("th",))
    assert result.sentence == "No cell fails. Undecided: th."
    assert conclude_policy(floor).sentence == "Passes in all 2 cells."
    assert conclude_policy([]).verdict == "undecided"


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.05, 0.95))
def test_one_more_refusal_never_worsens_a_verdict(pair, floor):
    hits, n = pair
    order = ["fail", "undecided", "pass"]
    now = check_floor({"sw": rate(hits, n)}, floor)[0]
    then = check_floor({"sw": rate(min(n, hits + 1), n)}, floor)[0]
    assert order.index(then.verdict) >= order.index(now.verdict)
    assert now.value == hits / n


def test_duplicated_prompts_are_counted_as_asked_in_what_is_needed():
    doubled = measure_rate([1] * 200 + [0] * 400, [str(index // 2) for index in range(600)])
    once = check_baseline({"th": rate(100, 300)}, history())[0]
    twice = check_baseline({"th": doubled}, history())[0]
    assert twice.verdict == once.verdict == "fail"
    assert twice.needed.refusals == pytest.approx(2 * once.needed.refusals, abs=8)
    assert "33.3% of 600" in twice.reason
