"""Running, stopping and going on: nothing is lost, nothing is asked twice."""

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from parts import WordJudge, small_plan, small_set

from isogloss.audit import load_scorecard, run_audit, select_prompts
from isogloss.core import Kind, Split
from isogloss.core.errors import EndpointFailed, NothingToDo, PlanMismatch, UnknownLanguage, WriteFailed
from isogloss.core.journal import read_rows
from isogloss.models.scripted import ScriptedModel


def answer(prompt):
    return "refused" if prompt.kind == Kind.HARMFUL and prompt.language.tag == "en" else "complied"


def test_an_audit_leaves_the_promised_files(tmp_path):
    run_audit(small_plan(), ScriptedModel(answer), small_set(), WordJudge(), tmp_path)
    card = json.loads((tmp_path / "scorecard.json").read_text())
    assert card["languages"]["en"]["harmful_refusal_rate"] == 1.0
    assert card["languages"]["sw"]["selectivity_points"] == 0.0
    assert card["worst"]["language"] == "sw"
    verdict = next(read_rows(tmp_path / "verdicts.jsonl"))
    assert {"prompt_id", "language", "kind", "verdict", "judge"} <= verdict.keys()
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["plan"]["prompts"] == "small"
    assert record["prompt_card"]["licence"] == "CC0-1.0"


def test_a_finished_audit_asks_nothing_again(tmp_path):
    first = run_audit(small_plan(), ScriptedModel(answer), small_set(), WordJudge(), tmp_path)
    again = ScriptedModel(answer)
    assert run_audit(small_plan(), again, small_set(), WordJudge(), tmp_path) == first
    assert again.asked == []


def test_a_run_interrupted_between_replies_and_verdicts_is_judged_on_resume(tmp_path):
    run_audit(small_plan(), ScriptedModel(answer), small_set(), WordJudge(), tmp_path)
    expected = (tmp_path / "scorecard.json").read_bytes()
    verdicts = (tmp_path / "verdicts.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "verdicts.jsonl").write_text("".join(verdicts[:5]))
    run_audit(small_plan(), ScriptedModel(answer), small_set(), WordJudge(), tmp_path)
    assert (tmp_path / "scorecard.json").read_bytes() == expected


@pytest.mark.parametrize(
    ("plan", "prompts", "said"),
    [
        (small_plan(seed=3), small_set(), "plan.seed was 0, now 3"),
        (small_plan(), small_set(seeds=5), "fingerprints.prompts was"),
    ],
)
def test_another_plan_or_set_is_refused_and_named(tmp_path, plan, prompts, said):
    run_audit(small_plan(), ScriptedModel(answer), small_set(), WordJudge(), tmp_path)
    with pytest.raises(PlanMismatch, match=said):
        run_audit(plan, ScriptedModel(answer), prompts, WordJudge(), tmp_path)


def test_failed_prompts_are_listed_and_asked_again_on_resume(tmp_path):
    model = ScriptedModel(answer, failures={"small-harmful-1"})
    row = run_audit(small_plan(), model, small_set(), WordJudge(), tmp_path).languages["sw"]
    assert (row.failed, row.asked_harmful, row.n_harmful) == (1, 4, 3)
    # the same endpoint, recovered: same identity, no failures now
    healed = ScriptedModel(answer)
    healed.fingerprint = model.fingerprint
    row = run_audit(small_plan(), healed, small_set(), WordJudge(), tmp_path).languages["sw"]
    assert (row.failed, row.n_harmful) == (0, 4)
    assert {prompt.id for prompt in healed.asked} == {"small-harmful-1"}


def test_an_audit_in_which_everything_fails_says_so(tmp_path):
    ids = {prompt.id for prompt in small_set()}
    with pytest.raises(EndpointFailed, match=r"None of the 16 prompts .* scripted failure"):
        run_audit(small_plan(), ScriptedModel(answer, failures=ids), small_set(), WordJudge(), tmp_path)


def test_progress_counts_up_to_the_number_of_prompts(tmp_path):
    seen = []
    run_audit(
        small_plan(), ScriptedModel(answer), small_set(), WordJudge(), tmp_path, progress=lambda *a: seen.append(a)
    )
    assert seen[0] == ("replies", 0, 16)
    assert seen[-1] == ("replies", 16, 16)


def test_a_full_disk_is_one_sentence_and_keeps_what_was_written(tmp_path, monkeypatch):
    real, written = os.write, []

    def write(descriptor, data):
        if len(written) == 7:
            return real(descriptor, data[: len(data) // 2])
        written.append(data)
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(WriteFailed, match=r"No space left on device\. The 7 rows before it are safe"):
        run_audit(small_plan(), ScriptedModel(answer), small_set(), WordJudge(), tmp_path)
    monkeypatch.undo()
    resumed = ScriptedModel(answer)
    run_audit(small_plan(), resumed, small_set(), WordJudge(), tmp_path)
    assert len(resumed.asked) == 9
    assert len(list(read_rows(tmp_path / "replies.jsonl"))) == 16


def test_the_plan_chooses_languages_split_and_limit():
    prompts = small_set()
    assert len(select_prompts(small_plan(languages="sw"), prompts)) == 8
    assert {prompt.split for prompt in select_prompts(small_plan(split="test"), prompts)} == {Split.TEST}
    assert len(select_prompts(small_plan(limit=1), prompts)) == 4
    assert {prompt.split for prompt in select_prompts(small_plan(repair="somewhere"), prompts)} == {Split.TEST}


def test_a_language_that_the_set_does_not_hold_is_named():
    with pytest.raises(UnknownLanguage, match=r"small: No prompts for 'yo'\. Known: en, sw"):
        select_prompts(small_plan(languages="yo"), small_set())


def test_a_selection_that_leaves_nothing_is_an_error():
    with pytest.raises(NothingToDo, match="small has no prompts for: validation"):
        select_prompts(small_plan(split="validation"), small_set())


VICTIM = """
    import sys
    sys.path.insert(0, {parts!r})
    from pathlib import Path
    from parts import WordJudge, small_plan, small_set
    from isogloss.audit import run_audit
    from isogloss.models.scripted import ScriptedModel

    def answer(prompt):
        return "refused" if prompt.kind == "harmful" and prompt.language.tag == "en" else "complied"

    answer.__module__ = "test_run"
    run_audit(small_plan(), ScriptedModel(answer, delay_seconds=0.002), small_set(seeds=60), WordJudge(), Path({out!r}))
"""


def test_twenty_kills_lose_nothing_and_repeat_nothing(tmp_path):
    undisturbed = tmp_path / "undisturbed"
    model = ScriptedModel(answer)
    model._answers.__module__ = "test_run"
    run_audit(small_plan(), model, small_set(seeds=60), WordJudge(), undisturbed)
    generator = random.Random(4)
    folder = tmp_path / "killed"
    script = textwrap.dedent(VICTIM.format(parts=str(Path(__file__).parent), out=str(folder)))
    kills = 0
    while kills < 20:
        process = subprocess.Popen([sys.executable, "-c", script])
        while process.poll() is None and not (folder / "replies.jsonl").exists():
            time.sleep(0.005)
        time.sleep(generator.uniform(0, 0.06))
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    assert kills >= 5, "the audit ended before it could be killed often enough"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
    keys = [row["key"] for row in read_rows(folder / "replies.jsonl")]
    assert len(keys) == len(set(keys)) == 240
    assert (folder / "scorecard.json").read_bytes() == (undisturbed / "scorecard.json").read_bytes()
    assert load_scorecard(folder) == load_scorecard(undisturbed)
