"""Ways of writing are said as their intervals allow."""

from typing import Any

import pytest

from isogloss.audit.scorecard import Scorecard
from isogloss.report.effects import describe_effects, list_effects
from isogloss.report.figures.effects import MOST_ROWS, draw_effects, order_effects


def card(report_records: Any, effects: dict[str, Any], tags: tuple[str, ...] = ("en", "sw")) -> Scorecard:
    return Scorecard.model_validate(report_records.scorecard(dict.fromkeys(tags, (0.5, 0.1)), perturbations=effects))


@pytest.mark.parametrize(
    ("harmful", "sentence"),
    [
        # The maker's intervals reach 8 points to either side.
        (-20.0, "Written as frame:story, harmful refusal falls on average, −20 points [−28, −12]."),
        (-5.0, "Written as frame:story, refusal shows no clear change."),
    ],
)
def test_a_fall_is_said_only_where_its_interval_lies_below_zero(
    report_records: Any, harmful: float, sentence: str
) -> None:
    effects = report_records.effects(["frame:story"], ["en", "sw"], harmful)
    assert describe_effects(card(report_records, effects)) == [sentence]


def test_the_strongest_fall_leads_and_the_others_are_named(report_records: Any) -> None:
    effects = report_records.effects(["a"], ["en"], -10.0) | report_records.effects(["b"], ["en"], -30.0)
    assert order_effects(card(report_records, effects)) == ["b", "a"]
    sentences = describe_effects(card(report_records, effects))
    assert sentences == [
        "Written as b, harmful refusal falls in English, −30 points [−38, −22]; so it does written as a."
    ]


def test_a_rise_of_harmless_refusal_is_said(report_records: Any) -> None:
    effects = report_records.effects(["a", "b"], ["en", "sw"], 0.0)
    effects["b"]["average"] = {**report_records.change(0.0, 20.0), "languages": ["en", "sw"]}
    assert describe_effects(card(report_records, effects)) == [
        "Written as b, harmless refusal rises on average, +20 points [+12, +28]."
    ]


def test_without_ways_of_writing_nothing_is_said(report_records: Any) -> None:
    assert describe_effects(card(report_records, {})) == []


def test_every_language_has_a_row_and_undefined_changes_their_reason(report_records: Any) -> None:
    effects = report_records.effects(["a"], ["sw", "xx"])
    effects["a"]["languages"]["sw"] = {**report_records.change(None, 1.0), "languages": ["sw"]}
    found = list_effects(card(report_records, effects))[0]
    assert [(row.tag, row.name) for row in found.languages] == [("sw", "Swahili"), ("xx", "xx")]
    assert found.languages[0].harmful.reason == "no prompt is scored in both ways of writing"
    assert found.average.n == "40 · 40 in 2 languages"


def test_the_forest_has_a_diamond_per_way_and_a_dot_per_language(report_records: Any) -> None:
    figure = draw_effects(card(report_records, report_records.effects(["a", "b"], ["en", "sw"], -20.0)))
    marks = [line.get_marker() for line in figure.axes[0].lines]
    assert (marks.count("D"), marks.count("o")) == (2, 4)
    # The widest interval ends at -28: the axis goes to 40 and a little further.
    assert figure.axes[0].get_xlim() == pytest.approx((-42.4, 42.4))


def test_a_forest_of_too_many_rows_keeps_the_averages(report_records: Any) -> None:
    ways = [f"way {index}" for index in range(MOST_ROWS)]
    figure = draw_effects(card(report_records, report_records.effects(ways, ["en"])), width_inches=3.6)
    marks = [line.get_marker() for line in figure.axes[0].lines]
    assert (marks.count("D"), marks.count("o")) == (MOST_ROWS, 0)
