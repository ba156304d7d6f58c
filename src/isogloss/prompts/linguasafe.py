"""LinguaSafe as published on the hub: one table of prompts with a severity from 0 to 3."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from isogloss.core import Kind, Language, Prompt
from isogloss.core.errors import BrokenInput
from isogloss.core.fingerprint import fingerprint_file
from isogloss.prompts.columnar import read_table_rows
from isogloss.prompts.failure_modes import FailureMode
from isogloss.prompts.hub import HubSource
from isogloss.prompts.minors import concerns_minors, names_minors, say_excluded
from isogloss.prompts.promptset import PromptCard, PromptSet
from isogloss.prompts.published import (
    check_columns,
    find_one_file,
    read_cell,
    read_language,
    require_cell,
    say_left_out,
)
from isogloss.prompts.reading import Row

LINGUASAFE_ON_HUB = HubSource("zhiyuan-ning/linguasafe", ("*.parquet", "*.csv", "*.json", "*.jsonl"))

_EXPECTED = (
    "LinguaSafe is one table (train split) with the columns id, prompt, lang, type, subtype and level "
    "(0 harmless to 3 most severe)."
)
_PATTERNS = ("*.parquet", "*linguasafe*.csv", "*linguasafe*.jsonl", "*linguasafe*.json", "*.csv", "*.jsonl")
_LEVELS = {"0": Kind.HARMLESS, "1": Kind.HARMFUL, "2": Kind.HARMFUL, "3": Kind.HARMFUL}
_MODES = {
    "age": FailureMode.TARGETED_HARASSMENT,
    "gender": FailureMode.TARGETED_HARASSMENT,
    "misinformation misuse": FailureMode.LOCAL_MISINFORMATION,
    "other hate speech": FailureMode.TARGETED_HARASSMENT,
    "pii": FailureMode.TARGETED_HARASSMENT,
    "privacy violation": FailureMode.TARGETED_HARASSMENT,
    "profanity": FailureMode.TARGETED_HARASSMENT,
    "race": FailureMode.TARGETED_HARASSMENT,
    "religion": FailureMode.TARGETED_HARASSMENT,
    "sex orientation": FailureMode.TARGETED_HARASSMENT,
}
_SEXUAL = ("sex-related", "sex related", "erotic")


def load_linguasafe(path: Path) -> PromptSet:
    """Load LinguaSafe: about 45,000 prompts in 12 languages, translated, adapted or native, with a severity.

    Level 0 is harmless (what a model that refuses it gets wrong is over-refusal), levels 1 to 3 are harmful; the
    level stands in the category (``Terrorism, level 2``). Whether the published ids pair the languages is not
    documented, so every row is a seed of its own, numbered from 0 (``linguasafe-harmful-00007``).

    Args:
        path: the table as Parquet, CSV, JSON or JSONL, or a folder that holds it.

    Raises:
        UnknownName, NothingToDo: there is no such file or folder, or nothing in it.
        BrokenInput: a column is missing or a level is none of 0 to 3; names line or row.
        UnknownLanguage: a tag names no language; names line or row.
        MissingExtra: the file is Parquet and pyarrow is not installed.

    Source: Ning et al. 2025 (arXiv 2508.12733); their severity-weighted scores are not computed here.
    """
    file = find_one_file(path, _PATTERNS, expected=_EXPECTED)
    rows = read_table_rows(file)
    check_columns(rows, ("prompt", "lang", "subtype", "level"), path=file, expected=_EXPECTED)
    prompts: list[Prompt] = []
    left_out: Counter[str] = Counter()
    seen: set[tuple[Language, str]] = set()
    for number, row in enumerate(rows):
        language = read_language(row, "lang", {})
        text = read_cell(row, "prompt")
        reason = _find_reason(row, text, language, seen)
        if reason or text is None:
            left_out[reason or "empty"] += 1
            continue
        seen.add((language, text))
        prompts.append(_make_prompt(row, number, text, language))
    return PromptSet(_write_card(file, left_out), tuple(prompts))


def _find_reason(row: Row, text: str | None, language: Language, seen: set[tuple[Language, str]]) -> str | None:
    subtype = require_cell(row, "subtype")
    if text is None:
        return "empty"
    check = concerns_minors(text, language)
    if check or names_minors(subtype):
        return "minors"
    if check is None and any(word in subtype.casefold() for word in _SEXUAL):
        return "unread"
    # The publishers drop repeated rows too; direct and indirect questions repeat the same prompt.
    return "repeated" if (language, text) in seen else None


def _make_prompt(row: Row, number: int, text: str, language: Language) -> Prompt:
    level = require_cell(row, "level")
    if level not in _LEVELS:
        raise BrokenInput(f"{row.place}: 'level' is '{level}'. Known: 0 (harmless), 1, 2, 3.")
    kind = _LEVELS[level]
    subtype = require_cell(row, "subtype")
    prompt_id = f"linguasafe-{kind}-{number:05d}"
    mode = _MODES.get(subtype.casefold(), FailureMode.DIRECT_ASSISTANCE)
    return Prompt(
        id=prompt_id,
        text=text,
        language=language,
        kind=kind,
        seed_id=prompt_id,
        category=f"{subtype}, level {level}",
        failure_mode=mode if kind is Kind.HARMFUL else None,
        provenance=read_cell(row, "source"),
    )


def _write_card(path: Path, left_out: Mapping[str, int]) -> PromptCard:
    return PromptCard(
        name="linguasafe",
        title="LinguaSafe: prompts of four severities in twelve languages",
        source="https://huggingface.co/datasets/zhiyuan-ning/linguasafe",
        licence="code MIT; none found for the data",
        citation="Ning et al. 2025, LinguaSafe: A Comprehensive Multilingual Safety Benchmark for Large Language "
        "Models, arXiv 2508.12733",
        made="Translated, adapted or taken from native sources, labelled by people together with models.",
        notes=(
            "Not parallel as loaded: languages differ in what was asked, so a gap between two of them is not the "
            "model's alone.",
            "Level 1 is mild: whether it must be refused is open, so read refusal rates by level.",
            *say_excluded(left_out.get("minors", 0)),
            *say_left_out(left_out.get("unread", 0), "Sexual prompts in languages that we cannot check for minors"),
            *say_left_out(left_out.get("repeated", 0), "Repeated texts"),
            *say_left_out(left_out.get("empty", 0), "Empty texts"),
        ),
        checksums={path.name: fingerprint_file(path)},
    )
