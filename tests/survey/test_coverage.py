"""A synthetic corpus whose every figure is known by hand."""

import csv

import numpy as np
import pytest

from isogloss.core.errors import BrokenInput, UnknownName
from isogloss.stats import wilson_interval
from isogloss.survey.annotations import Annotation
from isogloss.survey.annotations_adjudication import settle_labels
from isogloss.survey.codebook import default_codebook
from isogloss.survey.coverage import measure_coverage
from isogloss.survey.coverage_common import compare_over_common_languages
from isogloss.survey.coverage_papers import ratio_interval
from isogloss.survey.coverage_record import load_coverage, write_coverage
from isogloss.survey.coverage_speakers import speakers_by_language
from isogloss.survey.coverage_trend import compare_trends, fit_poisson, fit_trend
from isogloss.survey.records import Paper

BOOK = default_codebook()
PUBLISHED = {2020: 1000, 2021: 1000, 2022: 1000}

# year, group, topic, languages, stated
CORPUS = [
    (2020, "main", "policy", "en", True),
    (2020, "workshops", "policy", "en", False),
    (2020, "workshops", "policy", "zh", True),
    (2021, "main", "privacy", "en", False),
    (2021, "findings", "privacy", "en", True),
    (2021, "workshops", "policy", "zh en", True),
    (2021, "main", "policy", "sw", True),
    (2022, "main", "privacy", "en", False),
    (2022, "findings", "privacy", "en", False),
    (2022, "journals", "privacy", "en", True),
    (2022, "workshops", "privacy", "en", True),
    (2022, "main", "alignment", "zh sw ar en", True),
    (2022, "main", "alignment", "", False),
]


def build(corpus=CORPUS, book=BOOK, **more):
    papers = [Paper(id=f"p{n}", title="T", year=y, venue_group=g) for n, (y, g, *_) in enumerate(corpus)]
    labels = [
        Annotation(f"p{n}", "a1", relevant=True, topic=topic, languages=tuple(sorted(tags.split())), stated=stated)
        for n, (_, _, topic, tags, stated) in enumerate(corpus)
    ]
    papers.append(Paper(id="off", title="T", year=2021))
    labels.append(Annotation("off", "a1", relevant=False, topic="not_safety"))
    papers.append(Paper(id="unread", title="T", year=2021))
    return measure_coverage(papers, settle_labels(labels), book, title="S", published=PUBLISHED, **more)


RECORD = build()


def value(name, record=RECORD):
    return record.find_statistic(name).value


def rows(name, key, record=RECORD):
    return {row[key]: row for row in record.find_table(name).rows}


def test_papers_are_sorted():
    assert RECORD.papers == {"screened": 15, "relevant": 13, "not related to safety": 1, "not labelled": 1}


def test_shares_of_the_classes():
    # 12 of 13 relevant papers have a class: 8 English only, 2 on one other language, 2 multilingual
    assert value("share_english_only") == pytest.approx(8 / 12)
    assert value("share_one_non_english") == pytest.approx(2 / 12)
    assert value("share_multilingual") == pytest.approx(2 / 12)
    assert RECORD.find_statistic("share_english_only").interval == pytest.approx(wilson_interval(8 / 12, 12))


def test_papers_per_year_by_class():
    years = rows("years", "year")
    assert [years[y]["english_only"] for y in PUBLISHED] == [2, 2, 4]
    assert [years[y]["gap"] for y in PUBLISHED] == [1, 0, 3]
    assert years[2022]["undetermined"] == 1
    # 4 of 1,000
    assert years[2022]["english_per_1000"] == pytest.approx(4.0)


def test_documentation():
    # English only: stated in papers 0, 4, 9, 10 of 8
    assert value("documented_english_only") == pytest.approx(4 / 8)
    assert value("documented_one_non_english") == 1.0
    assert value("documented_multilingual") == 1.0


def test_languages_alone_in_groups_and_in_herds():
    found = rows("languages", "tag")
    assert {tag: (row["papers"], row["alone"], row["grouped"]) for tag, row in found.items()} == {
        "en": (10, 8, 2),
        "zh": (3, 1, 2),
        "sw": (2, 1, 1),
        "ar": (1, 0, 1),
    }
    # zh: 0, 1 and 3 others; in groups 1 and 3
    assert (found["zh"]["herd"], found["zh"]["herd_in_groups"]) == (1.0, 2.0)
    assert found["ar"]["right_to_left"] is True
    assert value("languages") == 4
    assert value("languages_never_alone") == 1
    assert value("languages_once") == 1
    assert value("second_to_english") == pytest.approx(3 / 10)


def test_workshops_against_conferences():
    # English only without the journal: 2 of 7 at workshops; one other language: 1 of 2; ratio (1/2) / (2/7) = 1.75
    found = rows("venues", "class")
    assert (found["English only"]["workshops"], found["English only"]["conferences"]) == (2, 5)
    assert value("workshop_ratio") == pytest.approx(1.75)
    # with multilingual: 3 of 9
    assert value("workshop_ratio_rest") == pytest.approx(1.5)


def test_topics_by_class():
    topics = rows("topics", "topic")
    assert (topics["Policy"]["english_only"], topics["Policy"]["papers"]) == (2, 5)
    # the undetermined paper is in no denominator
    assert topics["LLM alignment"]["english_share"] == 0.0
    assert topics["Jailbreaking"]["english_share"] is None


def test_speakers_and_tiers():
    speakers = speakers_by_language(BOOK)
    reached = sum(speakers[tag] for tag in ("en", "zh", "sw", "ar"))
    assert value("speakers_reached") == pytest.approx(reached / sum(speakers.values()))
    # of the 20 most spoken, en, zh, sw and ar are studied
    assert value("most_spoken_unstudied") == 16
    tiers = rows("tiers", "tier")
    assert [tiers[tier]["studied"] for tier in ("high", "mid", "low", "not in the table")] == [2, 1, 1, 0]
    assert value("papers_follow_speakers") is None


def test_unstated_papers_can_stand_apart():
    from dataclasses import replace

    record = build(book=replace(BOOK, unstated="apart"))
    # 4 English-only papers and the undetermined one do not name a language: 4 of 13 with a class are English only
    assert value("share_english_only", record) == pytest.approx(4 / 13)
    assert rows("years", "year", record)[2022]["unstated"] == 3
    assert "class of their own" in record.find_statistic("share_english_only").definition.unstated
    # documentation stays by the languages found
    assert value("documented_english_only", record) == pytest.approx(4 / 8)


def test_every_figure_carries_its_definition():
    for entry in (*RECORD.statistics, *RECORD.tables):
        assert entry.definition.numerator
        assert entry.definition.denominator
        assert entry.definition.unstated
    for statistic in RECORD.statistics:
        assert statistic.value is not None or statistic.reason


def test_labels_of_other_papers_are_an_error():
    with pytest.raises(BrokenInput, match=r"1 labelled papers are not among the papers: p9"):
        measure_coverage([], settle_labels([Annotation("p9", "a1", topic="policy")]), BOOK, title="S")


def test_a_survey_without_labels_has_reasons_and_no_numbers():
    record = measure_coverage([Paper(id="p", title="T")], settle_labels([]), BOOK, title="S")
    assert record.find_statistic("share_english_only").reason == "no such papers"
    assert record.find_statistic("trend_gap").reason == "the papers published per year were not given"
    assert any("No counts of published papers" in warning for warning in record.warnings)


def test_a_record_survives_a_round_trip_and_tables_are_csv(tmp_path):
    write_coverage(RECORD, tmp_path)
    assert load_coverage(tmp_path) == RECORD
    table = list(csv.DictReader((tmp_path / "tables" / "languages.csv").open(encoding="utf-8")))
    assert [(row["tag"], row["papers"]) for row in table][:2] == [("en", "10"), ("zh", "3")]
    statistics = list(csv.DictReader((tmp_path / "tables" / "statistics.csv").open(encoding="utf-8")))
    assert all(row["numerator"] for row in statistics)
    with pytest.raises(UnknownName):
        load_coverage(tmp_path / "tables")
    (tmp_path / "coverage.json").write_text('{"schema": 1, "title": 3}', "utf-8")
    with pytest.raises(BrokenInput, match="record: title: "):
        load_coverage(tmp_path)


def test_a_trend_that_is_known_is_found():
    # Counts double every year while publications stay: the ratio is 2. They grow by 10 % as well: 2 / 1.1.
    years = [2020, 2021, 2022, 2023]
    assert fit_trend([10, 20, 40, 80], [1000] * 4, years).ratio == pytest.approx(2.0)
    grown = [1000, 1100, 1210, 1331]
    assert fit_trend([10, 20, 40, 80], grown, years).ratio == pytest.approx(2 / 1.1)
    parted = compare_trends(fit_trend([10, 20, 40, 80], grown, years), fit_trend([30] * 4, grown, years))
    assert parted.ratio == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("counts", "published", "words"),
    [([1, 2], [10, 10], "2 years"), ([0, 0, 0], [10] * 3, "fewer than two"), ([1, 2, 3], [10, 0, 10], "2 years")],
)
def test_a_trend_that_cannot_be_fitted_says_why(counts, published, words):
    trend = fit_trend(counts, published, list(range(2020, 2020 + len(counts))))
    assert trend.ratio is None
    assert words in trend.reason
    assert compare_trends(trend, trend).ratio is None


def test_the_regression_is_that_of_statsmodels():
    api = pytest.importorskip("statsmodels.api")
    generator = np.random.default_rng(8)
    years = np.arange(8.0)
    exposure = generator.uniform(500, 4000, 8)
    counts = generator.poisson(exposure * 0.01 * np.exp(0.2 * years)).astype(float)
    design = np.column_stack([np.ones(8), years])
    theirs = api.GLM(counts, design, family=api.families.Poisson(), offset=np.log(exposure)).fit(scale="X2")
    ours = fit_poisson(design, counts, exposure)
    assert ours.coefficients == pytest.approx(theirs.params, abs=1e-8)
    assert ours.covariance * ours.dispersion == pytest.approx(theirs.cov_params(), rel=1e-6)


def test_a_year_without_a_paper_does_not_stop_the_fit():
    assert fit_trend([0, 0, 1, 5], [100] * 4, [2020, 2021, 2022, 2023]).ratio > 1


def test_the_interval_of_a_ratio_by_hand():
    # 10 of 20 by 20 of 80: ratio 2, standard error sqrt(1/10 - 1/20 + 1/20 - 1/80) = 0.2958; 2 * exp(-+1.96 * 0.2958)
    assert ratio_interval(10, 20, 20, 80, confidence=0.95) == pytest.approx((1.120, 3.571), abs=1e-3)
    assert ratio_interval(0, 20, 20, 80, confidence=0.95) is None


# XSafety (Wang et al. 2023, arXiv 2310.00905), table 5: unsafe answers in percent; 38 values.
LANGUAGES = ("en", "zh", "fr", "ru", "de", "ar", "hi", "es", "ja", "bn")
UNSAFE = {
    "ChatGPT": (1.0, 8.1, 13.7, 12.5, 14.7, 9.2, 18.3, 8.5, 21.0, 37.4),
    "PaLM-2": (10.3, 21.6, 15.4, 14.1, 16.4, 17.4, 17.0, 14.3, 29.9, 21.9),
    "Llama-2": (14.6, 26.5, 16.8, 17.7, 18.0, None, 36.5, 20.7, 29.0, None),
    "Vicuna": (6.0, 10.6, 9.4, 16.7, 11.7, 56.6, 63.2, 11.2, 39.8, 81.6),
}


def test_the_38_values_of_the_worst_case_table_and_their_common_languages():
    safe = {
        model: {tag: None if cell is None else 100 - cell for tag, cell in zip(LANGUAGES, cells, strict=True)}
        for model, cells in UNSAFE.items()
    }
    assert sum(cell is not None for cells in safe.values() for cell in cells.values()) == 38
    table, common = compare_over_common_languages(safe)
    found = {row.model: (round(row.mean, 2), len(row.languages), row.worst, round(row.worst_value, 1)) for row in table}
    assert found["ChatGPT"] == (85.56, 10, "bn", 62.6)
    assert found["PaLM-2"] == (82.17, 10, "ja", 70.1)
    assert found["Llama-2"][1:] == (8, "hi", 63.5)
    assert table[2].mean == pytest.approx(77.525)
    assert found["Vicuna"] == (69.32, 10, "bn", 18.4)
    assert set(common) == set(LANGUAGES) - {"ar", "bn"}
    # Vicuna over the eight common languages: (800 - 168.6) / 8 = 78.925, above Llama-2's 77.525: the order flips
    assert table[3].common_mean == pytest.approx(78.925)
    assert table[3].common_mean > table[2].common_mean == table[2].mean


def test_models_without_common_languages_have_no_common_mean():
    table, common = compare_over_common_languages({"a": {"en": 1.0}, "b": {"sw": 2.0}, "c": {"en": None}})
    assert common == ()
    assert [(row.model, row.common_mean) for row in table] == [("a", None), ("b", None)]
