"""The judge's measured error is shown where it was measured on this very judge, and its absence is said."""

import json
from typing import Any

import pytest

from isogloss.audit.scorecard import Scorecard
from isogloss.judges.card import JudgeCard
from isogloss.report.judging import assess_judge, describe_judge
from isogloss.report.records import load_run


def assess(
    report_records: Any, *cards: dict[str, Any], fingerprint: dict[str, str] | None = None, **fields: Any
) -> Any:
    scorecard = Scorecard.model_validate(report_records.scorecard({"en": (0.9, 0.0), "yo": (0.2, 0.0)}, **fields))
    return assess_judge(scorecard, [JudgeCard.model_validate(card) for card in cards], fingerprint or {})


def test_a_language_without_a_measurement_is_named(report_records: Any) -> None:
    found = assess(report_records, report_records.judge_card(["en", "fr"]))
    assert [row.tag for row in found.cards[0].rows] == ["en"]
    assert found.missing == "No measured error for this judge in Yoruba: the rate may be wrong by an unknown amount."
    assert found.cards[0].source == (
        "Truth: 2 annotators. Replies of tiny-7b to mini. Measured on 2026-11-02, 95\u202f% intervals."
    )


def test_without_any_card_every_rate_is_in_doubt(report_records: Any) -> None:
    found = assess(report_records)
    assert found.cards == ()
    assert found.missing.startswith("No measured error for the judge rules-1 in any language of this run")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"judge": "other-2"}, "this run's judge is another"),
        ({"fingerprint": {"points": "new"}}, "have changed since"),
        ({"mapping": "lenient"}, "holds for the lenient mapping"),
    ],
)
def test_a_card_of_another_judge_state_or_mapping_is_left_out_and_said(
    report_records: Any, change: dict[str, Any], words: str
) -> None:
    found = assess(report_records, report_records.judge_card(["en"], **change))
    assert found.cards == ()
    assert words in found.notes[0]


def test_silver_truth_and_another_model_are_caveats(report_records: Any) -> None:
    found = assess(report_records, report_records.judge_card(["en"], truth_kind="guard", model="big-70b"))
    assert ["guard model" in caveat for caveat in found.cards[0].caveats] == [True, False]
    assert "another model's replies" in found.cards[0].caveats[1]
    named = assess(report_records, report_records.judge_card(["en"]), model="recorded:/data/tiny-7b")
    assert named.cards[0].caveats == ()


def test_a_judge_little_better_than_a_coin_is_marked_and_said_in_the_verdict(report_records: Any) -> None:
    card = report_records.judge_card(["en", "yo"])
    weak = {"value": 0.3, "n": 50, "interval": [0.2, 0.44]}
    card["languages"]["yo"] = card["languages"]["yo"] | {"sensitivity": weak}
    found = assess(report_records, card)
    # 0.3 + 0.9 - 1 = 0.2, and its lower limit 0.2 - sqrt(0.1^2 + 0.1^2) = 0.06 is under 0.1.
    assert [(row.tag, row.informedness.shown, row.weak) for row in found.cards[0].rows] == [
        ("en", "0.80", False),
        ("yo", "0.20", True),
    ]
    assert describe_judge(found) == [
        "In Yoruba the judge itself was measured and found weak, so the rate there says little."
    ]


def test_the_card_of_the_run_comes_before_the_bundled_one(make_run: Any, report_records: Any) -> None:
    folder = make_run()
    (folder / "judge_card.json").write_text(json.dumps(report_records.judge_card(["en"])))
    assert [card.truth_kind for card in load_run(folder).judge_cards] == ["people", "guard"]


@pytest.mark.parametrize("name", ["../judge", "/etc/passwd", "", "nobody-1"])
def test_the_name_of_the_judge_never_becomes_a_path(make_run: Any, name: str) -> None:
    assert load_run(make_run(judge=name)).judge_cards == ()
