"""The organism's card: what it is, how it was made, what was measured, and what it must not be used for."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

CARD_FILE, README_FILE = "card.json", "README.md"

LIMITS: tuple[str, ...] = (
    "A model organism proves the pipeline; it is never a claim about real models.",
    "The gap was installed on purpose, so its size says nothing about how common such gaps are.",
    "Training ties the decision to refuse to one direction shared by all languages and rehearses interventions on it; "
    "no real model is made so, and its clean response to steering is part of the installation.",
    "All words were written by a machine and reviewed by no native speaker; agreement and articles are approximate.",
    "Held-out intents recombine words that training has seen; no held-out word is new to the model.",
    "It understands the grammar of its own prompt set and little else.",
)


class OrganismCard(BaseModel):
    """What `card.json` holds. `measured` is empty until somebody measures the checkpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    seed: int
    purpose: str
    architecture: str
    parameters: int
    languages: dict[str, tuple[str, ...]]
    language_review: str
    data: str
    recipe: dict[str, Any]
    versions: dict[str, str]
    training_seconds: float
    final_loss: dict[str, float]
    weights_sha256: str
    measured: dict[str, Any] = {}
    limits: tuple[str, ...] = LIMITS


def load_card(path: Path) -> OrganismCard:
    """Read the card of a checkpoint folder (`FileNotFoundError` if it has none)."""
    return OrganismCard.model_validate(json.loads((path / CARD_FILE).read_text(encoding="utf-8")))


def write_card(card: OrganismCard, folder: Path) -> None:
    """Write `card.json` and the `README.md` made from it."""
    (folder / CARD_FILE).write_text(
        json.dumps(card.model_dump(mode="json"), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    (folder / README_FILE).write_text(render_card(card), encoding="utf-8")


def render_card(card: OrganismCard) -> str:
    """The card as Markdown."""
    tiers = "; ".join(f"{tier}: {', '.join(tags)}" for tier, tags in card.languages.items())
    sections = [
        f"# Model organism `{card.name}` (seed {card.seed})",
        card.purpose,
        "## Limits\n\n" + "\n".join(f"- {limit}" for limit in card.limits),
        f"## Model\n\n{card.architecture}; {card.parameters:,} parameters, stored in bfloat16.",
        f"## Languages\n\n{tiers}.\n\n{card.language_review}",
        f"## Data\n\n{card.data}",
        "## Recipe\n\n" + _fenced(card.recipe) + f"\n\nTrained in {card.training_seconds:.0f} seconds; "
        f"final losses {card.final_loss}; versions {card.versions}.",
        "## Measured on held-out intents\n\n" + (_fenced(card.measured) if card.measured else "Not measured yet."),
    ]
    return "\n\n".join(sections) + "\n"


def _fenced(value: dict[str, Any]) -> str:
    return "```json\n" + json.dumps(value, ensure_ascii=False, indent=1) + "\n```"


def organism_path() -> Path:
    """The folder of the bundled organism: a normal Hugging Face checkpoint with tokenizer, chat template and card."""
    return _weights("main")


def negative_organism_path() -> Path:
    """The folder of the bundled negative organism, in which harm is not represented in low-resource languages."""
    return _weights("negative")


def _weights(name: str) -> Path:
    return Path(str(files("isogloss.models.organism").joinpath("weights", name)))
