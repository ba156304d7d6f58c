import csv
import json

import pytest

from isogloss.core.errors import BrokenInput, UnknownName, UserError
from isogloss.survey.annotations import Annotation, derive_class
from isogloss.survey.annotations_adjudication import find_differences, require_settled, settle_labels, write_settlement
from isogloss.survey.annotations_files import describe_labels, load_annotations, write_annotations, write_template
from isogloss.survey.codebook import default_codebook
from isogloss.survey.records import Paper

BOOK = default_codebook()


def write(path, *rows):
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, names, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize(
    ("languages", "stated", "as_labelled", "apart"),
    [
        (("en",), True, "english_only", "english_only"),
        (("en",), False, "english_only", "unstated"),
        (("en", "en-IN"), None, "english_only", "english_only"),
        (("sw",), True, "one_non_english", "one_non_english"),
        (("en", "sw"), True, "multilingual", "multilingual"),
        ((), False, "undetermined", "unstated"),
        ((), None, "undetermined", "undetermined"),
        (None, True, None, None),
    ],
)
def test_the_class_follows_from_the_languages(languages, stated, as_labelled, apart):
    assert derive_class(languages, stated, unstated="as_labelled") == as_labelled
    assert derive_class(languages, stated, unstated="apart") == apart


def test_labels_are_read_and_normalised(tmp_path):
    path = write(
        tmp_path / "a.csv",
        {"paper": "p1", "annotator": "a1", "topic": "AI privacy", "languages": "Mandarin; en", "stated": "Yes"},
        {"paper": "p2", "annotator": "a1", "relevant": "no", "languages": ""},
        {"paper": "p3", "annotator": "a1", "languages": "none"},
        {"paper": "p4", "annotator": "a1", "topic": "", "languages": ""},
    )
    one, two, three = load_annotations(path, BOOK)
    assert (one.topic, one.languages, one.stated, one.relevant) == ("privacy", ("en", "zh"), True, True)
    assert (two.relevant, two.topic, two.languages) == (False, "not_safety", None)
    assert (three.languages, three.coverage) == ((), "undetermined")
    assert one.codebook == BOOK.version


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"languages": "Swahilli"}, r"line 2: 'Swahilli' is no language.*Did you mean Swahili"),
        ({"topic": "weather"}, "line 2: No topic 'weather'"),
        ({"topic": "privacy", "relevant": "no"}, "line 2: conflicting labels: relevant is no"),
        ({"topic": "privacy", "secondary_topic": "privacy"}, "both privacy"),
        ({"languages": "none", "stated": "yes"}, "could not be determined"),
        ({"languages": "sw", "coverage": "english_only"}, "does not follow from the languages"),
        ({"relevant": "perhaps"}, "expected yes or no"),
        ({"topic": "privacy", "confidence": "2"}, "between 0 and 1"),
        ({"topic": "privacy", "source": "ghost"}, "expected human, rule, model"),
        ({"topic": "privacy", "artefact": "song"}, "No artefact type"),
    ],
)
def test_wrong_labels_are_named_with_their_line(tmp_path, cells, message):
    path = write(tmp_path / "a.csv", {"paper": "p1", "annotator": "a1", **cells})
    with pytest.raises(BrokenInput, match=message):
        load_annotations(path, BOOK)


def test_one_annotator_may_not_label_a_paper_twice_and_differently(tmp_path):
    rows = [{"paper": "p1", "annotator": "a1", "topic": topic} for topic in ("privacy", "policy")]
    with pytest.raises(BrokenInput, match=r"line 3: conflicting labels: a1 labelled p1 otherwise in .*line 2"):
        load_annotations(write(tmp_path / "a.csv", *rows), BOOK)
    assert len(load_annotations(write(tmp_path / "b.csv", rows[0], rows[0]), BOOK)) == 1


def test_missing_and_unknown_columns_are_named(tmp_path):
    with pytest.raises(BrokenInput, match="no 'paper'"):
        load_annotations(write(tmp_path / "a.csv", {"id": "p1", "annotator": "a1"}), BOOK)
    with pytest.raises(BrokenInput, match="unknown column 'langs'"):
        load_annotations(write(tmp_path / "b.csv", {"paper": "p1", "annotator": "a1", "langs": "en"}), BOOK)
    with pytest.raises(UnknownName):
        load_annotations(tmp_path / "absent.csv", BOOK)


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_labels_survive_a_round_trip(tmp_path, ending):
    given = [
        Annotation("p1", "a1", relevant=True, topic="policy", secondary_topic="privacy", languages=("en", "sw"),
                   stated=True, quote="-in Swahili", artefact="dataset", confidence=0.5, time="2026-01-01T10:00:00Z",
                   note="=1+1", reason="r", codebook="1"),
        Annotation("p2", "a1", relevant=False, topic="not_safety", codebook="1"),
        Annotation("p3", "m", source="model", languages=(), stated=False, codebook="1"),
    ]  # fmt: skip
    path = tmp_path / f"a.{ending}"
    assert write_annotations(given, path) == 3
    assert load_annotations(path, BOOK) == given
    if ending == "csv":
        assert "'=1+1" in path.read_text("utf-8")


def test_the_template_has_a_row_for_every_annotator_and_no_suggestion(tmp_path):
    path = tmp_path / "sheet.csv"
    papers = [Paper(id="p1", title="=HYPERLINK(1)", abstract="In Swahili."), Paper(id="p2", title="T")]
    assert write_template(papers, path, BOOK, annotators=["a1", "a2"]) == 4
    rows = list(csv.DictReader(path.open(encoding="utf-8-sig")))
    assert [(row["paper"], row["annotator"]) for row in rows] == [
        ("p1", "a1"),
        ("p1", "a2"),
        ("p2", "a1"),
        ("p2", "a2"),
    ]
    assert rows[0]["title"] == "'=HYPERLINK(1)"
    assert rows[0]["languages"] == rows[0]["topic"] == ""
    assert load_annotations(path, BOOK) == []
    with pytest.raises(UserError, match="exists"):
        write_template(papers, path, BOOK, annotators=["a1"])
    with pytest.raises(UserError, match="not an annotator's id"):
        write_template(papers, tmp_path / "b.csv", BOOK, annotators=["A Person"])


def test_the_codebook_page_explains_every_topic():
    page = describe_labels(BOOK)
    assert all(f"`{topic.id}`" in page for topic in BOOK.topics)


A = Annotation("p1", "a1", relevant=True, topic="policy", languages=("en",), stated=True)
B = Annotation("p1", "a2", relevant=True, topic="privacy", languages=("en",), stated=True)


def test_differences_are_found_and_a_missing_label_is_none():
    assert find_differences([A, B]) == ("topic",)
    assert find_differences([A, Annotation("p1", "a3", topic="policy")]) == ()


def test_undecided_conflicts_stop_the_survey():
    settlement = settle_labels([A, B])
    assert settlement.unsettled == ("p1",)
    with pytest.raises(BrokenInput, match=r"Conflicting labels on 1 papers: p1.*--decisions"):
        require_settled(settlement)


def test_a_decision_counts_and_both_originals_are_kept(tmp_path):
    settlement = settle_labels([A, B], [Annotation("p1", "adjudicator", topic="privacy")])
    settled = settlement.papers["p1"]
    assert settled.originals == (A, B)
    assert (settled.label.topic, settled.label.languages, settled.how) == ("privacy", ("en",), "decided")
    write_settlement(settlement, tmp_path / "labels.jsonl")
    row = json.loads((tmp_path / "labels.jsonl").read_text("utf-8"))
    assert [one["topic"] for one in row["originals"]] == ["policy", "privacy"]
    assert row["label"]["topic"] == "privacy"
    assert row["differed"] == ["topic"]


def test_a_decision_that_leaves_the_difference_open_decides_nothing():
    assert settle_labels([A, B], [Annotation("p1", "adjudicator", stated=True)]).unsettled == ("p1",)


def test_suggestions_never_become_labels():
    rule = Annotation("p2", "rules-1", source="rule", languages=("sw",))
    settlement = settle_labels([A, rule])
    assert list(settlement.papers) == ["p1"]
    assert settlement.suggestions == 1
    with pytest.raises(BrokenInput, match="only people decide"):
        settle_labels([A, B], [Annotation("p1", "m", source="model", topic="privacy")])
    with pytest.raises(BrokenInput, match="Two decisions"):
        settle_labels([A, B], [A, A])
