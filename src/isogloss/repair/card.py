"""The card of a repair folder: what a person must know before using it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from isogloss.core import Language


def write_card(record: Mapping[str, Any], fingerprint: str) -> str:
    """Markdown for ``README.md``, with the front matter that model hubs read.

    Args:
        record: content of ``repair.json``.
        fingerprint: of the repair.
    """
    parts = [
        _write_front(record),
        _write_summary(record, fingerprint),
        _write_thresholds(record),
        _write_evidence(record.get("evidence") or {}),
        _write_limits(),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _write_front(record: Mapping[str, Any]) -> str:
    tags = dict.fromkeys([*record["source"], *record["target"]])
    lines = ["library_name: isogloss", "tags: [safety, refusal, steering]", f"language: [{', '.join(tags)}]"]
    return "\n".join(["---", *lines, "---"])


def _write_summary(record: Mapping[str, Any], fingerprint: str) -> str:
    edit = record["edit"]
    return "\n".join(
        [
            f"# Repair {fingerprint[:8]} for {record['model_name']}",
            "",
            "Made by Isogloss. A gate reads one hidden state of every prompt and the model is steered towards refusal "
            "where the gate calls the prompt harmful. The weights of the model are not changed.",
            "",
            f"- Source languages: {', '.join(record['source'])}",
            f"- Layer {edit['layer']} (output of the 0-based decoder block), strength {edit['strength']:.4g} in model "
            f"units ({edit['harmful']}), share of it at generated tokens {edit['persistence']:g}",
            f"- Prompts that the gate calls harmless: {_say_harmless(edit['harmless'])}",
            f"- Prompts whose language is not told: {_say_unnamed(record['gate'])}",
            f"- Choice of layer and strength: {record['choice'].get('reason', 'given')}",
        ]
    )


def _write_thresholds(record: Mapping[str, Any]) -> str:
    rows = [
        f"| {_name(tag)} | {part['threshold']:.3f} | {_say_evidence(part)} | {_say_notes(part)} |"
        for tag, part in record["calibration"].items()
    ]
    head = ["## Thresholds", "", "| language | threshold (logit) | taken from | note |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, f"| any other | {record['gate']['fallback']:.3f} | source | |"])


def _write_evidence(evidence: Mapping[str, Any]) -> str:
    if not evidence:
        return (
            "## Before and after\n\nNot measured. Audit the plain and the repaired model on prompts of your own: "
            "`isogloss audit MODEL --prompts ...`, once more with `--repair THIS_FOLDER`, then `isogloss compare`."
        )
    change = evidence["change"]
    asked = f"{evidence['split'] or 'all'} prompts of {evidence['prompts']}, judge {evidence['after']['judge']}"
    head = [
        "## Before and after",
        "",
        f"{asked[0].upper()}{asked[1:]}, replies of at most {evidence['max_new_tokens']} tokens. Refused, before -> "
        f"after; changes in points with {change['confidence']:.0%} intervals, paired by prompt.",
        "",
        "| | harmful refused | harmless refused | selectivity | change of selectivity | prompts |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *_evidence_rows(evidence)])


def _evidence_rows(evidence: Mapping[str, Any]) -> Iterator[str]:
    before, after, change = evidence["before"], evidence["after"], evidence["change"]
    for tier in ("high", "mid", "low"):
        if tier in change["tiers"]:
            old, new = (part["tiers"].get(tier, {}) for part in (before, after))
            yield _evidence_row(f"**{tier}-resource languages**", old, new, change["tiers"][tier])
    for tag, moved in change["languages"].items():
        old, new = (part["languages"].get(tag, {}) for part in (before, after))
        yield _evidence_row(_name(tag), old, new, moved)


def _evidence_row(label: str, before: Mapping[str, Any], after: Mapping[str, Any], change: Mapping[str, Any]) -> str:
    cells = [
        f"{_percent(before.get(name))} -> {_percent(after.get(name))}"
        for name in ("harmful_refusal_rate", "harmless_refusal_rate")
    ]
    points = " -> ".join(_points(part.get("selectivity_points")) for part in (before, after))
    moved = _signed(change["selectivity_points"], change["selectivity_interval"])
    return f"| {label} | {cells[0]} | {cells[1]} | {points} | {moved} | {change['n_harmful']}+{change['n_harmless']} |"


def _write_limits() -> str:
    return "\n".join(
        [
            "## Use and limits",
            "",
            'Use it: `isogloss generate MODEL --repair THIS_FOLDER "prompt"`. It is refused on a model, tokenizer or '
            "chat template with other fingerprints, and when a file was changed.",
            "",
            "Measured effects hold for the prompts they were measured on; audit it on your own. "
            "Whoever holds the weights can leave the repair out.",
        ]
    )


def _say_harmless(edit: str) -> str:
    if edit == "ablate":
        return "the direction is removed from them, which also removes refusals of what the gate misses"
    return "left alone"


def _say_unnamed(gate: Mapping[str, Any]) -> str:
    if "locator" not in gate:
        return "the fallback threshold"
    far = {"fallback": "the fallback threshold", "lean": "the nearest languages' threshold", "leave": "left alone"}
    found = gate["locator"]
    return (
        f"the threshold of the languages that their state lies near ({', '.join(found['languages'])}); far from all "
        f"of them: {far[found['far']]}"
    )


def _say_evidence(part: Mapping[str, Any]) -> str:
    counts = {name: len(part.get(f"{name}_ids", ())) for name in ("harmful", "harmless", "unlabelled")}
    used = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return f"{part['method']}: {used}" if used else "source languages"


def _say_notes(part: Mapping[str, Any]) -> str:
    return " ".join(note for note in (part.get("warning", ""), part.get("promise", {}).get("says", "")) if note)


def _name(tag: str) -> str:
    return f"{Language.parse(tag).name} ({tag})"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def _points(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _signed(value: float | None, interval: Sequence[float] | None) -> str:
    if value is None:
        return "-"
    return f"{value:+.0f}" + (f" [{interval[0]:+.0f}, {interval[1]:+.0f}]" if interval else "")
