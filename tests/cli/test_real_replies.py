"""The audit of thousands of real recorded replies."""

import json

from typer.testing import CliRunner

from isogloss.cli.main import app
from isogloss.core.journal import read_rows


def test_recorded_replies_in_eleven_languages_become_a_scorecard(shared_data, tmp_path):
    replies = shared_data / "replies" / "qwen2.5-7b-instruct"
    result = CliRunner().invoke(
        app,
        [
            "audit",
            f"recorded:{replies}",
            "--prompts",
            f"polyrefuse:{shared_data / 'polyrefuse'}",
            "--out",
            str(tmp_path),
        ],
        catch_exceptions=False,
    )
    assert result.exit_code == 0, result.output
    card = json.loads((tmp_path / "scorecard.json").read_text())
    assert set(card["languages"]) == {"de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "yo", "zh"}
    assert all(row["asked_harmful"] == 556 for row in card["languages"].values())
    assert card["languages"]["en"]["selectivity_points"] is None
    assert card["worst"]["language"] == "yo"
    rows = list(read_rows(tmp_path / "verdicts.jsonl"))
    assert len(rows) == 6116
    assert {"polyrefuse-harmful-test-0007"} <= {row["prompt_id"] for row in rows}
