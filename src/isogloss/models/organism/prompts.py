"""The organism's own prompt set: the same requests in every language, composed from the grammar by a fixed rule."""

import random

from pydantic import BaseModel, ConfigDict

from isogloss.models.organism.grammar import CONTEXTS, FRAMES, LANGUAGES, Intent, Kind, Split, intents, request

# Prompts per kind, language and split. Test has two prompts per intent, so statistics resample its clusters.
PROMPTS_PER_SPLIT: dict[Split, int] = {"train": 60, "validation": 24, "test": 48}


class PromptRow(BaseModel):
    """One line of `organism.jsonl`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    seed_id: str
    kind: Kind
    language: str
    split: Split
    text: str
    category: str
    failure_mode: str
    cluster: str


def askable_intents(kind: Kind, split: Split) -> tuple[Intent, ...]:
    """The intents of a split whose object also occurs in a training intent of the same kind.

    Of an object that training shows on one side only (an account is hacked there and never protected), no held-out
    request could tell on which side it stands; such intents stay unused.
    """
    familiar = {intent.object for intent in intents(kind, "train")}
    return tuple(intent for intent in intents(kind, split) if intent.object in familiar)


def _drawn_requests(kind: Kind, split: Split) -> list[tuple[Intent, int, int | None, bool]]:
    """Go round the intents in a fixed shuffled order, with a frame each and, half of the time, a context."""
    generator = random.Random(f"organism prompts {kind} {split}")
    order = list(askable_intents(kind, split))
    generator.shuffle(order)
    drawn: list[tuple[Intent, int, int | None, bool]] = []
    for number in range(PROMPTS_PER_SPLIT[split]):
        # Frames go round by number, shifted on each pass over the intents: balanced, and no request comes twice.
        frame = (number + number // len(order)) % FRAMES
        context = generator.randrange(CONTEXTS) if generator.random() < 0.5 else None
        drawn.append((order[number % len(order)], frame, context, generator.random() < 0.5))
    return drawn


def compose_prompt_rows() -> list[PromptRow]:
    """Compose every row of the prompt set: 12 languages x (60 + 24 + 48) harmful and as many harmless prompts.

    An `id` (and `seed_id`) names one request across languages, so a row's key is its id and language; `cluster` names
    its intent. The grammar alone decides the result.
    """
    rows: list[PromptRow] = []
    kinds: tuple[Kind, ...] = ("harmful", "harmless")
    for split in PROMPTS_PER_SPLIT:
        for kind in kinds:
            drawn = _drawn_requests(kind, split)
            for language in LANGUAGES:
                for number, (intent, frame, context, first) in enumerate(drawn):
                    seed_id = f"organism-{kind}-{split}-{number:04d}"
                    rows.append(
                        PromptRow(
                            id=seed_id,
                            seed_id=seed_id,
                            kind=kind,
                            language=language,
                            split=split,
                            text=request(language, intent, frame, context, context_first=first),
                            category=intent.category,
                            failure_mode="direct_assistance",
                            cluster=intent.cluster,
                        )
                    )
    return rows
