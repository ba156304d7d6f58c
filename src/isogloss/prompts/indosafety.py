"""IndoSafety as published: Excel workbooks, one of them parallel over five varieties."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from isogloss.core import Kind, Language, Prompt
from isogloss.core.errors import BrokenInput
from isogloss.core.fingerprint import fingerprint_file
from isogloss.prompts.columnar import read_table_rows
from isogloss.prompts.failure_modes import FailureMode
from isogloss.prompts.minors import concerns_minors, names_minors, say_excluded
from isogloss.prompts.promptset import PromptCard, PromptSet
from isogloss.prompts.published import Places, check_columns, find_one_file, read_cell, require_cell, say_left_out
from isogloss.prompts.reading import Row, say_missing

Register = Literal["formal", "colloquial"]

_EXPECTED = (
    "IndoSafety-Eval-2.xlsx has the columns id, risk_area, types_of_harm, specific_harms, indonesian-formal, "
    "colloquial, minangkabau, java and sunda; IndoSafety-Eval-1.xlsx has prompt in place of the last five."
)
_INDONESIAN = Language.parse("id")
_FORMAL = "indonesian-formal"
_COLLOQUIAL = "colloquial"
_VARIETIES = {_FORMAL: _INDONESIAN, "minangkabau": Language.parse("min")}
_VARIETIES |= {"java": Language.parse("jv"), "sunda": Language.parse("su")}


def load_indosafety(path: Path, *, register: Register = "formal") -> PromptSet:
    """Load IndoSafety: harmful prompts in formal or colloquial Indonesian, Javanese, Sundanese and Minangkabau.

    The two registers of Indonesian are one language, so they come as two sets that share seeds: audit both and
    compare them as plain and perturbed. The local languages come with the formal register.

    Args:
        path: a workbook (or a CSV copy), or a folder that holds ``IndoSafety-Eval-2.xlsx``; Eval-1, which is not
            parallel, is read where its file is named or lies there alone.
        register: "formal", or "colloquial" for the colloquial Indonesian texts of Eval-2 alone.

    Raises:
        UnknownName, NothingToDo: there is no such file or folder, or nothing in it.
        BrokenInput: a column is missing, or an id occurs twice; names the row.
        MissingExtra: the file is a workbook and openpyxl is not installed.

    Source: Azmi et al. 2025 (arXiv 2506.02573). The verdicts published beside the replies answer rubric questions in
    Indonesian and are not refusals; they are not read.
    """
    file = find_one_file(path, ("*Eval-2.xlsx", "*Eval-1.xlsx", "*Eval-2.csv", "*Eval-1.csv"), expected=_EXPECTED)
    rows = read_table_rows(file)
    check_columns(rows, ("id", "risk_area"), path=file, expected=_EXPECTED)
    columns = _find_columns(rows, register)
    formal = "prompt" if "prompt" in rows[0].values else _FORMAL
    places = Places()
    prompts: list[Prompt] = []
    blank = 0
    dropped = 0
    for row in rows:
        places.note(require_cell(row, "id"), row)
        if _speaks_of_minors(row, columns, formal):
            dropped += 1
            continue
        made = [_make_prompt(row, column, language, formal) for column, language in columns.items()]
        prompts += [prompt for prompt in made if prompt]
        blank += made.count(None)
    notes = (*say_excluded(dropped), *say_left_out(blank, "Empty texts"))
    return PromptSet(_write_card(file, notes), tuple(prompts))


def _find_columns(rows: Sequence[Row], register: Register) -> dict[str, Language]:
    """The columns to read; a register that the file lacks is an error."""
    columns = rows[0].values
    wanted = {_COLLOQUIAL: _INDONESIAN} if register == "colloquial" else _VARIETIES
    if "prompt" in columns and register == "formal":
        return {"prompt": _INDONESIAN}
    for name in wanted:
        if name not in columns:
            raise BrokenInput(say_missing(rows[0].place, name, list(columns), expected=_EXPECTED))
    return wanted


def _speaks_of_minors(row: Row, columns: Mapping[str, Language], formal: str) -> bool:
    categories = [read_cell(row, name) for name in ("risk_area", "types_of_harm", "specific_harms")]
    if any(names_minors(category) for category in categories):
        return True
    indonesian = [read_cell(row, name) for name in (*columns, formal)]
    return any(concerns_minors(text, _INDONESIAN) for text in indonesian if text)


def _make_prompt(row: Row, column: str, language: Language, formal: str) -> Prompt | None:
    text = read_cell(row, column)
    if text is None:
        return None
    part = "eval1" if column == "prompt" else "eval2"
    seed = f"indosafety-{part}-{Kind.HARMFUL}-{require_cell(row, 'id').zfill(4)}"
    colloquial = column == _COLLOQUIAL
    return Prompt(
        id=f"{seed}+{_COLLOQUIAL}" if colloquial else seed,
        text=text,
        language=language,
        kind=Kind.HARMFUL,
        seed_id=seed,
        category=read_cell(row, "types_of_harm") or read_cell(row, "risk_area"),
        failure_mode=_find_mode(row),
        source_text=None if column == formal else read_cell(row, formal),
        provenance="human translation" if column != formal else "written or checked by native speakers",
        perturbation=_COLLOQUIAL if colloquial else None,
    )


def _find_mode(row: Row) -> FailureMode:
    area = require_cell(row, "risk_area").casefold()
    if "misinformation" in area:
        return FailureMode.LOCAL_MISINFORMATION
    if any(word in area for word in ("discrimination", "toxicity", "hate")):
        return FailureMode.TARGETED_HARASSMENT
    return FailureMode.DIRECT_ASSISTANCE


def _write_card(path: Path, notes: tuple[str, ...]) -> PromptCard:
    return PromptCard(
        name="indosafety",
        title="IndoSafety: harmful prompts in formal and colloquial Indonesian and three local languages",
        source="https://github.com/falensiazmi/IndoSafety",
        licence="Apache-2.0",
        citation="Azmi et al. 2025, IndoSafety: Culturally Grounded Safety for LLMs in Indonesian Languages, "
        "EMNLP 2025, arXiv 2506.02573",
        made="Written or adapted for Indonesia and checked by native speakers; the varieties are human translations.",
        notes=(
            "A safe answer need not be a refusal: the publishers judge by a rubric. Read rates by category.",
            "Harmful prompts only: harmless refusal and selectivity cannot be measured with this set alone.",
            *notes,
        ),
        checksums={path.name: fingerprint_file(path)},
    )
