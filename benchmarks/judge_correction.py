"""What a correction for the judge's errors gains, and what it costs.

The truth of every answer is taken as known (here: the guard's label), a cheap judge (here: the English keyword
list on a translated reply) has judged all, and a random few are labelled. Drawn again and again, each
estimator gives its mean, its standard deviation, how often its 95 % interval covers the truth, and how often it
declines. ``rogan-gladen`` has the labelled few as its calibration set; ``rogan-gladen, bold`` declines only where the
calibration set cannot tell the judge from guessing. Means of an estimator that declines often are means over the
draws that looked good, one reason to fix a calibration set before looking.

    python benchmarks/judge_correction.py ../shared/data/replies/qwen2.5-7b-instruct [--labels 100] [--draws 1000]

Without a folder, cells drawn from stated rates, sensitivities and specificities stand in for the answers.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from isogloss.stats.corrected import Corrected
from isogloss.stats.judge_error import correct_rate
from isogloss.stats.prediction_powered import Labelled, measure_prediction_powered
from isogloss.stats.rates import Floats, measure_rate

ESTIMATORS = ("judge alone", "labels only", "untuned", "tuned", "rogan-gladen", "rogan-gladen, bold")
Cell = tuple[Floats, Floats]

# name: true rate, sensitivity, specificity
SYNTHETIC = {
    "good judge": (0.70, 0.95, 0.98),
    "misses half": (0.70, 0.52, 0.98),
    "misses half, rate near 1": (0.94, 0.45, 0.96),
    "knows little": (0.30, 0.23, 0.97),
}


def measure_cell(truth: Floats, judge: Floats, *, labels: int, draws: int, seed: int) -> dict[str, dict[str, float]]:
    """Mean, standard deviation, coverage and share of declined draws of every estimator."""
    generator = np.random.default_rng(seed)
    goal = float(truth.mean())
    found: dict[str, list[Corrected]] = {name: [] for name in ESTIMATORS}
    for _ in range(draws):
        drawn = generator.choice(len(truth), size=labels, replace=False)
        for name, estimate in estimate_all(truth, judge, drawn).items():
            found[name].append(estimate)
    return {name: describe(estimates, goal) for name, estimates in found.items()}


def estimate_all(truth: Floats, judge: Floats, drawn: Floats) -> dict[str, Corrected]:
    names = [str(index) for index in range(len(truth))]
    known: list[int | None] = [None] * len(truth)
    for index in drawn:
        known[index] = int(truth[index])
    arm = Labelled(judge.astype(int).tolist(), known, names)
    marked = np.zeros(len(truth), dtype=bool)
    marked[drawn] = True
    refused, rest = marked & (truth == 1), marked & (truth == 0)
    judged = measure_rate(judge.astype(int), names)
    sensitivity = measure_rate(judge[refused].astype(int), [str(index) for index in range(refused.sum())])
    specificity = measure_rate((1 - judge[rest]).astype(int), [str(index) for index in range(rest.sum())])
    return {
        "judge alone": Corrected(judged.value, judged.interval, "none", judged.n, 0),
        "labels only": measure_prediction_powered(arm, tuning=0.0),
        "untuned": measure_prediction_powered(arm, tuning=1.0),
        "tuned": measure_prediction_powered(arm),
        "rogan-gladen": correct_rate(judged, sensitivity, specificity),
        "rogan-gladen, bold": correct_rate(judged, sensitivity, specificity, least_youden=0.0),
    }


def describe(estimates: list[Corrected], goal: float) -> dict[str, float]:
    kept = [(one.value, one.interval) for one in estimates if one.value is not None and one.interval is not None]
    if not kept:
        return {"declined": 1.0}
    values = np.array([value for value, _ in kept])
    limits = np.array([interval for _, interval in kept])
    return {
        "mean": float(values.mean()),
        "sd": float(values.std(ddof=1)) if len(kept) > 1 else 0.0,
        "coverage": float(((limits[:, 0] <= goal) & (goal <= limits[:, 1])).mean()),
        "width": float((limits[:, 1] - limits[:, 0]).mean()),
        "declined": 1 - len(kept) / len(estimates),
    }


def load_cells(folder: Path) -> dict[str, Cell]:
    """Guard and keyword verdicts of every language; replies that the guard left unlabelled are left out."""
    cells = {}
    for file in sorted(folder.glob("*.jsonl")):
        rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        kept = [row for row in rows if row["guard_refusal"] is not None and row["english_keyword_refusal"] is not None]
        truth = np.array([float(row["guard_refusal"]) for row in kept])
        cells[file.stem] = (truth, np.array([float(row["english_keyword_refusal"]) for row in kept]))
    return cells


def synthesise_cells(*, answers: int, seed: int) -> dict[str, Cell]:
    """Cells with exactly the stated shares, so that nothing but the labelling is random."""
    generator = np.random.default_rng(seed)
    cells = {}
    for name, (rate, sensitivity, specificity) in SYNTHETIC.items():
        truth = (np.arange(answers) < round(rate * answers)).astype(np.float64)
        chance = np.where(truth == 1, sensitivity, 1 - specificity)
        cells[name] = (truth, (generator.random(answers) < chance).astype(np.float64))
    return cells


def print_table(results: Mapping[str, Mapping[str, Mapping[str, float]]], cells: Mapping[str, Cell]) -> None:
    for name, estimators in results.items():
        truth, judge = cells[name]
        caught, spared = judge[truth == 1].mean(), 1 - judge[truth == 0].mean()
        print(f"\n{name}: truth {truth.mean():.3f}, n {len(truth)}, sensitivity {caught:.2f}, specificity {spared:.2f}")
        print(f"  {'':22}{'mean':>8}{'sd':>8}{'coverage':>10}{'width':>8}{'declined':>10}")
        for estimator, row in estimators.items():
            if "mean" in row:
                numbers = f"{row['mean']:8.3f}{row['sd']:8.3f}{row['coverage']:10.3f}{row['width']:8.3f}"
            else:
                numbers = " " * 34
            print(f"  {estimator:22}{numbers}{row['declined']:10.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("replies", type=Path, nargs="?", help="folder of <language>.jsonl with both verdicts")
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "judge_correction.json")
    chosen = parser.parse_args()
    cells = load_cells(chosen.replies) if chosen.replies else synthesise_cells(answers=572, seed=chosen.seed)
    results = {
        name: measure_cell(truth, judge, labels=chosen.labels, draws=chosen.draws, seed=chosen.seed)
        for name, (truth, judge) in cells.items()
    }
    print_table(results, cells)
    record = {
        "answers": chosen.replies.name if chosen.replies else "synthetic",
        "labels": chosen.labels,
        "draws": chosen.draws,
        "seed": chosen.seed,
        "truth": {name: float(truth.mean()) for name, (truth, _) in cells.items()},
        "estimators": results,
    }
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
