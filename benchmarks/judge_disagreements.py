"""Who was right where the rule judge and the guard disagree, and what that makes of their agreement.

    python benchmarks/judge_disagreements.py ../shared/data --list      # ids that still need a ruling
    python benchmarks/judge_disagreements.py ../shared/data

Draws up to ten disagreements per language (Yoruba left out: its replies are mostly broken text), half of them false
alarms of the rules by the guard's word and half misses, as far as there are enough. A hash orders the draw, so
a change of the rules keeps most of it. Rulings stand in ``benchmarks/results/judge_disagreements.json`` as id, language
and who was right (``rules``, ``guard``, ``unclear``), without any text; this script adds the summary.

Whoever rules sees the first 240 characters of the reply, as the rules do, and its machine translation.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judge_agreement import UNRELIABLE, load_replies

from isogloss.core import Mapping
from isogloss.core.seeds import derive_seed
from isogloss.judges import RuleJudge

RESULTS = Path(__file__).parent / "results" / "judge_disagreements.json"
SEED = 0
PER_LANGUAGE = 10
Cell = tuple[str, str]


@dataclass(frozen=True)
class Reading:
    """One decided reply: its id and language, and what rules and guard call it (1: refusal)."""

    id: str
    language: str
    rules: int
    guard: int

    @property
    def cell(self) -> Cell:
        """Language and direction."""
        return self.language, "false_alarms" if self.rules else "misses"


def read_all(data: Path, model: str) -> list[Reading]:
    """Every reply that the rules decide."""
    rows = load_replies(data, data / "replies" / model)
    verdicts = RuleJudge().judge([(prompt, reply) for prompt, reply, _ in rows])
    readings: list[Reading] = []
    for (prompt, _, guard), verdict in zip(rows, verdicts, strict=True):
        called = Mapping.STRICT.refusal(verdict.label)
        if called is not None and prompt.language.tag not in UNRELIABLE:
            readings.append(Reading(prompt.id, prompt.language.tag, called, guard))
    return readings


def draw(readings: list[Reading]) -> list[Reading]:
    """Ten per language, half in each direction as far as there are enough."""
    chosen: list[Reading] = []
    for language in sorted({reading.language for reading in readings}):
        pools = [
            sorted(
                (r for r in readings if r.cell == (language, way) and r.rules != r.guard),
                key=lambda r: derive_seed(SEED, r.id, r.language),
            )
            for way in ("false_alarms", "misses")
        ]
        half = PER_LANGUAGE // 2
        alarms = min(len(pools[0]), half)
        misses = min(len(pools[1]), PER_LANGUAGE - alarms)
        alarms = min(len(pools[0]), PER_LANGUAGE - misses)
        chosen += pools[0][:alarms] + pools[1][:misses]
    return chosen


def summarise(readings: list[Reading], chosen: list[Reading], rulings: dict[Cell, str]) -> dict[str, Any]:
    """Agreement by the guard's word, and with its errors at the rate at which the rulings found them.

    In each direction, the share of disagreements in which the rules were right is taken over all languages (ten
    rulings a language are too few for one of its own); unclear ones count once for each side. Where both agree, both
    are taken to be right.
    """
    shares: dict[str, dict[str, int]] = {}
    for reading in chosen:
        if ruling := rulings.get((reading.id, reading.language)):
            counts = shares.setdefault(reading.cell[1], {"rules": 0, "guard": 0, "unclear": 0})
            counts[ruling] += 1
    table = {"all": correct(readings, shares)}
    for language in sorted({reading.language for reading in readings}):
        table[language] = correct([r for r in readings if r.language == language], shares)
    return {"rulings_by_direction": shares, "languages": table}


def correct(readings: list[Reading], shares: dict[str, dict[str, int]]) -> dict[str, Any]:
    """Sensitivity and specificity by the guard's word, corrected, and in the worst and best case of the unclear."""
    both = sum(r.rules == r.guard == 1 for r in readings)
    neither = sum(r.rules == r.guard == 0 for r in readings)
    alarms = sum(r.rules > r.guard for r in readings)
    misses = sum(r.rules < r.guard for r in readings)

    def rates(unclear: float) -> tuple[float, float]:
        """With this share of the unclear counted for the rules."""
        right = {
            way: (counts["rules"] + unclear * counts["unclear"]) / sum(counts.values())
            for way, counts in shares.items()
        }
        true_alarms, true_misses = alarms * right["false_alarms"], misses * right["misses"]
        sensitivity = (both + true_alarms) / (both + true_alarms + misses - true_misses)
        specificity = (neither + true_misses) / (neither + true_misses + alarms - true_alarms)
        return round(sensitivity, 4), round(specificity, 4)

    return {
        "false_alarms": alarms,
        "misses": misses,
        "sensitivity_by_guard": round(both / (both + misses), 4),
        "specificity_by_guard": round(neither / (neither + alarms), 4),
        "sensitivity_corrected": rates(0.5)[0],
        "specificity_corrected": rates(0.5)[1],
        "range_of_the_unclear": {"sensitivity": [rates(0)[0], rates(1)[0]], "specificity": [rates(0)[1], rates(1)[1]]},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path, help="folder with replies/ and polyrefuse/")
    parser.add_argument("--model", default="qwen2.5-7b-instruct", help="folder under replies/")
    parser.add_argument("--list", action="store_true", help="only print the ids that have no ruling yet")
    arguments = parser.parse_args()
    record = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {"rulings": []}
    rulings = {(row["id"], row["language"]): row["right"] for row in record["rulings"]}
    readings = read_all(arguments.data, arguments.model)
    chosen = draw(readings)
    open_ids = [reading for reading in chosen if (reading.id, reading.language) not in rulings]
    if arguments.list:
        for reading in open_ids:
            print(f"{reading.language} {reading.id} rules {reading.rules} guard {reading.guard}")
        return
    summary = {
        "judge": RuleJudge().fingerprint(),
        "replies": arguments.model,
        "seed": SEED,
        "drawn": len(chosen),
        "ruled": len(chosen) - len(open_ids),
        **summarise(readings, chosen, rulings),
        "rulings": record["rulings"],
    }
    RESULTS.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({key: value for key, value in summary.items() if key != "rulings"}, indent=1))


if __name__ == "__main__":
    main()
