"""How often do intervals for the worst language cover the lowest true rate?

Every run draws refusals of K languages to n prompts (a Gaussian copula makes languages agree on prompts), asks for
a 95 % interval, and looks whether the lowest true rate lies inside. Five intervals are compared:

    ours         `isogloss.stats.find_worst`
    bonferroni   smallest Wilson lower limit; smallest Wilson upper limit at Bonferroni's level
    max-t        the same lower limit; smallest upper limit of a joint max-t bootstrap
    wilson       Wilson's interval of the language with the lowest observed rate (what most reports do)
    percentile   percentile bootstrap of the minimum, joint over prompts

    python benchmarks/worst_language_coverage.py [--runs 2000] [--seed 0] [--out benchmarks/results/...json]

About seven minutes on one core. The bootstrap's resampling weights are drawn once per setting and used for all of
its runs, which are independent otherwise.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.special import ndtri

from isogloss.stats import find_worst, wilson_interval
from isogloss.stats.rates import Floats, Rate

NOMINAL = 0.95
RESAMPLES = 1000


@dataclass(frozen=True)
class Setting:
    name: str
    rates: tuple[float, ...]
    prompts: int
    correlation: float = 0.5


SETTINGS = (
    Setting("all .90, K 14, n 315", (0.90,) * 14, 315),
    Setting("all .90, K 14, n 100", (0.90,) * 14, 100),
    Setting("all .97, K 14, n 572", (0.97,) * 14, 572),
    Setting("spread .75-.97, K 14, n 315", tuple(np.linspace(0.75, 0.97, 14).tolist()), 315),
    Setting("one bad .30, rest .90, K 14, n 315", (0.30,) + (0.90,) * 13, 315),
    Setting("all .90, K 26, n 100, independent", (0.90,) * 26, 100, 0.0),
    # Not in the table that the others come from: small sets, many cells, and the other end of the scale.
    Setting("all .90, K 200, n 30", (0.90,) * 200, 30, 0.3),
    Setting("all .05, K 14, n 100", (0.05,) * 14, 100),
    Setting("all .99, K 14, n 40", (0.99,) * 14, 40),
)
METHODS = ("ours", "bonferroni", "max-t", "wilson", "percentile")


def measure_setting(setting: Setting, *, runs: int, seed: int) -> dict[str, object]:
    """Coverage and mean width of every method, and the bias of the observed minimum in points."""
    generator = np.random.default_rng(seed)
    weights = generator.multinomial(
        setting.prompts, np.full(setting.prompts, 1 / setting.prompts), size=RESAMPLES
    ).astype(np.float32)
    truth = min(setting.rates)
    found = np.empty((runs, len(METHODS), 2))
    minima, named = np.empty(runs), 0
    for run in range(runs):
        outcomes = draw_outcomes(setting, generator)
        found[run] = intervals_of(outcomes, weights)
        minima[run] = outcomes.mean(axis=1).min()
        worst = find_worst(rates_of(outcomes))
        named += worst is not None and str(int(np.argmin(setting.rates))) in worst.candidates
    covered = ((found[:, :, 0] <= truth) & (truth <= found[:, :, 1])).mean(axis=0)
    width = (found[:, :, 1] - found[:, :, 0]).mean(axis=0)
    return {
        "setting": asdict(setting),
        "bias_of_the_minimum_points": 100 * float((minima - truth).mean()),
        "candidates_hold_the_worst": named / runs,
        "coverage": dict(zip(METHODS, covered.tolist(), strict=True)),
        "mean_width_points": dict(zip(METHODS, (100 * width).tolist(), strict=True)),
    }


def draw_outcomes(setting: Setting, generator: np.random.Generator) -> Floats:
    """``[languages, prompts]`` refusals."""
    shared = generator.standard_normal(setting.prompts)
    own = generator.standard_normal((len(setting.rates), setting.prompts))
    latent = np.sqrt(setting.correlation) * shared + np.sqrt(1 - setting.correlation) * own
    return (latent < ndtri(np.array(setting.rates))[:, None]).astype(np.float64)


def rates_of(outcomes: Floats) -> dict[str, Rate]:
    prompts = outcomes.shape[1]
    return {str(index): Rate(float(row.mean()), prompts, float(prompts), None) for index, row in enumerate(outcomes)}


def intervals_of(outcomes: Floats, weights: Floats) -> Floats:
    """``[methods, 2]`` limits."""
    cells, prompts = outcomes.shape
    rates = outcomes.mean(axis=1)
    lowest = float(rates.min())
    worst = find_worst(rates_of(outcomes), confidence=NOMINAL)
    assert worst is not None
    tail = (1 - NOMINAL) / 2
    drawn = weights @ outcomes.T.astype(np.float32) / prompts
    lower = wilson_interval(lowest, prompts, confidence=NOMINAL)[0]  # equal n: the lowest rate has the lowest limit
    return np.array(
        [
            worst.interval,
            (lower, wilson_interval(lowest, prompts, confidence=1 - 2 * tail / cells)[1]),
            (lower, max_t_limit(rates, drawn, prompts, tail)),
            wilson_interval(lowest, prompts, confidence=NOMINAL),
            np.quantile(drawn.min(axis=1), [tail, 1 - tail]),
        ]
    )


def max_t_limit(rates: Floats, drawn: Floats, prompts: int, tail: float) -> float:
    """The smallest of the upper limits that hold for all cells together, by the joint bootstrap of the largest t."""
    errors = np.sqrt(rates * (1 - rates) / prompts)
    drawn_errors = np.sqrt(drawn * (1 - drawn) / prompts)
    statistic = np.divide(rates - drawn, drawn_errors, out=np.zeros_like(drawn), where=drawn_errors > 0)
    return float(min(1.0, (rates + np.quantile(statistic.max(axis=1), 1 - tail) * errors).min()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "worst_language_coverage.json")
    chosen = parser.parse_args()
    rows = []
    print("coverage of nominal 95 % intervals and their mean width in points")
    print(f"{'true rates':36}" + "".join(f"{method:>12}" for method in METHODS))
    for setting in SETTINGS:
        start = time.perf_counter()
        row = measure_setting(setting, runs=chosen.runs, seed=chosen.seed)
        rows.append(row)
        coverage, width = row["coverage"], row["mean_width_points"]
        cells = "".join(f"{coverage[method]:7.3f}{width[method]:5.1f}" for method in METHODS)
        print(f"{setting.name:36}{cells}   {time.perf_counter() - start:.0f} s", flush=True)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    record = {"nominal": NOMINAL, "runs": chosen.runs, "seed": chosen.seed, "resamples": RESAMPLES, "settings": rows}
    chosen.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
