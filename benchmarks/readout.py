"""How readout and caution of the gate were chosen: shrinkage, what a few target prompts add, what caution costs.

    python benchmarks/readout.py [--seeds-folder seeds]...

Everything here is measured on *validation* prompts, because defaults were chosen by it; no figure is a result. For
every checkpoint and layer: the AUROC in low-resource languages of the whitened readout at several shrinkages, fitted on
source languages alone, beside the published span readout; at the default shrinkage the same with k labelled prompts per
class of every target language, measured on the prompts that were not drawn; and with four of them the shares of harmful
and harmless prompts that fire, by caution. Writes benchmarks/results/readout.json.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.core import Kind, Language, Split
from isogloss.core.run import describe_versions, write_json
from isogloss.core.seeds import derive_seed
from isogloss.inside.activations import Activations, record_activations
from isogloss.inside.directions import Classes, split_classes
from isogloss.models.open_model import OpenModel
from isogloss.models.organism import organism_path
from isogloss.prompts import load_organism
from isogloss.repair.calibration_prompts import draw_shots
from isogloss.repair.class_prior import measure_prior
from isogloss.repair.gate import SHRINKAGE, Gate, Readout, fit_gate
from isogloss.repair.thresholds import estimate_thresholds
from isogloss.stats.separability import auroc

RESULT = Path(__file__).parent / "results" / "readout.json"
SHRINKAGES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
BUDGETS = (1, 2, 4, 8)
DRAWS = 3
CAUTIONS = (1.0, 1.5, 2.0, 3.0, 5.0)
CAUTION_SHOTS = 4
Rows = Mapping[Language, Mapping[Kind, Sequence[int]]]


def find_checkpoints(folders: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """The bundled weights, and every checkpoint in the folders."""
    yield "bundled", organism_path()
    for folder in folders:
        for path in sorted(folder.iterdir()):
            if (path / "config.json").is_file():
                yield path.name, path


def measure_gate(gate: Gate, hidden: np.ndarray, rows: Rows) -> float:
    """AUROC, averaged over languages."""
    areas = []
    for part in rows.values():
        scores = [gate.score(hidden[list(part[kind])]) for kind in (Kind.HARMFUL, Kind.HARMLESS)]
        areas.append(auroc(*scores))
    return float(np.mean([area for area in areas if area is not None]))


def measure_layer(
    states: Activations, source: Sequence[Language], low: Sequence[Language], layer: int
) -> dict[str, Any]:
    """Every readout at one layer."""
    classes = split_classes(states, source, layer, split=Split.TRAIN)
    hidden = states.at(layer)
    every = {
        language: {
            kind: np.flatnonzero(states.rows(language=language, kind=kind, split=Split.VALIDATION)).tolist()
            for kind in Kind
        }
        for language in low
    }
    whitened = {
        f"{shrinkage:g}": measure_gate(fit_gate(classes, readout=Readout.WHITENED, shrinkage=shrinkage), hidden, every)
        for shrinkage in SHRINKAGES
    }
    span = measure_gate(fit_gate(classes), hidden, every)
    return {
        "span": span,
        "whitened": whitened,
        "with shots": {str(shots): measure_shots(states, classes, every, layer, shots) for shots in BUDGETS},
        "caution": measure_caution(states, source, every, layer),
    }


def measure_shots(
    states: Activations, classes: Mapping[Language, Classes], every: Rows, layer: int, shots: int
) -> dict[str, float]:
    """Without and with the shots, on the same prompts: those that were not drawn."""
    hidden, without, found = states.at(layer), [], []
    for draw in range(DRAWS):
        targets, rest = draw_targets(states, every, layer, shots, draw)
        for gates, given in ((without, None), (found, targets)):
            gate = fit_gate(classes, readout=Readout.WHITENED, targets=given)
            gates.append(measure_gate(gate, hidden, rest))
    return {"without": float(np.mean(without)), "with": float(np.mean(found))}


def draw_targets(
    states: Activations, every: Rows, layer: int, shots: int, draw: int
) -> tuple[dict[Language, Classes], dict[Language, dict[Kind, list[int]]]]:
    """States of the shots, and the rows that were not drawn."""
    hidden = states.at(layer)
    drawn = {
        language: {
            kind: draw_shots(
                states.prompts, language, kind, Split.VALIDATION, shots, derive_seed(draw, language.key, kind)
            )
            for kind in Kind
        }
        for language in every
    }
    targets = {language: (hidden[part[Kind.HARMFUL]], hidden[part[Kind.HARMLESS]]) for language, part in drawn.items()}
    rest = {
        language: {kind: [row for row in rows if row not in drawn[language][kind]] for kind, rows in part.items()}
        for language, part in every.items()
    }
    return targets, rest


def measure_caution(
    states: Activations, source: Sequence[Language], every: Rows, layer: int
) -> dict[str, dict[str, float]]:
    """Shares of harmful and harmless prompts that fire, by caution."""
    hidden = states.at(layer)
    train = split_classes(states, source, layer, split=Split.TRAIN)
    fired: dict[float, list[tuple[float, float]]] = {caution: [] for caution in CAUTIONS}
    for draw in range(DRAWS):
        targets, rest = draw_targets(states, every, layer, CAUTION_SHOTS, draw)
        gate = fit_gate(train, readout=Readout.WHITENED, targets=targets)
        prior = measure_prior(
            gate, train, split_classes(states, source, layer), readout=Readout.WHITENED, targets=targets
        )
        for language, part in rest.items():
            harmful, harmless = (gate.score(hidden[part[kind]]) for kind in (Kind.HARMFUL, Kind.HARMLESS))
            shots = [gate.score(side)[None] for side in targets[language]]
            for caution, shares in fired.items():
                threshold = estimate_thresholds(gate, *shots, caution=caution, prior=prior).value[0]
                shares.append((float((harmful >= threshold).mean()), float((harmless >= threshold).mean())))
    return {
        f"{caution:g}": dict(zip(("harmful", "harmless"), np.mean(shares, axis=0).tolist(), strict=True))
        for caution, shares in fired.items()
    }


def measure_checkpoint(path: Path) -> dict[str, Any]:
    """Every layer from the third on; below it no readout tells the classes apart."""
    prompts, model = load_organism(), OpenModel.load(path)
    source, low = prompts.tier("high"), prompts.tier("low")
    chosen = [
        prompt
        for prompt in prompts
        if (prompt.language in source and prompt.split in (Split.TRAIN, Split.VALIDATION))
        or (prompt.language in low and prompt.split == Split.VALIDATION)
    ]
    states = record_activations(model, chosen)
    return {str(layer): measure_layer(states, source, low, layer) for layer in states.layers if layer >= 2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds-folder", type=Path, action="append", default=[])
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    found = {name: measure_checkpoint(path) for name, path in find_checkpoints(options.seeds_folder)}
    layers = [layer for checkpoint in found.values() for layer in checkpoint.values()]
    mean = {
        "span": float(np.mean([layer["span"] for layer in layers])),
        "whitened": {
            name: float(np.mean([layer["whitened"][name] for layer in layers])) for name in layers[0]["whitened"]
        },
        "with shots": {
            shots: {
                side: float(np.mean([layer["with shots"][shots][side] for layer in layers]))
                for side in ("without", "with")
            }
            for shots in layers[0]["with shots"]
        },
        "caution": {
            caution: {kind: float(np.mean([layer["caution"][caution][kind] for layer in layers])) for kind in part}
            for caution, part in layers[0]["caution"].items()
        },
    }
    write_json(
        options.out,
        {
            "schema": 1,
            "versions": describe_versions(),
            "split": "validation",
            "shrinkage": SHRINKAGE,
            "draws": DRAWS,
            "mean": mean,
            "checkpoints": found,
        },
    )
    print(f"span {mean['span']:.4f}", *(f"{name}: {value:.4f}" for name, value in mean["whitened"].items()))
    for shots, part in mean["with shots"].items():
        print(f"{shots} shots: {part['without']:.4f} without, {part['with']:.4f} with")
    for caution, part in mean["caution"].items():
        print(f"caution {caution}: {part['harmful']:.3f} of the harmful fire, {part['harmless']:.3f} of the harmless")


if __name__ == "__main__":
    main()
