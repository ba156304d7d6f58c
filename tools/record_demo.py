"""Keep what a demo showed: `benchmarks/results/demo.json` and the README's picture.

isogloss demo --out demo
python tools/record_demo.py demo
"""

import argparse
import json
import sys
from pathlib import Path

from isogloss.audit import load_comparison, load_scorecard
from isogloss.core.run import load_run_record, write_json
from isogloss.report.figures import draw_ladder, write_figure

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "benchmarks" / "results" / "demo.json"
PICTURE = ROOT / "docs" / "assets" / "demo-ladder.svg"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="what `isogloss demo --out` left")
    folder: Path = parser.parse_args().folder
    before, after = load_scorecard(folder / "before"), load_scorecard(folder / "after")
    change = load_comparison(folder / "comparison.json")
    groups = {
        f"{tier}-resource ({len(change.tiers[tier].languages)})": {
            "harmful_before": before.tiers[tier].harmful_refusal_rate,
            "harmful_after": after.tiers[tier].harmful_refusal_rate,
            "harmless_before": before.tiers[tier].harmless_refusal_rate,
            "harmless_after": after.tiers[tier].harmless_refusal_rate,
            "change": change.tiers[tier].selectivity_points,
            "interval": change.tiers[tier].selectivity_interval,
            "harmless_change": change.tiers[tier].harmless_refusal_points,
            "harmless_interval": change.tiers[tier].harmless_refusal_interval,
        }
        for tier in change.tiers
    }
    prompts = sum(row.asked_harmful + row.asked_harmless for row in before.languages.values())
    write_json(
        RECORD,
        {
            "command": "isogloss demo --out demo",
            "shots": json.loads((folder / "repair" / "repair.json").read_text("utf-8"))["plan"]["shots"],
            "prompts_per_audit": prompts,
            "groups": groups,
            "worst_before": before.worst.model_dump(mode="json"),
            "worst_after": after.worst.model_dump(mode="json"),
            "versions": load_run_record(folder / "before")["versions"],
        },
    )
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    write_figure(draw_ladder(before, after), PICTURE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
