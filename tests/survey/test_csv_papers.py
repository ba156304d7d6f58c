import pytest

from isogloss.core.errors import BrokenInput, UnknownName
from isogloss.survey.csv_papers import load_csv_papers
from isogloss.survey.loading import LoadReport


def load(tmp_path, text, *, name="papers.csv", **settings):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    report = LoadReport()
    return list(load_csv_papers(path, report=report, **settings)), report


def test_rows_become_papers(tmp_path):
    text = (
        "\ufeffid,title,abstract,authors,year,venues,doi,full_text,notes\n"
        'a,"Safe, indeed","Two\nlines",Ada Lovelace; 汪浩,2021,ACL;ijcnlp,DOI:10.1/X,Body,n\n'
        "b,T,,,,,,,\n"
    )
    papers, report = load(tmp_path, text)
    assert (papers[0].title, papers[0].abstract, papers[0].year) == ("Safe, indeed", "Two lines", 2021)
    assert (papers[0].authors, papers[0].venues) == (("Ada Lovelace", "汪浩"), ("acl", "ijcnlp"))
    assert (papers[0].venue_group, papers[0].doi, papers[0].full_text) == ("main", "10.1/x", "Body")
    assert (papers[1].abstract, papers[1].year, papers[1].venues) == (None, None, ())
    assert (papers[0].source, report.problems) == ("papers.csv", [])


def test_columns_can_be_declared_and_tabs_separate_tsv(tmp_path):
    papers, _ = load(tmp_path, "Nr\tTitel\n1\tT, mit Komma\n", name="p.tsv", columns={"id": "Nr", "title": "Titel"})
    assert [(paper.id, paper.title) for paper in papers] == [("1", "T, mit Komma")]


def test_a_row_that_says_too_little_is_skipped_and_named(tmp_path):
    papers, report = load(tmp_path, "id,title,year\na,,2020\n,T,2020\nb,T,20\nc,T,2020\n")
    assert [paper.id for paper in papers] == ["c"]
    assert [(problem.place, problem.what.split(";")[0]) for problem in report.problems] == [
        ("papers.csv, line 2", "'title' is empty"),
        ("papers.csv, line 3", "'id' is empty"),
        ("papers.csv, line 4", "the year is '20', expected four digits"),
    ]


@pytest.mark.parametrize(
    ("text", "settings", "said"),
    [
        ("id,titel\n1,T\n", {}, "Did you mean 'titel'"),
        ("id;title\n1;T\n", {}, "separated by something else"),
        ("id,title\n1,T\n", {"columns": {"year": "Jahr"}}, "no 'Jahr'"),
        ("id,title,title\n1,T,T\n", {}, "twice"),
        ("id,title\n1,T,more\n", {}, "line 2 has 3 cells"),
        ('id,title\n1,"T\n', {}, "quote"),
        ("", {}, "empty"),
    ],
)
def test_a_file_that_does_not_fit_is_explained(tmp_path, text, settings, said):
    with pytest.raises(BrokenInput, match=said):
        load(tmp_path, text, **settings)


def test_a_column_that_papers_do_not_have_is_named(tmp_path):
    with pytest.raises(UnknownName, match="Did you mean 'abstract'"):
        load(tmp_path, "id,title\n", columns={"abstrakt": "x"})
