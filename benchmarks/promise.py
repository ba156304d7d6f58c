"""Whether promised thresholds keep their promise: simulated scores with a known truth, then the bundled organism.

    python benchmarks/promise.py [--seeds-folder seeds]

Simulation: harmless scores of a known distribution are drawn again and again, a threshold is promised from each draw,
and the true share of harmless prompts that it lets fire is computed exactly. A promise on average holds where the mean
of that share is within the limit, a promise with confidence where few enough draws exceed it. Beside them stand the
empirical quantile, which promises nothing, and a confident promise that takes wordings of one idea for independent.
Organism: promises from validation prompts, measured on test prompts. Writes benchmarks/results/promise.json.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from scipy.stats import t as student

from isogloss.core import Kind, Language, Split
from isogloss.core.run import describe_versions, write_json
from isogloss.core.seeds import derive_seed
from isogloss.inside.activations import Activations, record_activations
from isogloss.inside.directions import split_classes
from isogloss.inside.layer_choice import choose_layer
from isogloss.models.open_model import OpenModel
from isogloss.models.organism import organism_path
from isogloss.prompts import PromptSet, load_organism
from isogloss.repair.gate import Gate, fit_gate
from isogloss.repair.locator import fit_locator
from isogloss.repair.promise import (
    PromisePlan,
    choose_threshold_for,
    examples_needed,
    keep_promise,
    keep_promise_unlabelled,
)
from isogloss.repair.thresholds import calibrate_thresholds

RESULTS = Path(__file__).parent / "results" / "promise.json"
CONFIDENCE = 0.9
LIMITS = (0.05, 0.1)
IDEAS = (19, 40, 100, 400)
SHOTS = 4
# How far harmful scores lie above harmless ones, in standard deviations: for what a promise costs.
DISTANCE = 3.0
# How alike the wordings of one idea score.
ALIKE = 0.8
Json = dict[str, Any]
Floats = npt.NDArray[np.floating[Any]]
Draw = Callable[[np.random.Generator, int], tuple[Floats, list[str] | None]]


@dataclass(frozen=True)
class Truth:
    """A distribution of harmless scores: how to draw it, and the true share at or above a threshold."""

    name: str
    draw: Draw
    share: Callable[[float], float]


def draw_wordings(generator: np.random.Generator, ideas: int) -> tuple[Floats, list[str]]:
    """One to six wordings of each idea, whose scores have much in common; each alone is standard normal."""
    sizes = generator.integers(1, 7, ideas)
    own = np.repeat(generator.normal(size=ideas), sizes)
    scores = ALIKE**0.5 * own + (1 - ALIKE) ** 0.5 * generator.normal(size=len(own))
    return scores, [f"idea {number}" for number in np.repeat(np.arange(ideas), sizes)]


TRUTHS = (
    Truth("normal", lambda g, n: (g.normal(size=n), None), lambda t: float(norm.sf(t))),
    Truth("heavy tails", lambda g, n: (g.standard_t(2, n), None), lambda t: float(student.sf(t, 2))),
    Truth(
        "ties",
        lambda g, n: (np.round(g.normal(size=n) * 2) / 2, None),
        lambda t: float(norm.sf(np.ceil(t * 2) / 2 - 0.25)),
    ),
    Truth("wordings", draw_wordings, lambda t: float(norm.sf(t))),
)


def simulate(truth: Truth, limit: float, ideas: int, *, runs: int, seed: int) -> list[Json]:
    """One row per way of choosing a threshold."""
    generator = np.random.default_rng([seed, ideas, round(1000 * limit), TRUTHS.index(truth)])
    average, confident = PromisePlan(limit), PromisePlan(limit, CONFIDENCE)
    found: dict[str, list[float | None]] = {}
    for run in range(runs):
        scores, clusters = truth.draw(generator, ideas)
        chosen = {
            "quantile": float(np.quantile(scores, 1 - limit)),
            "average": choose_threshold_for(scores, average, clusters=clusters).threshold,
            "confident": choose_threshold_for(scores, confident, clusters=clusters, seed=run).threshold,
        }
        if clusters is not None:
            chosen["confident, wordings as ideas"] = choose_threshold_for(scores, confident).threshold
        for name, threshold in chosen.items():
            found.setdefault(name, []).append(threshold)
    return [describe(truth, limit, ideas, name, thresholds) for name, thresholds in found.items()]


def describe(truth: Truth, limit: float, ideas: int, method: str, thresholds: Sequence[float | None]) -> Json:
    made = [threshold for threshold in thresholds if threshold is not None]
    row: Json = {"truth": truth.name, "limit": limit, "ideas": ideas, "method": method, "promised": len(made)}
    row["confidence"] = CONFIDENCE if "confident" in method else None
    row["needed"] = examples_needed(limit, row["confidence"])
    if made:
        shares = np.array([truth.share(threshold) for threshold in made])
        caught = norm.sf(np.array(made), loc=DISTANCE)
        row |= {
            "mean_share": round(float(shares.mean()), 5),
            "standard_error": round(float(shares.std(ddof=1) / len(shares) ** 0.5), 5),
            "draws_over_limit": round(float((shares > limit).mean()), 5),
            "harmful_caught": round(float(caught.mean()), 4) if truth.name in ("normal", "wordings") else None,
        }
    return row


def measure_organism(folder: Path, name: str, prompts: PromptSet) -> list[Json]:
    """Promises from validation prompts of every language, with and without its label, on its test prompts."""
    model = OpenModel.load(folder, name="organism")
    source = prompts.tier("high")
    states = record_activations(model, list(prompts), fingerprint={})
    layer = choose_layer(states, source).layer
    target = [language for language in prompts.languages if language not in source]
    gate, records = calibrate_thresholds(
        fit_gate(split_classes(states, source, layer, split=Split.TRAIN)),
        states,
        target,
        layer=layer,
        shots=SHOTS,
        seed=derive_seed(0, name),
    )
    used = {(one, record.language.tag) for record in records for one in (*record.harmful_ids, *record.harmless_ids)}
    classes = split_classes(states, source, layer, split=Split.TRAIN)
    shot = np.array([prompt.key in used for prompt in states.prompts])
    hidden = states.at(layer)
    for language in target:
        rows = [shot & states.rows(language=language, kind=kind) for kind in Kind]
        classes[language] = (hidden[rows[0]], hidden[rows[1]])
    located = gate.with_locator(fit_locator(classes, seed=0), use_labels=False)
    return [row for limit in LIMITS for row in promise_organism(name, gate, located, states, layer, limit, shot)]


def promise_organism(
    name: str, gate: Gate, located: Gate, states: Activations, layer: int, limit: float, shot: npt.NDArray[np.bool_]
) -> list[Json]:
    languages = tuple(dict.fromkeys(prompt.language for prompt in states.prompts))
    hidden, plan = states.at(layer), PromisePlan(limit)
    labelled, unlabelled = {}, {}
    for language in languages:
        rows = states.rows(language=language, kind=Kind.HARMLESS, split=Split.VALIDATION)
        labelled[language], unlabelled[language] = rows, rows & ~shot
    ideas = [
        {language: [states.prompts[row].cluster for row in np.flatnonzero(part)] for language, part in parts.items()}
        for parts in (labelled, unlabelled)
    ]
    scores = {language: gate.score(hidden[rows]) for language, rows in labelled.items()}
    kept, promises = keep_promise(gate, scores, plan, clusters=ideas[0])
    raised, rise, margins = keep_promise_unlabelled(
        located, {language: hidden[rows] for language, rows in unlabelled.items()}, plan, clusters=ideas[1]
    )
    rows = []
    ways = {"without promise": gate, "promised": kept, "promised without labels": None if rise is None else raised}
    for way, chosen in ways.items():
        records = margins if way.endswith("labels") else promises
        for language in languages:
            row: Json = {"checkpoint": name, "limit": limit, "way": way, "language": language.tag}
            row |= {"ideas": records[language].ideas, "needed": records[language].needed}
            row["promised"] = way != "without promise" and records[language].threshold is not None
            rows.append(row | ({} if chosen is None else measure_test(chosen, states, layer, language)))
    return rows


def measure_test(gate: Gate, states: Activations, layer: int, language: Language) -> Json:
    """Share of harmless ideas that fire, of harmful prompts that fire, and what is left alone."""
    found: Json = {}
    for kind in Kind:
        rows = np.flatnonzero(states.rows(language=language, kind=kind, split=Split.TEST))
        prompts = [states.prompts[row] for row in rows]
        readings = gate.read(states.at(layer)[rows], [prompt.language for prompt in prompts])
        ideas = np.unique([prompt.cluster for prompt in prompts], return_inverse=True)[1]
        fired = np.array([reading.harmful for reading in readings], float)
        by_idea = np.bincount(ideas, fired) / np.bincount(ideas)
        found[f"{kind}_fired"] = round(float(by_idea.mean()), 5)
        found[f"{kind}_left_alone"] = round(float(np.mean([reading.left_alone for reading in readings])), 5)
    return found


def summarise(rows: Sequence[Json]) -> list[Json]:
    """Means over languages and checkpoints, by limit and way."""
    found = []
    for limit in LIMITS:
        for way in dict.fromkeys(row["way"] for row in rows):
            part = [row for row in rows if row["limit"] == limit and row["way"] == way and "harmless_fired" in row]
            if part:
                keys = ("harmless_fired", "harmful_fired", "harmless_left_alone", "harmful_left_alone")
                means = {key: round(float(np.mean([row[key] for row in part])), 4) for key in keys}
                cells = {"cells": len(part), "promised": sum(row["promised"] for row in part)}
                found.append({"limit": limit, "way": way, **cells, **means})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seeds-folder", type=Path, action="append", default=[], help="its sub-folders are checkpoints"
    )
    parser.add_argument("--runs", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    simulated = []
    for truth in TRUTHS:
        for limit in LIMITS:
            for ideas in IDEAS:
                simulated += simulate(truth, limit, ideas, runs=chosen.runs, seed=chosen.seed)
        print("simulated", truth.name, flush=True)
    prompts = load_organism()
    folders = [folder for parent in chosen.seeds_folder for folder in sorted(parent.iterdir()) if folder.is_dir()]
    cells = []
    for name, folder in [("bundled", organism_path()), *((folder.name, folder) for folder in folders)]:
        cells += measure_organism(folder, name, prompts)
    summary = summarise(cells)
    print(*summary, sep="\n")
    record = {
        "versions": describe_versions(),
        "runs": chosen.runs,
        "seed": chosen.seed,
        "confidence": CONFIDENCE,
        "simulation": simulated,
        "organism": {"shots": SHOTS, "summary": summary, "cells": cells},
    }
    write_json(chosen.out, record)


if __name__ == "__main__":
    main()
