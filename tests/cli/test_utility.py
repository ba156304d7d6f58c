"""``isogloss utility``: from names to a record, and what it says when asked for something odd."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from isogloss.cli.main import app
from isogloss.cli.utility import conclude, resolve_questions
from isogloss.core import Language
from isogloss.core.errors import NothingToDo, UnknownLanguage, UnknownName
from isogloss.judges import RuleJudge
from isogloss.models.open_model import OpenModel
from isogloss.models.organism import organism_path
from isogloss.prompts import load_organism
from isogloss.repair.artifact import save_repair
from isogloss.repair.fit import fit_repair
from isogloss.repair.plan import RepairPlan
from isogloss.repair.utility.record import UTILITY_FILE, load_utility


@pytest.fixture(scope="module")
def repair_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repair of the organism with layer and strength given, so that nothing is tried."""
    plan = RepairPlan(
        model="organism", prompts="organism", source=("en", "de"), target=("sw",), shots=2, layer=5, multiplier=1.0
    )
    model = OpenModel.load(organism_path(), name="organism")
    return save_repair(fit_repair(plan, model, load_organism(), RuleJudge()), tmp_path_factory.mktemp("repair"))


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["utility", "organism", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_organism_is_asked_its_own_questions_unless_told_otherwise(repair_folder: Path, tmp_path: Path) -> None:
    output = run("--repair", str(repair_folder), "--languages", "en,sw", "--limit", "6", "--output", str(tmp_path))
    record = load_utility(tmp_path / UTILITY_FILE)
    assert [(part.name, part.n) for part in record.questions] == [("organism-choice", 12)]
    assert record.prompts is None
    assert "accuracy organism-choice" in output
    assert conclude(record) in " ".join(output.split())


def test_sums_and_harmless_prompts_are_measured_and_printed_as_json(repair_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mgsm_en.tsv").write_text("How many dogs are two dogs?\t2\nAnd three?\t3\n", encoding="utf-8")
    output = run(
        *("--repair", str(repair_folder), "--questions", f"mgsm:{tmp_path}", "--prompts", "organism"),
        *("--languages", "en", "--max-new-tokens", "4", "--max-sum-tokens", "4", "--out", str(tmp_path), "--json"),
    )
    record = json.loads(output[output.index("{") :])
    assert record == load_utility(tmp_path / UTILITY_FILE).to_json()
    assert record["measures"][0]["name"] == "accuracy mgsm"
    assert record["prompts"]["split"] == "test"
    assert record["settings"] == {"harmless_tokens": 4, "sum_tokens": 4}


def test_a_margin_of_nothing_is_refused(repair_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NothingToDo, match="margin of 0"):
        run("--repair", str(repair_folder), "--margin", "0", "--out", str(tmp_path))


def test_names_that_stand_for_no_questions_are_refused() -> None:
    with pytest.raises(UnknownName, match="mmlu"):
        resolve_questions("mmlu:somewhere", None)
    with pytest.raises(UnknownName):
        resolve_questions("global-mmlu:nowhere.csv", None)
    with pytest.raises(UnknownLanguage, match="'ja'"):
        resolve_questions("organism", (Language.parse("ja"),))


def test_a_model_without_questions_or_prompts_has_nothing_to_measure(repair_folder: Path, tmp_path: Path) -> None:
    arguments = ["utility", "somewhere", "--repair", str(repair_folder), "--out", str(tmp_path)]
    with pytest.raises(NothingToDo, match="--questions"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
