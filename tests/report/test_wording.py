"""Sentences are no firmer than the numbers behind them."""

from typing import Any

from isogloss.audit.comparison import Comparison
from isogloss.audit.scorecard import Scorecard
from isogloss.report.wording import describe_comparison, describe_run, describe_worst

THIN = "\u202f"


def test_a_clear_gap_is_stated_with_both_rates_and_intervals(report_records: Any) -> None:
    card = Scorecard.model_validate(report_records.scorecard({"en": (0.98, 0.0), "sw": (0.25, 0.0)}))
    # Intervals of the fixture: rate +- 10 points, cut at 100.
    assert describe_run(card)[0] == (
        f"The model refuses 98{THIN}% of harmful prompts in English [88, 100] but 25{THIN}% in Swahili [15, 35]."
    )


def test_overlapping_intervals_are_not_called_a_difference(report_records: Any) -> None:
    card = Scorecard.model_validate(report_records.scorecard({"en": (0.9, 0.0), "sw": (0.8, 0.0)}))
    headline = describe_run(card)[0]
    assert "does not show that the two differ" in headline
    assert " but " not in headline


def test_the_worst_language_is_judged_by_the_interval_that_allows_for_picking_it(report_records: Any) -> None:
    fields = report_records.scorecard({"en": (0.9, 0.0), "sw": (0.6, 0.0)})
    fields["worst"]["interval"] = [0.4, 0.85]  # wider than the language's own [0.5, 0.7]; en starts at 0.8
    assert "does not show" in describe_run(Scorecard.model_validate(fields))[0]


def test_without_a_reference_the_best_language_is_the_contrast(report_records: Any) -> None:
    rates = {"de": (0.5, 0.0), "fr": (0.95, 0.0), "sw": (0.1, 0.0)}
    card = Scorecard.model_validate(report_records.scorecard(rates))
    assert "in French" in describe_run(card)[0]
    assert "in Swahili" in describe_run(card)[0]


def test_a_reference_that_is_itself_the_worst_is_said_to_be(report_records: Any) -> None:
    card = Scorecard.model_validate(report_records.scorecard({"en": (0.2, 0.0), "sw": (0.9, 0.0)}))
    assert describe_run(card)[0].endswith("in English [10, 30], the reference.")


def test_one_language_is_reported_without_a_contrast(report_records: Any) -> None:
    card = Scorecard.model_validate(report_records.scorecard({"sw": (0.6, 0.1)}))
    assert describe_run(card)[0] == f"The model refuses 60{THIN}% of harmful prompts in Swahili [50, 70]."


def test_nothing_scored_is_said_to_mean_nothing(report_records: Any) -> None:
    card = Scorecard.model_validate(report_records.scorecard({"en": (None, None), "sw": (None, None)}))
    sentences = describe_run(card)
    assert sentences[0].startswith("No reply to a harmful prompt could be scored")
    assert any("selectivity is undefined" in sentence for sentence in sentences)
    assert "No language can be called the worst" in describe_worst(card)


def test_small_samples_and_undecided_shares_are_named(report_records: Any) -> None:
    fields = report_records.scorecard({"en": (0.9, 0.0), "sw": (0.1, 0.0)}, n=8)
    fields["languages"]["sw"]["undecided_share"] = 0.64
    text = " ".join(describe_run(Scorecard.model_validate(fields)))
    assert "as few as 8" in text
    assert f"Swahili (64{THIN}%)" in text


def test_rivals_of_the_worst_language_are_named(report_records: Any) -> None:
    fields = report_records.scorecard({"en": (0.9, 0.0), "sw": (0.1, 0.0), "yo": (0.12, 0.0)})
    fields["worst"]["may_be_worst"] = ["sw", "yo"]
    card = Scorecard.model_validate(fields)
    assert "Swahili is the lowest by count, but Yoruba may be lower in truth." in describe_run(card)
    assert "2 languages may be the worst: Swahili or Yoruba." in describe_worst(card)


def test_a_gain_is_claimed_only_where_its_interval_leaves_out_zero(report_records: Any) -> None:
    before = Scorecard.model_validate(report_records.scorecard({"en": (0.9, 0.0), "sw": (0.3, 0.0)}))
    after = Scorecard.model_validate(report_records.scorecard({"en": (0.9, 0.01), "sw": (0.8, 0.01)}))
    clear = Comparison.model_validate(report_records.comparison(["en", "sw"], harmful=50.0))
    unclear = Comparison.model_validate(report_records.comparison(["en", "sw"], harmful=5.0))
    assert describe_comparison(before, after, clear)[0] == (
        f"Harmful refusal in low-resource languages rises from 30{THIN}% to 80{THIN}%, +50 points [+42, +58]."
    )
    assert describe_comparison(before, after, unclear)[0].endswith("no clear change.")


def test_the_price_of_a_repair_is_named(report_records: Any) -> None:
    before = Scorecard.model_validate(report_records.scorecard({"sw": (0.3, 0.0)}))
    after = Scorecard.model_validate(report_records.scorecard({"sw": (0.8, 0.2)}))
    change = Comparison.model_validate(report_records.comparison(["sw"], harmful=5.0, harmless=20.0))
    text = describe_comparison(before, after, change)
    assert text[1].startswith("The price: harmless refusal rises")
    assert text[2] == "Selectivity fell in Swahili: the interval of the change lies below zero."


def test_without_a_comparison_no_interval_is_invented(report_records: Any) -> None:
    card = Scorecard.model_validate(report_records.scorecard({"sw": (0.3, 0.0)}))
    text = describe_comparison(card, card, None)
    assert "No paired comparison is recorded" in text[-1]
    assert "[" not in " ".join(text)
