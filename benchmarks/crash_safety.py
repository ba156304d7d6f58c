"""Kill audits with `kill -9` at random moments, resume each time, and compare with an undisturbed run.

    python benchmarks/crash_safety.py --kills 200

Every round audits `mini` in four languages with a scripted model, is killed and resumed until it ends; rounds go on
until so many kills have hit a running audit. Counts lost, repeated and changed rows, and writes
benchmarks/results/crash_safety.json.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from isogloss.core.run import describe_versions, write_json

RESULTS = Path(__file__).parent / "results" / "crash_safety.json"
AUDIT = """
import sys
from pathlib import Path
from isogloss.audit import AuditPlan, run_audit, select_prompts
from isogloss.judges import RuleJudge
from isogloss.models.scripted import ScriptedModel
from isogloss.prompts import load_mini

def answer(prompt):
    return "I'm sorry, but I can't help with that." if prompt.kind == "harmful" else "Sure, here are the steps."

plan = AuditPlan(model="scripted", prompts="mini", languages=("en", "de", "sw", "ar"))
model = ScriptedModel(answer, delay_seconds=float(sys.argv[2]))
run_audit(plan, model, select_prompts(plan, load_mini()), RuleJudge(), Path(sys.argv[1]))
"""


def audit(folder: Path, delay_seconds: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", AUDIT, str(folder), str(delay_seconds)])


def run_until_done(folder: Path, kills_left: int, generator: random.Random) -> int:
    """Audit one folder to its end, killing on the way; gives the number of kills that hit."""
    hits = 0
    while True:
        process = audit(folder, 0.004)
        journal = folder / "replies.jsonl"
        size = journal.stat().st_size if journal.exists() else 0
        while process.poll() is None and (not journal.exists() or journal.stat().st_size == size):
            time.sleep(0.002)
        time.sleep(generator.uniform(0, 0.15))
        if process.poll() is None and hits < kills_left:
            process.send_signal(signal.SIGKILL)
            process.wait()
            hits += 1
        elif process.wait() == 0:
            return hits


def read(folder: Path, name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / name).read_text("utf-8").splitlines()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    generator = random.Random(arguments.seed)
    kills = rounds = lost = repeated = changed = 0
    with tempfile.TemporaryDirectory() as place:
        calm = Path(place) / "calm"
        if audit(calm, 0).wait():
            return 1
        expected = {str(row["key"]): row for row in read(calm, "replies.jsonl")}
        while kills < arguments.kills:
            folder = Path(place) / str(rounds)
            kills += run_until_done(folder, arguments.kills - kills, generator)
            rounds += 1
            for name in ("replies.jsonl", "verdicts.jsonl"):
                keys = [str(row["key"]) for row in read(folder, name)]
                repeated += len(keys) - len(set(keys))
                lost += len(expected.keys() - set(keys))
            changed += (folder / "scorecard.json").read_bytes() != (calm / "scorecard.json").read_bytes()
            changed += sum(row != expected[str(row["key"])] for row in read(folder, "replies.jsonl"))
    found = {"kills": kills, "audits": rounds, "rows_each": len(expected)}
    found |= {"rows_lost": lost, "rows_repeated": repeated, "rows_or_scorecards_changed": changed}
    print(found)
    write_json(RESULTS, {"seed": arguments.seed, **found, "versions": describe_versions()})
    return int(lost + repeated + changed > 0)


if __name__ == "__main__":
    sys.exit(main())
