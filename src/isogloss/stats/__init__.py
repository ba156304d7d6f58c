"""Arithmetic on numbers only, usable alone on any verdict table.

Rates and their intervals (`rates`), paired differences (`paired`, `pairedtable`, `equivalence`), the worst language or
cell (`worst`), many tests at once (`multiplicity`), sample sizes (`planner`), policies and baselines (`policy`,
`baseline`), the judge's errors (`prediction_powered`, `judge_error`, `corrected`), averages (`averages`), resampling
(`cells`, `bootstrap`) and separability.
"""

from isogloss.stats.averages import Summary, common_languages, summarise_languages
from isogloss.stats.baseline import Baseline, fit_baseline
from isogloss.stats.bootstrap import bootstrap_estimate
from isogloss.stats.cells import Cell, gather_cells
from isogloss.stats.corrected import Corrected, subtract_bands, subtract_corrected
from isogloss.stats.equivalence import MarginTest, decide_equivalence, decide_non_inferiority, measure_margin
from isogloss.stats.judge_error import bound_rate, correct_change, correct_rate
from isogloss.stats.multiplicity import Family, adjust_p_values
from isogloss.stats.paired import Estimate, Term, estimate_linear
from isogloss.stats.pairedtable import Paired, PairedTable, match_outcomes, measure_pairs
from isogloss.stats.planner import (
    SampleSize,
    distance_for_prompts,
    expect_discordant,
    gap_for_prompts,
    half_width_for_prompts,
    prompts_for_gap,
    prompts_for_half_width,
    prompts_to_name_worst,
)
from isogloss.stats.policy import (
    CellCheck,
    Needed,
    PolicyResult,
    check_baseline,
    check_distance,
    check_floor,
    conclude_policy,
)
from isogloss.stats.prediction_powered import Labelled, measure_corrected_gap, measure_prediction_powered
from isogloss.stats.rates import (
    Rate,
    clopper_pearson_interval,
    difference_interval,
    measure_rate,
    wilson_interval,
)
from isogloss.stats.worst import SplitWorst, Worst, find_worst, split_worst

__all__ = [
    "Baseline",
    "Cell",
    "CellCheck",
    "Corrected",
    "Estimate",
    "Family",
    "Labelled",
    "MarginTest",
    "Needed",
    "Paired",
    "PairedTable",
    "PolicyResult",
    "Rate",
    "SampleSize",
    "SplitWorst",
    "Summary",
    "Term",
    "Worst",
    "adjust_p_values",
    "bootstrap_estimate",
    "bound_rate",
    "check_baseline",
    "check_distance",
    "check_floor",
    "clopper_pearson_interval",
    "common_languages",
    "conclude_policy",
    "correct_change",
    "correct_rate",
    "decide_equivalence",
    "decide_non_inferiority",
    "difference_interval",
    "distance_for_prompts",
    "estimate_linear",
    "expect_discordant",
    "find_worst",
    "fit_baseline",
    "gap_for_prompts",
    "gather_cells",
    "half_width_for_prompts",
    "match_outcomes",
    "measure_corrected_gap",
    "measure_margin",
    "measure_pairs",
    "measure_prediction_powered",
    "measure_rate",
    "prompts_for_gap",
    "prompts_for_half_width",
    "prompts_to_name_worst",
    "split_worst",
    "subtract_bands",
    "subtract_corrected",
    "summarise_languages",
    "wilson_interval",
]
