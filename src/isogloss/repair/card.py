"""The card of a repair folder: what a person must know before using it."""

from collections.abc import Mapping
from typing import Any

from isogloss.core import Language


def write_card(record: Mapping[str, Any], fingerprint: str) -> str:
    """Markdown for ``README.md``.

    Args:
        record: content of ``repair.json``.
        fingerprint: of the repair.
    """
    edit, gate = record["edit"], record["gate"]
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
            f"- Choice of layer and strength: {record['choice'].get('reason', 'given')}",
            "",
            "| language | threshold (logit) | shots per class | note |",
            "|---|---|---|---|",
            *(_row(tag, part) for tag, part in record["calibration"].items()),
            f"| any other | {gate['fallback']:.3f} | source | |",
            "",
            'Use it: `isogloss generate MODEL --repair THIS_FOLDER "prompt"`. It is refused on a model, tokenizer or '
            "chat template with other fingerprints, and when a file was changed.",
            "",
            "Limits: measured effects hold for the prompts they were measured on; compare audits before and after on "
            "your own. The language of a prompt must be known for its threshold to be used. Whoever holds the weights "
            "can leave the repair out.",
            "",
        ]
    )


def _say_harmless(edit: str) -> str:
    if edit == "ablate":
        return "the direction is removed from them, which also removes refusals of what the gate misses"
    return "left alone"


def _row(tag: str, part: Mapping[str, Any]) -> str:
    shots = len(part["harmful_ids"])
    return f"| {Language.parse(tag).name} ({tag}) | {part['threshold']:.3f} | {shots} | {part['warning']} |"
