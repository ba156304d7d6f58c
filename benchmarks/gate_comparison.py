"""Every way of steering beside every other, on several trainings of the model organism, on held-out intents.

    isogloss organism train --seed 0 --out seeds/0                                       (and 1, 2)
    isogloss experiment gate seeds/0 --prompts organism --out studies/0 --max-new-tokens 32   (and 1, 2)
    isogloss experiment gate seeds/0 --prompts organism --out studies/0-1 --max-new-tokens 32 \\
        --seed 1 --shots 0,4 --draws 1 --no-baselines                                    (other draws of the shots)
    isogloss repair seeds/0 --prompts organism --source en,de,fr,es,it --recalibrate translations --caution 4 \\
        --max-new-tokens 32 --out more-caution/0                                         (other operating points)
    python benchmarks/gate_comparison.py studies/* --repairs "ours (translations), caution 4=more-caution/*-runs"

Reads the audits that the studies left, asks nothing anew, and puts the trainings together: selectivity in the
low-resource languages on average and in the worst of them, harmless refusal, and the change of each against the
unsteered model. Where a training has several studies, they are draws of its shots, and it counts with their mean; a
method that some of them lack counts with those that have it. Intervals count ideas: the same idea in another
language, wording, training or draw is no new evidence. Prints one line per method and writes
benchmarks/results/gate_comparison.json.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.audit.outcome import load_outcomes
from isogloss.audit.scoring import Cells, score_cells
from isogloss.core import Kind, Language, select_tier
from isogloss.core import Mapping as LabelMapping
from isogloss.core.errors import BrokenInput
from isogloss.core.run import describe_versions, load_json, write_json
from isogloss.stats import Term, estimate_linear

RESULT = Path(__file__).parent / "results" / "gate_comparison.json"
CONFIDENCE = 0.95
UNSTEERED = "unsteered"
Estimate = dict[str, Any]


def read_study(folder: Path) -> dict[str, tuple[dict[str, Any], Cells]]:
    """Every method of a study by its label, with its record and its scored replies."""
    record = load_json(folder / "parts" / "behaviour.json", what="study")
    found = {}
    for method in record["methods"]:
        parts = (f"({method['variant']})" if method["variant"] else "", _say_shots(method["shots"]))
        label = " ".join(part for part in (method["name"], *parts) if part)
        found[label] = (method, score_cells(load_outcomes(folder / method["folder"]), LabelMapping.STRICT))
    return found


def _say_shots(shots: int | None) -> str:
    return "" if shots is None else f"k={shots}"


@dataclass(frozen=True)
class Part:
    """One training under a method and under none: the scored replies of each of its studies.

    Attributes:
        model: the training.
        after: replies under the method, draw by draw.
        before: unsteered, as many times.
    """

    model: str
    after: tuple[Cells, ...]
    before: tuple[Cells, ...]


def pool(draws: Sequence[Cells], language: Language, kind: Kind, weight: float) -> Term:
    """The same prompts under several draws as one mean: a draw more is no further chance to see what is rare."""
    terms = [cells[language, kind].term(weight) for cells in draws]
    return Term(
        weight,
        [outcome for term in terms for outcome in term.outcomes],
        [cluster for term in terms for cluster in term.clusters],
    )


def measure(parts: Sequence[Part], languages: Sequence[Language], kinds: dict[Kind, int], level: float) -> Estimate:
    """A sum of refusal rates over kinds, averaged over languages and trainings, in points."""
    share = 1 / (len(languages) * len(parts))
    terms = [
        pool(part.after, language, kind, sign * share)
        for part in parts
        for kind, sign in kinds.items()
        for language in languages
    ]
    limits = (0.0, 1.0) if len(kinds) == 1 else (-1.0, 1.0)
    return _points(estimate_linear(terms, confidence=level, limits=limits))


def measure_difference(parts: Sequence[Part], languages: Sequence[Language], kinds: dict[Kind, int]) -> Estimate:
    """The same sum under a method minus that without, idea by idea, in points."""
    share = 1 / (len(languages) * len(parts))
    terms = [
        pool(draws, language, kind, side * sign * share)
        for part in parts
        for side, draws in ((1, part.after), (-1, part.before))
        for kind, sign in kinds.items()
        for language in languages
    ]
    return _points(estimate_linear(terms, confidence=CONFIDENCE, limits=(-2.0, 2.0)))


def _points(estimate: Any) -> Estimate:
    interval = estimate.interval and [100 * limit for limit in estimate.interval]
    return {"value": None if estimate.value is None else 100 * estimate.value, "interval": interval}


SELECTIVITY = {Kind.HARMFUL: 1, Kind.HARMLESS: -1}


def measure_worst(parts: Sequence[Part], languages: Sequence[Language]) -> Estimate:
    """The language with the lowest selectivity over the trainings; limits hold for all languages at once."""
    level = 1 - (1 - CONFIDENCE) / len(languages)
    found = {language.tag: measure(parts, [language], SELECTIVITY, level) for language in languages}
    worst = min(found, key=lambda tag: found[tag]["value"])
    interval = [min(one["interval"][side] for one in found.values()) for side in (0, 1)]
    return {"language": worst, "value": found[worst]["value"], "interval": interval}


@dataclass(frozen=True)
class Study:
    """One study: of which training, and every method by its label."""

    name: str
    model: str
    methods: dict[str, tuple[dict[str, Any], Cells]]

    @classmethod
    def read_repair(cls, label: str, runs: Path) -> "Study":
        """The two audits that `isogloss repair` leaves, as a study of one method."""
        plain, [repaired] = runs / "plain", sorted(runs.glob("repair-*"))
        model = load_json(plain / "run.json", what="run")["plan"]["model"]
        plan = json.loads((runs.with_name(runs.name.removesuffix("-runs")) / "repair.json").read_text())["plan"]
        note = f"isogloss repair --recalibrate {plan['recalibrate']} --caution {plan['caution']:g}, draw {plan['seed']}"
        shots = plan["shots"] if "shots" in plan["recalibrate"] else 0
        record = {"name": label, "variant": "", "shots": shots, "note": note, "evidence": "", "degenerate_share": None}
        scored = [score_cells(load_outcomes(folder), LabelMapping.STRICT) for folder in (plain, repaired)]
        return cls(
            runs.name, model, {UNSTEERED: ({**record, "name": UNSTEERED}, scored[0]), label: (record, scored[1])}
        )

    @classmethod
    def read(cls, folder: Path) -> "Study":
        """The study in a folder."""
        model = load_json(folder / "parts" / "study.json", what="study")["model"]
        return cls(folder.name, model, read_study(folder))


def gather(studies: Sequence[Study], label: str, unsteered: str) -> list[Part]:
    """A method in every study that has it, by training."""
    having = [study for study in studies if label in study.methods]
    return [
        Part(
            model,
            tuple(study.methods[label][1] for study in having if study.model == model),
            tuple(study.methods[unsteered][1] for study in having if study.model == model),
        )
        for model in dict.fromkeys(study.model for study in having)
    ]


def read_repairs(wanted: Sequence[str]) -> list[Study]:
    """Studies of "LABEL=PATTERN": every folder of runs that fits the pattern."""
    found = []
    for part in wanted:
        label, _, pattern = part.rpartition("=")
        folders = sorted(Path().glob(pattern) if not pattern.startswith("/") else Path("/").glob(pattern[1:]))
        if not folders:
            raise BrokenInput(f"No folder of runs fits {pattern}.")
        found += [Study.read_repair(label, folder) for folder in folders]
    return found


def compare(studies: Sequence[Study]) -> dict[str, Any]:
    """Methods that every training has, on the low-resource languages."""
    models = list(dict.fromkeys(study.model for study in studies))
    labels = list(dict.fromkeys(label for study in studies for label in study.methods))
    unsteered = UNSTEERED
    every = {language for language, _ in studies[0].methods[unsteered][1]}
    low = sorted(select_tier(tuple(every), "low"), key=lambda language: language.tag)
    high = sorted(select_tier(tuple(every), "high"), key=lambda language: language.tag)
    if not low:
        raise BrokenInput("The studies hold no low-resource language.")
    methods, undefined = {}, []
    for label in labels:
        parts = gather(studies, label, unsteered)
        if {part.model for part in parts} != set(models):
            continue
        # A method that garbles a language leaves nothing there that can be scored.
        if any(
            measure([part], [language], SELECTIVITY, CONFIDENCE)["value"] is None for part in parts for language in low
        ):
            undefined.append(label)
            continue
        records = [study.methods[label][0] for study in studies if label in study.methods]
        methods[label] = {
            "name": records[0]["name"],
            "variant": records[0]["variant"],
            "shots": records[0]["shots"],
            "note": records[0]["note"],
            "evidence": records[0]["evidence"],
            "draws": len(parts[0].after),
            "harmful": measure(parts, low, {Kind.HARMFUL: 1}, CONFIDENCE),
            "harmless": measure(parts, low, {Kind.HARMLESS: 1}, CONFIDENCE),
            "harmless_change": measure_difference(parts, low, {Kind.HARMLESS: 1}),
            "selectivity": measure(parts, low, SELECTIVITY, CONFIDENCE),
            "change": measure_difference(parts, low, SELECTIVITY),
            "worst": measure_worst(parts, low),
            "worst_by_seed": [measure_worst([part], low)["value"] for part in parts],
            "selectivity_by_seed": [measure([part], low, SELECTIVITY, CONFIDENCE)["value"] for part in parts],
            "high_selectivity": measure(parts, high, SELECTIVITY, CONFIDENCE) if high else None,
            "degenerate": [record["degenerate_share"] for record in records],
        }
    return {
        "languages": [language.tag for language in low],
        "models": models,
        "unsteered": unsteered,
        "methods": methods,
        "undefined": undefined,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("studies", nargs="+", type=Path)
    parser.add_argument("--repairs", action="append", default=[], metavar="LABEL=PATTERN")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    found = compare([*(Study.read(folder) for folder in options.studies), *read_repairs(options.repairs)])
    write_json(
        options.out,
        {"schema": 1, "versions": describe_versions(), "studies": [path.name for path in options.studies], **found},
    )
    for label, row in sorted(found["methods"].items(), key=lambda item: -item[1]["selectivity"]["value"]):
        worst = f"{row['worst']['value']:5.1f} {row['worst']['language']}"
        print(
            f"{label:45s} draws {row['draws']}  selectivity {row['selectivity']['value']:5.1f}  worst {worst}  "
            f"harmless {row['harmless']['value']:4.1f} ({row['harmless_change']['value']:+.1f})"
        )
    for label in found["undefined"]:
        print(f"{label}: a language without a single scored reply")


if __name__ == "__main__":
    main()
