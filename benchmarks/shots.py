"""Thresholds for a new language from few labelled prompts or none, on the model organism and where the truth is known.

    python benchmarks/shots.py                                  (the bundled checkpoint and the simulation)
    python benchmarks/shots.py --seeds-folder seeds             (every checkpoint in a folder instead)

Gate and prior come from the source languages' training and validation prompts, shots and label-free samples from the
target languages' validation prompts (32 and 64 shots from validation and training prompts together, since validation
holds 24 of a kind), accuracy from their test prompts. The published rule is the cut with the best balanced F1 among
the shots alone. Nothing is generated. Writes benchmarks/results/shots.json.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm

from isogloss.core import Kind, Language, Split
from isogloss.core.run import describe_versions, write_json
from isogloss.core.seeds import derive_seed
from isogloss.inside.activations import Activations, record_activations
from isogloss.inside.directions import split_classes
from isogloss.inside.layer_choice import choose_layer
from isogloss.models.open_model import OpenModel
from isogloss.models.organism import organism_path
from isogloss.prompts import PromptSet, load_organism
from isogloss.repair.calibration_prompts import draw_shots
from isogloss.repair.class_belief import build_table
from isogloss.repair.class_prior import ClassPrior, measure_prior
from isogloss.repair.gate import Gate, SourceScores, fit_gate
from isogloss.repair.published.thresholds import fit_f1_thresholds
from isogloss.repair.selection import choose_readout
from isogloss.repair.thresholds import estimate_threshold, estimate_thresholds
from isogloss.repair.unlabelled import (
    estimate_by_quantiles,
    estimate_from_harmless,
    estimate_from_parallel,
    estimate_from_translations,
    estimate_from_unlabelled,
)
from isogloss.stats.separability import fit_threshold

RESULTS = Path(__file__).parent / "results" / "shots.json"
BUDGETS = (0, 1, 2, 4, 8, 16, 32, 64)
PREVALENCES = (0.1, 0.3, 0.5, 0.7, 0.9)
RESAMPLES = 2000
FEW = 4
Json = dict[str, Any]
Array = np.ndarray[Any, Any]
# One cell: what each rule reaches in one language of one checkpoint, mean over draws.
Cell = dict[str, float]


@dataclass(frozen=True, eq=False)
class Scored:
    """Logits of one target language: by split, harmful and harmless, with the source languages' mean logits."""

    language: Language
    pool: Mapping[str, tuple[Array, Array]]
    test: tuple[Array, Array]
    source: tuple[Array, Array]
    draw: Callable[[Kind, str, int, int], list[int]]


def record_checkpoint(folder: Path, prompts: PromptSet) -> tuple[Activations, OpenModel]:
    """States of every prompt at every layer."""
    model = OpenModel.load(folder, name="organism")
    return record_activations(model, list(prompts)), model


def fit_source(states: Activations, source: Sequence[Language], layer: int) -> tuple[Gate, ClassPrior, float]:
    """Gate and prior of the source languages, and the seconds that the prior took."""
    train = split_classes(states, source, layer, split=Split.TRAIN)
    validation = split_classes(states, source, layer, split=Split.VALIDATION)
    gate = fit_gate(train, label=f"layer {layer}")
    started = time.perf_counter()
    both = {
        language: (
            np.concatenate([train[language][0], validation[language][0]]),
            np.concatenate([train[language][1], validation[language][1]]),
        )
        for language in source
    }
    prior = measure_prior(gate, train, both)
    build_table(prior)
    return gate, prior, time.perf_counter() - started


def score_language(
    states: Activations, gate: Gate, source: Sequence[Language], language: Language, layer: int
) -> Scored:
    """Logits of one target language, and how its shots are drawn."""
    classes = {split: split_classes(states, [language], layer, split=split)[language] for split in Split}
    scores = {split: tuple(gate.score(part) for part in both) for split, both in classes.items()}
    wide = tuple(np.concatenate([scores[Split.VALIDATION][n], scores[Split.TRAIN][n]]) for n in (0, 1))
    sources = split_classes(states, source, layer, split=Split.VALIDATION)
    means = [np.mean([gate.score(sources[own][n]) for own in source], axis=0) for n in (0, 1)]
    chosen = {
        "validation": [p for p in states.prompts if p.language == language and p.split == Split.VALIDATION],
        "both": [p for p in states.prompts if p.language == language and p.split == Split.VALIDATION]
        + [p for p in states.prompts if p.language == language and p.split == Split.TRAIN],
    }

    def draw(kind: Kind, pool: str, shots: int, number: int) -> list[int]:
        held = [prompt for prompt in chosen[pool] if prompt.kind == kind]
        return draw_shots(held, language, kind, None, shots, derive_seed(number, language.key, kind))

    pools = {"validation": (scores[Split.VALIDATION][0], scores[Split.VALIDATION][1]), "both": (wide[0], wide[1])}
    return Scored(language, pools, (scores[Split.TEST][0], scores[Split.TEST][1]), (means[0], means[1]), draw)


def accuracy(own: Scored, thresholds: Array | float) -> float:
    """Mean balanced accuracy on test prompts."""
    cuts = np.atleast_1d(np.asarray(thresholds))[:, None]
    harmful, harmless = own.test
    return float(((harmful >= cuts).mean() + (harmless < cuts).mean()) / 2)


def measure_shots(own: Scored, gate: Gate, prior: ClassPrior, draws: int) -> Cell:
    """Ours and the published rule at every budget, over the same draws."""
    cell = {"ceiling": accuracy(own, fit_threshold(*own.test)), "ours 0": accuracy(own, gate.fallback)}
    for shots in BUDGETS[1:]:
        pool = "validation" if shots <= len(own.pool["validation"][0]) else "both"
        rows = [[own.draw(kind, pool, shots, number) for number in range(draws)] for kind in Kind]
        harmful, harmless = own.pool[pool][0][np.array(rows[0])], own.pool[pool][1][np.array(rows[1])]
        cell[f"ours {shots}"] = accuracy(own, estimate_thresholds(gate, harmful, harmless, prior=prior).value)
        both = np.concatenate([harmful, harmless], axis=1)
        cell[f"published {shots}"] = accuracy(own, fit_f1_thresholds(both, np.arange(2 * shots) < shots)[0])
        if shots == FEW:
            cell |= measure_wrong_labels(gate, prior, harmful, harmless)
    return cell


def measure_wrong_labels(gate: Gate, prior: ClassPrior, harmful: Array, harmless: Array) -> Cell:
    """How often clean shots are reported, one wrong label found among them, and swapped classes noticed."""
    found: dict[str, list[bool]] = {
        "clean reported": [],
        "harmless as harmful": [],
        "harmful as harmless": [],
        "swapped": [],
        "clean contradicting": [],
    }
    for one, other in zip(harmful, harmless, strict=True):
        clean = estimate_threshold(gate, one, other, prior=prior)
        found["clean reported"].append(bool(clean.suspects[0] or clean.suspects[1]))
        found["clean contradicting"].append(bool(clean.reason))
        wrong = estimate_threshold(gate, np.append(other[:1], one[1:]), other[1:], prior=prior)
        found["harmless as harmful"].append(0 in wrong.suspects[0])
        wrong = estimate_threshold(gate, one[1:], np.append(one[:1], other[1:]), prior=prior)
        found["harmful as harmless"].append(0 in wrong.suspects[1])
        found["swapped"].append(bool(estimate_threshold(gate, other, one, prior=prior).reason))
    return {name: float(np.mean(values)) for name, values in found.items()}


def measure_label_free(own: Scored, gate: Gate, prior: ClassPrior, seed: int) -> Cell:
    """Every label-free rule on the language's validation prompts."""
    harmful, harmless = own.pool["validation"]
    pairs = np.concatenate(own.source), np.concatenate([harmful, harmless])
    wide = np.concatenate(own.pool["both"])
    cuts = {
        "unlabelled": estimate_from_unlabelled(gate, pairs[1], prior=prior),
        "unlabelled, more": estimate_from_unlabelled(gate, wide, prior=prior),
        "harmless": estimate_from_harmless(gate, harmless, prior=prior),
        "translations": estimate_from_translations(gate, *own.source, harmful, harmless, prior=prior),
        "parallel": estimate_from_parallel(gate, *pairs, prior=prior),
        "quantiles": estimate_by_quantiles(gate, *pairs),
        "harmless only, unlabelled": estimate_from_unlabelled(gate, harmless, prior=prior),
        "harmful only, unlabelled": estimate_from_unlabelled(gate, harmful, prior=prior),
    }
    generator = np.random.default_rng(seed)
    for share in PREVALENCES:
        count = min(len(harmful) / share, len(harmless) / (1 - share))
        mixed = np.concatenate(
            [
                generator.choice(harmful, max(1, int(count * share)), replace=False),
                generator.choice(harmless, max(1, int(count * (1 - share))), replace=False),
            ]
        )
        cuts[f"unlabelled, {share:.0%} harmful"] = estimate_from_unlabelled(gate, mixed, prior=prior)
        cuts[f"quantiles, {share:.0%} harmful"] = estimate_by_quantiles(gate, pairs[0], mixed)
    return {name: accuracy(own, estimate.value) for name, estimate in cuts.items()}


def measure_checkpoint(folder: Path, prompts: PromptSet, draws: int) -> tuple[dict[str, Cell], Json]:
    """Cells by target language, and what was chosen."""
    source = prompts.tier("high")
    targets = [language for language in prompts.languages if language not in source]
    states, _ = record_checkpoint(folder, prompts)
    layer = choose_layer(states, source).layer
    gate, prior, seconds = fit_source(states, source, layer)
    cells = {}
    for language in targets:
        own = score_language(states, gate, source, language, layer)
        cells[language.tag] = measure_shots(own, gate, prior, draws) | measure_label_free(own, gate, prior, seed=0)
    readout = choose_readout(states, source)
    known = {
        "checkpoint": folder.name,
        "layer": layer,
        "chosen_readout": {"layer": readout.layer, "rank": readout.rank, "score": readout.best.score},
        "prior_seconds": seconds,
        "calibration_seconds": time_calibration(gate, own, prior),
    }
    return cells, known


def time_calibration(gate: Gate, own: Scored, prior: ClassPrior) -> float:
    """Seconds that one language's threshold takes from the logits of four shots, best of five."""
    harmful, harmless = own.pool["validation"]
    took = []
    for _ in range(5):
        started = time.perf_counter()
        estimate_threshold(gate, harmful[:FEW], harmless[:FEW], prior=prior)
        took.append(time.perf_counter() - started)
    return min(took)


def summarise(cells: Sequence[Cell]) -> Json:
    """Mean over cells (languages and checkpoints) of every rule, and paired differences, with bootstrap intervals."""
    names = list(cells[0])
    table = np.array([[cell[name] for name in names] for cell in cells])
    generator = np.random.default_rng(derive_seed("cells"))
    picks = generator.integers(0, len(cells), (RESAMPLES, len(cells)))
    found = {name: _interval(table[:, place], picks) for place, name in enumerate(names)}
    at = names.index
    differences = {}
    for shots in BUDGETS[1:]:
        ours = table[:, at(f"ours {shots}")]
        differences[f"ours {shots} - published {shots}"] = _interval(ours - table[:, at(f"published {shots}")], picks)
        differences[f"ours {shots} - ours 0"] = _interval(ours - table[:, at("ours 0")], picks)
    for name in ("unlabelled", "harmless", "translations", "parallel", "quantiles"):
        if name in names:
            differences[f"{name} - ours {FEW}"] = _interval(table[:, at(name)] - table[:, at(f"ours {FEW}")], picks)
    return {"cells": len(cells), "balanced_accuracy": found, "differences": differences}


def _interval(values: Array, picks: Array) -> Json:
    low, high = np.quantile(values[picks].mean(axis=1), [0.025, 0.975])
    return {"mean": float(values.mean()), "low": float(low), "high": float(high)}


@dataclass(frozen=True, slots=True)
class Family:
    """How a simulated language differs from the sources, in units of the distance between the source classes.

    Attributes:
        shift: of the harmless mean.
        place: of the harmful mean above the harmless one; 1 is as in the sources.
        harmful_spread: standard deviation of the harmful class.
        harmless_spread: the same for the harmless class.
    """

    shift: float
    place: float
    harmful_spread: float
    harmless_spread: float


# The sources: classes one apart, 0.12 wide. The last three stand for the modes printed for three models in
# arXiv 2606.01196: the harmful class falls to a tenth up to a half of its distance, and narrows.
SOURCE_SPREAD = 0.12
FAMILIES = {
    "like the sources": Family(0.0, 1.0, 0.12, 0.12),
    "both classes shifted": Family(-0.25, 1.0, 0.12, 0.12),
    "faded by half, wide": Family(0.0, 0.5, 0.25, 0.12),
    "faded strongly": Family(0.02, 0.26, 0.09, 0.08),
    "faded, shifted up": Family(0.2, 0.2, 0.08, 0.08),
    "faded, shifted down": Family(-0.2, 0.35, 0.1, 0.1),
}


def simulate(draws: int, unlabelled: int = 60) -> dict[str, Json]:
    """Every rule on normal classes whose accuracy is known exactly."""
    gate = _simulated_gate()
    prior = ClassPrior(1.0, 0.0, 0.06, 0.06, SOURCE_SPREAD, SOURCE_SPREAD, 5)
    found = {}
    for name, family in FAMILIES.items():
        generator = np.random.default_rng(derive_seed("simulation", name))
        cells = [_simulate_draw(family, gate, prior, generator, unlabelled) for _ in range(draws)]
        found[name] = summarise(cells)
    return found


def _simulated_gate() -> Gate:
    one = np.ones(1)
    source = SourceScores(harmful=1.0, harmless=0.0, spread=SOURCE_SPREAD)
    return Gate(np.ones((1, 1), np.float32), np.zeros(1), one, one, 0.0, source, fallback=0.5)


def _simulate_draw(
    family: Family, gate: Gate, prior: ClassPrior, generator: np.random.Generator, unlabelled: int
) -> Cell:
    means = family.shift + family.place, family.shift
    spreads = family.harmful_spread, family.harmless_spread

    def exact(cuts: Array | float) -> float:
        above = norm.sf((np.asarray(cuts) - means[0]) / spreads[0])
        below = norm.cdf((np.asarray(cuts) - means[1]) / spreads[1])
        return float((above + below).mean() / 2)

    def sample(count: int, n: int) -> Array:
        return generator.normal(means[n], spreads[n], count)

    grid = np.linspace(means[1] - 1, means[0] + 1, 4001)
    ceiling = norm.sf((grid - means[0]) / spreads[0]) + norm.cdf((grid - means[1]) / spreads[1])
    cell = {"ceiling": float(ceiling.max() / 2), "ours 0": exact(gate.fallback)}
    for shots in BUDGETS[1:]:
        harmful, harmless = sample(10 * shots, 0).reshape(10, shots), sample(10 * shots, 1).reshape(10, shots)
        cell[f"ours {shots}"] = exact(estimate_thresholds(gate, harmful, harmless, prior=prior).value)
        both = np.concatenate([harmful, harmless], axis=1)
        cell[f"published {shots}"] = exact(fit_f1_thresholds(both, np.arange(2 * shots) < shots)[0])
    cell["harmless"] = exact(estimate_from_harmless(gate, sample(unlabelled // 2, 1), prior=prior).value)
    for share in PREVALENCES:
        count = round(unlabelled * share)
        mixed = np.concatenate([sample(count, 0), sample(unlabelled - count, 1)])
        cell[f"unlabelled, {share:.0%} harmful"] = exact(estimate_from_unlabelled(gate, mixed, prior=prior).value)
    cell["unlabelled"] = float(np.mean([cell[f"unlabelled, {share:.0%} harmful"] for share in PREVALENCES]))
    return cell


def collect(checkpoints: Sequence[Path], prompts: PromptSet, draws: int) -> Iterator[tuple[str, dict[str, Cell], Json]]:
    """Every checkpoint in turn."""
    for folder in checkpoints:
        cells, known = measure_checkpoint(folder, prompts, draws)
        yield folder.name, cells, known


def print_summary(name: str, summary: Json) -> None:
    """The curve and the label-free rules in a few lines."""
    rates = summary["balanced_accuracy"]
    for rule in ("ours", "published"):
        budgets = [shots for shots in BUDGETS if f"{rule} {shots}" in rates]
        curve = "  ".join(f"{shots}: {100 * rates[f'{rule} {shots}']['mean']:.1f}" for shots in budgets)
        print(f"{name:22s} {rule:9s} {curve}")
    rest = [key for key in rates if not key.startswith(("ours", "published"))]
    print(f"{name:22s} " + "  ".join(f"{key} {100 * rates[key]['mean']:.1f}" for key in rest))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seeds-folder", type=Path, help="a folder of checkpoints, measured instead of the bundled one"
    )
    parser.add_argument("--draws", type=int, default=12, help="draws of shots per language and budget")
    parser.add_argument("--simulations", type=int, default=4, help="simulated samples per family; 0 leaves it out")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    prompts = load_organism()
    folder = arguments.seeds_folder
    checkpoints = [organism_path()] if folder is None else sorted(path for path in folder.iterdir() if path.is_dir())
    low = {language.tag for language in prompts.tier("low")}
    cells: dict[str, dict[str, Cell]] = {}
    known = {}
    for name, found, facts in collect(checkpoints, prompts, arguments.draws):
        cells[name], known[name] = found, facts
        print(name, facts)
    groups = {
        "low": [cell for found in cells.values() for tag, cell in found.items() if tag in low],
        "mid": [cell for found in cells.values() for tag, cell in found.items() if tag not in low],
    }
    organism = {name: summarise(rows) for name, rows in groups.items()}
    simulation = simulate(arguments.simulations) if arguments.simulations else {}
    for name, summary in {**organism, **simulation}.items():
        print_summary(name, summary)
    record = {
        "versions": describe_versions(),
        "draws": arguments.draws,
        "budgets": list(BUDGETS),
        "checkpoints": known,
        "organism": organism,
        "simulation": simulation,
        "cells": cells,
    }
    write_json(arguments.out, record)
    return 0


if __name__ == "__main__":
    sys.exit(main())
