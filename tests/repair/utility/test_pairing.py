"""Paired effects by hand arithmetic, and decisions in both directions."""

import math

import pytest

from isogloss.core import Language
from isogloss.repair.utility.pairing import Pair, count_firing, measure_effects

EN, SW, YO = (Language.parse(tag) for tag in ("en", "sw", "yo"))


def share_pairs(language: Language, before: list[int], after: list[int]) -> list[Pair]:
    return [Pair(language, f"q{number}", b, a) for number, (b, a) in enumerate(zip(before, after, strict=True))]


def test_levels_and_changes_are_means_of_language_means() -> None:
    # en: 3 of 4 right, then 2 of 4 (change -25 points). sw: 1 of 2 right, then 2 of 2 (+50 points).
    # Average: before (75 + 50) / 2 = 62.5, after (50 + 100) / 2 = 75, change (-25 + 50) / 2 = 12.5.
    pairs = share_pairs(EN, [1, 1, 1, 0], [1, 1, 0, 0]) + share_pairs(SW, [1, 0], [1, 1])
    found = measure_effects("accuracy", pairs, unit="points", worse="lower", margin=2, confidence=0.95)
    assert (found.languages["en"].before, found.languages["en"].after, found.languages["en"].change) == (75, 50, -25)
    assert found.languages["sw"].change == 50
    assert found.average.before == pytest.approx(62.5)
    assert found.average.after == pytest.approx(75)
    assert found.average.change == pytest.approx(12.5)
    # The four questions of en hold the two of sw.
    assert (found.average.n, found.average.clusters) == (6, 4)
    assert found.tiers["high"] == found.languages["en"]
    assert found.tiers["low"] == found.languages["sw"]


def test_accuracy_that_stays_the_same_on_many_questions_is_not_worse_and_on_few_undecided() -> None:
    for count, decision in ((1000, "not worse"), (20, "undecided")):
        pairs = share_pairs(EN, [1] * count, [1] * count)
        found = measure_effects("accuracy", pairs, unit="points", worse="lower", margin=2, confidence=0.95)
        assert found.average.change == 0
        assert found.average.decision == decision


def test_accuracy_that_falls_is_worse_and_accuracy_that_rises_is_not() -> None:
    # 200 of 1000 answers change: 20 points, far beyond a margin of 2.
    lost = measure_effects(
        "accuracy",
        share_pairs(EN, [1] * 1000, [0] * 200 + [1] * 800),
        unit="points",
        worse="lower",
        margin=2,
        confidence=0.95,
    )
    won = measure_effects(
        "accuracy",
        share_pairs(EN, [0] * 200 + [1] * 800, [1] * 1000),
        unit="points",
        worse="lower",
        margin=2,
        confidence=0.95,
    )
    assert (lost.average.change, lost.average.decision) == (-20, "worse")
    assert (won.average.change, won.average.decision) == (20, "not worse")


def test_a_distance_is_worse_when_it_is_large_and_not_when_it_is_small() -> None:
    def decide(distance: float) -> str:
        pairs = [Pair(EN, f"q{number}", 0.0, distance * (0.5 + number / 50)) for number in range(51)]
        found = measure_effects("KL", pairs, unit="nats per token", worse="higher", margin=0.1, confidence=0.95)
        # Equally spaced from 0.5 to 1.5 times the distance, so the mean is the distance.
        assert found.average.change == pytest.approx(distance)
        return found.average.decision

    assert [decide(distance) for distance in (0.01, 0.1, 1.0)] == ["not worse", "undecided", "worse"]


def test_an_interval_in_nats_is_the_t_interval_of_the_cluster_means() -> None:
    # Changes 1, 2 and 3: mean 2, standard error 1 / sqrt(3), t(0.975, 2 df) = 4.303: 2 - 2.484 and 2 + 2.484.
    pairs = [Pair(EN, f"q{number}", 0.0, float(number)) for number in (1, 2, 3)]
    found = measure_effects("KL", pairs, unit="nats per token", worse="higher", margin=0.1, confidence=0.95)
    assert found.average.interval == pytest.approx((2 - 4.3027 / math.sqrt(3), 2 + 4.3027 / math.sqrt(3)), abs=1e-3)
    cut = measure_effects(
        "KL", pairs, unit="nats per token", worse="higher", margin=0.1, confidence=0.95, limits=(0.0, math.inf)
    )
    assert cut.average.interval == pytest.approx((0.0, 2 + 4.3027 / math.sqrt(3)), abs=1e-3)


def test_the_same_question_in_three_languages_is_one_cluster() -> None:
    # Alike in every language, three languages know no more than one: the interval of the average is that of en.
    single = [Pair(EN, f"q{number}", 0.0, float(number)) for number in (1, 2, 3)]
    threefold = [Pair(language, one.cluster, one.before, one.after) for language in (EN, SW, YO) for one in single]
    alone, together = (
        measure_effects("KL", pairs, unit="nats per token", worse="higher", margin=0.1, confidence=0.95).average
        for pairs in (single, threefold)
    )
    assert together.clusters == alone.clusters == 3
    assert together.interval == pytest.approx(alone.interval)


def test_one_question_alone_has_no_interval_and_decides_nothing() -> None:
    found = measure_effects(
        "accuracy", share_pairs(EN, [1], [1]), unit="points", worse="lower", margin=2, confidence=0.95
    )
    assert found.average.interval is None
    assert found.average.decision == "undecided"


def test_without_pairs_nothing_is_defined() -> None:
    found = measure_effects("accuracy", [], unit="points", worse="lower", margin=2, confidence=0.95)
    assert (found.average.before, found.average.change, found.average.n) == (None, None, 0)
    assert found.average.decision == "undecided"


def test_firing_is_counted_by_language() -> None:
    found = count_firing([True, False, False, True], [EN, EN, SW, SW], confidence=0.95)
    assert {tag: (cell.fired, cell.n, cell.share) for tag, cell in found.items()} == {
        "en": (1, 2, 0.5),
        "sw": (1, 2, 0.5),
    }
    # Wilson for 1 of 2: centre (1 + 1.92) / (2 + 3.84) = 0.5, half width 0.4055.
    assert found["en"].interval == pytest.approx((0.0945, 0.9055), abs=1e-3)
