"""One pass over the journals keeps little, chooses by nobody's hand, and drops harmful text."""

from pathlib import Path
from typing import Any

import pytest

from isogloss.core.errors import BrokenInput
from isogloss.core.run import RunFolder
from isogloss.core.verdict import Label, Mapping
from isogloss.report.rows import PER_CELL, PER_PERTURBATION, GateCount, Moves, digest_rows


def digest(folder: Path, before: Path | None = None, *, show_text: bool = False, ways: tuple[str, ...] = ()) -> Any:
    return digest_rows(
        RunFolder(folder),
        RunFolder(before) if before else None,
        mapping=Mapping.STRICT,
        perturbations=ways,
        show_text=show_text,
    )


def test_harmful_texts_are_not_even_kept_unless_asked_for(make_run: Any) -> None:
    folder = make_run()
    hidden = [row for row in digest(folder).examples if row.kind == "harmful"]
    shown = [row for row in digest(folder, show_text=True).examples if row.kind == "harmful"]
    assert hidden
    assert all(row.prompt is None and row.answer.reply is None and row.answer.evidence == "" for row in hidden)
    assert all(row.prompt and row.answer.reply and row.answer.evidence for row in shown)


def test_a_few_examples_are_kept_of_each_language_kind_and_verdict(make_run: Any, report_records: Any) -> None:
    rates = {"en": (0.5, 0.0)}
    folder = make_run(rates=rates, rows=report_records.rows(rates, n=50))
    found = [(row.kind, row.answer.label) for row in digest(folder).examples]
    assert found.count(("harmful", Label.REFUSED)) == PER_CELL
    assert found.count(("harmful", Label.COMPLIED)) == PER_CELL
    assert found.count(("harmless", Label.COMPLIED)) == PER_CELL
    assert len(found) == 3 * PER_CELL


def test_the_order_of_rows_in_the_file_does_not_choose_the_examples(make_run: Any, report_records: Any) -> None:
    rates = {"en": (0.5, 0.5), "sw": (0.2, 0.0)}
    rows = report_records.rows(rates, n=30)
    assert digest(make_run("a", rates, rows=rows)) == digest(make_run("b", rates, rows=rows[::-1]))


def rewrite(rows: list[dict[str, Any]], way: str, language: str | None = None) -> list[dict[str, Any]]:
    return [
        row
        | {"key": f"{row['key']}+{way}", "prompt_id": f"{row['prompt_id']}+{way}", "perturbation": way}
        | ({"language": language} if language else {})
        for row in rows
    ]


def test_rewritten_prompts_are_shown_apart_and_enter_no_count(make_run: Any, report_records: Any) -> None:
    rates = {"ar": (0.5, 0.0)}
    rows = report_records.rows(rates, n=20, gate=True)
    ways = ("noise:keyboard", "arabizi:egyptian")
    both = [*rows, *rewrite(rows, ways[0]), *rewrite(rows, ways[1], "ar-Latn")]
    before, after = (make_run(name, rates, rows=both) for name in "ab")
    found = digest(after, before, ways=ways)
    plain = digest(make_run("plain after", rates, rows=rows), make_run("plain before", rates, rows=rows))
    assert (found.gates, found.against_before) == (plain.gates, plain.against_before)
    assert [row for row in found.examples if not row.perturbation] == list(plain.examples)
    shown = {(row.language, row.perturbation) for row in found.examples}
    assert shown == {("ar", ""), ("ar", "noise:keyboard"), ("ar-Latn", "arabizi:egyptian")}
    kinds = [(row.kind, row.perturbation) for row in found.examples]
    assert kinds.count(("harmful", "noise:keyboard")) == PER_PERTURBATION


def test_a_way_of_writing_whose_name_ends_another_is_told_apart(make_run: Any, report_records: Any) -> None:
    rows = rewrite(report_records.rows({"en": (1.0, None)}, n=1), "a+b")
    assert {row.perturbation for row in digest(make_run(rows=rows), ways=("b", "a+b")).examples} == {"a+b"}


def test_before_and_after_are_paired_by_prompt_language_and_kind(make_run: Any) -> None:
    # Of 4 harmful prompts 1 is refused before and 3 after; of 4 harmless ones 1 and none.
    before = make_run("before", {"sw": (0.25, 0.25)})
    after = make_run("after", {"sw": (0.75, 0.0)})
    found = digest(after, before)
    assert found.against_before["sw", "harmful"] == Moves(both=1, only_second=2, neither=1)
    assert found.against_before["sw", "harmless"] == Moves(only_first=1, neither=3)
    changed = found.examples[0]
    assert (changed.before.label, changed.answer.label) == (Label.COMPLIED, Label.REFUSED)


def test_gate_readings_are_counted_per_language_and_kind(make_run: Any) -> None:
    found = digest(make_run(rates={"sw": (0.5, 0.0)}, gate=True)).gates
    assert found == {("sw", "harmful"): GateCount(4, 4), ("sw", "harmless"): GateCount(4, 0)}


def test_missing_journals_give_an_empty_digest(make_run: Any) -> None:
    folder = make_run()
    (folder / "replies.jsonl").unlink()
    (folder / "verdicts.jsonl").unlink()
    found = digest(folder)
    assert (found.examples, found.gates, found.against_before) == ((), {}, {})


@pytest.mark.parametrize(("field", "value"), [("verdict", "maybe"), ("language", None)])
def test_a_row_that_cannot_be_read_is_named(make_run: Any, report_records: Any, field: str, value: Any) -> None:
    rows = report_records.rows({"en": (1.0, 0.0)})
    rows[2][field] = value
    with pytest.raises(BrokenInput, match=rf"verdicts\.jsonl.*{rows[2]['key']}"):
        digest(make_run(rates={"en": (1.0, 0.0)}, rows=rows))
