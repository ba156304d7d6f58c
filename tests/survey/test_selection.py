"""A synthetic corpus whose every count is known."""

from dataclasses import replace

import pytest

from isogloss.core.errors import BrokenInput
from isogloss.survey.loading import LoadReport
from isogloss.survey.query import Exclusion, default_query
from isogloss.survey.records import Paper
from isogloss.survey.selection import run_query
from isogloss.survey.sources import load_source

QUERY = default_query()


def paper(name, abstract, **fields):
    standard = {"year": 2021, "venue_group": "main", "acl_family": True, "source": "s", "title": f"Title {name}"}
    return Paper(id=name, abstract=abstract, **{**standard, **fields})


# One paper for every way a record can go.
CORPUS = [
    paper("kept-1", "We study safety."),
    paper("kept-2", "Safe models.", year=2024, venue_group="workshops"),
    paper("kept-3", "A safety-critical case.", venue_group="journals", doi="10.1/a"),
    paper("aside", "A safe haven for boats."),
    paper("same-id", "Safe.", title="X"),
    paper("same-id", "Safe.", title="Y", source="t"),
    paper("same-doi", "Safe.", doi="10.1/a"),
    paper("same-title", "Safe.", title="TITLE: kept 1"),
    paper("unsafe", "Unsafe only."),
    paper("title-only", "Nothing.", title="Safety in the title"),
    paper("no-abstract", None, title="Safe"),
    paper("early", "Safe.", year=2019),
    paper("late", "Safe.", year=2025),
    paper("undated", "Safe.", year=None),
    paper("lrec", "Safe.", venue_group="other", acl_family=False),
    paper("lrec-workshop", "Safe.", venue_group="workshops", acl_family=False),
    paper("retracted", "Safe.", retracted="An error."),
]
EXCLUDING = replace(QUERY, exclude=(Exclusion("about boats", id="aside"),))


@pytest.fixture
def run():
    return run_query(iter(CORPUS), EXCLUDING)


def test_the_papers_selected_are_those_that_should_be(run):
    assert [found.id for found in run.papers] == ["kept-1", "kept-2", "kept-3", "same-id"]
    assert [(found.id, reason) for found, reason in run.set_aside] == [("aside", "about boats")]


def test_every_record_is_counted_once_at_the_step_that_removes_it(run):
    counts = run.counts
    assert counts.identified == {"s": 16, "t": 1}
    assert counts.removed_otherwise == {"retracted or removed": 1}
    assert counts.removed_automatically == {
        "year outside the query's": 2,
        "year unknown": 1,
        "venue outside the query's groups": 1,
        "venue outside the ACL family": 1,
        "none of the searched fields present": 1,
        # unsafe and title-only
        "terms not found": 2,
    }
    assert counts.duplicates == {"same id": 1, "same doi": 1, "same title": 1}
    assert counts.excluded == {"about boats": 1}
    # 17 - 1 - 8 - 3 = 5 screened, 5 - 1 = 4 included
    assert (counts.records, counts.screened, counts.included) == (17, 5, 4)


def test_the_denominators_count_papers_in_scope_whatever_they_say(run):
    rows = {(row.year, row.group): (row.papers, row.without_abstract, row.selected) for row in run.published}
    # Main 2021: kept-1, aside, both same-id, same-doi, same-title, unsafe, title-only, no-abstract.
    assert rows == {(2021, "main"): (9, 1, 2), (2021, "journals"): (1, 0, 1), (2024, "workshops"): (1, 0, 1)}


def test_what_the_query_cannot_see_is_said(run):
    said = "\n".join(run.warnings)
    # 11 papers in scope, one without an abstract
    assert "1 of 11 papers in scope (9.1 %) have no abstract" in said
    assert "1 records have no year" in said


def test_an_exclusion_that_matches_nothing_is_said():
    query = replace(QUERY, exclude=(Exclusion("r", id="kept1"), Exclusion("r", volume="v")))
    said = "\n".join(run_query(CORPUS, query).warnings)
    assert "2 entries of the exclusion list match no selected record: kept1, v" in said


def test_a_volume_can_be_set_aside():
    query = replace(QUERY, exclude=(Exclusion("tutorials", volume="2021.acl-tutorials"),))
    run = run_query([paper("a", "Safe.", volume="2021.acl-tutorials"), paper("b", "Safe.")], query)
    assert [found.id for found in run.papers] == ["b"]
    assert run.counts.excluded == {"tutorials": 1}


def test_retracted_papers_stay_if_the_query_says_so():
    run = run_query(CORPUS, replace(QUERY, retracted=True))
    assert "retracted" in [found.id for found in run.papers]
    assert run.counts.removed_otherwise == {}


def test_the_sensitivity_table_moves_as_the_corpus_says(run):
    rows = {(row.scope, row.match, "+".join(row.fields)): row for row in run.sensitivity}
    mine = run.sensitivity[0]
    # The query before anything is set aside: kept 1-3, aside, one same-id.
    assert (mine.is_query, mine.records, mine.difference) == (True, 5, 0)
    assert mine.by_year == {2020: 0, 2021: 4, 2022: 0, 2023: 0, 2024: 1}
    assert mine.records == run.counts.screened

    def moved(scope=mine.scope, match="whole_word", fields="abstract"):
        return rows[scope, match, fields].difference

    assert moved(match="substring") == +1  # unsafe
    assert moved(fields="title+abstract") == +2  # title-only and no-abstract
    assert moved(fields="title") == -3  # title-only and no-abstract alone: 2 - 5
    assert moved(scope="every venue") == +2  # lrec and lrec-workshop
    assert moved(scope="ACL family with workshops") == 0
    assert moved(scope="ACL family without workshops") == -1  # kept-2
    assert moved(scope="ACL main conferences") == -1  # kept-2, kept-3; same-doi is no duplicate there
    assert moved(scope="workshops of any host") == -3  # kept-2 and lrec-workshop: 2 - 5
    assert rows[mine.scope, "whole_word", "abstract"].unseen == 1
    assert not any("full_text" in row.fields for row in run.sensitivity)


def test_full_texts_are_a_variant_where_there_are_any():
    run = run_query([paper("a", "Nothing."), paper("b", "Nothing.", full_text="Safe.")], QUERY)
    rows = {(row.scope, row.match, "+".join(row.fields)): row for row in run.sensitivity}
    assert rows[run.sensitivity[0].scope, "whole_word", "title+abstract+full_text"].records == 1
    assert rows[run.sensitivity[0].scope, "whole_word", "title+abstract+full_text"].unseen == 0


def test_an_empty_source_is_said():
    run = run_query([], QUERY)
    assert (run.counts.records, run.papers) == (0, ())
    assert "The source holds no papers." in run.warnings


def test_missing_collections_and_volumes_are_named(clone, make_volume, make_paper):
    event = (
        "<event id='acl-2021'><colocated><volume-id>2021.woah-1</volume-id><volume-id>2021.findings-acl</volume-id>"
        "<volume-id>W19-35</volume-id></colocated></event>"
    )
    clone.add("2021.acl", make_volume([make_paper(1, abstract="Safe.")], name="long"), event=event)
    report = LoadReport()
    query = replace(QUERY, first_year=2021, last_year=2021)
    run = run_query(load_source(clone.root, report=report), query, report=report)
    assert "2021.emnlp" in run.missing.collections
    assert "2021.acl" not in run.missing.collections
    # Findings are missing as a whole collection, and W19 is of another year.
    assert run.missing.volumes == ("2021.woah-1",)
    assert any("2021.woah-1" in warning for warning in run.warnings)


def test_a_query_may_insist_on_a_state_of_the_data(clone, make_volume, make_paper):
    clone.add("2021.acl", make_volume([make_paper(1)]))
    (clone.root / ".git").mkdir()
    (clone.root / ".git" / "HEAD").write_text("a" * 40)
    report = LoadReport()
    papers = load_source(clone.root, report=report)
    assert report.commits == {"anthology": "a" * 40}
    run_query(papers, replace(QUERY, data_commit="a" * 40), report=report)
    with pytest.raises(BrokenInput, match="bbbbbbbbbbbb of the data"):
        run_query([], replace(QUERY, data_commit="b" * 40), report=report)


def test_later_screening_adds_to_the_counts(run):
    later = run.counts.with_screening({"not related to safety": 2})
    # 5 screened, 1 + 2 set aside
    assert (later.screened, later.included) == (5, 2)
    with pytest.raises(BrokenInput, match="5 were screened"):
        run.counts.with_screening({"not related to safety": 5})
