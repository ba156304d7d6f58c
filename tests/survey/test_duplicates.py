import pytest

from isogloss.survey.duplicates import Duplicates, normalise_title
from isogloss.survey.records import Paper

ALL = ("id", "doi", "title")


@pytest.mark.parametrize(
    ("second", "rules", "found"),
    [
        (Paper(id="a", title="Other"), ALL, "id"),
        (Paper(id="b", title="Other", doi="10.1/x"), ALL, "doi"),
        (Paper(id="b", title="SAFE: models—now!"), ALL, "title"),
        (Paper(id="b", title="Safe models now and then"), ALL, None),
        (Paper(id="b", title="Safe models now", doi="10.1/x"), ("id",), None),
        (Paper(id="a", title="Safe models now"), (), None),
    ],
)
def test_a_record_is_known_by_what_the_rules_say(second, rules, found):
    known = Duplicates(rules)
    assert known.add(Paper(id="a", title="Safe models now", doi="10.1/x")) is None
    assert known.add(second) == found


def test_a_third_record_may_share_only_what_the_second_brought():
    known = Duplicates(ALL)
    known.add(Paper(id="a", title="One"))
    assert known.add(Paper(id="a", title="Two", doi="10.1/x")) == "id"
    assert known.add(Paper(id="c", title="Three", doi="10.1/x")) == "doi"


def test_titles_without_letters_and_empty_dois_are_nobodys_duplicates():
    known = Duplicates(ALL)
    assert known.add(Paper(id="a", title="???")) is None
    assert known.add(Paper(id="b", title="!!!")) is None


def test_titles_of_other_scripts_keep_their_letters_and_marks():
    assert normalise_title("सुरक्षा: १") == "सुरक्षा१"
    assert normalise_title("安全 — 性") == "安全性"
