"""Agreement of the rule judge with the guard labels of recorded replies, per language.

    python benchmarks/judge_agreement.py ../shared/data

The folder holds ``replies/<model>/<language>.jsonl`` (``id``, ``language``, ``reply``, ``guard_refusal``) and
``polyrefuse/harmful_test_translated_<language>.json`` (the prompts, by row). The guard is itself a model: a silver
label. Prints a table and writes ``benchmarks/results/judge_agreement.json``; with ``--card DATE`` also the judge card
that the package brings along (counts alone, no text).
"""

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from isogloss.core import Kind, Label, Language, Prompt, Reply, Verdict
from isogloss.judges import RuleJudge
from isogloss.judges.agreement import Agreement, Share, measure_agreement_by_language
from isogloss.judges.card import measure_card, save_card
from isogloss.judges.cues import find_cues
from isogloss.judges.phrases import Phrases, find_phrases, load_phrases
from isogloss.judges.points import POINTS, follow
from isogloss.judges.rules import COMPLIED_UNTIL, REFUSED_FROM
from isogloss.judges.script import is_off_language, read_text

UNRELIABLE = ("yo",)
"""Languages whose replies are mostly broken text, left out of the fit."""
RESULTS = Path(__file__).parent / "results" / "judge_agreement.json"
CARDS = Path(__file__).parents[1] / "src" / "isogloss" / "judges" / "cards"


def load_replies(data: Path, replies: Path) -> list[tuple[Prompt, Reply, int]]:
    """Every reply of a folder that carries a guard label, with its prompt."""
    rows: list[tuple[Prompt, Reply, int]] = []
    for file in sorted(replies.glob("*.jsonl")):
        texts = json.loads((data / "polyrefuse" / f"harmful_test_translated_{file.stem}.json").read_text("utf-8"))
        for line in file.read_text("utf-8").splitlines():
            row = json.loads(line)
            if row.get("guard_refusal") is not None:
                rows.append(make_row(row, texts[int(row["id"][-4:])]))
    return rows


def make_row(row: dict[str, Any], source: dict[str, str]) -> tuple[Prompt, Reply, int]:
    """One prompt, its reply and the guard's label."""
    text = source.get("instruction_translated") or source["instruction"]
    prompt = Prompt(row["id"], text, Language.parse(row["language"]), Kind.HARMFUL, row["id"])
    return prompt, Reply(row["id"], row["language"], row["reply"]), int(row["guard_refusal"])


def say(share: Share) -> str:
    """A share with its interval, in percent."""
    if share.value is None or share.interval is None:
        return "-"
    low, high = share.interval
    return f"{100 * share.value:5.1f} [{100 * low:.0f}, {100 * high:.0f}]"


def print_table(table: dict[str, Agreement], labels: dict[str, dict[str, int]] | None = None) -> None:
    """One row per language."""
    print(f"{'':5}{'n':>5}{'refusals':>10}  {'sensitivity':18}{'specificity':18}{'undecided':18}labels")
    for language, row in table.items():
        counts = " ".join(f"{label} {count}" for label, count in sorted((labels or {}).get(language, {}).items()))
        print(
            f"{language:5}{row.n:5}{row.refusals:10}  {say(row.sensitivity):18}{say(row.specificity):18}"
            f"{say(row.undecided):18}{counts}"
        )


def fit_without_each_language(rows: list[tuple[Prompt, Reply, int]]) -> dict[str, Agreement]:
    """Agreement when the points are fitted on all other languages: what to expect of a language without labels.

    Only the points are fitted again; the tests, the phrases and the thresholds stay, so this is the smaller part of
    the optimism.
    """
    kept = [row for row in rows if row[0].language.tag not in UNRELIABLE]
    tests = [test for _, test in POINTS.values()]
    courses = [follow(find_cues(reply.text, _phrases(prompt, reply))) for prompt, reply, _ in kept]
    held = np.array([[float(test(course)) for test in tests] for course in courses])
    truth = np.array([label for *_, label in kept])
    languages = np.array([prompt.language.tag for prompt, *_ in kept])
    labels: list[Label] = []
    for language in dict.fromkeys(languages):
        others = languages != language
        model = LogisticRegression(class_weight="balanced", max_iter=2000).fit(held[others], truth[others])
        points = np.round(2 * model.intercept_[0]) + held[~others] @ np.round(2 * model.coef_[0])
        labels += [
            Label.REFUSED if point >= REFUSED_FROM else Label.COMPLIED if point <= COMPLIED_UNTIL else Label.UNDECIDED
            for point in points
        ]
    return measure_agreement_by_language(labels, truth.tolist(), languages.tolist())


def _phrases(prompt: Prompt, reply: Reply) -> Phrases:
    """The phrases of the language that the reply is in, or else of the prompt's."""
    reading = read_text(reply.text)
    if is_off_language(reading, prompt.language) and reading.language:
        return load_phrases(reading.language)
    found = find_phrases(prompt.language)
    if found is None:
        raise SystemExit(f"no phrase file for {prompt.language.tag}")
    return found


def count_labels(labels: list[Label], languages: list[str]) -> dict[str, dict[str, int]]:
    """How often each label was given in each language."""
    counts: dict[str, dict[str, int]] = {}
    for label, language in zip(labels, languages, strict=True):
        row = counts.setdefault(language, {})
        row[label.value] = row.get(label.value, 0) + 1
    return counts


def write_card(judge: RuleJudge, verdicts: list[Verdict], truth: list[int], model: str, measured_on: str) -> None:
    """The card that every report with this judge shows, until somebody measures a better one."""
    card = measure_card(
        verdicts,
        truth,
        judge=judge.name,
        fingerprint=judge.fingerprint(),
        truth_name="guard_refusal of the recorded replies, a silver label",
        truth_kind="guard",
        model=model,
        prompts="polyrefuse, harmful test",
        measured_on=measured_on,
        notes=(
            "The guard read whole replies, the judge their first 240 characters.",
            "The phrases were written with replies of this model in view; expect more errors on others.",
            "Yoruba replies are mostly broken text, on which the guard's labels mean little.",
        ),
    )
    save_card(card, CARDS / f"{judge.name}.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path, help="folder with replies/ and polyrefuse/")
    parser.add_argument("--model", default="qwen2.5-7b-instruct", help="folder under replies/")
    parser.add_argument("--card", metavar="DATE", help="also write the bundled judge card, with this ISO date")
    arguments = parser.parse_args()
    rows = load_replies(arguments.data, arguments.data / "replies" / arguments.model)
    judge = RuleJudge()
    started = time.perf_counter()
    verdicts = judge.judge([(prompt, reply) for prompt, reply, _ in rows])
    seconds = time.perf_counter() - started
    labels = [verdict.label for verdict in verdicts]
    languages = [verdict.language for verdict in verdicts]
    table = measure_agreement_by_language(labels, [truth for *_, truth in rows], languages)
    print_table(table, count_labels(labels, languages))
    if arguments.card:
        write_card(judge, verdicts, [truth for *_, truth in rows], arguments.model, arguments.card)
    print(f"{len(rows)} replies in {seconds:.1f} s on {platform.machine()}, Python {platform.python_version()}")
    without = fit_without_each_language(rows)
    print("\npoints alone, fitted on the other languages:")
    print_table(without)
    record = {
        "judge": judge.fingerprint(),
        "replies": arguments.model,
        "truth": "guard_refusal of the recorded replies (silver)",
        "mapping": "strict",
        "seconds": round(seconds, 2),
        "labels": count_labels(labels, languages),
        "languages": {language: row.to_json() for language, row in table.items()},
        "points_fitted_on_other_languages": {language: row.to_json() for language, row in without.items()},
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
