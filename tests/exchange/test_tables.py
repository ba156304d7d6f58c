import csv
import json
from pathlib import Path

import pytest

from isogloss.audit import load_scorecard
from isogloss.exchange import write_tables
from isogloss.exchange.tables import neutralise, tabulate_scorecard


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_scorecard_table_has_a_row_for_every_language_tier_and_the_average(run_folder: Path, tmp_path: Path):
    target, _ = write_tables(run_folder, tmp_path / "tables")
    rows = {(row["scope"], row["tag"]): row for row in read(target)}
    assert set(rows) == {
        ("language", "en"),
        ("language", "sw"),
        ("tier", "high"),
        ("tier", "low"),
        ("average", "all"),
    }
    # en refuses 3 of 3 and sw 1 of 2 scored: the average is (1 + 1/2) / 2.
    assert rows["average", "all"]["harmful_refusal_rate"] == "0.75"
    assert (rows["language", "sw"]["n_harmful"], rows["language", "sw"]["asked_harmful"]) == ("2", "3")
    assert rows["language", "sw"]["labels_harmful_undecided"] == "1"
    assert (rows["language", "sw"]["is_worst"], rows["language", "en"]["is_worst"]) == ("true", "false")
    card = load_scorecard(run_folder)
    low, high = card.languages["sw"].intervals.harmful_refusal_rate
    assert rows["language", "sw"]["harmful_refusal_rate_low"] == repr(low)
    assert rows["language", "sw"]["harmful_refusal_rate_high"] == repr(high)


def test_an_undefined_measure_is_an_empty_cell_in_a_column_that_is_there(run_folder: Path, tmp_path: Path):
    path = run_folder / "scorecard.json"
    record = json.loads(path.read_text())
    for group in (*record["languages"].values(), *record["tiers"].values(), record["average"]):
        group["harmless_refusal_rate"] = group["intervals"]["harmless_refusal_rate"] = None
    path.write_text(json.dumps(record))
    target, _ = write_tables(run_folder, tmp_path / "tables")
    rows = read(target)
    assert {row["harmless_refusal_rate"] for row in rows} == {""}
    assert {row["harmless_refusal_rate_low"] for row in rows} == {""}


def test_the_verdict_table_holds_no_texts_unless_asked(run_folder: Path, tmp_path: Path):
    _, target = write_tables(run_folder, tmp_path / "plain")
    rows = read(target)
    assert len(rows) == 12
    assert "prompt" not in rows[0]
    assert "Kìí" not in target.read_text(encoding="utf-8")
    _, target = write_tables(run_folder, tmp_path / "texts", show_text=True)
    assert "Kìí ṣe" in target.read_text(encoding="utf-8")
    [failed] = [row for row in read(target) if row["error"]]
    assert (failed["error"], failed["verdict"], failed["finish"]) == ("scripted failure", "", "")


def test_no_cell_of_a_csv_is_a_formula_and_numbers_stay_numbers(run_folder: Path, tmp_path: Path):
    scorecard, verdicts = write_tables(run_folder, tmp_path / "tables", show_text=True)
    rows = read(verdicts)
    assert rows[0]["prompt"].startswith("'=HYPERLINK(0)")
    assert rows[0]["evidence"] == "'-1: a word"
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    # sw is worse than en: its gap is a negative number, and a number is not text.
    [gap] = [row["gap_points"] for row in read(scorecard) if row["tag"] == "sw"]
    assert float(gap) < 0


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "＝1"])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str):
    assert neutralise(text) == "'" + text


@pytest.mark.parametrize("text", ["", "a=1", "1", "'", "Kìí ṣe"])
def test_other_text_stays_as_it_is(text: str):
    assert neutralise(text) == text


def test_parquet_holds_the_same_values_with_types_and_unchanged_texts(run_folder: Path, tmp_path: Path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (isogloss[parquet])")
    scorecard, verdicts = write_tables(run_folder, tmp_path, file_format="parquet", show_text=True)
    lines = list(tabulate_scorecard(load_scorecard(run_folder)))
    table = parquet.read_table(scorecard).to_pylist()
    assert [line["harmful_refusal_rate"] for line in table] == [line["harmful_refusal_rate"] for line in lines]
    rows = parquet.read_table(verdicts).to_pylist()
    assert rows[0]["prompt"].startswith("=HYPERLINK(0)")
    assert {row["confidence"] for row in rows} == {0.75, None}
    assert [row["error"] for row in rows].count(None) == 11
