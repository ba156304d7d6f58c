"""Aya red-teaming as published: one JSONL file per language."""

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
from isogloss.prompts.published import check_columns, find_files, read_cell, read_language, read_names, require_cell
from isogloss.prompts.reading import Row

AYA_ON_HUB = HubSource("CohereLabs/aya_redteaming", ("aya_*.jsonl",))

_EXPECTED = (
    "Aya red-teaming consists of aya_arb.jsonl, aya_eng.jsonl, aya_fra.jsonl, aya_hin.jsonl, aya_rus.jsonl, "
    "aya_spa.jsonl, aya_srp.jsonl and aya_tgl.jsonl with the fields prompt, harm_category and global_or_local."
)
_TAGS = {"arb": "ar", "eng": "en", "fra": "fr", "hin": "hi", "rus": "ru", "spa": "es", "srp": "sr", "tgl": "fil"}
_NAMES = {
    "arabic": "ar",
    "english": "en",
    "french": "fr",
    "hindi": "hi",
    "russian": "ru",
    "spanish": "es",
    "serbian": "sr",
    "tagalog": "fil",
    "filipino": "fil",
}
_ENGLISH = Language.parse("en")
_MODES = {
    "Bullying & Harassment": FailureMode.TARGETED_HARASSMENT,
    "Discrimination & Injustice": FailureMode.TARGETED_HARASSMENT,
    "Harms of Representation Allocation and Quality of Service": FailureMode.TARGETED_HARASSMENT,
    "Hate Speech": FailureMode.TARGETED_HARASSMENT,
}
_SEXUAL = "sexual"


def load_aya(path: Path) -> PromptSet:
    """Load Aya red-teaming: harmful prompts written by native speakers of eight languages.

    The languages are not parallel: every prompt is a seed of its own, so gaps between languages cannot be paired
    and mix a difference in the prompts with one in the model. Ids carry file and row (``aya-harmful-hin-0007``). The
    category is the first of a row's; provenance says whether the harm is global or local.

    Args:
        path: one file, or a folder with several.

    Raises:
        UnknownName, NothingToDo: there is no such file or folder, or nothing in it.
        BrokenInput: a field is missing or a category is no list; names the line.
        UnknownLanguage: neither file name nor row tells the language.

    Source: Aakanksha et al. 2024 (arXiv 2406.18682).
    """
    files = find_files(path, ("aya_*.jsonl",), expected=_EXPECTED)
    prompts: list[Prompt] = []
    excluded: Counter[str] = Counter()
    scopes: Counter[str] = Counter()
    for file in files:
        rows = read_table_rows(file)
        check_columns(rows, ("prompt", "harm_category", "global_or_local"), path=file, expected=_EXPECTED)
        for number, row in enumerate(rows):
            language = _find_language(file, row)
            reason = _find_reason(row, language)
            if reason:
                excluded[reason] += 1
                continue
            scope = _read_scope(row)
            scopes[scope] += 1
            prompts.append(_make_prompt(row, language, scope, f"{_find_code(file, language)}-{number:04d}"))
    return PromptSet(_write_card(files, excluded, scopes), tuple(prompts))


def _find_code(file: Path, language: Language) -> str:
    code = file.stem.removeprefix("aya_")
    return code if code in _TAGS else language.tag


def _find_language(file: Path, row: Row) -> Language:
    code = file.stem.removeprefix("aya_")
    return Language.parse(_TAGS[code]) if code in _TAGS else read_language(row, "language", _NAMES)


def _find_reason(row: Row, language: Language) -> str | None:
    """Why a row is not loaded: it is about minors, or it is sexual and in a language that we cannot check."""
    categories = read_names(row, "harm_category")
    texts = [(require_cell(row, "prompt"), language)]
    translation = read_cell(row, "literal_translation")
    if translation:
        texts.append((translation, _ENGLISH))
    checks = [concerns_minors(text, spoken) for text, spoken in texts]
    if any(checks) or any(names_minors(category) for category in categories):
        return "minors"
    unread = all(check is None for check in checks)
    return "unread" if unread and any(_SEXUAL in category.casefold() for category in categories) else None


def _read_scope(row: Row) -> str:
    scope = require_cell(row, "global_or_local").casefold()
    if scope not in ("global", "local"):
        raise BrokenInput(f"{row.place}: 'global_or_local' is '{scope}'. Known: global, local.")
    return scope


def _make_prompt(row: Row, language: Language, scope: str, number: str) -> Prompt:
    prompt_id = f"aya-{Kind.HARMFUL}-{number}"
    category = next(iter(read_names(row, "harm_category")), None)
    return Prompt(
        id=prompt_id,
        text=require_cell(row, "prompt"),
        language=language,
        kind=Kind.HARMFUL,
        seed_id=prompt_id,
        category=category,
        failure_mode=_MODES.get(category or "", FailureMode.DIRECT_ASSISTANCE),
        source_text=None if language == _ENGLISH else read_cell(row, "literal_translation"),
        provenance=f"written by native speakers, {scope} harm",
    )


def _write_card(files: list[Path], excluded: Mapping[str, int], scopes: Mapping[str, int]) -> PromptCard:
    unread = excluded.get("unread", 0)
    notes = (
        "Not parallel: languages differ in what was asked, so a gap between two of them is not the model's alone.",
        "Harmful prompts only: harmless refusal and selectivity cannot be measured with this set alone.",
        f"Global harm: {scopes.get('global', 0)} prompts; local harm: {scopes.get('local', 0)}.",
        "source_text is the writers' literal translation into English, not a source.",
        *say_excluded(excluded.get("minors", 0)),
        *((f"Sexual prompts without an English text to check, left out: {unread}.",) if unread else ()),
    )
    return PromptCard(
        name="aya",
        title="Aya red-teaming: harmful prompts by native speakers of eight languages",
        source="https://huggingface.co/datasets/CohereLabs/aya_redteaming",
        licence="Apache-2.0",
        citation="Aakanksha et al. 2024, The Multilingual Alignment Prism: Aligning Global and Local Preferences to "
        "Reduce Harm, arXiv 2406.18682",
        made="Written by paid native speakers in their language, with a literal translation into English.",
        notes=notes,
        checksums={file.name: fingerprint_file(file) for file in files},
    )
