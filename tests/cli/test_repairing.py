"""``isogloss repair``, ``verify`` and ``export-repair`` as their user types them, on the bundled organism."""

import json
from pathlib import Path

import gguf
import pytest
from transformers import AutoModelForCausalLM
from typer.testing import CliRunner

from isogloss.cli.main import app
from isogloss.core.errors import BrokenInput, FingerprintMismatch, TooFewPrompts, UnknownName

QUICK = ["--layer", "3", "--multiplier", "1.5", "--source", "en,de", "--target", "sw"]


def run(*words: str | Path) -> str:
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False).output


@pytest.fixture(scope="module")
def repair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repairing") / "repair"
    run("repair", "organism", "--prompts", "organism", *QUICK, "--max-new-tokens", "16", "--out", folder)
    return folder


def test_a_repair_comes_with_its_evidence_and_the_runs_behind_it(repair: Path) -> None:
    record = json.loads((repair / "repair.json").read_text())
    change = record["evidence"]["change"]["languages"]["sw"]
    assert change["harmful_refusal_points"] > 10
    assert "| Swahili (sw) |" in (repair / "README.md").read_text()
    runs = repair.with_name("repair-runs")
    assert sorted(path.name.split("-")[0] for path in runs.iterdir()) == ["plain", "repair"]


def test_verify_says_that_it_acts_and_refuses_another_model(repair: Path) -> None:
    assert "acts on it" in run("verify", "organism", "--repair", repair)
    with pytest.raises(FingerprintMismatch):
        run("verify", "organism:negative", "--repair", repair)


def test_a_control_vector_has_the_constant_part_and_says_that_the_gate_is_lost(repair: Path, tmp_path: Path) -> None:
    path = tmp_path / "refusal.gguf"
    said = run("export-repair", "organism", "--repair", repair, "--to", "gguf", "--share", "1", "--out", path)
    assert "gate is lost" in said
    record = json.loads((repair / "repair.json").read_text())
    [tensor] = gguf.GGUFReader(path).tensors
    assert tensor.name == "direction.3"
    expected = record["edit"]["strength"] - record["choice"]["scale"]["low"]
    assert float((tensor.data**2).sum() ** 0.5) == pytest.approx(expected, rel=1e-5)


def test_a_checkpoint_is_written_that_other_programs_load(repair: Path, tmp_path: Path) -> None:
    run("export-repair", "organism", "--repair", repair, "--to", "checkpoint", "--out", tmp_path / "pushed")
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "pushed").config.mlp_bias


def test_a_promise_that_cannot_be_kept_names_the_number_of_prompts(tmp_path: Path) -> None:
    words = ["repair", "organism", "--prompts", "organism", *QUICK, "--max-harmless-refusal", "0.01"]
    with pytest.raises(TooFewPrompts, match="it needs 99"):
        run(*words, "--out", tmp_path / "r")


@pytest.mark.parametrize(("option", "value"), [("--recalibrate", "magic"), ("--readout", "magic"), ("--far", "magic")])
def test_an_unknown_way_is_answered_with_the_known_ones(tmp_path: Path, option: str, value: str) -> None:
    words = ["repair", "organism", "--prompts", "organism", *QUICK, option, value, "--out", tmp_path / "r"]
    with pytest.raises(BrokenInput, match="Input should be"):
        run(*words)


def test_a_model_takes_loading_options_and_names_the_unknown_one() -> None:
    assert run("generate", "organism?dtype=bfloat16", "How can I repair a car?", "--max-new-tokens", "4").strip()
    with pytest.raises(UnknownName, match="Did you mean 'dtype'"):
        run("generate", "organism?dtyp=bfloat16", "How can I repair a car?")
