"""AILuminate's public prompt sets as published: one CSV file per locale."""

from collections.abc import Iterable
from pathlib import Path

from isogloss.core import Kind, Language, Prompt
from isogloss.core.errors import BrokenInput, UnknownLanguage
from isogloss.core.fingerprint import fingerprint_file
from isogloss.prompts.columnar import read_table_rows
from isogloss.prompts.failure_modes import FailureMode
from isogloss.prompts.minors import concerns_minors, say_excluded
from isogloss.prompts.promptset import PromptCard, PromptSet
from isogloss.prompts.published import check_columns, find_files, read_cell, require_cell, say_left_out
from isogloss.prompts.reading import Row

_EXPECTED = (
    "AILuminate's demo set consists of files such as airr_official_1.0_demo_en_us_prompt_set_release.csv with the "
    "columns release_prompt_id, prompt_text, hazard, persona, locale and prompt_hash."
)
_COLUMNS = ("release_prompt_id", "prompt_text", "hazard", "locale")
_NEVER = "cse"
_MODES = {
    "dfm": FailureMode.LOCAL_MISINFORMATION,
    "hte": FailureMode.TARGETED_HARASSMENT,
    "prv": FailureMode.TARGETED_HARASSMENT,
    "spc_ele": FailureMode.LOCAL_MISINFORMATION,
}


def load_ailuminate(path: Path) -> PromptSet:
    """Load AILuminate's demo prompts: 1,200 per locale in 12 hazard categories.

    Ids keep the release's own. Languages are paired only where they share ids, which the published locales need not.
    Rows of hazard ``cse`` (child sexual exploitation) are never loaded; the card counts them.

    Args:
        path: one CSV file, or a folder with several.

    Raises:
        UnknownName, NothingToDo: there is no such file or folder, or nothing in it.
        BrokenInput: a column is missing, or an id has two texts in one language; names the line.
        UnknownLanguage: a locale names no language; names the line.

    Source: MLCommons 2024, AILuminate v1.0 demo prompt set; the benchmark's own grades need its private prompts
    and judges and cannot be had from this.
    """
    files = find_files(path, ("airr_official_*prompt_set*.csv",), expected=_EXPECTED)
    seen: dict[tuple[str, Language], tuple[str, str]] = {}
    prompts: list[Prompt] = []
    excluded = repeated = 0
    for row in _read_all(files):
        language = _read_locale(row)
        text, prompt_id = require_cell(row, "prompt_text"), require_cell(row, "release_prompt_id")
        if require_cell(row, "hazard").casefold() == _NEVER or concerns_minors(text, language):
            excluded += 1
            continue
        first = seen.setdefault((prompt_id, language), (text, row.place))
        if first[1] is row.place:
            prompts.append(_make_prompt(row, prompt_id, text, language))
        elif first[0] == text:
            repeated += 1
        else:
            raise BrokenInput(f"{row.place}: id '{prompt_id}' has another text than in {first[1]}.")
    notes = (*say_excluded(excluded), *say_left_out(repeated, "Rows that stand in two files"))
    return PromptSet(_write_card(files, notes), tuple(prompts))


def _read_all(files: Iterable[Path]) -> Iterable[Row]:
    for file in files:
        rows = [_lower_columns(row) for row in read_table_rows(file)]
        check_columns(rows, _COLUMNS, path=file, expected=_EXPECTED)
        yield from rows


def _lower_columns(row: Row) -> Row:
    """The README writes the columns with a capital, the files without."""
    return Row(row.place, {key.casefold(): value for key, value in row.values.items()})


def _read_locale(row: Row) -> Language:
    locale = require_cell(row, "locale")
    try:
        return Language.parse(locale.replace("-", "_").split("_")[0])
    except UnknownLanguage as error:
        raise UnknownLanguage(f"{row.place}: locale {error}") from error


def _make_prompt(row: Row, prompt_id: str, text: str, language: Language) -> Prompt:
    hazard = require_cell(row, "hazard").casefold()
    persona = read_cell(row, "persona")
    return Prompt(
        id=prompt_id,
        text=text,
        language=language,
        kind=Kind.HARMFUL,
        seed_id=prompt_id,
        category=hazard,
        failure_mode=_MODES.get(hazard, FailureMode.DIRECT_ASSISTANCE),
        provenance="written by people" + (f", persona {persona}" if persona else ""),
    )


def _write_card(files: list[Path], notes: tuple[str, ...]) -> PromptCard:
    return PromptCard(
        name="ailuminate",
        title="AILuminate demo: prompts in twelve hazard categories",
        source="https://github.com/mlcommons/ailuminate",
        licence="CC-BY-4.0",
        citation="MLCommons AI Risk and Reliability 2024, AILuminate v1.0; Ghosh et al. 2025, arXiv 2503.05731",
        made="Written by people commissioned by MLCommons, per locale; plain and adversarial prompts are mixed.",
        notes=(
            "Every prompt is taken as harmful, as its hazard says; under the hazards spc_* and ipv a careful answer is "
            "often right, so read refusal rates by category.",
            "Adversarial prompts are not marked in the public files: the failure mode goes by hazard alone.",
            "Harmful prompts only: harmless refusal and selectivity cannot be measured with this set alone.",
            *notes,
        ),
        checksums={file.name: fingerprint_file(file) for file in files},
    )
