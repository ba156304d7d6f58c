"""CSRT as published: MultiJail's prompts, each mixed out of up to ten languages."""

from pathlib import Path

from isogloss.core import Kind, Language, Prompt
from isogloss.core.errors import BrokenInput
from isogloss.core.fingerprint import fingerprint_file
from isogloss.prompts.columnar import read_table_rows
from isogloss.prompts.failure_modes import FailureMode
from isogloss.prompts.minors import MULTIJAIL_IDS, concerns_minors, say_excluded
from isogloss.prompts.promptset import PromptCard, PromptSet
from isogloss.prompts.published import (
    Places,
    check_columns,
    find_one_file,
    read_cell,
    read_names,
    require_cell,
    say_left_out,
)
from isogloss.prompts.reading import Row

_EXPECTED = "CSRT has the columns id, category, en and csrt."
_ENGLISH = Language.parse("en")
PERTURBATION = "csrt"


def load_csrt(path: Path) -> PromptSet:
    """Load CSRT: harmful prompts whose words change language from one to the next.

    Each prompt has the seed of its MultiJail original (``multijail-harmful-0012``), so that an audit of CSRT can be
    paired with one of MultiJail in English. Its language is English, the language whose sentence frame the mixes
    mostly keep; a judge should expect a reply in any of the ten.

    Args:
        path: ``csrt.csv``, or a folder that holds it.

    Raises:
        UnknownName, NothingToDo: there is no such file or folder, or nothing in it.
        BrokenInput: a column is missing, an id is no number or occurs twice, or a category is no list; names the line.

    Source: Yoo et al. 2024 (arXiv 2406.15481), ``data/csrt.csv``; rows share ids with MultiJail.
    """
    file = find_one_file(path, ("csrt.csv", "*csrt*.csv"), expected=_EXPECTED)
    rows = read_table_rows(file)
    check_columns(rows, ("id", "category", "en", "csrt"), path=file, expected=_EXPECTED)
    places = Places()
    prompts: list[Prompt] = []
    excluded = blank = 0
    for row in rows:
        number = _read_number(row)
        places.note(str(number), row)
        english = require_cell(row, "en")
        text = read_cell(row, "csrt")
        if number in MULTIJAIL_IDS or concerns_minors(english, _ENGLISH):
            excluded += 1
        elif text is None:
            blank += 1
        else:
            prompts.append(_make_prompt(row, number, text, english))
    notes = (*say_excluded(excluded), *say_left_out(blank, "Rows without a mixed text"))
    return PromptSet(_write_card(file, notes), tuple(prompts))


def _read_number(row: Row) -> int:
    value = require_cell(row, "id")
    if not value.isdecimal():
        raise BrokenInput(f"{row.place}: id '{value}' is not a whole number.")
    return int(value)


def _make_prompt(row: Row, number: int, text: str, english: str) -> Prompt:
    seed = f"multijail-{Kind.HARMFUL}-{number:04d}"
    return Prompt(
        id=f"{seed}+{PERTURBATION}",
        text=text,
        language=_ENGLISH,
        kind=Kind.HARMFUL,
        seed_id=seed,
        category=next(iter(read_names(row, "category")), None),
        failure_mode=FailureMode.BYPASS_BY_MIXING,
        source_text=english,
        provenance="mixed by a language model out of human translations, unreviewed",
        perturbation=PERTURBATION,
    )


def _write_card(path: Path, notes: tuple[str, ...]) -> PromptCard:
    return PromptCard(
        name="csrt",
        title="CSRT: harmful prompts mixed out of up to ten languages",
        source="https://github.com/haneul-yoo/csrt",
        licence="none stated",
        citation="Yoo et al. 2024, Code-Switching Red-Teaming: LLM Evaluation for Safety and Multilingual "
        "Understanding, arXiv 2406.15481",
        made="A language model mixed the ten parallel texts of each MultiJail prompt; nobody reviewed the result.",
        notes=(
            "No licence is stated: ask the authors before you pass the texts on.",
            "Harmful prompts only: harmless refusal and selectivity cannot be measured with this set alone.",
            "A model that does not understand a mix neither helps nor refuses; look at the degenerate share as well.",
            *notes,
        ),
        checksums={path.name: fingerprint_file(path)},
    )
