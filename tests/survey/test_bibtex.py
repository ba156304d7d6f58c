import pytest

from isogloss.core.errors import BrokenInput, UnknownName
from isogloss.survey.bibtex import load_bibtex
from isogloss.survey.loading import LoadReport


def load(tmp_path, text, **settings):
    path = tmp_path / "refs.bib"
    path.write_text(text, "utf-8")
    report = LoadReport()
    return list(load_bibtex(path, report=report, **settings)), report


ANTHOLOGY = """
@string{acl = "Association for Computational Linguistics"}
@inproceedings{beck-etal-2021-investigating,
    title = "Investigating {BERT} for {G}erman: {\\"u}ber {``}safe{''} models",
    author = {Beck, Tilman  and
      M{\\"u}ller, J{\\'e}r{\\^o}me and
      {The Team}},
    booktitle = "Proceedings of " # acl # { 2021},
    month = aug,
    year = "2021",
    url = "https://aclanthology.org/2021.acl-long.1",
    doi = "https://doi.org/10.18653/V1/2021.acl-long.1",
    abstract = "A {\\%}-safe, R{\\&}D abstract with $x_{1}$."
}
"""


def test_an_entry_of_the_anthology_is_read_with_all_its_fields(tmp_path):
    [paper], report = load(tmp_path, ANTHOLOGY)
    assert paper.id == "2021.acl-long.1"
    assert paper.title == "Investigating BERT for German: über “safe” models"
    assert paper.authors == ("Tilman Beck", "Jérôme Müller", "The Team")
    assert paper.abstract == "A %-safe, R&D abstract with $x_{1}$."
    assert (paper.year, paper.doi) == (2021, "10.18653/v1/2021.acl-long.1")
    assert (paper.venues, paper.venue_group, paper.volume) == (("acl",), "main", "2021.acl-long")
    assert report.problems == []


def test_an_entry_of_another_kind_keeps_its_key_and_names_its_venue(tmp_path):
    text = "@article{key2020,\n title={T}, date={2020-05-01}, journal={J of {\\L}ists}, venue={TACL}}\n"
    [paper], _ = load(tmp_path, text)
    assert (paper.id, paper.year, paper.volume, paper.kind) == ("key2020", 2020, "J of Łists", "article")
    assert (paper.venues, paper.venue_group) == (("tacl",), "journals")


def test_round_brackets_comments_and_text_between_entries(tmp_path):
    text = 'Free text.\n@comment{x = {y}}\n@preamble{ "p" }\n@misc(k,\n title = {In round brackets}\n)\n% @misc{no,\n'
    papers, report = load(tmp_path, text)
    assert [paper.title for paper in papers] == ["In round brackets"]
    assert report.problems == []


def test_proceedings_are_counted_and_left_out(tmp_path):
    papers, report = load(tmp_path, "@proceedings{p, title={P}}\n@book{b, title={B}}\n@misc{m, title={M}}\n")
    assert [paper.id for paper in papers] == ["m"]
    assert report.not_papers == {"proceedings": 1, "book": 1}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("@misc{bad,\n title = {Open\n", "braces are not closed"),
        ("@misc{bad, title {No equals sign}}\n", "field = value"),
        ("@misc{bad, title = {A} year = 2020}\n", "comma"),
        ("@misc{title = {No key}}\n", "no key"),
        ("@misc{bad, title = }\n", "a value"),
        ("@misc{bad, year = 2020}\n", "no title"),
    ],
)
def test_a_malformed_entry_is_named_with_its_line_and_the_next_is_read(tmp_path, entry, said):
    papers, report = load(tmp_path, "@misc{first, title={A}}\n\n" + entry + "@misc{last, title={B}}\n")
    assert [paper.id for paper in papers] == ["first", "last"]
    [problem] = report.problems
    assert problem.place == "refs.bib, line 3"
    assert said in problem.what


def test_an_unknown_macro_is_named_and_the_entry_kept(tmp_path):
    [paper], report = load(tmp_path, "@misc{m, title={A}, journal = nosuch}\n")
    assert paper.id == "m"
    assert "nosuch" in report.problems[0].what


def test_a_file_that_is_not_utf8_is_explained(tmp_path):
    path = tmp_path / "refs.bib"
    path.write_bytes("@misc{m, title={Müller}}\n".encode("latin-1"))
    with pytest.raises(BrokenInput, match="iconv"):
        list(load_bibtex(path))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UnknownName, match="none"):
        load_bibtex(tmp_path / "none.bib")
