import csv
import json

import pytest
from typer.testing import CliRunner

from isogloss.cli.main import app
from isogloss.core.errors import BrokenInput
from isogloss.survey.annotations import Annotation
from isogloss.survey.annotations_files import write_annotations
from isogloss.survey.records import Paper, write_papers


def call(*words):
    return CliRunner().invoke(app, ["survey", *map(str, words)])


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    papers = [
        Paper(id=f"p{n}", title=f"Jailbreaks {n}", abstract="In Swahili.", year=2020 + n % 3, venue_group="main")
        for n in range(12)
    ]
    write_papers(papers, folder / "papers.jsonl")
    published = [{"year": year, "group": "main", "papers": 100} for year in (2020, 2021, 2022)]
    (folder / "counts.json").write_text(json.dumps({"published": published}), "utf-8")
    return folder


@pytest.fixture
def labels(tmp_path):
    paths = []
    for who in ("a1", "a2"):
        rows = [
            Annotation(f"p{n}", who, relevant=True, topic="jailbreaking", languages=("sw",) if n % 2 else ("en",),
                       stated=n % 4 != 0)
            for n in range(12)
        ]  # fmt: skip
        paths.append(tmp_path / f"{who}.csv")
        write_annotations(rows, paths[-1])
    return paths


def test_a_sheet_is_written_with_its_codebook(run, tmp_path):
    done = call("annotate-template", run, "--output", tmp_path / "sheet.csv", "--annotator", "a1", "--every", 3)
    assert done.exit_code == 0, done.output
    assert len(list(csv.DictReader((tmp_path / "sheet.csv").open(encoding="utf-8-sig")))) == 4
    assert "jailbreaking" in (tmp_path / "sheet.codebook.md").read_text("utf-8")


def test_suggestions_are_written_and_scored_and_called_what_they_are(run, labels, tmp_path):
    out = tmp_path / "s.jsonl"
    done = call("suggest", run, "--output", out, "--labels", labels[0])
    assert done.exit_code == 0, done.output
    assert "Suggestions are not labels" in done.output
    assert "precision of languages" in done.output
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert rows[0]["languages"] == ["sw"]
    assert rows[0]["source"] == "rule"
    value = json.loads(call("suggest", run, "--output", out, "--labels", labels[0], "--json").stdout)
    # Swahili is suggested for all 12 papers and right for 6
    assert value["score"]["precision"]["value"] == pytest.approx(0.5)


def test_agreement_is_shown_and_written(labels, tmp_path):
    done = call("agree", *labels, "--output", tmp_path / "agreement.json")
    assert done.exit_code == 0, done.output
    rows = {row["label"]: row for row in json.loads((tmp_path / "agreement.json").read_text("utf-8"))["labels"]}
    assert rows["languages"]["jaccard"]["value"] == 1.0
    assert rows["coverage"]["papers"] == 12


def test_coverage_leaves_record_tables_labels_and_page(run, labels, tmp_path):
    out = tmp_path / "coverage"
    done = call("coverage", run, "--labels", labels[0], "--labels", labels[1], "--output", out)
    assert done.exit_code == 0, done.output
    record = json.loads((out / "coverage.json").read_text("utf-8"))
    assert record["papers"]["relevant"] == 12
    assert (out / "tables" / "years.csv").exists()
    assert "coverage" in (out / "coverage.html").read_text("utf-8")
    row = json.loads((out / "labels.jsonl").read_text("utf-8").splitlines()[0])
    assert (row["how"], len(row["originals"])) == ("agreed", 2)


def test_undecided_conflicts_stop_and_decisions_settle_them(run, labels, tmp_path):
    other = tmp_path / "other.csv"
    write_annotations([Annotation("p0", "a3", relevant=True, topic="privacy")], other)
    arguments = ("coverage", run, "--labels", labels[0], "--labels", other, "--output", tmp_path / "c")
    done = call(*arguments)
    assert isinstance(done.exception, BrokenInput)
    assert "Conflicting labels on 1 papers: p0" in str(done.exception)
    decided = tmp_path / "decided.csv"
    decided.write_text("paper,topic\np0,privacy\n", "utf-8")
    assert call(*arguments, "--decisions", decided).exit_code == 0


def test_replicate_lists_every_claim(tmp_path):
    path = tmp_path / "released.csv"
    path.write_text("jahr,klasse\n2020,E\n2020,E\n2020,M\n", "utf-8")
    options = ("--column", "year=jahr", "--column", "class=klasse", "--value", "class:E=english_only")
    done = call("replicate", path, *options, "--value", "class:M=multilingual", "--output", tmp_path / "r.json")
    assert done.exit_code == 0, done.output
    assert "secondary" in done.output
    assert "138.3" in done.output
    found = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert {row["claim"]["id"]: row["verdict"] for row in found["checked"]}["gap_2020"] == "differs"


@pytest.mark.parametrize(
    ("options", "message"),
    [(("--column", "year"), "should read ours=theirs"), (("--value", "a=b"), "FIELD:THEIRS=OURS")],
)
def test_mappings_are_checked(tmp_path, options, message):
    path = tmp_path / "released.csv"
    path.write_text("class\nmultilingual\n", "utf-8")
    assert message in str(call("replicate", path, *options).exception)
