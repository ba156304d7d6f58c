import json
from pathlib import Path

import pytest
from parts import WordJudge

from isogloss.core.errors import BrokenInput, NothingToDo, UnknownName
from isogloss.exchange import Columns, write_imported
from isogloss.exchange.lm_eval import read_lm_eval_samples, write_lm_eval_tasks
from isogloss.prompts import load_mini

STATED = Columns.parse(values=["language=sw", "kind=harmful"])


def sample(number: int, document: dict, reply: str, **changes: object) -> dict:
    """A row as lm-eval 0.4.13 writes it, shortened."""
    settings = {"until": [], "do_sample": False, "temperature": 0.0, "max_gen_toks": 32}
    return {
        "doc_id": number,
        "doc": document,
        "target": "refused",
        "arguments": {"gen_args_0": {"arg_0": f"<user>sent {number}", "arg_1": settings}},
        "resps": [[reply]],
        "filtered_resps": [reply],
        "filter": "none",
        "metrics": ["bypass"],
        **changes,
    }


def write_samples(folder: Path, rows: list[dict], *, task: str = "isogloss_mini_sw", model: str = "org/model") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"samples_{task}_2026-11-20T10-00-00.000001.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    (folder / "results_2026-11-20T10-00-00.000001.json").write_text(json.dumps({"model_name": model}))
    return path


def test_a_set_becomes_one_task_a_language_and_a_group(tmp_path: Path):
    mini = load_mini()
    written = write_lm_eval_tasks(mini, tmp_path / "tasks", max_new_tokens=64)
    assert len(written) == 2 * len(mini.languages) + 1
    group = written[-1].read_text()
    assert group.startswith("group: isogloss_mini\n")
    assert "  - isogloss_mini_zh_hans\n" in group
    task = (tmp_path / "tasks" / "isogloss_mini_sw.yaml").read_text()
    assert "max_gen_toks: 64" in task
    assert json.dumps(str((tmp_path / "tasks" / "isogloss_mini_sw.jsonl").resolve())) in task


def test_the_files_are_yaml_that_says_what_was_meant(tmp_path: Path):
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    odd = tmp_path / 'a "quoted": folder #1'
    write_lm_eval_tasks(load_mini().select(languages=load_mini().languages[:2]), odd)
    task = yaml.safe_load((odd / "isogloss_mini_en.yaml").read_text(encoding="utf-8"))
    assert task["dataset_kwargs"]["data_files"]["test"] == str((odd / "isogloss_mini_en.jsonl").resolve())
    assert task["generation_kwargs"] == {"until": [], "do_sample": False, "temperature": 0.0, "max_gen_toks": 128}
    assert yaml.safe_load((odd / "isogloss_mini.yaml").read_text())["task"][0] == "isogloss_mini_en"


def test_the_first_rows_of_a_task_are_of_both_kinds(tmp_path: Path):
    write_lm_eval_tasks(load_mini(), tmp_path)
    lines = (tmp_path / "isogloss_mini_sw.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["kind"] for row in rows[:4]] == ["harmful", "harmless", "harmful", "harmless"]
    assert len({tuple(row) for row in rows}) == 1, "a table wants the same columns in every row"


def test_what_the_tasks_wrote_comes_back_as_the_same_prompts(tmp_path: Path):
    mini = load_mini().select(languages=load_mini().languages[:2])
    write_lm_eval_tasks(mini, tmp_path / "tasks")
    for data in (tmp_path / "tasks").glob("*.jsonl"):
        rows = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines()]
        samples = [sample(number, row, "refused") for number, row in enumerate(rows)]
        write_samples(tmp_path / "results", samples, task=data.stem)
    run = read_lm_eval_samples(tmp_path / "results")
    assert run.prompts.fingerprint() == mini.fingerprint()
    assert (run.source.model, run.source.task) == ("org/model", "isogloss_mini")
    assert run.source.decoding.max_new_tokens == 32
    card = write_imported(run, tmp_path / "run", WordJudge())
    assert card.languages[mini.languages[0].tag].harmful_refusal_rate == 1.0


def test_foreign_documents_need_only_their_language_and_kind_stated(tmp_path: Path):
    path = write_samples(tmp_path, [sample(0, {"question": "x"}, "refused"), sample(1, {"question": "y"}, "complied")])
    run = read_lm_eval_samples(path, columns=STATED, model="mine")
    assert [prompt.text for prompt in run.prompts] == ["<user>sent 0", "<user>sent 1"]
    assert run.source.model == "mine"
    assert write_imported(run, tmp_path / "run", WordJudge()).languages["sw"].harmful_refusal_rate == 0.5


def test_a_second_filter_of_the_same_sample_is_not_a_second_reply(tmp_path: Path):
    rows = [sample(0, {}, "refused"), sample(0, {}, "refused", filter="strict", filtered_resps=["r"])]
    run = read_lm_eval_samples(write_samples(tmp_path, rows), columns=STATED)
    assert [reply.text for reply in run.replies.values()] == ["refused"]


def test_the_older_form_of_arguments_is_read_too(tmp_path: Path):
    path = write_samples(tmp_path, [sample(0, {}, "refused", arguments=[["sent", {"until": [], "max_gen_toks": 9}]])])
    run = read_lm_eval_samples(path, columns=STATED)
    assert ([prompt.text for prompt in run.prompts], run.source.decoding.max_new_tokens) == (["sent"], 9)


def test_what_cannot_be_imported_is_said_with_file_and_line(tmp_path: Path):
    path = write_samples(tmp_path, [sample(0, {}, "a"), {"doc_id": 1}])
    with pytest.raises(BrokenInput, match=r"samples_.*line 2 is no sample"):
        read_lm_eval_samples(path, columns=STATED)
    path = write_samples(tmp_path, [sample(0, {}, "a", resps=[[[-1.5, False]]])])
    with pytest.raises(BrokenInput, match="line 1 holds no text"):
        read_lm_eval_samples(path, columns=STATED)
    with pytest.raises(BrokenInput, match="--column language=NAME"):
        read_lm_eval_samples(write_samples(tmp_path, [sample(0, {}, "a")]))
    with pytest.raises(NothingToDo, match="no samples to import"):
        read_lm_eval_samples(write_samples(tmp_path, []), columns=STATED)


def test_samples_of_two_models_are_not_one_run(tmp_path: Path):
    write_samples(tmp_path / "a", [sample(0, {}, "a")], model="one")
    write_samples(tmp_path / "b", [sample(1, {}, "a")], model="two")
    with pytest.raises(UnknownName, match="2 models: one, two"):
        read_lm_eval_samples(tmp_path, columns=STATED)
    with pytest.raises(UnknownName, match="--log_samples"):
        read_lm_eval_samples(tmp_path / "nothing")
