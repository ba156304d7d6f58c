"""Rates are checked against published numbers, scipy and simulation with known truth."""

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from isogloss.stats import Term, difference_interval, estimate_linear, find_worst, measure_rate, wilson_interval


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 40), (20, 40), (37, 40), (10, 10), (250, 572)])
def test_wilson_agrees_with_scipy(successes, n):
    expected = binomtest(successes, n).proportion_ci(method="wilson")
    assert wilson_interval(successes / n, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_at_zero_of_ten_matches_hand_arithmetic():
    # z^2 = 3.8415; upper limit = z^2 / (n + z^2) = 3.8415 / 13.8415 = 0.27753
    assert wilson_interval(0.0, 10) == pytest.approx((0.0, 0.27753), abs=1e-5)


def test_wilson_refuses_an_empty_sample():
    with pytest.raises(ValueError, match="n must be positive"):
        wilson_interval(0.5, 0)


def test_a_rate_without_scored_prompts_is_undefined_and_not_zero():
    rate = measure_rate([], [])
    assert (rate.value, rate.interval, rate.n) == (None, None, 0)


def test_independent_prompts_keep_their_full_number():
    rate = measure_rate([1, 0, 1, 1], ["a", "b", "c", "d"])
    assert rate.value == 0.75
    assert rate.effective_n == 4


def test_a_prompt_asked_twice_counts_once():
    # every cluster answers alike, so 2 x 20 answers carry the information of 20
    outcomes = [1, 1] * 12 + [0, 0] * 8
    clusters = [str(index // 2) for index in range(40)]
    once = measure_rate([1] * 12 + [0] * 8, [str(index) for index in range(20)])
    twice = measure_rate(outcomes, clusters)
    # cluster variance with G/(G-1): 20/19 * p(1-p)/20, hence 19 rather than 20
    assert twice.effective_n == pytest.approx(19)
    assert twice.interval[0] < once.interval[0] + 0.01


def test_unanimous_clusters_count_once_each():
    # Kish: (sum of sizes)^2 / sum of squares = 12^2 / (4 * 9) = 4
    assert measure_rate([1] * 12, [str(index // 3) for index in range(12)]).effective_n == pytest.approx(4)


def test_mismatched_clusters_are_an_error():
    with pytest.raises(ValueError, match="2 outcomes but 1 cluster"):
        measure_rate([1, 0], ["a"])


def test_clustered_intervals_cover_the_truth_where_naive_ones_do_not():
    generator = np.random.default_rng(11)
    covered = naive = 0
    runs = 600
    for _ in range(runs):
        means = generator.beta(2, 2, size=40)
        outcomes = generator.binomial(1, np.repeat(means, 5))
        clusters = np.repeat(np.arange(40), 5).astype(str)
        low, high = measure_rate(outcomes, list(clusters)).interval
        covered += low <= 0.5 <= high
        low, high = wilson_interval(outcomes.mean(), len(outcomes))
        naive += low <= 0.5 <= high
    assert covered / runs > 0.925
    assert naive / runs < 0.90


def test_the_difference_interval_matches_newcombe_s_published_example():
    # Newcombe 1998 (Statistics in Medicine 17:873), table II, method 10: 56/70 - 48/80 -> 0.0524 to 0.3339
    first = measure_rate([1] * 56 + [0] * 14, [str(i) for i in range(70)])
    second = measure_rate([1] * 48 + [0] * 32, [str(i) for i in range(80)])
    assert difference_interval(first, second) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_a_difference_with_an_undefined_side_is_undefined():
    assert difference_interval(measure_rate([1], ["a"]), measure_rate([], [])) is None


def test_the_worst_language_interval_covers_the_lowest_true_rate():
    # evaluation setting "all .90, K 14, n 100": a Wilson interval on the observed minimum covers about 0.67
    generator = np.random.default_rng(5)
    covered = wilson = 0
    runs = 400
    for _ in range(runs):
        shared = generator.normal(size=100)
        own = generator.normal(size=(14, 100))
        refused = (np.sqrt(0.5) * shared + np.sqrt(0.5) * own) < 1.2816
        rates = {f"l{k}": measure_rate(row.astype(int), [str(i) for i in range(100)]) for k, row in enumerate(refused)}
        worst = find_worst(rates)
        covered += worst.interval[0] <= 0.90 <= worst.interval[1]
        low, high = wilson_interval(worst.value, 100)
        wilson += low <= 0.90 <= high
    assert covered / runs >= 0.93
    assert wilson / runs < 0.85


def test_one_clearly_bad_language_is_the_only_candidate():
    many = [str(i) for i in range(300)]
    rates = {"en": measure_rate([1] * 290 + [0] * 10, many), "sw": measure_rate([1] * 90 + [0] * 210, many)}
    worst = find_worst(rates)
    assert (worst.name, worst.candidates) == ("sw", ("sw",))


def test_languages_that_cannot_be_told_apart_are_all_candidates():
    few = [str(i) for i in range(20)]
    rates = {"sw": measure_rate([1] * 9 + [0] * 11, few), "yo": measure_rate([1] * 10 + [0] * 10, few)}
    assert set(find_worst(rates).candidates) == {"sw", "yo"}


def test_there_is_no_worst_language_without_rates():
    assert find_worst({"sw": measure_rate([], [])}) is None


def test_a_paired_change_matches_the_t_interval_of_the_differences():
    # differences 1,0,1,0,1,0,0,1: mean 0.5, sd 0.5345, variance of the mean 0.035714; unseen (1.5 / 10)^2 = 0.0225;
    # se = sqrt(0.058214) = 0.24128, t(7, .975) = 2.36462 -> 0.5 -/+ 0.57053
    differences = [1, 0, 1, 0, 1, 0, 0, 1]
    estimate = estimate_linear([Term(1, differences, list("abcdefgh"))])
    assert estimate.value == 0.5
    assert estimate.interval == pytest.approx((0.5 - 0.57053, 1.0), abs=1e-4)


def test_pairing_on_shared_prompts_is_tighter_than_treating_conditions_as_independent():
    generator = np.random.default_rng(3)
    before = generator.integers(0, 2, size=100)
    after = np.maximum(before, generator.binomial(1, 0.2, size=100))
    names = [str(i) for i in range(100)]
    paired = estimate_linear([Term(1, after, names), Term(-1, before, names)])
    apart = estimate_linear([Term(1, after, names), Term(-1, before, [f"x{i}" for i in range(100)])])
    assert paired.value == pytest.approx(apart.value)
    assert paired.standard_error < apart.standard_error


def test_a_unanimous_change_keeps_an_interval():
    # nothing varies over 30 prompts: t(29, .975) * 1.5 / 32 = 2.04523 * 0.046875 = 0.09587, about 3 / 30
    estimate = estimate_linear([Term(1, [0.0] * 30, [str(i) for i in range(30)])])
    assert estimate.interval == pytest.approx((-0.09587, 0.09587), abs=1e-5)


@pytest.mark.parametrize(
    ("up", "down", "languages"), [(0.03, 0.0, 5), (0.02, 0.02, 12), (0.02, 0.0, 1), (0.5, 0.02, 5)]
)
def test_rare_changes_over_shared_prompts_are_covered(up, down, languages):
    generator = np.random.default_rng(17)
    names = [str(i) for i in range(26 if languages > 1 else 100)]
    covered = 0
    runs = 500
    for _ in range(runs):
        shared = generator.normal(size=len(names))
        draws = norm.cdf(np.sqrt(0.3) * shared + np.sqrt(0.7) * generator.normal(size=(languages, len(names))))
        changes = (draws < up).astype(float) - (draws > 1 - down)
        low, high = estimate_linear([Term(1 / languages, row, names) for row in changes]).interval
        covered += low <= up - down <= high
    assert covered / runs >= 0.93


def test_an_average_over_languages_covers_the_truth_when_languages_share_prompts():
    generator = np.random.default_rng(8)
    covered = 0
    runs = 500
    for _ in range(runs):
        ease = generator.normal(size=60)
        terms = [
            Term(1 / 5, (ease + generator.normal(size=60) > 0.5).astype(float), [str(i) for i in range(60)])
            for _ in range(5)
        ]
        # P(N(0, 2) > 0.5) = 1 - Phi(0.5 / sqrt 2) = 0.36184
        low, high = estimate_linear(terms, limits=(0, 1)).interval
        covered += low <= 0.36184 <= high
    assert covered / runs >= 0.93


def test_a_term_without_outcomes_makes_the_number_undefined():
    estimate = estimate_linear([Term(1, [1], ["a"]), Term(-1, [], [])])
    assert (estimate.value, estimate.interval) == (None, None)
