"""What each kind of evidence of a target language is worth to the default gate: readout and threshold together.

    isogloss organism train --seed 3 --out seeds/3                                          (and 4, 5, 6)
    python benchmarks/recalibration.py seeds/3 seeds/4 seeds/5 seeds/6

Readout and threshold are fitted as `isogloss repair` fits them, from shots, text without labels, both, or translations
of the training and validation prompts; balanced accuracy is that of the test prompts, at caution 1. Methods that
draw shots are fitted with several draws. Unlabelled text is also given with few harmful prompts in it. Intervals are
bootstrapped over languages and checkpoints. Nothing is generated. Writes benchmarks/results/recalibration.json.
"""

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.core import Kind, Language, Split
from isogloss.core.run import describe_versions, write_json
from isogloss.core.seeds import derive_seed
from isogloss.inside.activations import Activations, record_activations
from isogloss.inside.layer_choice import choose_layer
from isogloss.models.open_model import OpenModel
from isogloss.prompts import PromptSet, load_organism
from isogloss.repair.calibration_prompts import TEXT_SPLITS, CalibrationPlan
from isogloss.repair.estimates import Recalibration
from isogloss.repair.target_readout import fit_target_readout
from isogloss.repair.thresholds import calibrate_thresholds
from isogloss.stats.separability import auroc

RESULT = Path(__file__).parent / "results" / "recalibration.json"
BASIS = "shots 4"
RESAMPLES = 2000
FEW_HARMFUL = 0.1
Cell = dict[str, float]


@dataclass(frozen=True)
class Evidence:
    """One way of recalibrating, over so many draws of shots or of text.

    Attributes:
        name: in the record.
        method: of the repair.
        shots: per class and language.
        draws: fits.
        harmful_share: of the unlabelled text; None takes what there is.
    """

    name: str
    method: Recalibration
    shots: int = 0
    draws: int = 1
    harmful_share: float | None = None


def list_evidence(draws: int) -> Iterator[Evidence]:
    """Everything that is measured."""
    yield Evidence("source", Recalibration.SOURCE)
    for shots in (1, 2, 4, 8):
        yield Evidence(f"shots {shots}", Recalibration.SHOTS, shots, draws)
    for method in (Recalibration.SHOTS_AND_HARMLESS, Recalibration.SHOTS_AND_UNLABELLED):
        for shots in (1, 4):
            yield Evidence(f"{method} {shots}", method, shots, draws)
    for method in (Recalibration.HARMLESS, Recalibration.UNLABELLED, Recalibration.TRANSLATIONS):
        yield Evidence(str(method), method)
    yield Evidence("unlabelled, few harmful", Recalibration.UNLABELLED, draws=draws, harmful_share=FEW_HARMFUL)


def thin(states: Activations, targets: Sequence[Language], share: float, seed: int) -> Activations:
    """Leave out harmful training and validation prompts of the targets until this share of them is harmful."""
    generator, dropped = np.random.default_rng(seed), set()
    for language in targets:
        text = np.isin([str(prompt.split) for prompt in states.prompts], [str(split) for split in TEXT_SPLITS])
        harmful, harmless = (
            np.flatnonzero(states.rows(language=language, kind=kind) & text) for kind in (Kind.HARMFUL, Kind.HARMLESS)
        )
        keep = round(len(harmless) * share / (1 - share))
        dropped |= set(generator.permutation(harmful)[keep:].tolist())
    rows = [row for row in range(len(states.prompts)) if row not in dropped]
    prompts = tuple(states.prompts[row] for row in rows)
    return Activations(states.hidden[rows], prompts, states.layers, states.positions, states.model)


def measure(
    states: Activations, source: Sequence[Language], targets: Sequence[Language], layer: int, evidence: Evidence
) -> dict[Language, tuple[float, float]]:
    """Balanced accuracy and AUROC on test prompts by language, mean over draws."""
    hidden, found = states.at(layer), []
    tests = {
        language: [
            hidden[states.rows(language=language, kind=kind, split=Split.TEST)]
            for kind in (Kind.HARMFUL, Kind.HARMLESS)
        ]
        for language in targets
    }
    rows = [row for row, prompt in enumerate(states.prompts) if prompt.split != Split.TEST]
    prompts = tuple(states.prompts[row] for row in rows)
    known = Activations(states.hidden[rows], prompts, states.layers, states.positions, states.model)
    for draw in range(evidence.draws):
        wanted = CalibrationPlan(evidence.method, evidence.shots, draw, source=tuple(source))
        given = known if evidence.harmful_share is None else thin(known, targets, evidence.harmful_share, draw)
        fitted = fit_target_readout(given, source, targets, wanted, layer=layer)
        gate, _ = calibrate_thresholds(
            fitted.gate, given, targets, wanted, layer=layer, prior=fitted.prior, prevalences=fitted.prevalences
        )
        for language, both in tests.items():
            harmful, harmless = (gate.score(part) for part in both)
            cut = gate.threshold(language)
            accuracy = (float((harmful >= cut).mean()) + float((harmless < cut).mean())) / 2
            found.append((language, accuracy, auroc(harmful, harmless) or 0.0))
    return {language: tuple(np.mean([row[1:] for row in found if row[0] == language], axis=0)) for language in targets}


def measure_checkpoint(folder: Path, prompts: PromptSet, draws: int) -> tuple[dict[str, Cell], dict[str, Any]]:
    """Cells by target language, and the layer."""
    source = prompts.tier("high")
    targets = [language for language in prompts.languages if language not in source]
    states = record_activations(OpenModel.load(folder, name="organism"), list(prompts))
    layer = choose_layer(states, source).layer
    states = states.take(layer)
    cells: dict[str, Cell] = {language.tag: {} for language in targets}
    for evidence in list_evidence(draws):
        begun = time.perf_counter()
        for language, (accuracy, area) in measure(states, source, targets, layer, evidence).items():
            cells[language.tag][evidence.name] = accuracy
            cells[language.tag][f"{evidence.name}, AUROC"] = area
        print(f"{folder.name} {evidence.name}: {time.perf_counter() - begun:.0f} s", flush=True)
    return cells, {"checkpoint": folder.name, "layer": layer}


def summarise(cells: Sequence[Cell]) -> dict[str, Any]:
    """Means over languages and checkpoints, and paired differences from four shots, with bootstrap intervals."""
    picks = np.random.default_rng(derive_seed("cells")).integers(0, len(cells), (RESAMPLES, len(cells)))
    names = [name for name in cells[0] if not name.endswith("AUROC")]
    values = {name: np.array([cell[name] for cell in cells]) for name in cells[0]}
    return {
        "cells": len(cells),
        "balanced_accuracy": {name: _interval(values[name], picks) for name in names},
        "against_four_shots": {name: _interval(values[name] - values[BASIS], picks) for name in names},
        "auroc": {name: float(values[f"{name}, AUROC"].mean()) for name in names},
    }


def _interval(values: np.ndarray, picks: np.ndarray) -> dict[str, float]:
    low, high = np.quantile(values[picks].mean(axis=1), [0.025, 0.975])
    return {"mean": float(values.mean()), "low": float(low), "high": float(high)}


def group(prompts: PromptSet, cells: Mapping[str, Mapping[str, Cell]]) -> dict[str, Any]:
    """Summaries by tier."""
    tags = {tier: [language.tag for language in prompts.tier(tier)] for tier in ("low", "mid")}
    return {
        tier: summarise([part[tag] for part in cells.values() for tag in wanted])
        for tier, wanted in tags.items()
        if wanted
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("checkpoints", nargs="+", type=Path)
    parser.add_argument("--draws", type=int, default=6)
    options = parser.parse_args()
    prompts, cells, known = load_organism(), {}, []
    for folder in options.checkpoints:
        cells[folder.name], facts = measure_checkpoint(folder, prompts, options.draws)
        known.append(facts)
    found = group(prompts, cells)
    write_json(
        RESULT,
        {
            "schema": 1,
            "versions": describe_versions(),
            "draws": options.draws,
            "checkpoints": known,
            "tiers": found,
            "cells": cells,
        },
    )
    for name, value in found["low"]["balanced_accuracy"].items():
        other = found["low"]["against_four_shots"][name]
        print(
            f"{name:28s} {100 * value['mean']:5.1f} ({100 * value['low']:.1f} to {100 * value['high']:.1f})  "
            f"against 4 shots {100 * other['mean']:+.1f} ({100 * other['low']:+.1f} to {100 * other['high']:+.1f})  "
            f"AUROC {found['low']['auroc'][name]:.3f}"
        )


if __name__ == "__main__":
    main()
