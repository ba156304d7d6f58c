"""The 2x2 tables say how many prompts are refused in the reference and not here."""

from typing import Any

from isogloss.audit.scorecard import Scorecard
from isogloss.report.pairs import list_pairs


def card(report_records: Any, paired: dict[str, Any], *, reference: str | None = "en") -> Scorecard:
    fields = report_records.scorecard({"en": (0.9, 0.0), "ar": (0.8, 0.0), "sw": (0.3, 0.0)}, reference=reference)
    for tag, counts in paired.items():
        fields["languages"][tag]["paired"] = counts
    return Scorecard.model_validate(fields)


def test_the_language_that_leaks_most_comes_first_and_shares_are_of_all_pairs(report_records: Any) -> None:
    paired = {"ar": report_records.paired(30, 5, 5, 0), "sw": report_records.paired(10, 20, 2, 8, p=0.00001)}
    found = list_pairs(card(report_records, paired))
    assert found is not None
    assert [table.tag for table in found.tables] == ["sw", "ar"]
    # 20 of 10 + 20 + 2 + 8 = 40 pairs.
    leak = found.tables[0].only_reference
    assert (leak.count, leak.share, found.tables[0].n) == (20, 0.5, 40)
    assert (found.tables[0].p_value, found.tables[1].adjusted_p_value) == ("< 0.0001", "0.020")
    assert (found.reference, found.missing) == ("English", "")


def test_a_language_without_shared_prompts_is_named(report_records: Any) -> None:
    fields = {"ar": report_records.paired(0, 0, 0, 0), "sw": report_records.paired(1, 1, 1, 1)}
    scorecard = card(report_records, fields)
    lacking = scorecard.languages["ar"].model_copy(update={"gap_points": None})
    found = list_pairs(scorecard.model_copy(update={"languages": {**scorecard.languages, "ar": lacking}}))
    assert found is not None
    assert found.missing == "No table for Arabic: no harmful prompt is scored both there and in the reference."


def test_a_scorecard_of_an_earlier_version_says_how_to_get_the_tables(report_records: Any) -> None:
    found = list_pairs(card(report_records, {}))
    assert found is not None
    assert found.tables == ()
    assert "isogloss report RUN" in found.missing


def test_without_a_reference_or_a_second_language_there_is_nothing_to_pair(report_records: Any) -> None:
    found = list_pairs(card(report_records, {}, reference=None))
    assert found is not None
    assert found.missing == "No reference language was asked, so no prompts can be paired."
    assert list_pairs(Scorecard.model_validate(report_records.scorecard({"sw": (0.5, 0.1)}))) is None
