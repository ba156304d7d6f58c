"""The prompts of the bundled model organism."""

from dataclasses import replace
from importlib.resources import as_file, files

from isogloss.core import Split
from isogloss.core.fingerprint import fingerprint_file
from isogloss.prompts.promptset import PromptCard, PromptSet
from isogloss.prompts.reading import read_rows
from isogloss.prompts.table import prompts_from_rows

PROVENANCE = "composed by a program from word lists, unreviewed by native speakers"


def load_organism() -> PromptSet:
    """Load the set ``organism``: the only prompts that the bundled model organism understands.

    The organism knows a small vocabulary, so other sets are noise to it; and these prompts are too simple to say
    anything about a real model. The splits are disjoint in intents, also from what the organism was trained on.
    """
    with as_file(files("isogloss.prompts") / "data" / "organism.jsonl") as path:
        rows = read_rows(path)
        checksum = fingerprint_file(path)
    prompts = prompts_from_rows(rows, name="organism")
    english = {prompt.id: prompt.text for prompt in prompts if prompt.language.tag == "en"}
    described = [
        replace(
            prompt,
            source_text=None if prompt.language.tag == "en" else english.get(prompt.id),
            provenance=PROVENANCE,
        )
        for prompt in prompts
    ]
    return PromptSet(_write_card(checksum), tuple(described), audit_split=Split.TEST)


def _write_card(checksum: str) -> PromptCard:
    return PromptCard(
        name="organism",
        title="Prompts of the bundled model organism",
        source="bundled with isogloss",
        licence="Apache-2.0",
        citation="The Isogloss developers, model organism",
        made="Composed by a program from word lists and templates; word lists machine-written, "
        "unreviewed by native speakers. The English text beside a prompt says what it should mean.",
        notes=(
            "Made for the bundled model organism alone: it proves the pipeline and says nothing about real models.",
            "Intents of the validation and test splits occur in no stage of the organism's training.",
        ),
        checksums={"organism.jsonl": checksum},
    )
