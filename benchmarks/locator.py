"""Thresholds without a language label, beside those with one, on the bundled organism's held-out intents.

    python benchmarks/locator.py [--seeds-folder seeds --seeds-folder fresh --development 0 1 2]

For every checkpoint the layer is the one that carries best between source languages; gate, thresholds and locator come
from source training prompts and a few shots per target language; what is measured is balanced accuracy on test
prompts: with the label ("oracle"), located, located without a fallback ("lean"), and with the fallback alone. Then the
same on languages that were left out of thresholds and locator, and on prompts in other ways of writing. Writes
benchmarks/results/locator.json. Choices were made on the checkpoints named by --development; the others confirm.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.run import describe_versions, write_json
from isogloss.core.seeds import derive_seed
from isogloss.inside.activations import Activations, record_activations
from isogloss.inside.directions import Classes, split_classes
from isogloss.inside.layer_choice import choose_layer
from isogloss.models.open_model import OpenModel
from isogloss.models.organism import organism_path
from isogloss.prompts import PromptSet, load_organism
from isogloss.prompts.perturb import parse_perturbation, perturb_set
from isogloss.repair.gate import Gate, fit_gate
from isogloss.repair.locator import Far, fit_locator
from isogloss.repair.thresholds import calibrate_thresholds
from isogloss.stats.separability import balanced_accuracy

RESULTS = Path(__file__).parent / "results" / "locator.json"
SHOTS = (1, 2, 4, 16)
MAIN_SHOTS = 4
MIXES = ("code-switch:en+sw", "code-switch:sw+en", "code-switch:yo+en", "code-switch:am+en", "code-switch:de+my")
WRITINGS = (*MIXES, "romanise", "noise:keyboard")
Json = dict[str, Any]
Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class States:
    """One checkpoint: its plain states at one layer, and those of other ways of writing."""

    name: str
    layer: int
    plain: Activations
    written: Mapping[str, Activations]
    source: tuple[Language, ...]
    target: tuple[Language, ...]


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A gate with thresholds by label, and the prompts that its locator may learn from."""

    gate: Gate
    classes: Mapping[Language, Classes]
    clusters: Mapping[Language, tuple[list[str], list[str]]]

    def locate(self, *, without: Language | None = None) -> Gate:
        """The gate that knows every language, or all but one, and disregards labels."""
        kept = [language for language in self.classes if language != without]
        locator = fit_locator(
            {language: self.classes[language] for language in kept},
            seed=0,
            clusters={language: self.clusters[language] for language in kept},
        )
        thresholds = {k: v for k, v in self.gate.thresholds.items() if without is None or k != without.key}
        return self.gate.with_thresholds(thresholds).with_locator(locator, use_labels=False)


def record_states(folder: Path, name: str, prompts: PromptSet) -> States:
    """Plain prompts at the layer that carries best, and perturbed test prompts at the same layer."""
    model = OpenModel.load(folder, name="organism")
    source = prompts.tier("high")
    every = record_activations(model, list(prompts), fingerprint={})
    layer = choose_layer(every, source).layer
    test = prompts.select(split=Split.TEST)
    written = {}
    for writing in WRITINGS:
        rewritten = perturb_set(test, parse_perturbation(writing), seed=0, learn_from=prompts)
        written[writing] = record_activations(model, list(rewritten), layers=[layer], fingerprint={})
    plain = replace(every, hidden=every.hidden[:, [every.layers.index(layer)]], layers=(layer,))
    target = tuple(language for language in prompts.languages if language not in source)
    return States(name, layer, plain, written, source, target)


def calibrate(states: States, *, shots: int, draw: int) -> Calibrated:
    """Gate and thresholds; the locator's rows are source training prompts and the very shots of the thresholds."""
    plain, layer = states.plain, states.layer
    source = split_classes(plain, states.source, layer, split=Split.TRAIN)
    gate, records = calibrate_thresholds(
        fit_gate(source), plain, states.target, layer=layer, shots=shots, seed=derive_seed(0, draw)
    )
    rows = {prompt.key: number for number, prompt in enumerate(plain.prompts)}
    chosen = {
        language: [np.flatnonzero(plain.rows(language=language, kind=kind, split=Split.TRAIN)) for kind in Kind]
        for language in states.source
    }
    for record in records:
        drawn = (record.harmful_ids, record.harmless_ids)
        chosen[record.language] = [np.array([rows[one, record.language.tag] for one in ids]) for ids in drawn]
    hidden = plain.at(layer)
    classes = {language: (hidden[both[0]], hidden[both[1]]) for language, both in chosen.items()}
    clusters = {
        language: tuple([plain.prompts[row].cluster for row in part] for part in both)
        for language, both in chosen.items()
    }
    return Calibrated(gate, classes, clusters)  # type: ignore[arg-type]


def score_rules(located: Gate, hidden: Floats, prompts: Sequence[Prompt], labels: Gate | None) -> Json:
    """Balanced accuracy of each rule on some prompts, and the share that is far from all languages."""
    assert located.locator is not None
    harmful = np.array([prompt.kind == Kind.HARMFUL for prompt in prompts])
    scores = located.score(hidden)
    lean = located.with_locator(replace(located.locator, far=Far.LEAN), use_labels=False)
    limits = {
        "located": located.limits(hidden).upper,
        "lean": lean.limits(hidden).upper,
        "fallback": np.full(len(scores), located.fallback),
    }
    if labels is not None:
        limits["oracle"] = np.array([labels.threshold(prompt.language) for prompt in prompts])
    marks = {name: scores - limit for name, limit in limits.items()}
    place = located.locator.locate(hidden)
    # Where far states are left alone, only near ones can fire.
    marks["leave"] = np.where(place.far, -np.inf, marks["lean"])
    found: Json = {f"accuracy_{name}": balanced_accuracy(m[harmful], m[~harmful], 0.0) for name, m in marks.items()}
    found |= {f"false_alarms_{name}": float((m[~harmful] >= 0).mean()) for name, m in marks.items()}
    readings = located.read(hidden)
    named = [located.locator.languages[number] for number in place.nearest]
    return found | {
        "far": float(place.far.mean()),
        "left_alone": float(np.mean([reading.left_alone for reading in readings])),
        "nearest_right": float(np.mean([name == prompt.language for name, prompt in zip(named, prompts, strict=True)])),
        "prompts": len(prompts),
    }


def measure_checkpoint(states: States, draws: int) -> Json:
    """Mean over draws of everything, by language or way of writing."""
    known: Json = {str(shots): [] for shots in SHOTS}
    unseen, written = [], []
    for draw in range(draws):
        for shots in SHOTS:
            calibrated = calibrate(states, shots=shots, draw=draw)
            located = calibrated.locate()
            known[str(shots)].append(score_languages(states, calibrated, {None: located}))
            if shots == MAIN_SHOTS:
                without = {language: calibrated.locate(without=language) for language in calibrated.classes}
                unseen.append(score_languages(states, calibrated, without))
                written.append(
                    {
                        name: score_rules(located, part.at(states.layer), part.prompts, None)
                        for name, part in states.written.items()
                    }
                )
    return {
        "checkpoint": states.name,
        "layer": states.layer,
        "known": {shots: average(rows) for shots, rows in known.items()},
        "left_out": average(unseen),
        "written": average(written),
    }


def score_languages(states: States, calibrated: Calibrated, gates: Mapping[Language | None, Gate]) -> Json:
    """Each language's test prompts under its own gate, or the one for all."""
    found = {}
    for language in calibrated.classes:
        gate = gates.get(language) or gates[None]
        rows = np.flatnonzero(states.plain.rows(language=language, split=Split.TEST))
        prompts = [states.plain.prompts[row] for row in rows]
        found[language.tag] = score_rules(gate, states.plain.at(states.layer)[rows], prompts, calibrated.gate)
    return found


def average(draws: Sequence[Mapping[str, Mapping[str, float]]]) -> Json:
    return {
        name: {key: round(float(np.mean([draw[name][key] for draw in draws])), 5) for key in draws[0][name]}
        for name in draws[0]
    }


def summarise(checkpoints: Sequence[Json], prompts: PromptSet) -> list[Json]:
    """One row per situation: means over checkpoints and languages, and the worst language's loss against its label."""
    tiers = {"high": prompts.tier("high"), "mid": prompts.tier("mid"), "low": prompts.tier("low")}
    rows = [condense(f"known, {shots} shots", [each["known"][str(shots)] for each in checkpoints]) for shots in SHOTS]
    for tier, languages in tiers.items():
        tags = [language.tag for language in languages]
        parts = [{tag: each["left_out"][tag] for tag in tags} for each in checkpoints]
        rows.append(condense(f"left out, {tier}", parts))
    for name, writings in {"code-switched": MIXES, "romanised": ("romanise",), "mistyped": ("noise:keyboard",)}.items():
        rows.append(condense(name, [{w: each["written"][w] for w in writings} for each in checkpoints]))
    return rows


def condense(situation: str, parts: Sequence[Mapping[str, Mapping[str, float]]]) -> Json:
    names = list(parts[0])
    mean = {
        key: round(float(np.mean([part[name][key] for part in parts for name in names])), 4)
        for key in parts[0][names[0]]
        if key != "prompts"
    }
    row: Json = {"situation": situation, "checkpoints": len(parts), **mean}
    if "accuracy_oracle" in mean:
        losses = [
            np.mean([part[name]["accuracy_oracle"] - part[name]["accuracy_located"] for part in parts])
            for name in names
        ]
        row["loss_points"] = round(100 * float(np.mean(losses)), 2)
        row["worst_loss_points"] = round(100 * float(np.max(losses)), 2)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seeds-folder", type=Path, action="append", default=[], help="its sub-folders are checkpoints"
    )
    parser.add_argument("--development", nargs="*", default=[], help="names of checkpoints that choices were made on")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    prompts = load_organism()
    folders = [folder for parent in chosen.seeds_folder for folder in sorted(parent.iterdir()) if folder.is_dir()]
    named = [("bundled", organism_path()), *((folder.name, folder) for folder in folders)]
    checkpoints = []
    for name, folder in named:
        checkpoints.append(measure_checkpoint(record_states(folder, name, prompts), chosen.draws))
        print(name, "layer", checkpoints[-1]["layer"], flush=True)
    development = {"bundled", *chosen.development}
    groups = {
        "bundled": [each for each in checkpoints if each["checkpoint"] == "bundled"],
        "development": [each for each in checkpoints if each["checkpoint"] in chosen.development],
        "confirmation": [each for each in checkpoints if each["checkpoint"] not in development],
    }
    summary = {group: summarise(members, prompts) for group, members in groups.items() if members}
    for group, rows in summary.items():
        for row in rows:
            print(group, json.dumps(row))
    record = {
        "versions": describe_versions(),
        "draws": chosen.draws,
        "left_out_shots": MAIN_SHOTS,
        "summary": summary,
        "checkpoints": checkpoints,
    }
    write_json(chosen.out, record)


if __name__ == "__main__":
    main()
