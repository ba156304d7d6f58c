"""How often the language detector of the survey is right, on tricky sentences of our own.

    python benchmarks/survey_mentions.py [--out benchmarks/results/survey_mentions.json]

The sentences stand in ``tests/survey/tricky_sentences.jsonl`` with the languages that a reader would note. "before":
written before the detector existed; "after": written when it did. Every third sentence of both is held out: its result
was not looked at while rules and tables changed. "fresh": written to be hard once the rules were final, and never used
to change them. All are by the authors of the tables: measure the detector on your own double-coded papers, too
(``isogloss survey suggest --labels``).
"""

import argparse
import json
import platform
from collections.abc import Iterable
from pathlib import Path

from isogloss.core.run import write_json
from isogloss.stats import wilson_interval
from isogloss.survey.codebook import default_codebook
from isogloss.survey.codebook_languages import load_names, normalise_tag
from isogloss.survey.mentions import scan_mentions
from isogloss.survey.mentions_table import load_datasets

ROOT = Path(__file__).parents[1]
SENTENCES = ROOT / "tests" / "survey" / "tricky_sentences.jsonl"


def measure(rows: Iterable[dict]) -> dict:
    """Precision and recall over single mentions of languages, and the sentences that are right as a whole."""
    codebook = default_codebook()
    hits = false = missed = whole = sentences = 0
    for row in rows:
        expected = {normalise_tag(tag, codebook) for tag in row["languages"]}
        found = set(scan_mentions(row["text"], codebook).tags)
        hits += len(expected & found)
        false += len(found - expected)
        missed += len(expected - found)
        whole += found == expected
        sentences += 1
    return {
        "sentences": sentences,
        "languages": hits + missed,
        "found": hits,
        "false": false,
        "precision": share(hits, hits + false),
        "recall": share(hits, hits + missed),
        "sentences_right": share(whole, sentences),
    }


def share(part: int, whole: int) -> dict:
    """A share with its Wilson interval."""
    if not whole:
        return {"value": None, "n": 0, "interval": None}
    low, high = wilson_interval(part / whole, whole)
    return {"value": round(part / whole, 4), "n": whole, "interval": [round(low, 4), round(high, 4)]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "survey_mentions.json")
    out = parser.parse_args().out
    rows = [json.loads(line) for line in SENTENCES.read_text("utf-8").splitlines()]
    groups = {
        "tuning": [row for row in rows if row["part"] == "tuning"],
        "held out": [row for row in rows if row["part"] == "held_out"],
        "held out, written before": [r for r in rows if (r["part"], r["written"]) == ("held_out", "before")],
        "fresh": [row for row in rows if row["part"] == "fresh"],
        "all": rows,
    }
    results = {name: measure(group) for name, group in groups.items()}
    for name, result in results.items():
        print(f"{name}: {result['sentences']} sentences, {result['languages']} languages to find")
        for measure_name in ("precision", "recall", "sentences_right"):
            value = result[measure_name]
            low, high = value["interval"]
            print(f"  {measure_name:16} {value['value']:.3f} [{low:.3f}, {high:.3f}] of {value['n']}")
    record = {
        "schema": 1,
        "command": "python benchmarks/survey_mentions.py",
        "names": len(load_names()),
        "datasets": len(load_datasets()),
        "python": platform.python_version(),
        "results": results,
    }
    write_json(out, record)


if __name__ == "__main__":
    main()
