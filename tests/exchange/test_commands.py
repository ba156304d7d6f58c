"""The commands as functions of the door, on an application of their own."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from isogloss.cli import exchange
from isogloss.core.errors import UserError

app = typer.Typer()
app.command("export")(exchange.export_run)
app.command("import")(exchange.import_log)
app.command("export-tasks")(exchange.export_tasks)


def call(*arguments: object, expect: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False, env={"COLUMNS": "300"})
    assert result.exit_code == expect, result.output
    return result


def test_tables_and_figures_are_written_and_named(run_folder: Path, tmp_path: Path):
    shown = call("export", run_folder, "--to", "csv", "--out", tmp_path / "tables").output
    assert "scorecard.csv" in shown
    assert "Kìí" not in (tmp_path / "tables" / "verdicts.csv").read_text(encoding="utf-8")
    call("export", run_folder, "--to", "figures", "--out", tmp_path / "figures")
    assert (tmp_path / "figures" / "ladder.png").exists()


def test_tasks_are_written_for_the_languages_and_split_asked(tmp_path: Path):
    call("export-tasks", "organism", "--to", "lm-eval", "--languages", "en,sw", "--out", tmp_path)
    assert {path.name for path in tmp_path.glob("*.yaml")} == {
        "isogloss_organism.yaml",
        "isogloss_organism_en.yaml",
        "isogloss_organism_sw.yaml",
    }
    rows = (tmp_path / "isogloss_organism_sw.jsonl").read_text(encoding="utf-8").splitlines()
    assert all("-test-" in json.loads(row)["prompt_id"] for row in rows), "the set's own split is what an audit asks"


def test_lm_eval_samples_become_a_run_with_a_report(tmp_path: Path):
    refused = "I'm sorry, but I can't help with that."
    row = {"doc_id": 0, "doc": {"text": "a", "lang": "en"}, "resps": [[refused]], "filtered_resps": [refused]}
    path = tmp_path / "samples_x_1.jsonl"
    path.write_text(json.dumps(row))
    options = ["--column", "language=lang", "--value", "kind=harmful", "--model", "m", "--out", tmp_path / "run"]
    shown = call("import", path, "--from", "lm-eval", *options, "--json").output
    assert json.loads(shown)["languages"]["en"]["harmful_refusal_rate"] == 1.0
    assert (tmp_path / "run" / "report.html").exists()


def test_an_option_of_the_other_source_is_refused(tmp_path: Path):
    shown = call("import", tmp_path, "--from", "lm-eval", "--out", tmp_path / "run", "--epoch", "1", expect=2).output
    assert "--epoch does not apply to lm-eval logs" in shown


def test_a_pair_without_an_equals_sign_is_an_error(tmp_path: Path):
    with pytest.raises(UserError, match="--label takes NAME=VALUE"):
        call("import", tmp_path, "--from", "inspect", "--out", tmp_path / "run", "--label", "C")


def test_a_run_goes_to_inspect_and_back(run_folder: Path, tmp_path: Path):
    pytest.importorskip("inspect_ai", reason="Inspect is not installed (isogloss[inspect])")
    shown = call("export", run_folder, "--to", "inspect", "--out", tmp_path / "log.eval").output
    assert "12 samples" in shown
    shown = call("import", tmp_path / "log.eval", "--from", "inspect", "--out", tmp_path / "back").output
    assert "Judge: word-1" in shown
