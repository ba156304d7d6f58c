"""Every way of steering beside every other, on several trainings of the model organism, on held-out intents.

    isogloss organism train --seed 0 --out seeds/0                                       (and 1, 2)
    isogloss experiment gate seeds/0 --prompts organism --out studies/0 --max-new-tokens 32   (and 1, 2)
    python benchmarks/gate_comparison.py studies/0 studies/1 studies/2

Reads the audits that the studies left, asks nothing anew, and puts the seeds together: selectivity in the
low-resource languages on average and in the worst of them, harmless refusal, and the change of each against the
unsteered model. Intervals count ideas: the same idea in another language, wording or seed is no new evidence. They
do not count the draw of the shots, of which each study makes one. Prints one line per method and writes
benchmarks/results/gate_comparison.json.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isogloss.audit.outcome import load_outcomes
from isogloss.audit.scoring import Cells, score_cells
from isogloss.core import Kind, Language, select_tier
from isogloss.core import Mapping as LabelMapping
from isogloss.core.errors import BrokenInput
from isogloss.core.run import describe_versions, load_json, write_json
from isogloss.stats import estimate_linear

RESULT = Path(__file__).parent / "results" / "gate_comparison.json"
CONFIDENCE = 0.95
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


def measure(seeds: Sequence[Cells], languages: Sequence[Language], kinds: dict[Kind, int], level: float) -> Estimate:
    """A sum of refusal rates over kinds, averaged over languages and seeds, in points."""
    share = 1 / (len(languages) * len(seeds))
    terms = [
        cells[language, kind].term(sign * share)
        for cells in seeds
        for kind, sign in kinds.items()
        for language in languages
    ]
    limits = (0.0, 1.0) if len(kinds) == 1 else (-1.0, 1.0)
    return _points(estimate_linear(terms, confidence=level, limits=limits))


def measure_difference(
    after: Sequence[Cells], before: Sequence[Cells], languages: Sequence[Language], kinds: dict[Kind, int]
) -> Estimate:
    """The same sum under one method minus that under another, idea by idea, in points."""
    share = 1 / (len(languages) * len(after))
    terms = [
        cells[language, kind].term(side * sign * share)
        for side, part in ((1, after), (-1, before))
        for cells in part
        for kind, sign in kinds.items()
        for language in languages
    ]
    return _points(estimate_linear(terms, confidence=CONFIDENCE, limits=(-2.0, 2.0)))


def _points(estimate: Any) -> Estimate:
    interval = estimate.interval and [100 * limit for limit in estimate.interval]
    return {"value": None if estimate.value is None else 100 * estimate.value, "interval": interval}


SELECTIVITY = {Kind.HARMFUL: 1, Kind.HARMLESS: -1}


def measure_worst(seeds: Sequence[Cells], languages: Sequence[Language]) -> Estimate:
    """The language with the lowest selectivity over the seeds; limits hold for all languages at once."""
    level = 1 - (1 - CONFIDENCE) / len(languages)
    found = {language.tag: measure(seeds, [language], SELECTIVITY, level) for language in languages}
    worst = min(found, key=lambda tag: found[tag]["value"])
    interval = [min(one["interval"][side] for one in found.values()) for side in (0, 1)]
    return {"language": worst, "value": found[worst]["value"], "interval": interval}


def compare(studies: Sequence[Path]) -> dict[str, Any]:
    """Methods that every study has, on the low-resource languages."""
    read = [read_study(folder) for folder in studies]
    labels = [label for label in read[0] if all(label in study for study in read)]
    every = {language for language, _ in read[0][labels[0]][1]}
    low = sorted(select_tier(tuple(every), "low"), key=lambda language: language.tag)
    high = sorted(select_tier(tuple(every), "high"), key=lambda language: language.tag)
    if not low:
        raise BrokenInput("The studies hold no low-resource language.")
    unsteered = [study[labels[0]][1] for study in read]
    methods, undefined = {}, []
    for label in labels:
        record, cells = read[0][label][0], [study[label][1] for study in read]
        # A method that garbles a language leaves nothing there that can be scored.
        if any(
            measure([one], [language], SELECTIVITY, CONFIDENCE)["value"] is None for one in cells for language in low
        ):
            undefined.append(label)
            continue
        methods[label] = {
            "name": record["name"],
            "variant": record["variant"],
            "shots": record["shots"],
            "note": record["note"],
            "harmful": measure(cells, low, {Kind.HARMFUL: 1}, CONFIDENCE),
            "harmless": measure(cells, low, {Kind.HARMLESS: 1}, CONFIDENCE),
            "harmless_change": measure_difference(cells, unsteered, low, {Kind.HARMLESS: 1}),
            "selectivity": measure(cells, low, SELECTIVITY, CONFIDENCE),
            "change": measure_difference(cells, unsteered, low, SELECTIVITY),
            "worst": measure_worst(cells, low),
            "worst_by_seed": [measure_worst([one], low)["value"] for one in cells],
            "selectivity_by_seed": [measure([one], low, SELECTIVITY, CONFIDENCE)["value"] for one in cells],
            "high_selectivity": measure(cells, high, SELECTIVITY, CONFIDENCE) if high else None,
            "degenerate": [study[label][0]["degenerate_share"] for study in read],
        }
    return {
        "languages": [language.tag for language in low],
        "unsteered": labels[0],
        "methods": methods,
        "undefined": undefined,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("studies", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    found = compare(options.studies)
    write_json(
        options.out,
        {"schema": 1, "versions": describe_versions(), "studies": [path.name for path in options.studies], **found},
    )
    for label, row in sorted(found["methods"].items(), key=lambda item: -item[1]["selectivity"]["value"]):
        worst = f"{row['worst']['value']:5.1f} {row['worst']['language']}"
        print(
            f"{label:45s} selectivity {row['selectivity']['value']:5.1f}  worst {worst}  "
            f"harmless {row['harmless']['value']:4.1f} ({row['harmless_change']['value']:+.1f})"
        )
    for label in found["undefined"]:
        print(f"{label}: a language without a single scored reply")


if __name__ == "__main__":
    main()
