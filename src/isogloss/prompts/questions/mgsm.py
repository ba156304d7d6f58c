"""MGSM as published: one tab-separated file per language, without a header or quoting."""

from decimal import Decimal
from pathlib import Path

from isogloss.core import Language
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownLanguage
from isogloss.core.fingerprint import fingerprint_file
from isogloss.prompts.promptset import PromptCard
from isogloss.prompts.published import find_files
from isogloss.prompts.questions.numbers import find_last_number
from isogloss.prompts.questions.question import Question, QuestionSet
from isogloss.prompts.reading import read_text

_EXPECTED = "MGSM is one file mgsm_TAG.tsv per language; each line holds a question, a tab and a whole number."


def load_mgsm(path: Path, languages: tuple[Language, ...] | None = None) -> QuestionSet:
    """Load MGSM: 250 sums from grade-school mathematics, parallel over eleven languages by line.

    Args:
        path: a file ``mgsm_TAG.tsv``, or a folder of such files.
        languages: only these; None takes every file.

    Raises:
        UnknownName, NothingToDo: there is no such file or folder, or nothing in it.
        UnknownLanguage: a file is named after no language, or a language asked for has no file.
        BrokenInput: a line is no question with a number, or two files disagree about a line's answer; names the line.

    Source: Shi et al. 2022 (arXiv 2210.03057), google-research/url-nlp; a translated part of GSM8K (Cobbe et al. 2021).
    """
    files = {_find_language(file): file for file in find_files(path, ("mgsm_*.tsv",), expected=_EXPECTED)}
    parts = {language: _read_file(file, language) for language, file in files.items()}
    _check_parallel(files, parts)
    questions = tuple(question for part in parts.values() for question in part)
    return QuestionSet(_write_card(list(files.values())), questions).select(languages)


def _find_language(file: Path) -> Language:
    tag = file.stem.rsplit("_", 1)[-1]
    try:
        return Language.parse(tag)
    except UnknownLanguage as error:
        raise UnknownLanguage(f"{file}: {error} {_EXPECTED}") from error


def _read_file(file: Path, language: Language) -> list[Question]:
    questions = []
    # Not the csv module: the files quote nothing, and a question may begin with a quotation mark.
    for number, line in enumerate(read_text(file).split("\n"), start=1):
        if not line.strip():
            continue
        text, tab, answer = line.rstrip("\r").rpartition("\t")
        value = find_last_number(answer) if tab else None
        if value is None or not text.strip():
            raise BrokenInput(f"{file}, line {number} should hold a question, a tab and a number. {_EXPECTED}")
        questions.append(Question(f"mgsm-{number:04d}", language, text.strip(), f"{value.normalize():f}"))
    if not questions:
        raise NothingToDo(f"{file} holds no questions. {_EXPECTED}")
    return questions


def _check_parallel(files: dict[Language, Path], parts: dict[Language, list[Question]]) -> None:
    """Line for line the files must ask the same sums; a shifted file would pair unrelated questions."""
    first: dict[str, tuple[Language, Decimal]] = {}
    for language, part in parts.items():
        for question in part:
            other, answer = first.setdefault(question.id, (language, Decimal(question.answer)))
            if answer != Decimal(question.answer):
                raise BrokenInput(
                    f"{files[language]}, line {int(question.id[-4:])}: the answer is {question.answer}, but {answer} "
                    f"in {files[other].name}. The files are not parallel; fetch them again from one release."
                )


def _write_card(files: list[Path]) -> PromptCard:
    return PromptCard(
        name="mgsm",
        title="MGSM: grade-school sums in eleven languages",
        source="https://github.com/google-research/url-nlp/tree/main/mgsm",
        licence="CC-BY-4.0",
        citation="Shi et al. 2022, Language Models are Multilingual Chain-of-Thought Reasoners, arXiv 2210.03057",
        made="250 questions of GSM8K, translated by people.",
        notes=("The instruction is ours and in English; figures are not comparable with published few-shot figures.",),
        checksums={file.name: fingerprint_file(file) for file in files},
    )
