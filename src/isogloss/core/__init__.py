"""The nouns everyone speaks: languages, prompts, replies, verdicts, run records, errors, seeds."""

from isogloss.core.language import (
    TIERS,
    UNKNOWN_LANGUAGE,
    Language,
    Tier,
    known_languages,
    parse_languages,
    select_tier,
)
from isogloss.core.prompt import Kind, Prompt, Split
from isogloss.core.reply import Finish, GateReading, Reply
from isogloss.core.verdict import Label, Mapping, Verdict

__all__ = [
    "TIERS",
    "UNKNOWN_LANGUAGE",
    "Finish",
    "GateReading",
    "Kind",
    "Label",
    "Language",
    "Mapping",
    "Prompt",
    "Reply",
    "Split",
    "Tier",
    "Verdict",
    "known_languages",
    "parse_languages",
    "select_tier",
]
