import pytest

from isogloss.core.errors import BrokenInput, UnknownName
from isogloss.survey.records import Paper, load_papers, write_papers

FULL = Paper(
    id="2021.acl-long.1",
    title="Größe – 安全",
    abstract="Text.",
    authors=("Ada Lovelace", "汪浩"),
    year=2021,
    venues=("acl", "ijcnlp"),
    venue_group="main",
    acl_family=True,
    volume="2021.acl-long",
    source="anthology",
    kind="proceedings",
    doi="10.1/x",
    url="https://aclanthology.org/2021.acl-long.1",
    events=("acl-2021",),
    revisions=2,
    retracted="An error.",
    full_text="Body.",
)


def test_papers_come_back_as_they_were(tmp_path):
    papers = [FULL, Paper(id="a", title="")]
    assert write_papers(papers, tmp_path / "papers.jsonl") == 2
    assert list(load_papers(tmp_path / "papers.jsonl")) == papers


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("not json", "line 2"),
        ('{"id": "a"}', "title"),
        ('{"id": "", "title": "T"}', "id"),
        ('{"id": "a", "title": "T", "absract": "x"}', "absract"),
        ('{"id": "a", "title": "T", "venue_group": "club"}', "venue_group"),
    ],
)
def test_a_line_that_is_no_paper_is_named(tmp_path, line, said):
    path = tmp_path / "papers.jsonl"
    path.write_text('{"id": "a", "title": "T"}\n' + line + "\n", "utf-8")
    with pytest.raises(BrokenInput, match=said) as error:
        list(load_papers(path))
    assert "line 2" in str(error.value)


def test_a_missing_file_is_named_at_once(tmp_path):
    with pytest.raises(UnknownName, match=r"none\.jsonl"):
        load_papers(tmp_path / "none.jsonl")
