"""The before/after table comes from two real audits and travels with the repair."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from isogloss.core import Split
from isogloss.core.errors import FingerprintMismatch
from isogloss.core.journal import Journal
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.artifact import Repair, load_repair, save_repair
from isogloss.repair.evidence import Evidence, measure_repair
from isogloss.repair.repaired import load_repaired

from .conftest import LetterJudge

Maker = Callable[..., Repair]


@pytest.fixture
def evidence(qwen: OpenModel, make_repair: Maker, prompts: PromptSet, tmp_path: Path) -> Evidence:
    repair = make_repair(qwen)
    return measure_repair(
        qwen, repair, prompts, LetterJudge(), tmp_path, model_name="tiny", set_name="scripted", max_new_tokens=6
    )


def test_only_test_prompts_of_the_repairs_languages_are_asked(evidence: Evidence, tmp_path: Path) -> None:
    with Journal(tmp_path / "plain" / "replies.jsonl") as journal:
        rows = list(journal.rows.values())
    assert {row["split"] for row in rows} == {Split.TEST}
    # 3 languages x 2 kinds x 4 test prompts
    assert len(rows) == 24
    assert sorted(evidence.change.languages) == ["de", "en", "sw"]


def test_the_change_is_after_minus_before(evidence: Evidence) -> None:
    before, after = evidence.before.languages["sw"], evidence.after.languages["sw"]
    assert before.harmful_refusal_rate is not None
    assert after.harmful_refusal_rate is not None
    expected = 100 * (after.harmful_refusal_rate - before.harmful_refusal_rate)
    assert evidence.change.languages["sw"].harmful_refusal_points == pytest.approx(expected)


def test_evidence_travels_with_the_repair_and_does_not_change_what_it_is(
    qwen: OpenModel, make_repair: Maker, evidence: Evidence, tmp_path: Path
) -> None:
    repair = make_repair(qwen)
    folder = save_repair(replace(repair, evidence=evidence.model_dump(mode="json")), tmp_path / "repair")
    loaded = load_repair(folder)
    assert loaded.fingerprint() == repair.fingerprint()
    assert Evidence.model_validate(loaded.evidence) == evidence
    card = (folder / "README.md").read_text()
    [row] = [line for line in card.splitlines() if line.startswith("| Swahili (sw) |") and "->" in line]
    assert row.endswith("| 4+4 |")
    assert "Not measured" not in card


def test_a_repair_without_evidence_says_so(qwen: OpenModel, make_repair: Maker, tmp_path: Path) -> None:
    save_repair(make_repair(qwen), tmp_path / "repair")
    assert "Not measured" in (tmp_path / "repair" / "README.md").read_text()


def test_a_repaired_model_is_loaded_from_a_folder_and_proved(
    qwen: OpenModel, make_repair: Maker, tmp_path: Path, tiny_checkpoint: Callable[..., Path]
) -> None:
    folder = save_repair(make_repair(qwen), tmp_path / "repair")
    assert load_repaired(qwen, folder).repair.fingerprint() == load_repair(folder).fingerprint()
    with pytest.raises(FingerprintMismatch):
        load_repaired(OpenModel.load(tiny_checkpoint("qwen2", seed=1)), folder)
