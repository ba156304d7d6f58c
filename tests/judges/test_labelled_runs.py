"""Cards and agreement from run folders, and the commands around them."""

import json

import pytest
from typer.testing import CliRunner

from isogloss.cli import judge as judge_commands
from isogloss.cli import label as label_commands
from isogloss.core import Label
from isogloss.core.errors import NothingToDo
from isogloss.judges.card import load_card
from isogloss.judges.label_sheet import export_sheet, import_sheet
from isogloss.judges.labelled_runs import compare_judges, count_judge_states, measure_annotators, measure_card_of_run
from judges.exchanges import fill, make_run, read_sheet

R, C, P, U = Label.REFUSED, Label.COMPLIED, Label.PARTIAL, Label.UNDECIDED


def label_all(run, tmp_path, truth, annotator="a1"):
    """Label every reply by its number."""
    sheet = tmp_path / f"{run.name}-{annotator}.csv"
    export_sheet([run], sheet, per_cell=1000, seed=0)
    labels = [truth[int(row["reply"].split()[1])] for row in read_sheet(sheet)]
    import_sheet([run], fill(sheet, tmp_path / f"{run.name}-{annotator}-filled.csv", labels), annotator=annotator)


def test_a_card_from_people_by_hand(tmp_path):
    run = make_run(tmp_path / "run", [R, R, C, U, C])
    label_all(run, tmp_path, "rcrrc")
    card = measure_card_of_run(run, measured_on="2026-01-02")
    row = card.languages["en"]
    # truth 1 0 1 1 0, judge 1 1 0 - 0: of two decided refusals one is found, of two others one is left alone
    assert (row.n, row.refusals, row.sensitivity.value, row.specificity.value) == (5, 3, 0.5, 0.5)
    assert row.undecided.value == 0.2
    assert (card.judge, card.truth, card.truth_kind) == (
        "told-1",
        "1 annotator, 0 of 5 replies labelled more than once",
        "people",
    )
    assert (card.model, card.prompts, card.measured_on) == ("some-model", "some-set", "2026-01-02")


def test_a_stratified_sheet_gives_the_runs_figures_not_the_sheets(tmp_path):
    # 90 called refused, all rightly; 10 called complied, all wrongly: sensitivity in the run 90 / 100.
    run = make_run(tmp_path / "run", [R] * 90 + [C] * 10)
    sheet = tmp_path / "sheet.csv"
    export_sheet([run], sheet, per_cell=10, seed=0)
    import_sheet([run], fill(sheet, tmp_path / "filled.csv", "r" * 20), annotator="a1")
    row = measure_card_of_run(run, measured_on="2026-01-02").languages["en"]
    assert row.sensitivity.value == pytest.approx(0.9)
    assert row.sensitivity.n == 20


def test_split_and_undecided_labels_are_left_out_and_counted(tmp_path):
    run = make_run(tmp_path / "run", [R, R, C])
    label_all(run, tmp_path, "rcu")
    label_all(run, tmp_path, "rru", "a2")
    card = measure_card_of_run(run, measured_on="2026-01-02")
    assert card.languages["en"].n == 1
    assert card.notes == ("2 labelled replies are left out: annotators split or undecided.",)
    annotators = measure_annotators(run, seed=0)
    assert annotators is not None
    assert annotators.percent.value == pytest.approx(2 / 3)


def test_a_run_without_labels_says_how_to_get_some(tmp_path):
    run = make_run(tmp_path / "run", [R])
    assert measure_annotators(run, seed=0) is None
    with pytest.raises(NothingToDo, match="isogloss label export"):
        measure_card_of_run(run, measured_on="2026-01-02")


def test_two_judges_on_the_same_replies(tmp_path):
    first = make_run(tmp_path / "a", [R, R, C, C, U], judge="one")
    second = make_run(tmp_path / "b", [R, C, C, P, R], judge="two")
    found = compare_judges([first, second], seed=0)
    # sides: r r, r n, n n, n n, - r: four units, three agree; yes-shares 1/2 and 1/4, by chance 1/2, kappa 1/2
    row = found.languages["en"]
    assert (found.judges, row.units, row.percent.value) == (("one", "two"), 4, 0.75)
    assert row.kappa.value == pytest.approx(0.5)
    # six labels: rr, rc, cc, cp
    assert found.labels["en"].percent.value == 0.5
    assert found.left_out == 0


def test_replies_with_another_text_are_left_out(tmp_path):
    first, second = (make_run(tmp_path / name, [R, C]) for name in "ab")
    text = (second / "replies.jsonl").read_text().replace("reply 1", "another reply")
    (second / "replies.jsonl").write_text(text)
    found = compare_judges([first, second], seed=0)
    assert (found.languages["all"].units, found.left_out) == (1, 1)
    with pytest.raises(NothingToDo, match="no reply in common"):
        compare_judges([first, make_run(tmp_path / "c", [R], language="sw")], seed=0)


def invoke(app, *arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_commands_from_sheet_to_card(tmp_path):
    run = make_run(tmp_path / "run", [R, R, C])
    sheet = tmp_path / "sheet.csv"
    assert "3 replies from 2 cells" in invoke(label_commands.app, "export", run, "--out", sheet, "--per-cell", 2)
    filled = fill(sheet, tmp_path / "filled.csv", "rrr")
    said = json.loads(invoke(label_commands.app, "import", run, filled, "--annotator", "a1", "--json"))
    assert said == {"new": 3, "known": 0, "empty": 0, "changed": [], "conflicts": []}
    assert "3 known already" in invoke(label_commands.app, "import", run, filled, "--annotator", "a1")
    assert "sensitivity" in invoke(judge_commands.app, "card", run, "--date", "2026-01-02")
    assert load_card(run / "judge_card.json").measured_on == "2026-01-02"


def test_the_agreement_command_prints_a_row_per_language(tmp_path):
    runs = [make_run(tmp_path / name, [R, C, labels], judge=name) for name, labels in (("a", R), ("b", C))]
    said = json.loads(invoke(judge_commands.app, "agreement", *runs, "--json"))
    assert list(said["refusal"]) == ["all", "en"]
    assert said["refusal"]["en"]["percent"]["value"] == pytest.approx(2 / 3)
    assert "kappa" in invoke(judge_commands.app, "agreement", *runs)


def test_undecided_replies_are_counted_by_reason(tmp_path):
    run = make_run(tmp_path / "run", [R, U, U, U])
    flagged = iter([[], ["judge_refused"], ["judge_refused", "split"], []])
    rows = [json.loads(line) | {"flags": next(flagged)} for line in (run / "verdicts.jsonl").read_text().splitlines()]
    (run / "verdicts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    expected = {"en": {"judge_refused": 2, "split": 1, "unsure": 1}}
    assert count_judge_states(run) == expected
    assert json.loads(invoke(judge_commands.app, "states", run, "--json")) == expected
    assert "judge_refused" in invoke(judge_commands.app, "states", run)
