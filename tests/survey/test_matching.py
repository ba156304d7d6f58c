import pytest

from isogloss.survey.matching import Matcher, has_word, normalise
from isogloss.survey.records import Paper


@pytest.mark.parametrize(
    ("text", "whole", "part"),
    [
        ("we study safety.", True, True),
        ("safety-critical systems", True, True),
        ("ai-safety", True, True),
        ("unsafe and safeguard", False, True),
        ("safely", False, True),
        ("safety_score", False, True),
        ("unsafe, yet safe", True, True),
        ("«safe»—it is", True, True),
        ("safe’s", True, True),
        ("safety1", False, True),
        # A letter with a mark of its own, and a mark that belongs to the last letter.
        ("ésafe", False, True),
        ("safe\u0323t", False, True),
        ("secure", False, False),
        ("", False, False),
    ],
)
def test_words_and_parts_of_words(text, whole, part):
    matcher = Matcher(("safe", "safety"), "any", False)
    assert matcher.matches(text, "whole_word") is whole
    assert matcher.matches(text, "substring") is part


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("ＳＡＦＥ models", "safe"),
        ("a sa\u00adfe model", "safe"),
        ("Se\u0301curite\u0301", "sécurité"),
        ("the ﬁrst", "first"),
        ("GROSSE STRASSE", "straße"),
    ],
)
def test_the_same_letters_match_however_they_are_encoded(text, term):
    assert has_word(normalise(text, case_sensitive=False), normalise(term, case_sensitive=False))


def test_words_of_scripts_with_marks_have_boundaries():
    text = normalise("यह सुरक्षा है", case_sensitive=False)
    assert has_word(text, normalise("सुरक्षा", case_sensitive=False))
    assert not has_word(text, normalise("सुरक्ष", case_sensitive=False))


def test_case_can_matter():
    matcher = Matcher(("SAFE",), "any", True)
    paper = Paper(id="1", title="Safe", abstract="SAFE")
    assert not matcher.matches(matcher.prepare(paper, ("title",)), "whole_word")
    assert matcher.matches(matcher.prepare(paper, ("abstract",)), "whole_word")


def test_all_terms_may_stand_in_different_fields_but_no_term_across_them():
    matcher = Matcher(("safe", "language model"), "all", False)
    paper = Paper(id="1", title="Safe language", abstract="model of a language model")
    assert matcher.matches(matcher.prepare(paper, ("title", "abstract")), "whole_word")
    across = Paper(id="2", title="Safe language", abstract="model")
    assert not matcher.matches(matcher.prepare(across, ("title", "abstract")), "whole_word")


def test_a_full_text_is_searched_across_its_line_breaks():
    matcher = Matcher(("language model",), "any", False)
    paper = Paper(id="1", title="T", full_text="language\n   model")
    assert matcher.matches(matcher.prepare(paper, ("full_text",)), "whole_word")
