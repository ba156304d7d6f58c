import json

import pytest

from isogloss.core.errors import BrokenInput, UnknownName
from isogloss.survey.loading import LoadReport
from isogloss.survey.records import Paper
from isogloss.survey.sources import attach_full_texts, fingerprint_source, load_source


def ids_of(path, **settings):
    return [paper.id for paper in load_source(path, report=LoadReport(), **settings)]


def test_the_ending_of_a_file_says_what_it_is(tmp_path, clone, make_volume, make_paper):
    clone.add("2021.acl", make_volume([make_paper(1)]))
    (tmp_path / "a.bib").write_text("@misc{b, title={T}}\n", "utf-8")
    (tmp_path / "a.csv").write_text("nr,title\nc,T\n", "utf-8")
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": "j", "title": "T"}) + "\n", "utf-8")
    assert ids_of(clone.root) == ["2021.acl-1.1"]
    assert ids_of(tmp_path / "a.bib") == ["b"]
    assert ids_of(tmp_path / "a.csv", columns={"id": "nr"}) == ["c"]
    assert ids_of(tmp_path / "a.jsonl") == ["j"]


def test_other_files_are_refused(tmp_path):
    (tmp_path / "a.docx").write_text("x", "utf-8")
    with pytest.raises(BrokenInput, match=r"\.bib"):
        ids_of(tmp_path / "a.docx")
    with pytest.raises(UnknownName, match="none"):
        ids_of(tmp_path / "none.docx")


def test_a_fingerprint_changes_with_one_letter_of_one_volume(clone, make_volume, make_paper):
    clone.add("2021.acl", make_volume([make_paper(1)]))
    first = fingerprint_source(clone.root)
    assert fingerprint_source(clone.xml) == first
    clone.add("2021.acl", make_volume([make_paper(1, "U")]))
    assert fingerprint_source(clone.root)["sha256"] != first["sha256"]


def test_full_texts_are_attached_by_id(tmp_path):
    (tmp_path / "2021.acl-1.1.txt").write_text("Body.", "utf-8")
    papers = [Paper(id="2021.acl-1.1", title="T"), Paper(id="../secret", title="T")]
    assert [paper.full_text for paper in attach_full_texts(papers, tmp_path)] == ["Body.", None]


def test_a_folder_of_full_texts_must_exist(tmp_path):
    with pytest.raises(UnknownName, match="none"):
        attach_full_texts([], tmp_path / "none")
