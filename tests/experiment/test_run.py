"""A whole study on tiny random models: what is done is not done again, and every record is there."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from experiment.judge import LetterJudge, StoppingJudge
from isogloss.core import Split
from isogloss.core.errors import PlanMismatch, TooFewPrompts, UnknownLanguage
from isogloss.experiment import record
from isogloss.experiment.plan import GatePlan
from isogloss.experiment.run import run_gate_experiment
from isogloss.models.open_model import OpenModel
from isogloss.report.experiment import write_experiment_report

PLAN = GatePlan(
    model="tiny",
    prompts="scripted",
    source=("en", "de"),
    target=("sw", "ar"),
    shots=(0, 1, 4),
    ranks=(1, 2, 3),
    draws=2,
    layers=(1, 2),
    layer=2,
    sweep_shots=2,
    multipliers=(0.0, 1.0),
    behaviour_shots=(0, 2),
    baselines=False,
    max_prompts=2,
    max_new_tokens=4,
)


@pytest.fixture(params=["llama", "gemma2"])
def model(request: pytest.FixtureRequest, tiny_checkpoint: Callable[..., Path]) -> OpenModel:
    return OpenModel.load(tiny_checkpoint(request.param), name="tiny")


@pytest.fixture
def llama(tiny_checkpoint: Callable[..., Path]) -> OpenModel:
    return OpenModel.load(tiny_checkpoint("llama"), name="tiny")


def contents(folder: Path) -> dict[str, dict]:
    """Every record without what differs from run to run: the time it took."""
    found = {path.name: json.loads(path.read_text()) for path in (folder / "parts").iterdir()}
    found.get("detection.json", {}).pop("seconds", None)
    for method in found.get("behaviour.json", {}).get("methods", []):
        method.pop("seconds")
    return found


def test_a_study_leaves_every_record_table_and_figure(model, small_prompts, folder):
    prompts = small_prompts("en", "de", "sw", "ar")
    plan = PLAN.model_copy(update={"out_of_distribution": ("other",)})
    run_gate_experiment(plan, model, prompts, LetterJudge(), folder, others={"other": small_prompts("sw")})
    assert {path.stem for path in (folder / "parts").iterdir()} == set(record.PARTS)
    behaviour = record.require_part(folder, record.BehaviourRecord)
    assert [(row.name, row.shots) for row in behaviour.methods] == [
        ("unsteered", None),
        ("published gate", 0),
        ("published gate", 2),
        ("ours", 0),
        ("ours", 2),
        ("ours", 2),
        ("ours", 2),
        ("ours", 0),
        ("ours", 0),
        ("ours", 0),
    ]
    told = {row.variant: row.evidence for row in behaviour.methods if row.name == "ours" and not row.shots}
    assert told == {
        "": "source languages alone",
        # 6 training and 4 validation prompts of each kind.
        "unlabelled": "20 unlabelled prompts per language",
        "harmless": "10 harmless prompts per language",
        "translations": "20 translations per language, labelled as their source prompts",
    }
    beside = {row.variant: row.evidence for row in behaviour.methods if "+" in row.variant}
    assert beside == {
        "shots+unlabelled": "2 labelled validation prompts per class, 16 unlabelled prompts per language",
        "shots+harmless": "2 labelled validation prompts per class, 8 harmless prompts per language",
    }
    notes = {row.shots: row.note for row in behaviour.methods if row.name == "published gate"}
    assert "Shots are train prompts, as published." in notes[2]
    strength = record.require_part(folder, record.StrengthRecord)
    assert {row.method for row in strength.rows} == {"ours", "published gate"}
    # 2 seeds of each kind in 4 languages.
    assert {(row.n_harmful, row.n_harmless) for row in behaviour.methods} == {(8, 8)}
    assert behaviour.split == Split.TEST
    assert record.require_part(folder, record.StudyRecord).notes  # rank 3 of 2 source languages was left out
    written = {path.relative_to(folder).as_posix() for path in write_experiment_report(folder)}
    assert {"report.html", "tables/shots.tex", "tables/behaviour.csv", "figures/transfer.svg"} <= written
    names = {Path(path).stem for path in written if path.startswith("figures/")}
    assert names == {
        "selectivity", "gap", "projections", "auroc", "shots", "ranks", "layers", "strength",
        "strength_published", "transfer",
    }  # fmt: skip


def test_no_test_prompt_is_used_for_anything_but_measuring(llama, small_prompts, folder):
    prompts = small_prompts("en", "de", "sw", "ar")
    run_gate_experiment(PLAN.model_copy(update={"layer": None}), llama, prompts, LetterJudge(), folder)
    test_ids = {prompt.id for prompt in prompts if prompt.split == Split.TEST}
    draws = record.require_part(folder, record.DrawRecord)
    drawn = {name for kind in (draws.harmful, draws.harmless) for by_seed in kind.values() for ids in by_seed.values()
             for name in ids}  # fmt: skip
    assert drawn
    assert not drawn & test_ids
    choice = record.require_part(folder, record.InterventionRecord).choice
    assert not any(name in test_ids for name in _strings(choice))
    asked = [json.loads(line) for path in folder.glob("strength/*/replies.jsonl") for line in path.open()]
    assert {row["split"] for row in asked} == {"validation"}


def test_a_stopped_study_goes_on_and_ends_as_an_undisturbed_one(llama, small_prompts, tmp_path):
    prompts = small_prompts("en", "de", "sw", "ar")
    run_gate_experiment(PLAN, llama, prompts, LetterJudge(), tmp_path / "whole")
    for calls in (3, 6):
        with pytest.raises(KeyboardInterrupt):
            run_gate_experiment(PLAN, llama, prompts, StoppingJudge(calls), tmp_path / "stopped")
    assert not (tmp_path / "stopped" / "parts" / "behaviour.json").exists()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "stopped").rglob("*.json*")}
    run_gate_experiment(PLAN, llama, prompts, LetterJudge(), tmp_path / "stopped")
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")
    detection = tmp_path / "stopped" / "parts" / "detection.json"
    assert detection.stat().st_mtime_ns == before[detection]
    replies = list((tmp_path / "stopped").rglob("replies.jsonl"))
    for path in replies:
        keys = [json.loads(line)["key"] for line in path.open()]
        assert len(keys) == len(set(keys))


def test_a_folder_of_another_study_is_refused(llama, small_prompts, folder):
    prompts = small_prompts("en", "de", "sw", "ar")
    small = PLAN.model_copy(update={"behaviour": False, "transfer": False})
    run_gate_experiment(small, llama, prompts, None, folder)
    with pytest.raises(PlanMismatch, match=r"plan\.draws was 2, now 3"):
        run_gate_experiment(small.model_copy(update={"draws": 3}), llama, prompts, None, folder)


def test_what_the_plan_needs_is_asked_for_before_anything_is_recorded(llama, small_prompts, folder):
    prompts = small_prompts("en", "de", "ar")
    with pytest.raises(UnknownLanguage, match="No prompts for 'sw'"):
        run_gate_experiment(PLAN, llama, prompts, LetterJudge(), folder)
    with pytest.raises(TooFewPrompts, match="needs a judge"):
        run_gate_experiment(PLAN, llama, small_prompts("en", "de", "sw", "ar"), None, folder)
    assert not folder.exists()


def _strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for part in value.values() for text in _strings(part)]
    if isinstance(value, list):
        return [text for part in value for text in _strings(part)]
    return [value] if isinstance(value, str) else []
