import numpy as np
import pytest

from isogloss.survey.agreement import measure_label_agreement
from isogloss.survey.agreement_sets import alpha_for_distance, jaccard, masi_distance
from isogloss.survey.agreement_width import expect_width, warn_small
from isogloss.survey.annotations import Annotation

EMPTY = frozenset()


def sets(*texts):
    return [None if text is None else frozenset(text.split()) for text in texts]


def by_label(annotations, **options):
    return {row.label: row for row in measure_label_agreement(annotations, seed=1, **options)}


def label(paper, annotator, topic=None, languages=None, **more):
    return Annotation(paper, annotator, topic=topic, languages=languages, **more)


def test_overlap_of_sets():
    assert jaccard(EMPTY, EMPTY) == 1.0
    assert jaccard(frozenset("ab"), frozenset("bc")) == pytest.approx(1 / 3)
    assert jaccard(EMPTY, frozenset("a")) == 0.0


def test_masi_distance():
    a, b, ab, bc = (frozenset(text) for text in ("a", "b", "ab", "bc"))
    assert masi_distance(EMPTY, EMPTY) == masi_distance(ab, ab) == 0.0
    assert masi_distance(a, b) == masi_distance(EMPTY, a) == 1.0
    # a in ab: 1 - 1/2 * 2/3
    assert masi_distance(a, ab) == pytest.approx(2 / 3)
    # ab and bc overlap: 1 - 1/3 * 1/3
    assert masi_distance(ab, bc) == pytest.approx(8 / 9)


def test_masi_distance_is_nltks_up_to_its_rounded_weights():
    metrics = pytest.importorskip("nltk.metrics.distance")
    generator = np.random.default_rng(4)
    for _ in range(200):
        first, second = (frozenset(generator.choice(list("abcde"), size=generator.integers(1, 4))) for _ in range(2))
        assert masi_distance(first, second) == pytest.approx(metrics.masi_distance(first, second), abs=0.0034)
    with pytest.raises(ZeroDivisionError):
        metrics.jaccard_distance(set(), set())


def test_alpha_for_sets_is_nltks_with_missing_coders():
    agreement = pytest.importorskip("nltk.metrics.agreement")
    generator = np.random.default_rng(5)
    units = []
    for _ in range(30):
        unit = [frozenset(generator.choice(list("abc"), size=generator.integers(1, 3))) for _ in range(3)]
        if generator.random() < 0.3:
            unit[generator.integers(3)] = None
        units.append(unit)
    rows = [(f"c{c}", f"u{u}", tags) for u, unit in enumerate(units) for c, tags in enumerate(unit) if tags is not None]
    theirs = agreement.AnnotationTask(rows, distance=masi_distance).alpha()
    ours = alpha_for_distance(units, masi_distance, np.ones((1, 30)))[0]
    assert ours == pytest.approx(theirs, abs=1e-9)


def test_alpha_by_hand():
    # units {a},{a}; {a},{b}. values: a three times, b once; n = 4. Within: 0 + 2*1/(2-1) = 2, observed 2/4.
    # Expected: 2*3*1/(4*3) = 1/2. alpha = 0.
    assert alpha_for_distance([sets("a", "a"), sets("a", "b")], masi_distance, np.ones((1, 2)))[0] == pytest.approx(0)


def test_two_coders_who_find_no_language_agree():
    rows = [label(f"p{n}", who, languages=()) for n in range(3) for who in ("a", "b")]
    rows += [label("q", who, languages=("en",)) for who in ("a", "b")]
    found = by_label(rows)["languages"]
    assert (found.jaccard.value, found.alpha.value, found.percent.value) == (1.0, 1.0, 1.0)


def test_kappa_is_scikit_learns_for_one_pair():
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(6)
    first = generator.choice(["policy", "privacy", "alignment"], size=60)
    second = np.where(generator.random(60) < 0.7, first, generator.permutation(first))
    rows = [
        label(f"p{n}", who, topic=str(column[n])) for n in range(60) for who, column in (("a", first), ("b", second))
    ]
    found = by_label(rows)["topic"]
    assert found.kappa.value == pytest.approx(metrics.cohen_kappa_score(first, second))
    assert found.kappa.interval[0] < found.kappa.value < found.kappa.interval[1]
    assert found.pairs[0].kappa == pytest.approx(found.kappa.value)


def test_pooled_kappa_of_pairs_with_papers_of_their_own():
    # Pair 1, 2 papers: x/x, y/y. Observed 2 of 2, by chance 1. Pair 2, 2 papers: x/y, y/x. Observed 0, by chance 1.
    # Pooled: (2 - 2) / (4 - 2) = 0, though the pairs have kappa 1 and -1.
    rows = [
        label("p1", "a", topic="policy"), label("p1", "b", topic="policy"),
        label("p2", "a", topic="privacy"), label("p2", "b", topic="privacy"),
        label("p3", "c", topic="policy"), label("p3", "d", topic="privacy"),
        label("p4", "c", topic="privacy"), label("p4", "d", topic="policy"),
    ]  # fmt: skip
    found = by_label(rows)["topic"]
    assert found.kappa.value == pytest.approx(0)
    assert [(pair.annotators, pair.papers, pair.kappa) for pair in found.pairs] == [
        (("a", "b"), 2, pytest.approx(1)),
        (("c", "d"), 2, pytest.approx(-1)),
    ]


def test_one_label_alone_leaves_kappa_undefined_with_a_reason():
    rows = [label(f"p{n}", who, topic="policy") for n in range(5) for who in ("a", "b")]
    found = by_label(rows)["topic"]
    assert (found.kappa.value, found.kappa.reason, found.percent.value) == (None, "only one label occurs", 1.0)


def test_nothing_labelled_twice_is_said():
    found = by_label([label("p1", "a", topic="policy")])["topic"]
    assert (found.papers, found.alpha.reason) == (0, "no paper was labelled by two people")
    assert "cannot be measured" in found.warning


def test_suggestions_do_not_count_as_annotators():
    rows = [label("p1", "a", topic="policy"), label("p1", "rules", topic="policy", source="rule")]
    assert by_label(rows)["topic"].papers == 0


def test_a_seeded_run_repeats():
    rows = [
        label(f"p{n}", who, topic="policy" if (n * k) % 3 else "privacy")
        for n in range(9)
        for k, who in ((1, "a"), (2, "b"))
    ]
    assert by_label(rows) == by_label(rows)


@pytest.mark.parametrize(
    ("papers", "low", "high"), [(20, 0.68, 1.00), (80, 0.78, 0.94), (150, 0.80, 0.93), (300, 0.82, 0.91)]
)
def test_the_width_to_expect_is_that_of_the_reference(papers, low, high):
    # 7 topics, kappa 0.87 in the long run; of 20 papers, kappa comes in steps of about 0.06
    found = expect_width(papers, labels=7, kappa=0.87, seed=3)
    assert found.low == pytest.approx(low, abs=0.02)
    assert found.high == pytest.approx(high, abs=0.012)


def test_a_small_sample_is_warned_about_and_a_large_one_not():
    assert "0.68 to 1.00. 80 papers would give" in warn_small(20, labels=7, kappa=0.87, seed=1)
    assert warn_small(80, labels=7, kappa=0.87, seed=1) is None
    with pytest.raises(ValueError, match="at least 2"):
        expect_width(1, labels=7, kappa=0.87, seed=1)
