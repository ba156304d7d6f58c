"""The command on a local checkpoint folder and a table of prompts."""

import csv
import subprocess
import sys

from typer.testing import CliRunner

from isogloss.cli.main import app


def write_prompts(prompts, path):
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "seed_id", "language", "kind", "split", "text"])
        for one in prompts:
            writer.writerow([one.id, one.seed_id, one.language.tag, one.kind, one.split, one.text])


def test_the_command_runs_on_any_checkpoint_folder(tiny_checkpoint, small_prompts, tmp_path):
    table, study = tmp_path / "prompts.csv", tmp_path / "study"
    write_prompts(small_prompts("en", "de", "sw", "ar"), table)
    arguments = ["experiment", "gate", str(tiny_checkpoint("gemma2")), "--prompts", f"file:{table}"]
    arguments += ["--source", "en,de", "--out", str(study), "--quick", "--no-behaviour", "--layers", "1,2"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "Balanced accuracy with 4 examples per class" in done.output
    page = (study / "report.html").read_text(encoding="utf-8")
    assert "Study of gates" in page
    assert "Swahili" in page


def test_a_wrong_number_is_one_clear_sentence(tmp_path):
    arguments = ["-m", "isogloss.cli.main", "experiment", "gate", "organism", "--prompts", "organism"]
    arguments += ["--output", str(tmp_path), "--shots", "four"]
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "expected whole numbers with commas" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_study_needs_a_folder_and_its_old_name_still_works(tmp_path):
    runner = CliRunner()
    done = runner.invoke(app, ["experiment", "gate", "organism", "--prompts", "organism"])
    assert done.exit_code == 2
    assert "--out" in done.output
    assert "--output" not in runner.invoke(app, ["experiment", "gate", "--help"]).output


def test_reading_a_study_loads_no_torch():
    script = "import sys, isogloss.report.experiment, isogloss.experiment.record, isogloss.experiment.plan\n"
    script += "print([name for name in ('torch', 'transformers') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
