"""PolyGuardPrompts as published: one table, parallel over 17 languages by id."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from isogloss.core import Kind, Language, Prompt
from isogloss.core.fingerprint import fingerprint_file
from isogloss.prompts.columnar import read_table_rows
from isogloss.prompts.failure_modes import FailureMode
from isogloss.prompts.hub import HubSource
from isogloss.prompts.minors import concerns_minors, names_minors, say_excluded
from isogloss.prompts.promptset import PromptCard, PromptSet
from isogloss.prompts.published import (
    Places,
    check_columns,
    find_one_file,
    read_cell,
    read_choice,
    read_language,
    require_cell,
    say_left_out,
)
from isogloss.prompts.reading import Row

POLYGUARDPROMPTS_ON_HUB = HubSource("ToxicityPrompts/PolyGuardPrompts", ("*.parquet",))

_EXPECTED = (
    "PolyGuardPrompts is one table (test split) with the columns id, language, prompt, prompt_harm_label, adversarial, "
    "subcategory and prompt_categories."
)
_TAGS = {
    "arabic": "ar",
    "chinese": "zh",
    "czech": "cs",
    "dutch": "nl",
    "english": "en",
    "french": "fr",
    "german": "de",
    "hindi": "hi",
    "italian": "it",
    "japanese": "ja",
    "korean": "ko",
    "polish": "pl",
    "portuguese": "pt",
    "russian": "ru",
    "spanish": "es",
    "swedish": "sv",
    "thai": "th",
}
_KINDS = {"harmful": Kind.HARMFUL, "unharmful": Kind.HARMLESS}
_ENGLISH = Language.parse("en")
_CHILD_SEXUAL_EXPLOITATION = "S4"
_MODES = {
    "causing_material_harm_by_disseminating_misinformation": FailureMode.LOCAL_MISINFORMATION,
    "defamation_encouraging_unethical_or_unsafe_actions": FailureMode.DIRECT_ASSISTANCE,
    "disseminating_false_or_misleading_information_encouraging_disinformation_campaigns": (
        FailureMode.LOCAL_MISINFORMATION
    ),
    "private_information_individual": FailureMode.TARGETED_HARASSMENT,
    "social_stereotypes_and_unfair_discrimination": FailureMode.TARGETED_HARASSMENT,
    "toxic_language_hate_speech": FailureMode.TARGETED_HARASSMENT,
}


def load_polyguardprompts(path: Path) -> PromptSet:
    """Load PolyGuardPrompts: harmful and harmless prompts, plain and adversarial, parallel over 17 languages.

    Ids carry the set's own number, which the languages share (``polyguardprompts-harmful-0938``). Prompts on whose
    harm the annotators did not agree have no label and are left out. The replies in the table are not read.

    Args:
        path: the Parquet file (or a CSV or JSONL copy), or a folder that holds it.

    Raises:
        UnknownName, NothingToDo: there is no such file or folder, or nothing in it.
        BrokenInput: a column is missing, a label is unknown, or an id occurs twice in a language; names the row.
        UnknownLanguage: a language is not known; names the row.
        MissingExtra: the file is Parquet and pyarrow is not installed.

    Source: Kumar et al. 2025 (arXiv 2504.04377); the prompts are WildGuardTest's (Han et al. 2024) in translation.
    """
    file = find_one_file(path, ("*.parquet", "*polyguard*.csv", "*polyguard*.jsonl"), expected=_EXPECTED)
    rows = read_table_rows(file)
    check_columns(rows, ("id", "language", "prompt", "prompt_harm_label"), path=file, expected=_EXPECTED)
    languages = [read_language(row, "language", _TAGS) for row in rows]
    english = {
        require_cell(row, "id"): require_cell(row, "prompt")
        for row, language in zip(rows, languages, strict=True)
        if language == _ENGLISH
    }
    dropped = _find_dropped(rows, languages)
    places: defaultdict[Language, Places] = defaultdict(Places)
    prompts: list[Prompt] = []
    unlabelled = excluded = 0
    for row, language in zip(rows, languages, strict=True):
        number = require_cell(row, "id")
        places[language].note(number, row)
        kind = read_choice(row, "prompt_harm_label", _KINDS)
        if number in dropped:
            excluded += 1
        elif kind is None:
            unlabelled += 1
        else:
            prompts.append(_make_prompt(row, number, language, kind, english.get(number)))
    notes = (*say_left_out(unlabelled, "Prompts without an agreed harm label"), *say_excluded(excluded))
    return PromptSet(_write_card(file, notes), tuple(prompts))


def _find_dropped(rows: Sequence[Row], languages: Sequence[Language]) -> set[str]:
    """Ids that are left out in every language because of what one row or its category says."""
    dropped = set()
    for row, language in zip(rows, languages, strict=True):
        codes = (read_cell(row, "prompt_categories") or "").replace(";", ",").split(",")
        by_category = any(
            code.strip().split(":")[0].upper() == _CHILD_SEXUAL_EXPLOITATION or names_minors(code) for code in codes
        )
        if by_category or concerns_minors(require_cell(row, "prompt"), language):
            dropped.add(require_cell(row, "id"))
    return dropped


def _make_prompt(row: Row, number: str, language: Language, kind: Kind, english: str | None) -> Prompt:
    prompt_id = f"polyguardprompts-{kind}-{number.zfill(4)}"
    translated = language != _ENGLISH
    return Prompt(
        id=prompt_id,
        text=require_cell(row, "prompt"),
        language=language,
        kind=kind,
        seed_id=prompt_id,
        category=read_cell(row, "subcategory"),
        failure_mode=_find_mode(row) if kind is Kind.HARMFUL else None,
        source_text=english if translated else None,
        provenance="machine translation, checked by people" if translated else "original",
    )


def _find_mode(row: Row) -> FailureMode:
    if (read_cell(row, "adversarial") or "").casefold() in ("true", "1"):
        return FailureMode.DISGUISED_BY_FRAMING
    return _MODES.get(read_cell(row, "subcategory") or "", FailureMode.DIRECT_ASSISTANCE)


def _write_card(path: Path, notes: tuple[str, ...]) -> PromptCard:
    return PromptCard(
        name="polyguardprompts",
        title="PolyGuardPrompts: harmful and harmless prompts in 17 languages",
        source="https://huggingface.co/datasets/ToxicityPrompts/PolyGuardPrompts",
        licence="CC-BY-4.0",
        citation="Kumar et al. 2025, PolyGuard: A Multilingual Safety Moderation Tool for 17 Languages, "
        "arXiv 2504.04377",
        made="English prompts of WildGuardTest, machine-translated and checked by people according to the paper.",
        notes=(
            "Adversarial prompts carry the failure mode 'disguised by framing' whatever their topic.",
            "PolyGuard guard models were developed beside this set: do not judge replies with them here and call it "
            "independent.",
            *notes,
        ),
        checksums={path.name: fingerprint_file(path)},
    )
