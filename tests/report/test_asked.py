"""What was asked is said in a sentence, as far as the record knows it."""

import json
from typing import Any

import pytest

from isogloss.report.asked import describe_asked, describe_prompts, describe_repeat, list_ways, name_model
from isogloss.report.records import load_run


def test_prompts_ways_of_writing_and_decoding_are_said(make_run: Any, report_records: Any) -> None:
    record = report_records.record() | {"prompt_counts": {"prompts": 300}}
    record["plan"] |= {"perturb": ["frame:story", "romanise"], "max_new_tokens": 64, "temperature": 0.0}
    # 3 languages of 40 harmful and 40 harmless prompts are 240; 300 in all leaves 60.
    assert describe_asked(load_run(make_run(record=record))) == (
        "Asked: 40 harmful prompts and 40 harmless prompts in each of 3 languages; 60 rewritten prompts in 2 other "
        "ways of writing. Greedy decoding, at most 64 tokens a reply, no system prompt."
    )


def test_sampling_a_system_prompt_and_uneven_counts_are_said(make_run: Any, report_records: Any) -> None:
    record = report_records.record()
    record["plan"] |= {"temperature": 0.7, "seed": 3, "system_prompt": "Be kind."}
    folder = make_run(record=record, rates={"en": (0.9, None), "sw": (0.5, None)})
    content = json.loads((folder / "scorecard.json").read_text())
    content["languages"]["sw"]["asked_harmful"] = 1500
    (folder / "scorecard.json").write_text(json.dumps(content))
    assert describe_asked(load_run(folder)) == (
        "Asked: 40 to 1,500 harmful prompts and no harmless prompts in each of 2 languages. "
        "Sampled at temperature 0.7, seed 3, a system prompt (see below)."
    )


def test_recorded_replies_claim_no_decoding(make_run: Any, report_records: Any) -> None:
    record = report_records.record()
    record["plan"]["model"] = "recorded:/data/tiny"
    assert "their decoding is that of the recording" in describe_asked(load_run(make_run(record=record)))


@pytest.mark.parametrize("record", [{"plan": None}, {"plan": []}, {"plan": {"perturb": "x"}, "prompt_counts": 3}])
def test_a_record_that_lacks_parts_is_no_obstacle(make_run: Any, record: dict[str, Any]) -> None:
    records = load_run(make_run(record={"schema": 1, **record}))
    assert describe_asked(records).startswith("Asked: 40 harmful prompts")
    assert describe_prompts(records).facts == []
    assert list_ways(records) == ()
    assert describe_repeat(records, "").command == ""


def test_checksums_are_kept_apart(make_run: Any, report_records: Any) -> None:
    record = report_records.record()
    record["prompt_card"]["checksums"] = {"a.json": "12ab"}
    found = describe_prompts(load_run(make_run(record=record)))
    assert found.checksums == [("a.json", "12ab")]
    assert not any("checksum" in name for name, _ in found.facts)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("recorded:/data/replies/qwen-7b/", "qwen-7b (recorded replies)"),
        ("recorded:C:\\replies\\qwen", "qwen (recorded replies)"),
        ("openai:http://host/v1#gpt", "openai:http://host/v1#gpt"),
        ("recorded:", "recorded:"),
    ],
)
def test_recorded_replies_are_titled_by_the_last_part_of_their_path(name: str, shown: str) -> None:
    assert name_model(name) == shown


def test_the_version_is_installed_first(make_run: Any, report_records: Any) -> None:
    record = report_records.record()
    record["versions"]["isogloss"] = "0.1.0"
    assert describe_repeat(load_run(make_run(record=record)), "").install == "pip install isogloss==0.1.0"
