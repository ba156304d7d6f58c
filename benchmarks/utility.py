"""What the repair costs outside safety on the bundled organism, beside a control that must be found out.

    python benchmarks/utility.py [--checkpoint FOLDER]

A repair with four shots a class is measured on the organism's held-out multiple-choice questions and harmless test
prompts, plain against repaired, with margins stated here: 2 points, 0.1 nats per token of KL and 0.05 nats per token of
log-perplexity. The control pushes every row, gate or no gate, at the same layer and strength: measures that could not
tell it from the repair would prove nothing. Writes benchmarks/results/utility.json.
"""

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from isogloss.core import Split
from isogloss.core.run import describe_versions, write_json
from isogloss.judges import RuleJudge
from isogloss.models.open_model import OpenModel
from isogloss.models.organism import organism_path
from isogloss.prompts import load_organism
from isogloss.repair.fit import fit_repair
from isogloss.repair.intervention import BlockSteering
from isogloss.repair.moves import Edit, HarmlessEdit
from isogloss.repair.plan import RepairPlan
from isogloss.repair.routers import ConstantRouter
from isogloss.repair.utility.bundled import load_organism_questions
from isogloss.repair.utility.divergence import Steered
from isogloss.repair.utility.measure import Margins, measure_utility
from isogloss.repair.utility.record import Effect, Utility

RESULTS = Path(__file__).parent / "results" / "utility.json"
SHOTS = 4
MARGINS = Margins(points=2.0, kl=0.1, loss=0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=organism_path(), help="another trained organism")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    model, prompts = OpenModel.load(arguments.checkpoint, name="organism"), load_organism()
    source = tuple(language.tag for language in prompts.tier("high"))
    target = tuple(language.tag for language in prompts.languages if language.tag not in source)
    plan = RepairPlan(model="organism", prompts="organism", source=source, target=target, shots=SHOTS)
    repair = fit_repair(plan, model, prompts, RuleJudge())
    edit = repair.edit
    push = Edit(edit.vector, edit.layer, edit.strength, edit.harmful, HarmlessEdit.LEAVE, edit.persistence)
    conditions: dict[str, Steered] = {
        "repair": repair.steer(model),
        "every row pushed": BlockSteering(model, push, ConstantRouter(fires=True)),
    }
    questions, test = load_organism_questions(Split.TEST), prompts.select(split=Split.TEST)
    measured, seconds = {}, {}
    for name, steering in conditions.items():
        started = time.perf_counter()
        found = measure_utility(
            model, steering, repair=repair.fingerprint(), questions=[questions], prompts=test, margins=MARGINS
        )
        seconds[name] = time.perf_counter() - started
        measured[name] = found
        show(name, found, seconds[name])
    record = {
        "versions": describe_versions(),
        "shots": SHOTS,
        "layer": edit.layer,
        "strength": edit.strength,
        "choice": dict(repair.choice),
        "margins": asdict(MARGINS),
        "questions": len(questions),
        "harmless_prompts": measured["repair"].prompts.n if measured["repair"].prompts else 0,
        "seconds": seconds,
        "conditions": {name: summarise(found) for name, found in measured.items()},
    }
    write_json(arguments.out, record)


def summarise(found: Utility) -> dict[str, Any]:
    """Every measure with its tiers and average, and how often the gate fired."""
    return {
        "confidence": found.confidence,
        "measures": [measure.model_dump(mode="json") for measure in found.measures],
        "worse": list(found.worse),
        "firing": {
            name: {"fired": sum(cell.fired for cell in cells.values()), "n": sum(cell.n for cell in cells.values())}
            for name, cells in found.firing.items()
        },
    }


def show(name: str, found: Utility, seconds: float) -> None:
    print(f"{name} ({seconds:.1f} s)")
    for measure in found.measures:
        for group, effect in (*measure.tiers.items(), ("average", measure.average)):
            print(f"  {measure.name:32s} {group:8s} {say(effect)}")


def say(effect: Effect) -> str:
    limits = "no interval" if effect.interval is None else f"{effect.interval[0]:+.4f} to {effect.interval[1]:+.4f}"
    return f"{effect.before:9.4f} -> {effect.after:9.4f}  {effect.change:+9.4f} ({limits})  {effect.decision}"


if __name__ == "__main__":
    main()
