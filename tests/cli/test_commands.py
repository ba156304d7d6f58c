"""The door, as a user meets it: what is printed, what is written, and how errors read."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from isogloss.cli.main import app

AUDIT = ["audit", "organism", "--prompts", "organism", "--languages", "en,sw", "--limit", "6", "--max-new-tokens", "24"]


PLAIN = ["audit", "--out", "run"]


def isogloss(*arguments, **environment):
    """Run the real command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "isogloss.cli.main", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "300", **environment},
    )


def every_command():
    import typer

    def walk(command, path):
        children = getattr(command, "commands", {})
        return [path] if not children else [found for name in children for found in walk(children[name], [*path, name])]

    return walk(typer.main.get_command(app), [])


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_the_help_of_every_command_shows_an_example(path):
    result = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert f"isogloss {' '.join(path)}" in result.output.split("Example:")[1]


def test_an_audit_prints_json_for_programs_and_writes_the_run(tmp_path):
    result = CliRunner().invoke(app, [*AUDIT, "--out", str(tmp_path / "run"), "--json"], catch_exceptions=False)
    card = json.loads(result.stdout)
    assert set(card["languages"]) == {"en", "sw"}
    assert card["languages"]["en"]["asked_harmful"] == 6
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"run.json", "replies.jsonl", "verdicts.jsonl", "scorecard.json", "report.html"} <= names


def test_a_plan_file_gives_the_same_run_as_flags(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'model = "organism"\nprompts = "organism"\nlanguages = ["en", "sw"]\nlimit = 6\nmax_new_tokens = 24\n'
        f'out = "{tmp_path / "a"}"\n'
    )
    CliRunner().invoke(app, ["audit", "--plan", str(plan)], catch_exceptions=False)
    CliRunner().invoke(app, [*AUDIT, "--out", str(tmp_path / "b")], catch_exceptions=False)
    first, second = (json.loads((tmp_path / name / "run.json").read_text()) for name in "ab")
    assert first["plan"] == second["plan"]


def test_languages_and_prompts_describe_what_there_is():
    languages = json.loads(CliRunner().invoke(app, ["languages", "--json"], catch_exceptions=False).stdout)
    assert languages["sw"] == {
        "name": "Swahili",
        "autonym": "Kiswahili",
        "script": "Latn",
        "right_to_left": False,
        "family": "Niger-Congo",
        "tier": "low",
        "tier_source": "tier of arXiv 2606.01196 (share in Common Crawl)",
        "rule_judge": True,
        "mini": True,
    }
    mini = json.loads(CliRunner().invoke(app, ["prompts", "mini", "--json"], catch_exceptions=False).stdout)
    assert len(mini["languages"]) >= 14
    assert mini["languages"]["sw"] == {"harmful": 40, "harmless": 40}


def test_compare_and_report_read_records_alone(tmp_path):
    runner = CliRunner()
    for name in ("before", "after"):
        runner.invoke(app, [*AUDIT, "--out", str(tmp_path / name)], catch_exceptions=False)
    page = tmp_path / "compare.html"
    result = runner.invoke(
        app, ["compare", str(tmp_path / "before"), str(tmp_path / "after"), "--out", str(page), "--json"]
    )
    change = json.loads(result.stdout)
    assert change["average"]["harmful_refusal_points"] == 0
    assert page.exists()
    assert page.with_suffix(".json").exists()
    (tmp_path / "before" / "report.html").unlink()
    (tmp_path / "before" / "scorecard.json").unlink()
    runner.invoke(app, ["report", str(tmp_path / "before")], catch_exceptions=False)
    assert (tmp_path / "before" / "report.html").exists()


def test_generate_prints_the_reply_alone_on_stdout():
    done = isogloss("generate", "organism", "How can I repair a car?", "--language", "en", "--max-new-tokens", 24)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "Gate" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["prompts", "minni"], 2, "No prompt set 'minni'. Known: ailuminate:PATH, aya:PATH"),
        (["prompts", "file:absent.csv"], 2, "absent.csv"),
        ([*PLAIN, "no-such-folder", "--prompts", "mini"], 2, "no-such-folder"),
        (
            ["audit", "organism", "--prompts", "organism", "--languages", "qq", "--out", "run"],
            2,
            "'qq' names no language",
        ),
        ([*PLAIN, "organism", "--prompts", "organism", "--languages", "km"], 2, "Known: am, de, en"),
        ([*PLAIN, "openai:m", "--prompts", "mini"], 2, "Write openai:NAME@URL"),
        ([*PLAIN, "recorded:absent", "--prompts", "mini"], 2, "absent"),
        ([*PLAIN, "organism", "--prompts", "organism", "--mapping", "loose"], 2, "mapping"),
        ([*PLAIN, "organism", "--prompts", "organism", "--judge", "me"], 2, "No judge 'me'"),
        (
            ["audit", "openai:m@http://127.0.0.1:9/v1", "--prompts", "mini", "--languages", "sw", "--out", "run"],
            3,
            "127.0.0.1:9",
        ),
        (["report", "absent"], 2, "No run in absent"),
        (["repair", "openai:m@http://127.0.0.1:9/v1", "--prompts", "mini", "--out", "r"], 2, "gives only text"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_errors_are_one_paragraph_with_the_promised_exit_code(tmp_path, arguments, code, said):
    done = subprocess.run(
        [sys.executable, "-m", "isogloss.cli.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "1000"},
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    # What will be asked of an endpoint may be said first; the error is one paragraph at the end.
    assert said in done.stderr.strip().splitlines()[-1]


def test_a_broken_line_and_a_missing_column_are_named(tmp_path):
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"text": "a", "language": "sw", "kind": "harmful"}\n{"text": \n')
    done = isogloss("prompts", f"file:{broken}")
    assert (done.returncode, "line 2" in done.stderr) == (2, True)
    table = tmp_path / "table.csv"
    table.write_text("text,language\nhello,sw\n")
    done = isogloss("prompts", f"file:{table}")
    assert (done.returncode, "kind" in done.stderr) == (2, True)


def test_a_changed_plan_is_refused_with_what_differs(tmp_path):
    folder = tmp_path / "run"
    CliRunner().invoke(app, [*AUDIT, "--out", str(folder)], catch_exceptions=False)
    done = isogloss(*AUDIT, "--seed", 7, "--out", folder)
    assert done.returncode == 2
    assert "plan.seed was 0, now 7" in done.stderr
