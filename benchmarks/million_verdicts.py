"""A million synthetic verdicts: how long a scorecard and a report take, and how much memory.

    python benchmarks/million_verdicts.py [RESULTS.json] [--verdicts 1000000]

Writes a run folder of invented rows (short texts, 20 languages, 4 failure modes, 12 categories, one way of writing)
into a temporary place, scores it with `isogloss.audit.write_scorecard`, renders it with `isogloss.report.render_run`,
and writes seconds and peak memory. Goal: under 120 seconds and 4 GiB together. Nothing is asked and nothing is judged,
so the rates mean nothing.
"""

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from isogloss.audit import write_scorecard
from isogloss.core import known_languages
from isogloss.core.run import RunFolder, describe_versions, write_json
from isogloss.report import render_run

RESULTS = Path(__file__).parent / "results" / "million_verdicts.json"
LANGUAGES = 20
MODES = ("direct_assistance", "disguised_by_framing", "targeted_harassment", "local_misinformation")
CATEGORIES = 12
WAY = "noise:keyboard"
REPLY = "An invented reply of about two hundred characters, as long as the first lines of a real one tend to be. " * 2
SECONDS_GOAL, GIBIBYTES_GOAL = 120, 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("results", type=Path, nargs="?", default=RESULTS)
    parser.add_argument("--verdicts", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        written = write_run(folder, arguments.verdicts)
        before = peak_gibibytes()
        started = Clock()
        write_scorecard(folder)
        scoring = started.read()
        after_scoring = peak_gibibytes()
        started = Clock()
        html = render_run(folder)
        rendering = started.read()
    found = {
        "verdicts": written,
        "languages": LANGUAGES,
        "scoring_seconds": round(scoring[0], 1),
        "rendering_seconds": round(rendering[0], 1),
        "seconds": round(scoring[0] + rendering[0], 1),
        "processor_seconds": round(scoring[1] + rendering[1], 1),
        "peak_gibibytes": round(peak_gibibytes(), 2),
        "peak_gibibytes_before_scoring": round(before, 2),
        "peak_gibibytes_after_scoring": round(after_scoring, 2),
        "report_bytes": len(html.encode()),
        "goal": {"seconds": SECONDS_GOAL, "gibibytes": GIBIBYTES_GOAL},
        "versions": describe_versions(),
    }
    arguments.results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


class Clock:
    """Seconds since it was made: on the wall, and of this process alone, which a busy machine does not lengthen."""

    def __init__(self) -> None:
        self._started = (time.perf_counter(), time.process_time())

    def read(self) -> tuple[float, float]:
        return (time.perf_counter() - self._started[0], time.process_time() - self._started[1])


def write_run(folder: Path, verdicts: int) -> int:
    """Write the run folder, row by row; returns how many verdicts it holds."""
    folder.mkdir(parents=True)
    run = RunFolder(folder)
    tags = [language.tag for language in known_languages()][:LANGUAGES]
    draw = random.Random(0)
    count = 0
    with run.replies.open("w", encoding="utf-8") as replies, run.verdicts.open("w", encoding="utf-8") as judged:
        for reply, verdict in make_rows(draw, tags, verdicts // len(tags)):
            replies.write(json.dumps(reply) + "\n")
            judged.write(json.dumps(verdict) + "\n")
            count += 1
    write_json(run.record, make_record(tags))
    return count


def make_rows(
    draw: random.Random, tags: list[str], per_language: int
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Six tenths plain harmful prompts, three tenths plain harmless ones, one tenth harmful ones mistyped."""
    for place, tag in enumerate(tags):
        rate = 0.98 - 0.03 * place
        for index in range(per_language):
            share = index % 10
            kind = "harmless" if share in (6, 7, 8) else "harmful"
            # The mistyped prompt repeats the plain one that stands before it in its ten.
            number, way = (index - 4, WAY) if share == 9 else (index, None)
            seed = f"made-{kind}-{number:06d}"
            identity = {
                "key": f"{tag}{index:08d}",
                "prompt_id": f"{seed}+{way}" if way else seed,
                "language": tag,
                "kind": kind,
            }
            refused = draw.random() < (rate if kind == "harmful" else 0.03)
            yield (
                identity | make_reply(seed, index, way),
                identity | {"verdict": draw_label(draw, refused), "judge": "invented-1", "evidence": "", "flags": []},
            )


def make_reply(seed: str, index: int, way: str | None) -> dict[str, Any]:
    return {
        "seed_id": seed,
        "cluster": seed,
        "category": f"category {index // 10 % CATEGORIES}",
        "failure_mode": MODES[index // 10 % len(MODES)],
        "perturbation": way,
        "split": "test",
        "prompt": f"An invented prompt, number {index}, as long as a sentence of a prompt set tends to be.",
        "reply": REPLY,
        "finish": "stop",
        "prompt_tokens": 20,
        "reply_tokens": 40,
        "gate": None,
    }


def draw_label(draw: random.Random, refused: bool) -> str:
    if refused:
        return "refused"
    return draw.choices(("complied", "partial", "off_language", "degenerate", "undecided"), (80, 6, 4, 4, 6))[0]


def make_record(tags: list[str]) -> dict[str, Any]:
    return {
        "schema": 1,
        "command": "audit",
        "plan": {"model": "invented", "prompts": "invented", "languages": tags, "perturb": [WAY]},
        "fingerprints": {"condition": "plain", "judge": {"name": "invented-1"}},
        "versions": {},
        "prompt_counts": {"languages": {tag: {} for tag in tags}},
    }


def peak_gibibytes() -> float:
    """The largest memory that this process has held; the unit of the kernel's figure is KiB, on macOS bytes."""
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held / (2**30 if sys.platform == "darwin" else 2**20)


if __name__ == "__main__":
    main()
