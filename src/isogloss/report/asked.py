"""What was asked, in a sentence and as facts: prompts, ways of writing, decoding, and what is needed to repeat it."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isogloss.audit.scorecard import Scorecard
from isogloss.report.records import RunRecords
from isogloss.report.tables import flatten
from isogloss.report.text import count

RECORDED = "recorded:"


@dataclass(frozen=True, slots=True)
class Repeat:
    """What is needed to make a run again."""

    name: str
    install: str
    command: str
    plan: str
    facts: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class DataCard:
    """What is known of the prompt set; checksums apart, as they are many and nobody reads them."""

    facts: list[tuple[str, str]]
    checksums: list[tuple[str, str]]


def describe_asked(records: RunRecords) -> str:
    """What was asked, in a sentence or two."""
    scorecard = records.scorecard
    if scorecard is None:
        return ""
    sentences = [f"Asked: {_say_prompts(scorecard)}{_say_ways(records, scorecard)}."]
    plan = _part(records.run, "plan")
    if plan:
        sentences.append(_say_decoding(plan))
    return " ".join(sentences)


def name_model(name: str) -> str:
    """The model's name for the title: of recorded replies the last part of their path, which is where the name is."""
    if not name.startswith(RECORDED):
        return name
    last = name.removeprefix(RECORDED).replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    return f"{last} (recorded replies)" if last else name


def describe_prompts(records: RunRecords) -> DataCard:
    """The prompt set's card and its counts, as the run recorded them."""
    card, counts = dict(_part(records.run, "prompt_card")), _part(records.run, "prompt_counts")
    checksums = card.pop("checksums", None)
    kept = {
        name: counts[name] for name in ("prompts", "seeds", "clusters", "by_split", "fingerprint") if name in counts
    }
    return DataCard(
        facts=flatten({**card, **({"asked": kept} if kept else {})}),
        checksums=flatten(checksums) if isinstance(checksums, Mapping) else [],
    )


def list_ways(records: RunRecords) -> tuple[str, ...]:
    """Names of the ways of writing that were asked, from the plan and from the scorecard."""
    planned = _part(records.run, "plan").get("perturb")
    names = [str(name) for name in planned] if isinstance(planned, list) else []
    found = records.scorecard.perturbations if records.scorecard else {}
    return tuple(name for name in dict.fromkeys([*names, *found]) if name)


def describe_repeat(records: RunRecords, name: str) -> Repeat:
    """Command, plan and versions that make a run again.

    Args:
        records: of the run.
        name: "before" or "after" where two runs are compared, else empty.
    """
    run = records.run
    plan = _part(run, "plan")
    facts = {key: run[key] for key in ("fingerprints", "versions") if run.get(key)}
    version = _part(run, "versions").get("isogloss")
    command = ""
    if run.get("command") == "audit" and plan.get("model") and plan.get("prompts"):
        model, prompts = shlex.quote(str(plan["model"])), shlex.quote(str(plan["prompts"]))
        command = f"isogloss audit {model} --prompts {prompts} --plan plan.toml --out RUN"
    install = f"pip install {shlex.quote(f'isogloss=={version}')}" if version else ""
    return Repeat(name, install, command, _to_toml(plan), flatten(facts))


def _say_prompts(scorecard: Scorecard) -> str:
    scores = list(scorecard.languages.values())
    kinds = []
    for kind in ("harmful", "harmless"):
        asked = [getattr(score, f"asked_{kind}") for score in scores]
        if not any(asked):
            kinds.append(f"no {kind} prompts")
        elif min(asked) == max(asked):
            kinds.append(count(asked[0], f"{kind} prompt"))
        else:
            kinds.append(f"{min(asked):,} to {max(asked):,} {kind} prompts")
    where = "in each of " if len(scores) > 1 else "in "
    return f"{' and '.join(kinds)} {where}{count(len(scores), 'language')}"


def _say_ways(records: RunRecords, scorecard: Scorecard) -> str:
    ways = list_ways(records)
    if not ways:
        return ""
    total = _part(records.run, "prompt_counts").get("prompts")
    plain = sum(score.asked_harmful + score.asked_harmless for score in scorecard.languages.values())
    again = f"; {count(total - plain, 'rewritten prompt')}" if isinstance(total, int) and total > plain else "; again"
    return f"{again} in {count(len(ways), 'other way', 'other ways')} of writing"


def _say_decoding(plan: Mapping[str, Any]) -> str:
    if str(plan.get("model", "")).startswith(RECORDED):
        return "The replies were recorded earlier; their decoding is that of the recording."
    temperature, tokens = plan.get("temperature", 0.0), plan.get("max_new_tokens")
    how = (
        "Greedy decoding" if not temperature else f"Sampled at temperature {temperature:g}, seed {plan.get('seed', 0)}"
    )
    length = f", at most {count(tokens, 'token')} a reply" if isinstance(tokens, int) else ""
    system = "a system prompt (see below)" if plan.get("system_prompt") else "no system prompt"
    return f"{how}{length}, {system}."


def _part(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """One part of the record, empty where it is missing or no object."""
    found = record.get(name)
    return found if isinstance(found, Mapping) else {}


def _to_toml(plan: Mapping[str, Any]) -> str:
    """The plan as TOML lines; fields without a value are left out, as TOML has no null."""
    rows = [(key, value) for key, value in plan.items() if value is not None and not isinstance(value, Mapping)]
    return "\n".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in rows)
