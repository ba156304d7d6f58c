import re

import pytest

from isogloss.core.errors import UnknownName
from isogloss.report.survey.figures import draw_languages, draw_topics, draw_years
from isogloss.report.survey.page import render_coverage
from isogloss.survey.annotations import Annotation
from isogloss.survey.annotations_adjudication import settle_labels
from isogloss.survey.codebook import default_codebook
from isogloss.survey.coverage import measure_coverage
from isogloss.survey.coverage_record import write_coverage
from isogloss.survey.records import Paper

SETS = [("en",), ("en",), ("en", "ar"), ("he",), ("fa", "ur", "en"), ()]


def make(sets=SETS, title="A <b>survey</b>"):
    papers = [Paper(id=f"p{n}", title="T", year=2020 + n % 3, venue_group="main") for n in range(len(sets))]
    labels = [
        Annotation(f"p{n}", "a1", relevant=True, topic="policy", languages=tags, stated=bool(n % 2))
        for n, tags in enumerate(sets)
    ]
    published = {2020: 100, 2021: 110, 2022: 120}
    return measure_coverage(papers, settle_labels(labels), default_codebook(), title=title, published=published)


@pytest.fixture
def page(tmp_path):
    write_coverage(make(), tmp_path)
    return render_coverage(tmp_path)


def test_the_page_escapes_what_it_did_not_write(page):
    assert "A &lt;b&gt;survey&lt;/b&gt;" in page
    assert "<b>survey</b>" not in page


def test_every_statistic_and_table_shows_its_definition(page):
    record = make()
    # 7 tables and all statistics
    assert page.count("<dt>unstated languages</dt>") == len(record.tables) + len(record.statistics)
    assert page.count("<dt>out of</dt>") == len(record.tables) + len(record.statistics)


def test_names_written_from_right_to_left_are_set_so(page):
    assert re.search(r'lang="ar" dir="rtl">العربية<', page)
    assert re.search(r'lang="he" dir="rtl">עברית<', page)


def test_the_page_loads_nothing(page):
    assert "default-src 'none'" in page
    assert not re.search(r'(?:src|href)="https?:', page)


def test_the_headline_is_the_share_of_english(page):
    # 2 of 5 papers with a class
    assert "40\u202f%</b>" in page.split('class="first"')[1][:200]


def test_a_survey_without_labels_has_a_page_too(tmp_path):
    write_coverage(
        measure_coverage([Paper(id="p", title="T")], settle_labels([]), default_codebook(), title="S"), tmp_path
    )
    assert "nothing can be said" in render_coverage(tmp_path)


@pytest.mark.parametrize("draw", [draw_years, draw_languages, draw_topics])
@pytest.mark.parametrize("width", [10.4, 3.6])
@pytest.mark.parametrize("sets", [SETS, [("en",)], [("en",)] * 300 + [("sw",)]])
def test_figures_are_drawn_at_both_widths(draw, width, sets):
    figure = draw(make(sets), width_inches=width)
    assert figure.get_size_inches()[0] == pytest.approx(width)
    assert figure.axes


def test_without_a_record_there_is_no_page(tmp_path):
    with pytest.raises(UnknownName, match="coverage record"):
        render_coverage(tmp_path)
