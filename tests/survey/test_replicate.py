import csv

import pytest

from isogloss.core.errors import BrokenInput, UnknownName
from isogloss.survey.codebook import default_codebook
from isogloss.survey.replicate import check_gap_and_share, compare_with_published, load_claims
from isogloss.survey.replicate_columns import load_released_labels

BOOK = default_codebook()


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def row(year, kind, languages, topic="Policy", named="yes", where="conf"):
    return {"Year": year, "kind": kind, "langs": languages, "topic": topic, "named": named, "where": where}


COLUMNS = {"year": "Year", "class": "kind", "languages": "langs", "stated": "named", "venue": "where"}
VALUES = {
    "class": {"eng": "english_only", "mono": "one_non_english", "multi": "multilingual"},
    "venue": {"conf": "conference", "ws": "workshop"},
}


def load(path, columns=COLUMNS, values=VALUES):
    return load_released_labels(path, BOOK, columns=columns, values=values)


@pytest.fixture
def table(tmp_path):
    """2020: 8 English only (4 unnamed, 2 at workshops), 2 Chinese (1 at a workshop), 1 multilingual. 2024: 9 more."""
    rows = [
        row(2020, "eng", "English", named="no" if n < 4 else "yes", where="ws" if n < 2 else "conf") for n in range(8)
    ]
    rows += [row(2020, "mono", "Mandarin", where="ws"), row(2020, "mono", "Chinese", topic="LLM alignment")]
    rows += [row(2020, "multi", "English; Afrikaans"), row(2020, "eng", "English", topic="Not related to safety")]
    rows += [row(2024, "eng", "English") for _ in range(9)]
    return write(tmp_path / "labels.csv", rows)


def checked(found):
    return {one.claim.id: one for one in found.checked}


def test_headline_figures_come_out_under_every_definition(table):
    found = compare_with_published(load(table), BOOK)
    rows = checked(found)
    assert (found.papers, found.set_aside, found.disagreeing) == (20, 1, 0)
    # 17 of 20 papers are on English only
    assert [reading.value for reading in rows["english_share"].readings] == [pytest.approx(17 / 20)] * 2
    assert rows["english_share"].verdict == "reproduced"
    # 2020: 8 - (2 + 1), 8 - 2, 8 - 1
    assert [reading.value for reading in rows["gap_2020"].readings] == [5, 6, 7]
    assert rows["gap_2020"].verdict == "depends on the definition"
    assert rows["gap_2024"].verdict == "differs"
    # 4 of 17 do not name English
    assert rows["undocumented_english"].readings[0].value == pytest.approx(4 / 17)
    assert rows["documented_others"].verdict == "reproduced"
    # 1 of 2 by 2 of 17, by 2 of 18, by 3 of 20
    assert [reading.value for reading in rows["workshop_ratio"].readings] == pytest.approx([4.25, 4.5, 10 / 3])
    assert rows["languages"].readings[0].value == 3
    assert rows["afrikaans"].verdict == "reproduced"
    # two papers on Chinese by 18 on English; alone, 2 by 17
    assert [r.value for r in rows["second_language"].readings] == pytest.approx([2 / 18, 2 / 17])
    assert rows["alignment_most_english"].readings[0].value == 2
    assert found.as_json()["checked"][0]["verdict"] == "differs"


def test_the_tension_is_said(table):
    found = compare_with_published(load(table), BOOK)
    # gap 83, share 0.8: fewer than 83 / 0.6 = 138.3 papers; the table has 9 in 2024, fewer than the gap
    assert found.tension.most_papers == pytest.approx(138.33, abs=0.01)
    assert found.tension.holds is False


@pytest.mark.parametrize(("papers", "holds"), [(None, None), (120, True), (138, True), (139, False), (150, False)])
def test_a_gap_of_83_and_a_share_above_80_percent_need_fewer_than_139_papers(papers, holds):
    found = check_gap_and_share(83, 0.8, papers=papers)
    assert found.holds is holds
    assert "138.3" in found.sentence
    assert ("cannot hold" in found.sentence) is (holds is False)


def test_a_gap_and_a_share_outside_their_range_are_refused():
    with pytest.raises(ValueError, match="share in"):
        check_gap_and_share(83, 0.5)


def test_claims_are_marked_secondary_and_read_as_ranges():
    standing, claims = load_claims()
    assert standing.startswith("secondary")
    assert all(claim.low <= claim.high and claim.reading for claim in claims)


def test_what_the_table_lacks_is_named(tmp_path):
    path = write(tmp_path / "a.csv", [{"class": "English only"}, {"class": "multilingual"}])
    rows = checked(compare_with_published(load(path, columns={}, values={}), BOOK))
    assert rows["workshop_ratio"].verdict == "cannot be computed"
    assert rows["workshop_ratio"].missing == ("venue",)
    assert rows["english_share"].readings[0].value == 0.5


def test_an_undeclared_table_says_which_columns_it_has(tmp_path):
    path = write(tmp_path / "a.csv", [{"Sprache": "English", "Thema": "x"}])
    with pytest.raises(
        BrokenInput, match=r"Found: Sprache, Thema\. Say which is which, for example: --column languages="
    ):
        load(path, columns={}, values={})


def test_a_declared_column_that_is_absent_is_named_with_those_found(tmp_path):
    path = write(tmp_path / "a.csv", [{"langs": "English"}])
    with pytest.raises(BrokenInput, match=r"no column 'lang'\. Found: langs\. Did you mean 'langs'"):
        load(path, columns={"languages": "lang"}, values={})
    with pytest.raises(UnknownName, match="field of labels 'langs'"):
        load(path, columns={"langs": "langs"}, values={})


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"class": "mono"}, r"No value of class 'mono'.*--value 'class:mono=OURS'"),
        ({"topic": "weather"}, "No value of topic 'weather'"),
        ({"languages": "Simlish"}, "'Simlish' is no language.*--value 'languages:Simlish=TAG'"),
        ({"languages": "en", "venue": "ACL"}, "No value of venue 'ACL'"),
        ({"languages": "en", "year": "20"}, "expected four digits"),
        ({"languages": "en", "stated": "perhaps"}, "No value of stated 'perhaps'"),
    ],
)
def test_unknown_values_are_named_with_their_row(tmp_path, cells, message):
    with pytest.raises(BrokenInput, match=message):
        load(write(tmp_path / "a.csv", [cells]), columns={}, values={})


def test_rows_whose_class_contradicts_their_languages_are_counted(tmp_path):
    path = write(tmp_path / "a.csv", [{"class": "multilingual", "languages": "en"}])
    mapped = load(path, columns={}, values={})
    assert mapped.disagreeing == 1
    assert mapped.papers[0].coverage == "english_only"


def test_values_can_be_set_aside_and_lists_are_read(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"languages": ["English", "code"]}\n{"languages": "[\'sw\', \'yo\']"}\n', "utf-8")
    mapped = load(path, columns={}, values={"languages": {"code": "none"}})
    assert [entry.label.languages for entry in mapped.papers] == [("en",), ("sw", "yo")]
