from pathlib import Path

import pytest

from isogloss.core.errors import NothingToDo, UnknownName
from isogloss.core.run import open_run
from isogloss.exchange import iterate_rows


def test_every_prompt_comes_once_with_its_verdict_or_its_reason(run_folder: Path):
    rows = list(iterate_rows(run_folder))
    assert len(rows) == 12
    assert [row.verdict["verdict"] == row.fields["reply"] for row in rows if row.verdict] == [True] * 11
    [failed] = [row for row in rows if row.error]
    assert (failed.fields["prompt_id"], failed.fields["language"], failed.verdict) == ("harmless-2", "sw", None)
    assert failed.error == "scripted failure"


def test_a_reply_that_nobody_judged_yet_has_no_verdict(run_folder: Path):
    verdicts = run_folder / "verdicts.jsonl"
    verdicts.write_text("".join(verdicts.read_text().splitlines(keepends=True)[:-1]))
    assert sum(row.verdict is None and row.error is None for row in iterate_rows(run_folder)) == 1


def test_a_folder_without_a_run_or_without_replies_is_an_error(tmp_path: Path):
    with pytest.raises(UnknownName, match="No run in"):
        list(iterate_rows(tmp_path))
    open_run(tmp_path, command="audit", plan={}, fingerprints={})
    with pytest.raises(NothingToDo, match="no replies yet"):
        list(iterate_rows(tmp_path))
