import csv
import json
import sys

import pytest
from typer.testing import CliRunner

from isogloss.cli.main import app
from isogloss.core.errors import BrokenInput, MissingExtra, PlanMismatch, UnknownName
from isogloss.survey.counts import read_counts
from isogloss.survey.records import load_papers

pytest.importorskip("prismaflow", reason="prisma-flow is not installed (isogloss[survey])")


def call(*words):
    return CliRunner().invoke(app, ["survey", *map(str, words)])


@pytest.fixture
def small(clone, make_volume, make_paper):
    papers = [make_paper(1, "One", "We study safety."), make_paper(2, "Two", "Unsafe."), make_paper(3, "Three")]
    clone.add("2021.acl", make_volume(papers, name="long"))
    clone.write("2021.bad", "<collection id='2021.bad'>\n<volume")
    return clone


def test_a_run_leaves_everything_needed_to_repeat_and_check_it(small, tmp_path):
    out = tmp_path / "run"
    done = call("run", small.root, "--output", out)
    assert done.exit_code == 0, done.output
    record = json.loads((out / "run.json").read_text("utf-8"))
    assert record["command"] == "survey"
    assert record["plan"]["query"]["terms"] == ["safe", "safety"]
    assert record["fingerprints"]["data"]["1"]["files"] == 2
    assert set(record["packages"]) == {"lxml", "prisma-flow"}
    assert [paper.id for paper in load_papers(out / "papers.jsonl")] == ["2021.acl-long.1"]
    counts = json.loads((out / "counts.json").read_text("utf-8"))
    assert read_counts(counts).included == counts["included"] == 1
    rows = list(csv.DictReader((out / "sensitivity.csv").open(encoding="utf-8")))
    assert [(row["records"], row["is_query"]) for row in rows[:2]] == [("1", "1"), ("2", "0")]
    assert "(n = 3)" in (out / "prisma.svg").read_text("utf-8")
    warnings = (out / "warnings.txt").read_text("utf-8")
    assert "2021.bad.xml, line 2" in warnings
    assert "1 of 3 papers in scope (33.3 %) have no abstract" in warnings


def test_the_screen_says_what_the_files_say(small, tmp_path):
    done = call("run", small.root, "--output", tmp_path / "run")
    for words in ("included", "terms not found", "match: substring", "+1"):
        assert words in done.output


def test_json_is_the_counts(small, tmp_path):
    done = call("run", small.root, "--output", tmp_path / "run", "--json")
    assert json.loads(done.stdout)["included"] == 1


def test_the_same_run_may_be_repeated_and_another_needs_its_own_folder(small, tmp_path):
    out = tmp_path / "run"
    assert call("run", small.root, "--output", out).exit_code == 0
    first = (out / "papers.jsonl").read_bytes(), (out / "sensitivity.csv").read_bytes()
    assert call("run", small.root, "--output", out).exit_code == 0
    assert first == ((out / "papers.jsonl").read_bytes(), (out / "sensitivity.csv").read_bytes())
    small.write("2021.bad", "<collection id='2021.bad'/>")
    done = call("run", small.root, "--output", out)
    assert isinstance(done.exception, PlanMismatch)


def test_two_sources_are_counted_apart_and_their_duplicates_removed(small, tmp_path):
    more = tmp_path / "more.bib"
    url = "https://aclanthology.org/2021.acl-long.1"
    more.write_text(f'@inproceedings{{x, title={{One}}, year=2021, abstract={{Safety.}}, url="{url}"}}\n', "utf-8")
    out = tmp_path / "run"
    done = call("run", small.root, more, "--output", out)
    assert done.exit_code == 0, done.output
    counts = json.loads((out / "counts.json").read_text("utf-8"))
    assert counts["identified"] == {"anthology": 3, "more.bib": 1}
    assert (counts["duplicates"], counts["included"]) == ({"same id": 1}, 1)


def test_a_query_of_your_own_begins_with_a_copy_of_the_default(small, tmp_path):
    mine = tmp_path / "mine.toml"
    assert call("query", "--output", mine).exit_code == 0
    assert mine.read_text("utf-8") == call("query").stdout
    assert isinstance(call("query", "--output", mine).exception, BrokenInput)
    mine.write_text(mine.read_text("utf-8").replace('"whole_word"', '"substring"'), "utf-8")
    out = tmp_path / "run"
    assert call("run", small.root, "--query", mine, "--output", out).exit_code == 0
    assert json.loads((out / "counts.json").read_text("utf-8"))["included"] == 2


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        (["nowhere"], UnknownName, "nowhere"),
        (["{root}", "--query", "none.toml"], UnknownName, "isogloss survey query"),
        (["{root}", "--column", "title"], BrokenInput, "ours=theirs"),
        (["{root}", "--full-texts", "none"], UnknownName, "none"),
    ],
)
def test_what_cannot_be_done_is_said(small, tmp_path, words, kind, said):
    given = [word.format(root=small.root) for word in words]
    done = call("run", *given, "--output", tmp_path / "run")
    assert isinstance(done.exception, kind)
    assert said in str(done.exception)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("package", ["lxml.etree", "prismaflow"])
def test_without_the_extra_one_sentence_names_the_install_command(small, tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    done = call("run", small.root, "--output", tmp_path / "run")
    assert isinstance(done.exception, MissingExtra)
    assert "pip install 'isogloss[survey]'" in str(done.exception)
