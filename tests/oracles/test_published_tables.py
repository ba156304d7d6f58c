"""Published tables and worked examples, recomputed; other libraries, agreed with."""

import json

import numpy as np
import pytest

from isogloss.stats.averages import common_languages, summarise_languages
from isogloss.stats.bootstrap import bootstrap_estimate
from isogloss.stats.cells import Cell
from isogloss.stats.multiplicity import adjust_p_values
from isogloss.stats.paired import Term, estimate_linear
from isogloss.stats.pairedtable import PairedTable, match_outcomes, mcnemar_p, measure_pairs, paired_interval
from isogloss.stats.planner import gap_for_prompts, prompts_for_gap
from isogloss.stats.rates import clopper_pearson_interval, measure_rate, wilson_interval

# XSafety (Wang et al. 2023), table 5: unsafe answers in percent; Llama 2 was not asked in Arabic and Bengali
LANGUAGES = ("en", "zh", "fr", "ru", "de", "ar", "hi", "es", "ja", "bn")
UNSAFE = {
    "ChatGPT": (1.0, 8.1, 13.7, 12.5, 14.7, 9.2, 18.3, 8.5, 21.0, 37.4),
    "PaLM 2": (10.3, 21.6, 15.4, 14.1, 16.4, 17.4, 17.0, 14.3, 29.9, 21.9),
    "Llama 2": (14.6, 26.5, 16.8, 17.7, 18.0, None, 36.5, 20.7, 29.0, None),
    "Vicuna": (6.0, 10.6, 9.4, 16.7, 11.7, 56.6, 63.2, 11.2, 39.8, 81.6),
}
SAFE = {
    model: {language: None if cell is None else 100 - cell for language, cell in zip(LANGUAGES, unsafe, strict=True)}
    for model, unsafe in UNSAFE.items()
}


@pytest.mark.parametrize(
    ("model", "english", "average", "others", "worst", "language"),
    [
        ("ChatGPT", 99.0, 85.6, 84.1, 62.6, "bn"),
        ("PaLM 2", 89.7, 82.2, 81.3, 70.1, "ja"),
        ("Llama 2", 85.4, 77.5, 76.4, 63.5, "hi"),
        ("Vicuna", 94.0, 69.3, 66.6, 18.4, "bn"),
    ],
)
def test_the_xsafety_rows_follow_from_their_cells(model, english, average, others, worst, language):
    found = summarise_languages(SAFE[model])
    assert found.reference == pytest.approx(english)
    # printed with one decimal; 85.56, 82.17, 77.525, 69.32 and 84.07, 81.33, 76.40, 66.58
    assert found.average == pytest.approx(average, abs=0.051)
    assert found.average_without_reference == pytest.approx(others, abs=0.051)
    assert (found.worst, found.worst_value) == (language, pytest.approx(worst))


def test_the_ranking_of_xsafety_flips_between_average_and_worst():
    rows = {model: summarise_languages(cells) for model, cells in SAFE.items()}
    assert rows["ChatGPT"].average > rows["PaLM 2"].average
    assert rows["ChatGPT"].worst_value < rows["PaLM 2"].worst_value


def test_the_ranking_of_xsafety_flips_again_on_the_common_languages():
    common = common_languages(SAFE)
    assert common == ("en", "zh", "fr", "ru", "de", "hi", "es", "ja")
    own = {model: summarise_languages(cells) for model, cells in SAFE.items()}
    shared = {model: summarise_languages(cells, languages=common) for model, cells in SAFE.items()}
    # own sets: Llama 2 on eight languages 77.5 against Vicuna on ten 69.3
    assert own["Llama 2"].average > own["Vicuna"].average
    # the same eight: (85.4 + 73.5 + 83.2 + 82.3 + 82.0 + 63.5 + 79.3 + 71.0) / 8 = 77.525
    # and (94.0 + 89.4 + 90.6 + 83.3 + 88.3 + 36.8 + 88.8 + 60.2) / 8 = 78.925
    assert shared["Llama 2"].average == pytest.approx(77.525)
    assert shared["Vicuna"].average == pytest.approx(78.925)
    assert summarise_languages(SAFE["Llama 2"], languages=LANGUAGES) is None


@pytest.mark.parametrize(
    ("gap", "discordant", "one", "nine", "thirteen"),
    [
        (3, 0.06, 515, 858, 915),
        (5, 0.10, 306, 510, 543),
        (5, 0.20, 620, 1032, 1100),
        (10, 0.20, 149, 248, 265),
        (10, 0.30, 228, 379, 404),
    ],
)
def test_the_sample_size_table(gap, discordant, one, nine, thirteen):
    for languages, expected in ((1, one), (9, nine), (13, thirteen)):
        needed = prompts_for_gap(gap, discordant, languages=languages)
        # the table rounds to the nearest, we round up
        assert abs(needed.exact - expected) <= 0.5 + 1e-9
        assert needed.prompts in (expected, expected + 1)


def test_the_resolution_of_known_sets():
    # MultiJail (315) resolves about 5 points at 10 % discordance for one planned language, not for nine
    assert gap_for_prompts(315, 0.10) == pytest.approx(5.0, abs=0.1)
    assert gap_for_prompts(315, 0.10, languages=9) > 6
    # 100 prompts: only gaps above 12 to 15 points, at 20 to 30 % discordance
    assert 12 <= gap_for_prompts(100, 0.20) <= gap_for_prompts(100, 0.30) <= 15


# Newcombe 1998 (Statistics in Medicine 17:2635), table II, method 10; cells e f g h
@pytest.mark.parametrize(
    ("cells", "low", "high"),
    [
        ((36, 12, 2, 0), 0.0569, 0.3404),
        ((18, 12, 2, 18), 0.0562, 0.3290),
        ((53, 0, 0, 1), -0.0729, 0.0729),
    ],
)
def test_newcombes_paired_examples(cells, low, high):
    both, first, second, neither = cells
    # he takes the first minus the second, we take here minus reference
    found = paired_interval(PairedTable(both, only_reference=second, only_here=first, neither=neither))
    assert found == pytest.approx((low, high), abs=1e-4)


# Fagerland, Lydersen and Laake 2013 (BMC Medical Research Methodology 13:91) and 2014 (Statistics in Medicine
# 33:2850): airway hyper-responsiveness before and after transplantation; response before and after consolidation
AIRWAY = PairedTable(1, only_reference=1, only_here=7, neither=12)
RESPONSE = PairedTable(59, only_reference=6, only_here=16, neither=80)


def test_mcnemar_examples():
    assert mcnemar_p(AIRWAY) == pytest.approx(0.0703, abs=5e-5)
    assert mcnemar_p(AIRWAY, mid_p=True) == pytest.approx(0.0391, abs=5e-5)


def test_paired_intervals_of_the_same_examples():
    assert paired_interval(AIRWAY) == pytest.approx((0.026, 0.507), abs=1e-3)
    assert paired_interval(AIRWAY, method="tango") == pytest.approx((0.026, 0.517), abs=1e-3)
    assert paired_interval(RESPONSE) == pytest.approx((0.0046, 0.1186), abs=1e-4)


def test_mcnemars_test_of_a_tuberculosis_medium():
    # Armitage and Berry 1994, p. 127: 12 against 2 discordant specimens, exact two-sided P = 0.0129
    assert mcnemar_p(PairedTable(20, 12, 2, 16)) == pytest.approx(0.0129, abs=5e-5)


@pytest.mark.parametrize("resamples", [200, 1000, 5000])
def test_the_rabakbench_trap_more_resamples_do_not_narrow_an_interval(resamples):
    # The published half-widths equal the bootstrap standard deviation divided by the square root of 1,000
    # resamples, about 32 times too small. A share of .8 of 400 has a standard error of .02 whatever the patience.
    cells = {"ms": Cell([1] * 320 + [0] * 80, [str(index) for index in range(400)])}
    found = bootstrap_estimate(cells, lambda rates: rates[:, 0], seed=3, resamples=resamples)
    assert found.standard_error == pytest.approx(0.02, rel=0.15)
    low, high = found.interval
    assert high - low == pytest.approx(2 * 1.96 * 0.02, rel=0.15)
    trap = found.standard_error / np.sqrt(resamples)
    assert (high - low) / 2 > 10 * 1.96 * trap
    wilson = measure_rate(cells["ms"].outcomes, cells["ms"].clusters).interval
    assert high - low == pytest.approx(wilson[1] - wilson[0], rel=0.15)


def test_rates_agree_with_statsmodels():
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    for hits, n in ((0, 20), (3, 40), (37, 40), (315, 315), (250, 572)):
        for method, ours in (("wilson", wilson_interval), ("beta", clopper_pearson_interval)):
            theirs = proportion.proportion_confint(hits, n, method=method)
            assert ours(hits / n, n) == pytest.approx(theirs, abs=1e-9)


def test_mcnemar_agrees_with_statsmodels():
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    generator = np.random.default_rng(0)
    for cells in generator.integers(0, 30, size=(40, 4)).tolist():
        both, first, second, neither = cells
        theirs = tables.mcnemar([[both, first], [second, neither]], exact=True).pvalue
        assert mcnemar_p(PairedTable(*cells)) == pytest.approx(theirs, abs=1e-12)


def test_adjusted_p_values_agree_with_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    generator = np.random.default_rng(1)
    for size in (1, 2, 13, 60):
        p_values = (generator.random(size) ** 3).round(2)
        for ours, theirs in (("holm", "holm"), ("benjamini-hochberg", "fdr_bh")):
            expected = multitest.multipletests(p_values, method=theirs)[1]
            found = adjust_p_values(dict(enumerate(p_values.tolist())), family="any", method=ours).adjusted
            assert [found[index] for index in range(size)] == pytest.approx(expected.tolist())


def test_pairing_helps_as_much_as_reported_on_real_replies(shared_data):
    # Qwen2.5-7B-Instruct on PolyRefuse, guard labels: paired standard error of German against English .0140 where
    # unpaired rates would have .0191; 9 to 15 % of prompts answered differently, 20 % in Korean, far more in Yoruba
    english = json.loads((shared_data / "polyrefuse" / "harmful_test_translated_en.json").read_text("utf-8"))
    refused = {}
    for language in ("en", "de", "ko", "yo"):
        lines = (shared_data / "replies" / "qwen2.5-7b-instruct" / f"{language}.jsonl").read_text("utf-8").splitlines()
        refused[language] = {row["id"]: row["guard_refusal"] for row in map(json.loads, lines)}
    # ten prompts occur twice: the text is the idea
    idea = {key: english[int(key.rsplit("-", 1)[1])]["instruction"] for key in refused["en"]}
    found = {}
    for language in ("de", "ko", "yo"):
        keys, reference, here = match_outcomes(refused["en"], refused[language])
        found[language] = measure_pairs(reference, here, [idea[key] for key in keys])
        terms = [Term(1, [ours - other for ours, other in zip(here, reference, strict=True)], keys)]
        if language == "de":
            # ours adds the allowance for what 556 prompts do not hold: sqrt(.0140^2 + (1.5 / 558)^2) = .01426
            assert estimate_linear(terms).standard_error == pytest.approx(0.01426, abs=1e-4)
            apart = [measure_rate(list(refused[one].values()), list(refused[one])).value for one in ("en", "de")]
            assert np.sqrt(sum(rate * (1 - rate) / len(keys) for rate in apart)) == pytest.approx(0.0191, abs=1e-4)
    assert 0.09 <= found["de"].table.discordant_share <= 0.15
    assert found["ko"].table.discordant_share == pytest.approx(0.20, abs=0.01)
    assert 0.56 <= found["yo"].table.discordant_share <= 0.82
    assert found["yo"].effective_n < found["yo"].n
