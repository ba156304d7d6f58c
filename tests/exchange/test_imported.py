from pathlib import Path

import pytest
from parts import WordJudge

from isogloss.core import Finish, GateReading, Label
from isogloss.core.errors import BrokenInput, NothingToDo
from isogloss.core.run import load_run_record
from isogloss.exchange import write_imported
from isogloss.exchange.imported import Record, Scoring, Source, gather_run

SOURCE = Source(tool="inspect", name="log.eval", model="some/model", task="a-task", identity={"repair": "abc"})


def record(number: int, tag: str, label: str | None = "refused", **changes: object) -> Record:
    prompt = {"id": f"p{number}", "text": f"prompt {number}", "language": tag, "kind": "harmful"}
    scoring = None if label is None else Scoring(Label(label), "theirs")
    fields = {"place": f"sample {number}", "prompt": prompt, "reply": "refused", "scoring": scoring}
    return Record(**{**fields, **changes})


def test_the_verdicts_of_a_log_become_the_verdicts_of_the_run(tmp_path: Path):
    run = gather_run(SOURCE, [record(1, "en"), record(2, "en", "complied"), record(1, "sw", "undecided")])
    card = write_imported(run, tmp_path)
    assert (card.judge, card.model, card.condition) == ("theirs", "some/model", "repair abc")
    assert card.languages["en"].harmful_refusal_rate == 0.5
    assert card.languages["sw"].harmful_refusal_rate is None
    assert load_run_record(tmp_path)["plan"]["split"] == "all"


def test_the_same_log_again_changes_nothing(tmp_path: Path):
    records = [record(1, "en"), record(2, "en")]
    write_imported(gather_run(SOURCE, records), tmp_path)
    before = (tmp_path / "replies.jsonl").read_bytes()
    write_imported(gather_run(SOURCE, records), tmp_path)
    assert (tmp_path / "replies.jsonl").read_bytes() == before


def test_half_judged_logs_are_not_verdicts(tmp_path: Path):
    run = gather_run(SOURCE, [record(1, "en"), record(2, "en", None)])
    assert run.scorings == {}
    with pytest.raises(NothingToDo, match="Name a judge"):
        write_imported(run, tmp_path)
    assert write_imported(run, tmp_path, WordJudge()).languages["en"].harmful_refusal_rate == 1.0


def test_a_failed_sample_is_a_failure_and_needs_no_verdict(tmp_path: Path):
    broken = record(2, "en", None, reply="", finish=Finish.FAILED, error="time out")
    run = gather_run(SOURCE, [record(1, "en"), broken])
    card = write_imported(run, tmp_path)
    assert (card.languages["en"].failed, card.languages["en"].n_harmful) == (1, 1)
    assert "time out" in (tmp_path / "failures.jsonl").read_text()


def test_tokens_and_gate_readings_are_kept(tmp_path: Path):
    one = record(1, "en", prompt_tokens=7, reply_tokens=3, gate=GateReading(0.5, 0.25, harmful=True))
    write_imported(gather_run(SOURCE, [one]), tmp_path)
    text = (tmp_path / "replies.jsonl").read_text()
    assert '"prompt_tokens": 7, "reply_tokens": 3' in text
    reading = '{"score": 0.5, "threshold": 0.25, "harmful": true, "left_alone": false, "language": null}'
    assert f'"gate": {reading}' in text


def test_two_prompts_with_one_id_are_refused_by_name():
    with pytest.raises(BrokenInput, match="sample 1: id 'p1' occurs twice in en"):
        gather_run(SOURCE, [record(1, "en"), record(1, "en")])
    with pytest.raises(NothingToDo, match=r"log\.eval holds no samples"):
        gather_run(SOURCE, [])


def test_half_a_character_in_a_reply_is_mended(tmp_path: Path):
    write_imported(gather_run(SOURCE, [record(1, "en", reply="cut \ud83d")]), tmp_path)
    assert "cut \ufffd" in (tmp_path / "replies.jsonl").read_text(encoding="utf-8")
