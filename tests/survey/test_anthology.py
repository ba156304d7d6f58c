import pytest

from isogloss.core.errors import UnknownName
from isogloss.survey.anthology import load_anthology
from isogloss.survey.loading import LoadReport


def load(path):
    report = LoadReport()
    return list(load_anthology(path, report=report)), report


def test_a_paper_is_read_with_all_its_fields(clone, make_volume, make_paper):
    inner = (
        "<author id='x'><first>Ada</first><last>Lovelace</last><affiliation>A</affiliation>"
        "<variant script='hani'><first>汪</first><last>浩</last></variant></author>"
        "<author><last>Mausam</last></author><doi>10.1/ABC</doi>"
        "<revision id='1' href='a' hash='b'/><revision id='2' href='a' hash='b'>Fixed.</revision>"
    )
    paper = make_paper(7, "A  title", "Text.", inner=inner)
    clone.add("2021.acl", make_volume([paper], name="long", venues=("acl", "ijcnlp")))
    [read], _ = load(clone.root)
    assert read.id == "2021.acl-long.7"
    assert (read.title, read.abstract, read.year) == ("A title", "Text.", 2021)
    assert read.authors == ("Ada Lovelace", "Mausam")
    assert (read.venues, read.venue_group, read.acl_family) == (("acl", "ijcnlp"), "main", True)
    assert (read.volume, read.kind, read.source) == ("2021.acl-long", "proceedings", "anthology")
    assert (read.doi, read.url) == ("10.1/abc", "https://aclanthology.org/2021.acl-long.7")
    # The first revision is the paper as it was; only the second replaced it.
    assert (read.revisions, read.retracted) == (1, None)


@pytest.mark.parametrize("given", ["", "data", "data/xml"])
def test_root_data_and_xml_folder_are_accepted(clone, make_volume, make_paper, given):
    clone.add("P18", make_volume([make_paper(1)], year="2018"))
    papers, _ = load(clone.root / given)
    assert [paper.id for paper in papers] == ["P18-1001"]


def test_a_folder_without_xml_is_refused_with_what_was_expected(tmp_path):
    with pytest.raises(UnknownName, match="acl-org/acl-anthology"):
        load_anthology(tmp_path)


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<fixed-case>BERT</fixed-case> for <fixed-case>H</fixed-case>indi", "BERT for Hindi"),
        ("<b>S</b>afety <i>first</i>", "Safety first"),
        ("top-<tex-math>k^{2}</tex-math> items", "top-k^{2} items"),
        ("see <url>https://a.org/x</url>.", "see https://a.org/x."),
        ("<i>very <b>safe</b> <fixed-case>AI</fixed-case></i>, R&amp;D &lt; 5 &#233;", "very safe AI, R&D < 5 é"),
        ("a<!-- unsafe --> b<?pi unsafe?> c", "a b c"),
        ("two\n      lines", "two lines"),
    ],
)
def test_markup_is_flattened(clone, make_volume, make_paper, markup, text):
    clone.add("2021.acl", make_volume([make_paper(1, markup, markup)]))
    [paper], _ = load(clone.root)
    assert (paper.title, paper.abstract) == (text, text)


def test_an_empty_abstract_is_a_missing_one(clone, make_volume, make_paper):
    clone.add("2021.acl", make_volume([make_paper(1, abstract=" "), make_paper(2)]))
    papers, _ = load(clone.root)
    assert [paper.abstract for paper in papers] == [None, None]


def test_front_and_back_matter_are_counted_and_left_out(clone, make_volume, make_paper):
    front = "<frontmatter><url>x</url></frontmatter>"
    papers = [make_paper(0), make_paper(1), make_paper(2, attributes=' type="backmatter"')]
    clone.add("2021.acl", make_volume(papers, extra=front))
    read, report = load(clone.root)
    assert [paper.id for paper in read] == ["2021.acl-1.1"]
    assert report.not_papers == {"frontmatter": 2, "backmatter": 1}


def test_retracted_papers_are_read_with_the_reason(clone, make_volume, make_paper):
    papers = [
        make_paper(1, inner="<retracted date='2021-01-01'>An error.</retracted>"),
        make_paper(2, inner="<removed date='2021-01-01'/>"),
    ]
    clone.add("2021.acl", make_volume(papers))
    read, _ = load(clone.root)
    assert [paper.retracted for paper in read] == ["An error.", "no reason given"]


def test_the_event_that_lists_a_workshop_decides_about_the_family(clone, make_volume, make_paper):
    listed = "<event id='coling-2022'><colocated><volume-id>2022.trac-1</volume-id></colocated></event>"
    bare = "<event id='acl-2022'><!-- x --><colocated>2022.woah-1</colocated></event>"
    clone.add("2022.coling", make_volume([make_paper(1)], year="2022", venues=("coling",)), event=listed)
    clone.add("2022.acl", make_volume([make_paper(1)], name="long", year="2022"), event=bare)
    clone.add("2022.trac", make_volume([make_paper(1)], year="2022", venues=("trac",)))
    clone.add("2022.woah", make_volume([make_paper(1)], year="2022", venues=("woah",)))
    clone.add("2022.wnut", make_volume([make_paper(1)], year="2022", venues=("wnut",)))
    papers, report = load(clone.root)
    family = {paper.id.split("-")[0]: (paper.events, paper.acl_family) for paper in papers}
    assert family["2022.trac"] == (("coling-2022",), False)
    assert family["2022.woah"] == (("acl-2022",), True)
    assert family["2022.wnut"] == ((), True)
    # Only wnut has no host in these data.
    assert report.unhosted == 1


def test_an_unknown_venue_is_other_and_counted(clone, make_volume, make_paper):
    clone.add("2021.xyzzy", make_volume([make_paper(1), make_paper(2)], venues=("xyzzy",)))
    papers, report = load(clone.root)
    assert {(paper.venue_group, paper.acl_family) for paper in papers} == {("other", False)}
    assert report.unknown_venues == {"xyzzy": 2}
    assert "xyzzy (2)" in " ".join(report.describe())


def test_a_volume_without_a_tag_takes_it_from_its_id(clone, make_volume, make_paper):
    clone.add("2020.emnlp", make_volume([make_paper(1)], name="main", year="2020", venues=()))
    clone.add("Q18", make_volume([make_paper(1)], year="2018", venues=()))
    papers, report = load(clone.root)
    assert [paper.venues for paper in papers] == [("emnlp",), ("tacl",)]
    assert [paper.venue_group for paper in papers] == ["main", "journals"]
    assert report.untagged == ["2020.emnlp-main", "Q18-1"]


def test_the_layout_of_before_2019_is_read_too(clone):
    papers = "".join(
        f"<paper id='{number}'><title>T{number}</title><author><last>Mel'čuk</last><first>I.</first></author></paper>"
        for number in ("1000", "1001", "2003", "x")
    )
    clone.write("P98", f"<?xml version='1.0' encoding='UTF-8'?>\n<volume id=\"P98\">{papers}</volume>")
    clone.write("C69", "<volume id='C69'><paper id='0101'><title>T</title></paper></volume>")
    read, report = load(clone.root)
    assert [(paper.id, paper.volume, paper.year) for paper in read] == [
        ("C69-0101", "C69-01", 1969),
        ("P98-1001", "P98-1", 1998),
        ("P98-2003", "P98-2", 1998),
    ]
    assert (read[1].authors, read[1].venues) == (("I. Mel'čuk",), ("acl",))
    assert report.not_papers == {"frontmatter": 1}
    assert ["'x' is not the number" in problem.what for problem in report.problems] == [True]


def test_a_broken_file_is_named_with_its_line_and_its_whole_volumes_are_kept(clone, make_volume, make_paper):
    good = make_volume([make_paper(1)], name="long")
    # Line 1 declaration, line 2 collection, line 3 the good volume, line 4 the broken one.
    text = (
        "<?xml version='1.0' encoding='UTF-8'?>\n<collection id=\"2021.acl\">\n"
        f"{good}\n<volume id='short'><meta><year>2021</year></meta>{make_paper(1)}"
        "<paper id='2'><title>T</titel></paper></volume></collection>"
    )
    clone.write("2021.acl", text)
    clone.add("2021.woah", make_volume([make_paper(1)], venues=("woah",)))
    papers, report = load(clone.root)
    assert [paper.id for paper in papers] == ["2021.acl-long.1", "2021.woah-1.1"]
    [problem] = report.problems
    assert problem.place == "2021.acl.xml, line 4"
    assert "1 papers read so far" in problem.what
    assert "kept 1 volumes" in problem.what


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        ("<volume id='1'><meta><year>soon</year></meta></volume>", "the year 'soon'"),
        ("<volume id='1'><paper id='1'><title>T</title></paper></volume>", "no <meta>"),
        ("<volume><meta><year>2021</year></meta></volume>", "without an id"),
    ],
)
def test_a_volume_that_lacks_what_it_needs_is_skipped_and_named(clone, make_volume, make_paper, inner, said):
    clone.add("2021.acl", inner, make_volume([make_paper(1)], name="ok"))
    papers, report = load(clone.root)
    assert [paper.id for paper in papers] == ["2021.acl-ok.1"]
    assert [(problem.place, said in problem.what) for problem in report.problems] == [("2021.acl.xml, line 3", True)]


def test_a_paper_that_lacks_what_it_needs_is_skipped_and_named(clone, make_volume):
    papers = ["<paper><title>A</title></paper>", "<paper id='1'/>", "<paper id='2'><title>B</title></paper>"]
    clone.add("2021.acl", make_volume([*papers, papers[2]]))
    read, report = load(clone.root)
    assert [paper.id for paper in read] == ["2021.acl-1.2"]
    assert [problem.what for problem in report.problems] == [
        "a paper without an id; skipped the paper.",
        "paper 1 has no title; skipped the paper.",
        "a second paper 2 in one volume; skipped the second.",
    ]


@pytest.mark.parametrize("text", ["", "not xml", "<volume id='long'/>", "<collection id='what'/>", "<feed/>"])
def test_a_file_of_another_kind_is_skipped_and_named(clone, make_volume, make_paper, text):
    clone.write("broken", text)
    clone.add("2021.acl", make_volume([make_paper(1)]))
    papers, report = load(clone.root)
    assert len(papers) == 1
    assert [problem.place.split(",")[0] for problem in report.problems] == ["broken.xml"]


def test_papers_outside_a_volume_and_files_that_cannot_be_opened_are_named(clone, make_volume, make_paper):
    clone.add("2021.acl", make_volume([make_paper(1)]), make_paper(2))
    (clone.xml / "2021.dir.xml").mkdir()
    papers, report = load(clone.root)
    assert [paper.id for paper in papers] == ["2021.acl-1.1"]
    assert [problem.place for problem in report.problems] == ["2021.acl.xml", "2021.dir.xml"]


def test_entities_are_never_expanded(clone, make_volume, make_paper, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("unsafe", "utf-8")
    text = (
        f"<!DOCTYPE collection [<!ENTITY a 'lol'><!ENTITY b SYSTEM 'file://{secret}'>]>"
        f"<collection id='2021.acl'>{make_volume([make_paper(1, 'T &a; &b;')])}</collection>"
    )
    clone.write("2021.acl", text)
    papers, report = load(clone.root)
    assert papers == []
    assert "document type" in report.problems[0].what


def test_an_undefined_entity_breaks_its_volume_alone(clone, make_volume, make_paper):
    clone.add("2021.acl", make_volume([make_paper(1, "caf&eacute;")]))
    papers, report = load(clone.root)
    assert papers == []
    assert report.problems[0].place == "2021.acl.xml, line 3"


def test_progress_counts_files(clone, make_volume, make_paper):
    clone.add("2021.acl", make_volume([make_paper(1)]))
    clone.add("2021.woah", make_volume([make_paper(1)]))
    told = []
    list(load_anthology(clone.root, progress=lambda *state: told.append(state)))
    assert told == [("reading volumes", 1, 2), ("reading volumes", 2, 2)]


def test_the_real_volumes_are_read_whole(shared_data):
    papers, report = load(shared_data / "anthology")
    # Counted with grep: 999 <paper, 10 <frontmatter>, 2 <retracted, 15 papers with a second revision.
    assert len(papers) == 999
    assert report.not_papers == {"frontmatter": 10}
    assert [paper.id for paper in papers if paper.retracted] == ["2021.acl-long.79", "2021.acl-long.222"]
    assert sum(paper.revisions > 0 for paper in papers) == 15
    assert report.problems == []
    assert not any("<" in (paper.abstract or "") and "</" in (paper.abstract or "") for paper in papers)
