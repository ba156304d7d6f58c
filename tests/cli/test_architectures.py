"""The four commands on tiny random checkpoints of real architectures, from a local folder."""

import json

import pytest
from typer.testing import CliRunner

from isogloss.cli.main import app


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("architecture", ["qwen2", "llama", "gemma2", "mistral"])
def test_audit_diagnose_repair_and_generate_run_on_a_local_folder(architecture, tiny_checkpoint, tmp_path):
    model = tiny_checkpoint(architecture)
    common = [model, "--prompts", "mini"]
    card = run(
        "audit", *common, "--languages", "en,sw", "--limit", 3, "--max-new-tokens", 4, "--out", tmp_path / "a", "--json"
    )
    assert json.loads(card)["languages"]["sw"]["asked_harmful"] == 3
    found = json.loads(run("diagnose", *common, "--source", "en,de", "--out", tmp_path / "d", "--json"))
    assert len(found["languages"]["sw"]["auroc_by_layer"]) == len(found["layers"])
    record = run(
        "repair", *common, "--source", "en,de", "--target", "sw,yo", "--shots", 2, "--out", tmp_path / "r", "--json"
    )
    assert set(json.loads(record)["calibration"]) == {"sw", "yo"}
    reply = json.loads(
        run(
            "generate",
            model,
            "Habari?",
            "--repair",
            tmp_path / "r",
            "--language",
            "sw",
            "--max-new-tokens",
            4,
            "--json",
        )
    )
    assert reply["gate"]["harmful"] == (reply["gate"]["score"] >= reply["gate"]["threshold"])


def test_a_repair_is_refused_by_another_model(tiny_checkpoint, tmp_path):
    here, there = tiny_checkpoint("qwen2"), tiny_checkpoint("qwen2", seed=1)
    run(
        "repair",
        here,
        "--prompts",
        "mini",
        "--source",
        "en,de",
        "--target",
        "sw",
        "--shots",
        1,
        "--out",
        tmp_path / "r",
    )
    result = CliRunner().invoke(app, ["generate", str(there), "Habari?", "--repair", str(tmp_path / "r")])
    assert type(result.exception).__name__ == "FingerprintMismatch"
    assert "weights was" in str(result.exception)
