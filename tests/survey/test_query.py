import pytest

from isogloss.core.errors import BrokenInput, UnknownName
from isogloss.survey.query import default_query, default_query_text, load_query, parse_query

SMALL = """schema = 1
name = "q"
[search]
fields = ["title"]
terms = ["safe"]
match = "whole_word"
[scope]
first_year = 2020
last_year = 2021
"""


def test_the_default_query_is_the_published_filter():
    query = default_query()
    assert (query.terms, query.match, query.fields) == (("safe", "safety"), "whole_word", ("abstract",))
    assert (query.first_year, query.last_year, query.acl_family_only) == (2020, 2024, True)
    assert query.exclude == ()
    assert "Not known" in default_query_text()


def test_what_a_query_leaves_out_has_a_default():
    query = parse_query(SMALL, name="q.toml")
    assert query.venue_groups == ("main", "findings", "workshops", "journals", "other")
    assert (query.combine, query.case_sensitive, query.acl_family_only, query.retracted) == ("any", False, False, False)
    assert query.duplicates_by == ("id", "doi", "title")
    assert query.data_commit is None


def test_exclusions_and_the_commit_are_read():
    excluded = '[[exclude]]\nid = "x"\nreason = "r"\n[[exclude]]\nvolume = "v"\nreason = "s"\n'
    text = f'{SMALL}[data]\ncommit = "{"a" * 40}"\n{excluded}'
    query = parse_query(text, name="q.toml")
    assert [(entry.id, entry.volume, entry.reason) for entry in query.exclude] == [("x", None, "r"), (None, "v", "s")]
    assert query.data_commit == "a" * 40


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("schema = 1", "schema = 2", "Upgrade"),
        ("schema = 1", "", "schema"),
        ("safe", "安全", "substring"),
        ('["safe"]', "[]", r"search\.terms"),
        ('["safe"]', '[" "]', r"search\.terms"),
        ("2021", "2019", "after the last"),
        ("whole_word", "fuzzy", r"search\.match"),
        ('["title"]', '["titel"]', r"search\.fields"),
        ("last_year", "lastyear", r"scope\.lastyear|scope\.last_year"),
        ("[scope]", "[[exclude]]\nid='a'\nvolume='b'\nreason='r'\n[scope]", "either an id or a volume"),
        ("[scope]", "[[exclude]]\nid='a'\nreason=''\n[scope]", "reason"),
        ("name =", "name", "not TOML"),
    ],
)
def test_a_broken_query_is_explained(tmp_path, old, new, said):
    path = tmp_path / "q.toml"
    path.write_text(SMALL.replace(old, new, 1), "utf-8")
    with pytest.raises(BrokenInput, match=said):
        load_query(path)


def test_words_of_unspaced_scripts_may_be_searched_as_substrings():
    query = parse_query(SMALL.replace("safe", "安全").replace("whole_word", "substring"), name="q.toml")
    assert query.terms == ("安全",)


def test_a_missing_query_says_how_to_begin(tmp_path):
    with pytest.raises(UnknownName, match="isogloss survey query"):
        load_query(tmp_path / "none.toml")
