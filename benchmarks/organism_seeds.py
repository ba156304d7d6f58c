"""What the model organism shows, for every training seed and language, on held-out intents.

    isogloss organism train --seed 0 --out seeds/0     (and 1, 2, 3, 4)
    python benchmarks/organism_seeds.py seeds/0 seeds/1 seeds/2 seeds/3 seeds/4

Everything is measured by the house's own rooms: the audit before and after a repair with four shots, the diagnosis,
multiple choice by answer-label log-probability, and the effect of the single direction beside random directions of
equal norm. Prints one line per seed and tier and writes benchmarks/results/organism_seeds.json.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.audit import AuditPlan, Scorecard, compare_runs, run_audit, select_prompts
from isogloss.core import TIERS, Kind, Label, Prompt, Split
from isogloss.core.run import describe_versions, write_json
from isogloss.core.seeds import derive_seed
from isogloss.inside.diagnosis import diagnose
from isogloss.judges import RuleJudge
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.models.organism import multiple_choice_items
from isogloss.prompts import PromptSet, load_organism
from isogloss.repair.artifact import Repair
from isogloss.repair.fit import fit_repair
from isogloss.repair.intervention import BlockSteering, ablate_direction
from isogloss.repair.moves import Edit, HarmlessEdit
from isogloss.repair.plan import RepairPlan
from isogloss.repair.repaired import RepairedModel
from isogloss.repair.routers import ConstantRouter

RESULTS = Path(__file__).parent / "results" / "organism_seeds.json"
MOST_TOKENS = 32
SHOTS = 4
Json = dict[str, Any]


def measure_seed(folder: Path, prompts: PromptSet, *, randoms: int) -> Json:
    """Everything about one checkpoint."""
    model = OpenModel.load(folder, name="organism")
    source = tuple(language.tag for language in prompts.tier("high"))
    target = tuple(language.tag for language in prompts.languages if language.tag not in source)
    plan = RepairPlan(model="organism", prompts="organism", source=source, target=target, shots=SHOTS)
    repair = fit_repair(plan, model, prompts, RuleJudge())
    before, after, change = audit_twice(model, repair, prompts)
    diagnosis = diagnose(model, prompts, source=prompts.tier("high"))
    return {
        "checkpoint": folder.name,
        "layer": repair.edit.layer,
        "diagnosis_layer": diagnosis.layer,
        "strength": repair.edit.strength,
        "before": summarise(before),
        "after": summarise(after),
        "change": change,
        "auroc": {tag: row.auroc for tag, row in diagnosis.languages.items()},
        "balanced_accuracy_source": {tag: row.balanced_accuracy_source for tag, row in diagnosis.languages.items()},
        "findings": {tag: row.finding.value for tag, row in diagnosis.languages.items()},
        "multiple_choice": measure_choices(model, prompts),
        "directions": measure_directions(model, repair, prompts, randoms=randoms),
    }


def audit_twice(model: OpenModel, repair: Repair, prompts: PromptSet) -> tuple[Scorecard, Scorecard, Json]:
    """The audit before and after, and the paired change per tier."""
    with tempfile.TemporaryDirectory() as place:
        cards = []
        for name, answering in (("before", model), ("after", RepairedModel(model, repair))):
            plan = AuditPlan(model="organism", prompts="organism", split=Split.TEST, max_new_tokens=MOST_TOKENS)
            chosen = select_prompts(plan, prompts)
            cards.append(run_audit(plan, answering, chosen, RuleJudge(), Path(place) / name))
        change = compare_runs(Path(place) / "before", Path(place) / "after")
    return cards[0], cards[1], {tier: row.model_dump(mode="json") for tier, row in change.tiers.items()}


def summarise(card: Scorecard) -> Json:
    """Rates per language and tier."""
    fields = ("harmful_refusal_rate", "harmless_refusal_rate", "selectivity_points")
    groups = {**card.languages, **{f"tier {tier}": row for tier, row in card.tiers.items()}}
    return {name: {field: getattr(row, field) for field in fields} for name, row in groups.items()}


def measure_choices(model: OpenModel, prompts: PromptSet) -> dict[str, float]:
    """Share of held-out multiple-choice questions whose right label has the highest log-probability."""
    found = {}
    for language in prompts.languages:
        items = multiple_choice_items(language.tag, "test")
        asked = [Prompt(item.id, item.question, language, Kind.HARMLESS, item.id) for item in items]
        best = model.choice_log_probabilities(asked, ["A", "B", "C"]).argmax(axis=1)
        found[language.tag] = float(
            np.mean(["ABC"[place] == item.answer for place, item in zip(best, items, strict=True)])
        )
    return found


def measure_directions(model: OpenModel, repair: Repair, prompts: PromptSet, *, randoms: int) -> Json:
    """Refusal when every row is steered or ablated, by the fitted direction and by random ones of equal norm."""
    edit = repair.edit
    chosen = list(prompts.select(split=Split.TEST))
    fitted = edit.vector
    generator = np.random.default_rng(derive_seed("random directions"))
    drawn = generator.standard_normal((randoms, len(fitted)))
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return {
        "unsteered": refusals(model, None, chosen),
        "fitted": effects(model, edit, fitted, chosen),
        "random": [effects(model, edit, vector.astype(np.float32), chosen) for vector in drawn],
    }


def effects(model: OpenModel, edit: Edit, vector: np.ndarray, chosen: list[Prompt]) -> Json:
    """Steering and ablating every row along one direction."""
    push = Edit(vector, edit.layer, edit.strength, edit.harmful, HarmlessEdit.LEAVE, edit.persistence)
    return {
        "steered": refusals(model, BlockSteering(model, push, ConstantRouter(fires=True)), chosen),
        "ablated": refusals(model, ablate_direction(model, vector, layer=edit.layer), chosen),
    }


def refusals(model: OpenModel, steering: BlockSteering | None, chosen: list[Prompt]) -> dict[str, float]:
    """Share refused per tier and kind."""
    decoding = Decoding(max_new_tokens=MOST_TOKENS)
    if steering is None:
        replies = list(model.reply(chosen, decoding))
    else:
        with steering:
            replies = list(model.reply(chosen, decoding))
    by_key = {prompt.key: prompt for prompt in chosen}
    pairs = [(by_key[reply.prompt_id, reply.language], reply) for reply in replies]
    verdicts = RuleJudge().judge(pairs)
    cells: dict[str, list[bool]] = {}
    for (prompt, _), verdict in zip(pairs, verdicts, strict=True):
        cells.setdefault(f"{prompt.language.tier} {prompt.kind}", []).append(verdict.label == Label.REFUSED)
    return {name: float(np.mean(values)) for name, values in cells.items()}


def print_seed(name: str, row: Json, prompts: PromptSet) -> None:
    """One line per tier."""
    for tier in TIERS:
        tags = [language.tag for language in prompts.tier(tier)]
        before, after = row["before"][f"tier {tier}"], row["after"][f"tier {tier}"]
        mean = {key: np.mean([row[key][tag] for tag in tags]) for key in ("auroc", "balanced_accuracy_source")}
        least = min(row["auroc"][tag] for tag in tags)
        choice = min(row["multiple_choice"][tag] for tag in tags)
        print(
            f"{name:10s} {tier:4s} harmful {100 * before['harmful_refusal_rate']:5.1f} -> "
            f"{100 * after['harmful_refusal_rate']:5.1f}  harmless {100 * before['harmless_refusal_rate']:4.1f} -> "
            f"{100 * after['harmless_refusal_rate']:4.1f}  AUROC {mean['auroc']:.3f} (least {least:.3f})  "
            f"accuracy at source threshold {mean['balanced_accuracy_source']:.2f}  least multiple choice {choice:.2f}"
        )
    for effect, cell in (("steered", "low harmful"), ("steered", "high harmless"), ("ablated", "high harmful")):
        chance = [one[effect][cell] for one in row["directions"]["random"]]
        print(
            f"{name:10s} {cell} {effect}: {100 * row['directions']['fitted'][effect][cell]:.0f} % "
            f"(unsteered {100 * row['directions']['unsteered'][cell]:.0f}, random directions mean "
            f"{100 * np.mean(chance):.0f}, from {100 * min(chance):.0f} to {100 * max(chance):.0f})"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="+", type=Path)
    parser.add_argument("--randoms", type=int, default=12, help="random directions per seed")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    prompts = load_organism()
    rows = {}
    for folder in arguments.checkpoints:
        rows[folder.name] = measure_seed(folder, prompts, randoms=arguments.randoms)
        print_seed(folder.name, rows[folder.name], prompts)
    write_json(arguments.out, {"versions": describe_versions(), "shots": SHOTS, "seeds": json.loads(json.dumps(rows))})
    return 0


if __name__ == "__main__":
    sys.exit(main())
