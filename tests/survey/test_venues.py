import pytest

from isogloss.core.errors import BrokenInput, UnknownName
from isogloss.survey.venues import Placement, default_venues, load_venues


@pytest.mark.parametrize(
    ("tags", "events", "group", "family"),
    [
        (("acl",), (), "main", True),
        (("naacl",), (), "main", True),
        (("acl", "ijcnlp"), (), "main", True),
        (("findings",), ("emnlp-2023",), "findings", True),
        (("findings", "acl"), (), "findings", True),
        (("tacl",), (), "journals", True),
        (("lilt",), (), "journals", False),
        (("lrec",), (), "other", False),
        (("coling", "acl"), (), "main", True),
        (("woah", "ws"), (), "workshops", True),
        (("ws",), (), "workshops", True),
        (("trac", "ws"), (), "workshops", False),
        (("trac",), ("acl-2030",), "workshops", True),
        (("woah",), ("lrec-2030",), "workshops", False),
        # Run by the association's own interest group, wherever it meets.
        (("semeval",), ("coling-2020",), "workshops", True),
        (("nosuch",), (), "other", False),
        (("nosuch",), ("acl-2030",), "workshops", True),
        ((), (), "other", False),
    ],
)
def test_every_kind_of_volume_has_its_place(tags, events, group, family):
    placement = default_venues().place(tags, events)
    assert (placement.group, placement.acl_family) == (group, family)


def test_what_the_table_does_not_know_is_said():
    table = default_venues()
    assert table.place(("nosuch",)) == Placement("other", False, ("nosuch",))
    assert table.place(("woah",)).host_missing
    assert not table.place(("woah",), ("acl-2021",)).host_missing


def test_chapters_are_marked():
    venues = default_venues().venues
    assert sorted(tag for tag, venue in venues.items() if venue.chapter) == ["aacl", "eacl", "ijcnlp", "naacl"]


def test_expected_collections_follow_years_and_groups():
    table = default_venues()
    assert table.list_expected(2020, 2020, ["journals"]) == ["2020.tacl", "2020.cl"]
    assert "2021.naacl" in table.list_expected(2020, 2021, ["main"])
    assert "2020.naacl" not in table.list_expected(2020, 2021, ["main"])


EMPTY = "".join(f"[{group}]\n" for group in ("main", "findings", "workshops", "journals", "other"))


def test_a_table_of_your_own_replaces_the_bundled_one(tmp_path):
    path = tmp_path / "venues.toml"
    path.write_text("schema = 1\n" + EMPTY + 'elsewhere = ["icml"]\n', "utf-8")
    table = load_venues(path)
    assert table.place(("icml",)) == Placement("other", False)
    assert table.place(("acl",)).unknown == ("acl",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("schema = 1\n" + EMPTY + 'acl = ["x"]\nelsewhere = ["x"]\n', "twice"),
        ("schema = 2\n" + EMPTY, "schema"),
        ("schema = 1\n" + EMPTY + 'family = ["x"]\n', r"other\.family"),
        ("schema = 1\n" + EMPTY + 'acl = ["X Y"]\n', r"other\.acl"),
        ("schema =", "not TOML"),
    ],
)
def test_a_broken_table_is_explained(tmp_path, text, said):
    path = tmp_path / "venues.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(BrokenInput, match=said):
        load_venues(path)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(UnknownName, match="venues"):
        load_venues(tmp_path / "none.toml")
