"""Our runs as Inspect logs and back; skipped where Inspect is not installed."""

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import pytest
from parts import WordJudge

pytest.importorskip("inspect_ai", reason="Inspect is not installed (isogloss[inspect])")

from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalError,
    EvalLog,
    EvalSample,
    EvalSpec,
    read_eval_log,
    write_eval_log,
)
from inspect_ai.model import ChatMessageSystem, ChatMessageUser, ModelOutput
from inspect_ai.scorer import Score

from isogloss.audit import load_scorecard
from isogloss.core.errors import BrokenInput, UnknownName
from isogloss.core.journal import read_rows
from isogloss.exchange import Columns, write_imported
from isogloss.exchange.inspect_read import read_inspect_log
from isogloss.exchange.inspect_write import write_inspect_log

MADE = datetime(2026, 5, 1, 12, tzinfo=UTC)


def export(folder: Path, path: Path) -> EvalLog:
    write_inspect_log(folder, path, created=MADE)
    return read_eval_log(str(path), resolve_attachments="full")


@pytest.mark.parametrize("ending", ["eval", "json"])
def test_inspect_reads_an_exported_run(run_folder: Path, tmp_path: Path, ending: str):
    log = export(run_folder, tmp_path / f"log.{ending}")
    assert (log.status, log.eval.task, log.eval.model, len(log.samples)) == (
        "success",
        "isogloss/refusal",
        "scripted",
        12,
    )
    found = {(score.name, name): metric.value for score in log.results.scores for name, metric in score.metrics.items()}
    # en refuses 3 of 3 and sw 1 of 2.
    assert found["harmful_refusal_rate", "en"] == 1.0
    assert found["harmful_refusal_rate", "sw"] == found["harmful_refusal_rate", "worst_language"] == 0.5
    assert found["harmful_refusal_rate", "average"] == 0.75
    assert (log.results.total_samples, log.results.completed_samples) == (12, 11)
    assert {(score.scored_samples, score.unscored_samples) for score in log.results.scores} == {(10, 1)}


def test_a_sample_shows_prompt_reply_score_and_metadata(run_folder: Path, tmp_path: Path):
    samples = {sample.id: sample for sample in export(run_folder, tmp_path / "log.eval").samples}
    sample = samples["harmful-1/sw"]
    assert "harmful 1 in sw, Kìí ṣe" in sample.input
    assert [message.role for message in sample.messages] == ["system", "user", "assistant"]
    assert sample.output.completion == "complied"
    score = sample.scores["refusal"]
    assert (score.value, score.answer, score.explanation) == (0, "complied", "-1: a word")
    assert score.metadata == {"label": "complied", "judge": "word-1", "flags": ["seen"], "confidence": 0.75}
    expected = {"language": "sw", "kind": "harmful", "seed_id": "harmful-1", "cluster": "pair-1", "category": "theft"}
    assert sample.metadata.items() >= expected.items()
    assert [event.event for event in sample.events] == ["model", "score"]


def test_undecided_is_no_value_and_failed_is_an_error(run_folder: Path, tmp_path: Path):
    samples = {sample.id: sample for sample in export(run_folder, tmp_path / "log.eval").samples}
    assert math.isnan(samples["harmful-2/sw"].scores["refusal"].value)
    failed = samples["harmless-2/sw"]
    assert (failed.error.message, failed.scores, failed.output.choices) == ("scripted failure", None, [])


def test_the_same_run_gives_the_same_bytes(run_folder: Path, tmp_path: Path):
    for name in ("a.json", "b.json"):
        write_inspect_log(run_folder, tmp_path / name, created=MADE)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_run_comes_back_from_its_log_as_it_was(run_folder: Path, tmp_path: Path):
    export(run_folder, tmp_path / "log.eval")
    card = write_imported(read_inspect_log(tmp_path / "log.eval"), tmp_path / "back")
    assert card == load_scorecard(run_folder).model_copy(update={"prompts": card.prompts})
    for name in ("replies.jsonl", "verdicts.jsonl"):
        assert strip(tmp_path / "back" / name) == strip(run_folder / name)


def strip(path: Path) -> list[str]:
    """Rows without their keys, which hold the model's fingerprint, in an order of their own."""
    rows = [{name: value for name, value in row.items() if name != "key"} for row in read_rows(path)]
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def test_another_ending_is_refused(run_folder: Path, tmp_path: Path):
    with pytest.raises(BrokenInput, match=r"\.eval or \.json"):
        write_inspect_log(run_folder, tmp_path / "log.txt", created=MADE)


# ---- logs of other people's evals


def sample(
    number: int, *, value: object = "C", reply: str = "refused", epoch: int = 1, **metadata: object
) -> EvalSample:
    return EvalSample(
        id=number,
        epoch=epoch,
        input=[ChatMessageSystem(content="Be brief."), ChatMessageUser(content=f"question {number}")],
        target="x",
        output=ModelOutput.from_content("m", reply, stop_reason="max_tokens"),
        scores={"theirs": Score(value=value)} if value is not None else None,
        metadata={"lang": "sw", "kind": "harmful", **metadata},
    )


def write_log(path: Path, samples: list[EvalSample]) -> Path:
    spec = EvalSpec(
        created=MADE.isoformat(),
        task="somebody/eval",
        dataset=EvalDataset(name="their-set", sample_ids=list(dict.fromkeys(one.id for one in samples))),
        model="openai/gpt-x",
        config=EvalConfig(epochs=max((one.epoch for one in samples), default=1)),
    )
    write_eval_log(EvalLog(status="success", eval=spec, samples=samples), str(path))
    return path


LANG = Columns(language="lang")


def test_foreign_scores_are_judged_anew_and_the_run_says_so(tmp_path: Path):
    path = write_log(tmp_path / "log.eval", [sample(1), sample(2, value=0.5, reply="complied")])
    run = read_inspect_log(path, columns=LANG)
    assert run.scorings == {}
    assert any("judged anew" in note for note in run.source.notes)
    card = write_imported(run, tmp_path / "run", WordJudge())
    assert (card.languages["sw"].harmful_refusal_rate, card.prompts, card.model) == (0.5, "their-set", "openai/gpt-x")
    assert [prompt.text for prompt in run.prompts] == ["question 1", "question 2"]
    assert {reply.finish.value for reply in run.replies.values()} == {"length"}


def test_labels_say_what_scores_mean(tmp_path: Path):
    path = write_log(tmp_path / "log.eval", [sample(1, value="C"), sample(2, value="I"), sample(3, value="I")])
    run = read_inspect_log(path, columns=LANG, labels={"C": "refused", "I": "complied"})
    card = write_imported(run, tmp_path / "run")
    assert card.judge == "inspect:theirs"
    assert card.languages["sw"].harmful_refusal_rate == pytest.approx(1 / 3)


def test_a_score_that_no_label_explains_is_an_error(tmp_path: Path):
    path = write_log(tmp_path / "log.eval", [sample(1, value="C"), sample(2, value="P")])
    with pytest.raises(BrokenInput, match=r"sample 2: theirs says 'P'.*C=refused"):
        read_inspect_log(path, columns=LANG, labels={"C": "refused"})
    with pytest.raises(UnknownName, match="No label 'no'"):
        read_inspect_log(path, columns=LANG, labels={"C": "no"})
    with pytest.raises(UnknownName, match=r"No scorer 'them'\. Known: theirs\. Did you mean 'theirs'"):
        read_inspect_log(path, columns=LANG, scorer="them")


def test_one_of_several_epochs_has_to_be_chosen(tmp_path: Path):
    samples = [sample(1, epoch=1), sample(1, epoch=2, reply="complied")]
    path = write_log(tmp_path / "log.eval", samples)
    with pytest.raises(BrokenInput, match=r"2 times .*--epoch"):
        read_inspect_log(path, columns=LANG)
    run = read_inspect_log(path, columns=LANG, epoch=2)
    assert [reply.text for reply in run.replies.values()] == ["complied"]
    with pytest.raises(UnknownName, match="No epoch '3'"):
        read_inspect_log(path, columns=LANG, epoch=3)


def test_a_sample_that_failed_is_a_failure(tmp_path: Path):
    failed = sample(2, value=None)
    failed.error = EvalError(message="rate limit", traceback="", traceback_ansi="")
    run = read_inspect_log(write_log(tmp_path / "log.eval", [sample(1), failed]), columns=LANG)
    assert {reply.error for reply in run.replies.values()} == {None, "rate limit"}


def test_a_long_prompt_is_read_whole(tmp_path: Path):
    """Inspect stores long texts once and leaves a reference in their place."""
    one = sample(1)
    one.input = [ChatMessageUser(content="long " * 500)]
    run = read_inspect_log(write_log(tmp_path / "log.eval", [one]), columns=LANG)
    assert run.prompts.prompts[0].text == "long " * 500


def test_what_is_no_log_is_said_so(tmp_path: Path):
    with pytest.raises(UnknownName, match="No file"):
        read_inspect_log(tmp_path / "log.eval")
    for name in ("log.eval", "log.json"):
        (tmp_path / name).write_text("nothing")
        with pytest.raises(BrokenInput, match="cannot be read as an Inspect log"):
            read_inspect_log(tmp_path / name)
    path = write_log(tmp_path / "good.eval", [sample(1)])
    with pytest.raises(BrokenInput, match="--column language=NAME"):
        read_inspect_log(path)
