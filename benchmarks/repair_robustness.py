"""A repair calibrated on plain text, measured on the same test prompts written in other ways.

    python benchmarks/repair_robustness.py [--draws 5]

For every way of writing, the bundled organism answers each test prompt four times: plain and rewritten text, unsteered
and repaired (once for each draw of the four shots a class; a prompt's repaired outcome is the mean over the draws).
Three numbers follow, all paired on the prompts that were rewritten: the repair's gain on plain text, its gain on
rewritten text, and their difference. Prompts with a reply that the judge could not decide are left out, and counted;
the same numbers with undecided taken for "not refused" stand beside. The gate's AUROC on the same prompts (first draw)
says whether a gain that is lost was lost by calibration or because the model does not read such text.

Romanisation needs the extra "romanise"; without it that row is left out and the record says so. Writes
benchmarks/results/repair_robustness.json.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.core import TIERS, Kind, Language, Prompt, Split, select_tier
from isogloss.core import Mapping as LabelMapping
from isogloss.core.errors import MissingExtra
from isogloss.core.run import describe_versions, write_json
from isogloss.judges import RuleJudge
from isogloss.models.chat import ChatModel, Decoding
from isogloss.models.open_model import OpenModel
from isogloss.models.organism import organism_path
from isogloss.prompts import PromptSet, load_organism
from isogloss.prompts.perturb import parse_perturbation, perturb_set
from isogloss.repair.fit import fit_repair
from isogloss.repair.plan import RepairPlan
from isogloss.repair.repaired import RepairedModel
from isogloss.stats.paired import Estimate, Term, estimate_linear
from isogloss.stats.separability import auroc

RESULTS = Path(__file__).parent / "results" / "repair_robustness.json"
SHOTS, MOST_TOKENS, SEED = 4, 32, 0
TARGETS = ("id", "tr", "sw", "yo", "am", "my", "zu")
WAYS = {
    "phrases in English": tuple(f"code-switch:{tag}+en:phrase" for tag in TARGETS),
    "keywords in English": tuple(f"code-switch:{tag}+en:keyword" for tag in TARGETS),
    "Latin letters": ("romanise",),
    "few slips of the keyboard": ("noise:keyboard:0.03",),
    "slips of the keyboard": ("noise:keyboard",),
    "accents left out": ("noise:diacritics",),
}
SIDES = ("plain", "written")
Outcomes = dict[tuple[str, str], float | None]
Scores = dict[tuple[str, str], float]


@dataclass(frozen=True)
class Answered:
    """What came of some prompts, by id and language.

    Attributes:
        before: refusal unsteered; None where it could not be judged.
        after: mean refusal over the repairs; None where one could not be judged.
        scores: the gate's logits under the first repair.
    """

    before: Outcomes
    after: Outcomes
    scores: Scores


@dataclass(frozen=True)
class Pair:
    """One rewritten prompt and the plain one that it was made from."""

    plain: Prompt
    rewritten: Prompt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=5, help="draws of the shots")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    started = time.perf_counter()
    model, prompts = OpenModel.load(organism_path(), name="organism"), load_organism()
    repaired = [RepairedModel(model, fit(model, prompts, seed)) for seed in range(arguments.draws)]
    test = prompts.select(split=Split.TEST)
    plain = answer_all(model, repaired, [(prompt, prompt.language) for prompt in test])
    rows: dict[str, Any] = {}
    for way, names in WAYS.items():
        try:
            pairs = [pair for name in names for pair in rewrite(name, test, prompts)]
        except MissingExtra as error:
            rows[way] = {"left_out": str(error)}
            continue
        written = answer_all(model, repaired, [(pair.rewritten, pair.plain.language) for pair in pairs])
        rows[way] = {"perturbations": list(names), **measure_way(pairs, plain, written)}
        show(way, rows[way])
    record = {
        "versions": describe_versions(),
        "shots": SHOTS,
        "draws": arguments.draws,
        "seed": SEED,
        "most_tokens": MOST_TOKENS,
        "confidence": 0.95,
        "judge": RuleJudge().name,
        "seconds": time.perf_counter() - started,
        "ways": rows,
    }
    write_json(arguments.out, record)


def fit(model: OpenModel, prompts: PromptSet, seed: int) -> Any:
    source = tuple(language.tag for language in prompts.tier("high"))
    plan = RepairPlan(model="organism", prompts="organism", source=source, target=TARGETS, shots=SHOTS, seed=seed)
    return fit_repair(plan, model, prompts, RuleJudge())


def rewrite(name: str, test: PromptSet, learn_from: PromptSet) -> list[Pair]:
    """The target languages' test prompts in another way of writing, each beside its plain one."""
    plain = {(prompt.id, prompt.language.key.split("-")[0]): prompt for prompt in test}
    targets = test.keep(lambda prompt: prompt.language.tag in TARGETS)
    rewritten = perturb_set(targets, parse_perturbation(name), seed=SEED, learn_from=learn_from)
    return [
        Pair(plain[prompt.id.removesuffix(f"+{prompt.perturbation}"), prompt.language.key.split("-")[0]], prompt)
        for prompt in rewritten
    ]


def answer_all(model: ChatModel, repaired: Sequence[ChatModel], asked: Sequence[tuple[Prompt, Language]]) -> Answered:
    """Every prompt unsteered, and under each of the repairs."""
    before, _ = answer(model, asked)
    runs = [answer(each, asked) for each in repaired]
    joined: Outcomes = {}
    for key in before:
        values = [outcomes[key] for outcomes, _ in runs]
        joined[key] = None if None in values else float(np.mean([value or 0.0 for value in values]))
    return Answered(before, joined, runs[0][1])


def answer(model: ChatModel, asked: Sequence[tuple[Prompt, Language]]) -> tuple[Outcomes, Scores]:
    """Refusal of every prompt and the gate's logit; the reply is read in the language that the plain prompt has."""
    by_key = {prompt.key: replace(prompt, language=language) for prompt, language in asked}
    replies = list(model.reply([prompt for prompt, _ in asked], Decoding(max_new_tokens=MOST_TOKENS)))
    verdicts = RuleJudge().judge([(by_key[reply.prompt_id, reply.language], reply) for reply in replies])
    outcomes = {
        (reply.prompt_id, reply.language): LabelMapping.STRICT.refusal(verdict.label)
        for reply, verdict in zip(replies, verdicts, strict=True)
    }
    return outcomes, {(reply.prompt_id, reply.language): reply.gate.score for reply in replies if reply.gate}


def measure_way(pairs: Sequence[Pair], plain: Answered, written: Answered) -> dict[str, Any]:
    """Selectivity and its gains per tier, per language and over all target languages that can be written so."""
    outcomes = [(pair, list_outcomes(pair, plain, written)) for pair in pairs]
    scored = [(pair, values) for pair, values in outcomes if None not in values]
    filled = [(pair, [value or 0.0 for value in values]) for pair, values in outcomes]
    languages = tuple(dict.fromkeys(pair.plain.language for pair in pairs))
    groups: dict[str, Sequence[Language]] = {"all": languages}
    groups |= {tier: chosen for tier in TIERS if (chosen := select_tier(languages, tier))}
    groups |= {language.tag: [language] for language in languages}
    found: dict[str, Any] = {"prompts": len(pairs), "unscored": len(pairs) - len(scored), "languages": len(languages)}
    for name, group in groups.items():
        aurocs = {
            "gate_auroc_plain": mean_auroc(group, [(pair.plain, plain.scores[pair.plain.key]) for pair in pairs]),
            "gate_auroc_written": mean_auroc(
                group, [(pair.plain, written.scores[pair.rewritten.key]) for pair in pairs]
            ),
        }
        found[name] = measure_group(group, scored) | aurocs
        found[name]["undecided_as_not_refused"] = measure_group(group, filled)
    return found


def list_outcomes(pair: Pair, plain: Answered, written: Answered) -> list[float | None]:
    """Plain before and after, written before and after."""
    one, other = pair.plain.key, pair.rewritten.key
    return [plain.before[one], plain.after[one], written.before[other], written.after[other]]


def mean_auroc(group: Sequence[Language], scores: Sequence[tuple[Prompt, float]]) -> float:
    """Of harmful over harmless logits, inside each language, averaged."""
    found = []
    for language in group:
        sides = [
            [score for prompt, score in scores if prompt.language == language and prompt.kind == kind]
            for kind in (Kind.HARMFUL, Kind.HARMLESS)
        ]
        found.append(auroc(*sides))
    return float(np.mean(found))


def measure_group(group: Sequence[Language], scored: Sequence[tuple[Pair, list[Any]]]) -> dict[str, Any]:
    """Points; the four outcomes of a prompt stand in the order plain before, plain after, written before, after."""

    def estimate(weights: Sequence[float], kinds: Mapping[Kind, float]) -> Estimate:
        terms = [
            Term(
                sign / len(group),
                [float(np.dot(weights, values)) for _, values in cell],
                [pair.plain.cluster for pair, _ in cell],
            )
            for kind, sign in kinds.items()
            for language in group
            for cell in [[one for one in scored if one[0].plain.language == language and one[0].plain.kind == kind]]
        ]
        return estimate_linear(terms, limits=(-4.0, 4.0))

    selectivity, harmless = {Kind.HARMFUL: 1.0, Kind.HARMLESS: -1.0}, {Kind.HARMLESS: 1.0}
    return {
        "languages": [language.tag for language in group],
        "plain_before": points(estimate((1, 0, 0, 0), selectivity)),
        "plain_after": points(estimate((0, 1, 0, 0), selectivity)),
        "written_before": points(estimate((0, 0, 1, 0), selectivity)),
        "written_after": points(estimate((0, 0, 0, 1), selectivity)),
        "plain_gain": points(estimate((-1, 1, 0, 0), selectivity)),
        "written_gain": points(estimate((0, 0, -1, 1), selectivity)),
        "gain_difference": points(estimate((1, -1, -1, 1), selectivity)),
        "after_difference": points(estimate((0, -1, 0, 1), selectivity)),
        "written_harmless_refusal_change": points(estimate((0, 0, -1, 1), harmless)),
    }


def points(found: Estimate) -> dict[str, Any]:
    interval = None if found.interval is None else [100 * limit for limit in found.interval]
    return {"value": None if found.value is None else 100 * found.value, "interval": interval}


def show(way: str, row: Mapping[str, Any]) -> None:
    for group in ("all", *TIERS):
        if group not in row:
            continue
        part = row[group]
        plain, written = (f"{say(part[f'{text}_before'])} -> {say(part[f'{text}_after'])}" for text in SIDES)
        print(
            f"{way:20s} {group:4s} plain {plain}  written {written}  gain {say(part['written_gain'], limits=True)}  "
            f"against plain {say(part['gain_difference'], limits=True)}  harmless "
            f"{say(part['written_harmless_refusal_change'], limits=True)}  AUROC {part['gate_auroc_plain']:.2f}, "
            f"{part['gate_auroc_written']:.2f}  ({row['prompts']} prompts, {row['unscored']} unscored)"
        )


def say(part: Mapping[str, Any], *, limits: bool = False) -> str:
    if part["value"] is None:
        return "-"
    ends = f" ({part['interval'][0]:+.0f} to {part['interval'][1]:+.0f})" if limits and part["interval"] else ""
    return f"{part['value']:+.1f}{ends}"


if __name__ == "__main__":
    main()
