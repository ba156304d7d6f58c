"""Global-MMLU and tables laid out like it: one file per language, four options and a letter a row."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from isogloss.core import Language
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownLanguage, say_unknown
from isogloss.core.fingerprint import fingerprint_file
from isogloss.prompts.columnar import read_table_rows
from isogloss.prompts.hub import HubSource
from isogloss.prompts.promptset import PromptCard
from isogloss.prompts.published import find_files, read_cell, require_cell
from isogloss.prompts.questions.question import Question, QuestionSet
from isogloss.prompts.reading import Row, say_missing

GLOBAL_MMLU_ON_HUB = HubSource("CohereLabs/Global-MMLU", ("*/test-*.parquet",))
GLOBAL_MMLU_LITE_ON_HUB = HubSource("CohereLabs/Global-MMLU-Lite", ("*/test-*.parquet",))

_PATTERNS = ("*.parquet", "*.jsonl", "*.csv", "*.tsv")
_LABELS = ("A", "B", "C", "D")
# Names of a column in the published layouts (Global-MMLU, lukaemon/mmlu, MMMLU), compared without case.
_COLUMNS = {
    "question": ("question", "input"),
    "A": ("option_a", "a"),
    "B": ("option_b", "b"),
    "C": ("option_c", "c"),
    "D": ("option_d", "d"),
    "answer": ("answer", "target"),
}
_LANGUAGE_COLUMNS = ("language", "lang")
_EXPECTED = (
    "Global-MMLU has the columns sample_id, subject, question, option_a, option_b, option_c, option_d and answer (A to "
    "D), in one folder or file per language, such as sw/test-00000-of-00001.parquet or sw.csv."
)


def load_global_mmlu(path: Path, languages: tuple[Language, ...] | None = None) -> QuestionSet:
    """Load multiple-choice questions in the layout of Global-MMLU.

    A row's language is what its ``language`` column says, else the file's folder (``sw/test-....parquet``), else the
    file's name (``sw.csv``, ``global_mmlu_sw.jsonl``). Files of the development split (``dev-...``) are not read.
    Without a ``sample_id``, a row's number in its file pairs it across languages. The column names of lukaemon/mmlu
    (input, A, B, C, D, target) and MMMLU are understood too.

    Args:
        path: one file, or a folder such as a snapshot of the data set.
        languages: only these, and only their files are read; None takes all there are.

    Raises:
        UnknownName, NothingToDo: there is no such file or folder, or no questions in it.
        BrokenInput: a column or a cell is missing, or an answer is no letter from A to D; names the row.
        UnknownLanguage: no language can be found for a file, or one that was asked for is not there.
        MissingExtra: a file is Parquet and pyarrow is not installed.

    Source: Singh et al. 2024 (arXiv 2412.03304).
    """
    files = [
        file
        for file in find_files(path, _PATTERNS, expected=_EXPECTED)
        if path.is_file() or not file.name.startswith("dev")
    ]
    if not files:
        raise NothingToDo(f"{path} holds development questions only. {_EXPECTED}")
    named = {file: _name_language(file) for file in files}
    for language in languages or ():
        if language not in named.values() and None not in named.values():
            known = {known.tag for known in named.values() if known is not None}
            raise UnknownLanguage(f"{path}: " + say_unknown("questions in", language.tag, known))
    wanted = [file for file in files if languages is None or named[file] is None or named[file] in languages]
    questions = tuple(question for file in wanted for question in _read_file(file, named[file]))
    return QuestionSet(_write_card(wanted), questions).select(languages)


def hub_source(source: HubSource, languages: tuple[Language, ...] | None) -> HubSource:
    """The files of some languages alone, so that nobody downloads 42 to measure three."""
    if languages is None:
        return source
    return replace(source, patterns=tuple(f"{language.tag}/test-*.parquet" for language in languages))


def _read_file(file: Path, named: Language | None) -> Iterator[Question]:
    rows = read_table_rows(file)
    if not rows:
        raise NothingToDo(f"{file} holds no questions. {_EXPECTED}")
    known: dict[str, Language] = {}
    for number, raw in enumerate(rows, start=1):
        row = Row(raw.place, {name.strip().casefold(): value for name, value in raw.values.items()})
        language = _read_language(row, known) or named
        if language is None:
            raise UnknownLanguage(
                f"{file}: nothing says which language this is. Put it into a folder or file named by its tag (sw.csv), "
                "or give it a column 'language'."
            )
        yield _read_question(row, number, language)


def _read_question(row: Row, number: int, language: Language) -> Question:
    columns = {part: _find_column(row, part) for part in _COLUMNS}
    answer = require_cell(row, columns["answer"]).upper()
    if answer not in _LABELS:
        raise BrokenInput(f"{row.place}: the answer is '{answer[:40]}', not a letter from A to D.")
    return Question(
        id=read_cell(row, "sample_id") or f"mmlu-{number:05d}",
        language=language,
        text=require_cell(row, columns["question"]),
        answer=answer,
        choices=tuple(require_cell(row, columns[label]) for label in _LABELS),
        subject=read_cell(row, "subject"),
    )


def _find_column(row: Row, part: str) -> str:
    for name in _COLUMNS[part]:
        if name in row.values:
            return name
    raise BrokenInput(say_missing(row.place, _COLUMNS[part][0], list(row.values), expected=_EXPECTED))


def _read_language(row: Row, known: dict[str, Language]) -> Language | None:
    for name in _LANGUAGE_COLUMNS:
        tag = read_cell(row, name)
        if tag is None:
            continue
        if tag not in known:
            try:
                known[tag] = Language.parse(tag)
            except UnknownLanguage as error:
                raise UnknownLanguage(f"{row.place}: {error}") from error
        return known[tag]
    return None


def _name_language(file: Path) -> Language | None:
    """From the folder of a published file, else from the last part of the file's own name."""
    parts = [file.parent.name] if file.stem.startswith(("test", "dev")) else []
    for part in (*parts, file.stem, file.stem.replace("-", "_").rsplit("_", 1)[-1]):
        try:
            return Language.parse(part)
        except UnknownLanguage:
            continue
    return None


def _write_card(files: list[Path]) -> PromptCard:
    return PromptCard(
        name="global-mmlu",
        title="Global-MMLU: multiple-choice questions on 57 subjects in 42 languages",
        source="https://huggingface.co/datasets/CohereLabs/Global-MMLU",
        licence="Apache-2.0",
        citation="Singh et al. 2024, Global MMLU: Understanding and Addressing Cultural and Linguistic Biases in "
        "Multilingual Evaluation, arXiv 2412.03304",
        made="Questions of MMLU (Hendrycks et al. 2021) in machine and human translation, in part post-edited.",
        notes=("Licence and origin are those of the published set; check them for a file of your own in its layout.",),
        checksums={f"{file.parent.name}/{file.name}": fingerprint_file(file) for file in files},
    )
