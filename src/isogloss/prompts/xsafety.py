"""XSafety as published: one folder per language, one file without a header per class, one prompt per row."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from isogloss.core import Kind, Language, Prompt
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownName, say_unknown
from isogloss.core.fingerprint import fingerprint_file
from isogloss.prompts.columnar import read_workbook_rows
from isogloss.prompts.failure_modes import FailureMode
from isogloss.prompts.minors import concerns_minors, say_excluded
from isogloss.prompts.promptset import PromptCard, PromptSet
from isogloss.prompts.published import read_cell, say_left_out
from isogloss.prompts.reading import read_text

_EXPECTED = (
    "XSafety consists of folders en, zh, fr, ru, de, ar, hi, sp (Spanish), ja and bn with a file per class, "
    "such as en/Insult_n.csv."
)
_FOLDERS = {"en": "en", "zh": "zh", "fr": "fr", "ru": "ru", "de": "de", "ar": "ar", "hi": "hi", "sp": "es", "es": "es"}
_FOLDERS |= {"ja": "ja", "bn": "bn"}
_ENGLISH = Language.parse("en")
_D, _H = FailureMode.DIRECT_ASSISTANCE, FailureMode.TARGETED_HARASSMENT
_CLASSES: dict[str, FailureMode] = {
    "Crimes_And_Illegal_Activities": _D,
    "Ethics_And_Morality": _D,
    "Goal_Hijacking": FailureMode.DISGUISED_BY_FRAMING,
    "Inquiry_With_Unsafe_Opinion": FailureMode.DISGUISED_BY_FRAMING,
    "Insult": _H,
    "Mental_Health": _D,
    "Physical_Harm": _D,
    "Privacy_And_Property": _D,
    "Prompt_Leaking": _D,
    "Reverse_Exposure": FailureMode.DISGUISED_BY_FRAMING,
    "Role_Play_Instruction": FailureMode.DISGUISED_BY_FRAMING,
    "Unfairness_And_Discrimination": _H,
    "Unsafe_Instruction_Topic": FailureMode.DISGUISED_BY_FRAMING,
}
# hi has it twice, once misspelt. Answering these questions is right, so they say nothing about refusal.
_NOT_REFUSAL = frozenset({"commonsense", "commen_sense"})
_SUFFIX = re.compile(r"_(n|[a-z]{2})$")


@dataclass(slots=True)
class _Reading:
    """What was read, and what the card must say about it."""

    texts: dict[str, dict[Language, list[str]]] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)
    skipped: int = 0
    unclosed: int = 0


def load_xsafety(folder: Path) -> PromptSet:
    """Load XSafety's harmful classes; the commonsense class is not about refusal and is left out.

    Ids carry class and row, counted from 0 (``xsafety-harmful-insult-007``). They are shared by the languages only
    where all files of the class have as many rows; elsewhere they carry the language (``...-hi-007``) and nothing
    is paired, because a lost row would shift every pair after it.

    Args:
        folder: a copy of the repository.

    Raises:
        UnknownName: there is no such folder, or a file is named like none of the classes.
        NothingToDo: the folder holds none of the language folders.
        BrokenInput: a file cannot be read; names file and line or row.
        MissingExtra: a class comes as an Excel workbook and openpyxl is not installed.

    Source: Wang et al. 2023 (arXiv 2310.00905). The published unsafe rates also count plain errors; ours do not.
    """
    reading = _read_folder(folder)
    prompts: list[Prompt] = []
    excluded = blank = 0
    notes: list[str] = []
    for name, by_language in reading.texts.items():
        counts = {language.tag: len(texts) for language, texts in by_language.items()}
        shared = len(set(counts.values())) == 1
        if not shared:
            listed = ", ".join(f"{tag} {count}" for tag, count in counts.items())
            notes.append(f"{name} has not as many rows in every language ({listed}): its prompts are not paired.")
        dropped = _find_dropped(by_language) if shared else set()
        for language, texts in by_language.items():
            for row, text in enumerate(texts):
                if row in dropped or concerns_minors(text, language):
                    excluded += 1
                elif not text:
                    blank += 1
                else:
                    english = by_language[_ENGLISH][row] if shared and _ENGLISH in by_language else None
                    prompts.append(_make_prompt(name, row, text, language, english, shared))
    notes += [*say_left_out(blank, "Empty rows"), *say_excluded(excluded), *_describe_reading(reading)]
    return PromptSet(_write_card(reading, notes), tuple(prompts))


def _read_folder(folder: Path) -> _Reading:
    if not folder.is_dir():
        raise UnknownName(f"No folder {folder}. {_EXPECTED}")
    reading = _Reading()
    for name, tag in _FOLDERS.items():
        language = Language.parse(tag)
        for path in _list_files(folder / name):
            found = _find_class(path)
            if found is None:
                reading.skipped += 1
                continue
            languages = reading.texts.setdefault(found, {})
            if language in languages:
                raise BrokenInput(f"{path}: class {found} was read from another file of this language. Keep one.")
            languages[language] = _read_file(path, reading)
            reading.paths[f"{name}/{path.name}"] = path
    if not reading.texts:
        raise NothingToDo(f"No XSafety files in {folder}. {_EXPECTED}")
    return reading


def _list_files(folder: Path) -> list[Path]:
    """CSV files, and workbooks that have no CSV file of the same name beside them."""
    if not folder.is_dir():
        return []
    tables = sorted(folder.glob("*.csv"))
    names = {path.stem for path in tables}
    return tables + [path for path in sorted(folder.glob("*.xlsx")) if path.stem not in names]


def _find_class(path: Path) -> str | None:
    """The class that a file name stands for; None for the class that is not about refusal.

    Names end in _n or in the language here and there, and one lacks its last letter.
    """
    stem = _SUFFIX.sub("", path.stem).casefold()
    if stem in _NOT_REFUSAL:
        return None
    for name in _CLASSES:
        if name.casefold() in (stem, f"{stem}s"):
            return name
    raise UnknownName(f"{path}: " + say_unknown("XSafety class", path.stem, _CLASSES))


def _read_file(path: Path, reading: _Reading) -> list[str]:
    if path.suffix == ".xlsx":
        texts = [read_cell(row, "1") or "" for row in read_workbook_rows(path, header=False)]
    else:
        texts = [text.strip() for text in _split_rows(read_text(path), reading)]
    while texts and not texts[-1]:
        texts.pop()
    return texts


def _split_rows(content: str, reading: _Reading) -> Iterator[str]:
    """One text per row. A row in quotes may hold line breaks; in one without, commas belong to the text."""
    lines = content.replace("\r\n", "\n").split("\n")
    position = 0
    while position < len(lines):
        line = lines[position]
        if not line.lstrip().startswith('"'):
            yield line.rstrip(",")
            position += 1
            continue
        quoted = _read_quoted(lines[position:])
        if quoted is None:
            reading.unclosed += 1
            yield line
            position += 1
        else:
            text, used = quoted
            yield text
            position += used


def _read_quoted(lines: list[str]) -> tuple[str, int] | None:
    """The quoted text at the start of the lines and how many it takes; None where the quotes do not close."""
    reader = csv.reader((f"{line}\n" for line in lines), skipinitialspace=True, strict=True)
    try:
        cells = next(reader)
    except (csv.Error, StopIteration):
        return None
    return None if any(cell.strip() for cell in cells[1:]) else (cells[0], reader.line_num)


def _find_dropped(by_language: Mapping[Language, list[str]]) -> set[int]:
    """Rows that are left out in every language because of what one of them says."""
    return {
        row
        for language, texts in by_language.items()
        for row, text in enumerate(texts)
        if concerns_minors(text, language)
    }


def _make_prompt(name: str, row: int, text: str, language: Language, english: str | None, shared: bool) -> Prompt:
    slug = name.casefold().replace("_", "-")
    own = "" if shared else f"{language.tag}-"
    prompt_id = f"xsafety-{Kind.HARMFUL}-{slug}-{own}{row:03d}"
    return Prompt(
        id=prompt_id,
        text=text,
        language=language,
        kind=Kind.HARMFUL,
        seed_id=prompt_id,
        category=name,
        failure_mode=_CLASSES[name],
        source_text=english if language != _ENGLISH else None,
        provenance="original or professional translation",
    )


def _describe_reading(reading: _Reading) -> Iterator[str]:
    if reading.skipped:
        yield f"Files of the commonsense class, left out because answering them is right: {reading.skipped}."
    if reading.unclosed:
        yield f"Rows read as they stand because their quotes do not close: {reading.unclosed}."
    sizes = Counter(len(languages) for languages in reading.texts.values())
    if len(sizes) > 1:
        yield "Not every class is there in every language: averages over languages do not compare like with like."


def _write_card(reading: _Reading, notes: list[str]) -> PromptCard:
    return PromptCard(
        name="xsafety",
        title="XSafety: thirteen classes of unsafe requests in ten languages",
        source="https://github.com/Jarviswang94/Multilingual_safety_benchmark",
        licence="Apache-2.0; the README adds: research use only",
        citation="Wang et al. 2023, All Languages Matter: On the Multilingual Safety of Large Language Models, "
        "arXiv 2310.00905",
        made="Prompts of earlier Chinese and English benchmarks, translated professionally according to the paper.",
        notes=(
            "Harmful prompts only: harmless refusal and selectivity cannot be measured with this set alone.",
            "A safe answer need not be a refusal, above all in Mental_Health, Ethics_And_Morality, Prompt_Leaking and "
            "Goal_Hijacking: a low refusal rate there is no failure by itself.",
            *notes,
        ),
        checksums={name: fingerprint_file(path) for name, path in reading.paths.items()},
    )
