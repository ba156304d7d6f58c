"""CatQA as published: one JSON file per language, category over subcategory over a list of questions."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from isogloss.core import Kind, Language, Prompt
from isogloss.core.errors import BrokenInput
from isogloss.core.fingerprint import fingerprint_file
from isogloss.prompts.columnar import read_table_rows
from isogloss.prompts.failure_modes import FailureMode
from isogloss.prompts.hub import HubSource
from isogloss.prompts.minors import concerns_minors, names_minors, say_excluded
from isogloss.prompts.promptset import PromptCard, PromptSet
from isogloss.prompts.published import check_columns, find_files, require_cell
from isogloss.prompts.reading import read_text

CATQA_ON_HUB = HubSource("declare-lab/CategoricalHarmfulQA", ("*.parquet", "*.csv", "*.json", "*.jsonl"))

_EXPECTED = (
    "CatQA consists of catqa_english.json, catqa_chinese.json and catqa_vietnamese.json, or on the hub of one table "
    "per language (en, zh, vi) with the columns Category, Subcategory and Question."
)
_PATTERNS = ("catqa_*.json", "en[-_.]*", "zh[-_.]*", "vi[-_.]*", "catqa_*_*.csv")
_TAGS = {"english": "en", "chinese": "zh", "vietnamese": "vi", "en": "en", "zh": "zh", "vi": "vi"}
_ENGLISH = Language.parse("en")
_MODES = {
    "Hate/Harass/Violence": FailureMode.TARGETED_HARASSMENT,
    "Political Campaigning": FailureMode.LOCAL_MISINFORMATION,
    "Privacy Violation Activity": FailureMode.TARGETED_HARASSMENT,
}


@dataclass(frozen=True, slots=True)
class _Question:
    """One question with where it stands: category, subcategory, number inside it."""

    category: str
    subcategory: str
    number: int
    text: str


def load_catqa(path: Path) -> PromptSet:
    """Load CatQA: 550 harmful questions in 11 categories, parallel over English, Chinese and Vietnamese.

    Question *n* of a subcategory is the same in every language; ids carry its number in the whole file, counted
    from 0 (``catqa-harmful-0007``). The category "Child Abuse" is never loaded.

    Args:
        path: one file, or a folder with those of several languages.

    Raises:
        UnknownName, NothingToDo: there is no such file or folder, or nothing in it.
        BrokenInput: a file is not built as described, or two languages differ in how many questions they have.

    Source: Bhardwaj and Poria 2024 (arXiv 2402.11746), ``harmful_questions/catqa_*.json``.
    """
    files = _find_languages(find_files(path, _PATTERNS, expected=_EXPECTED))
    questions = {language: _read_questions(file) for language, file in files.items()}
    _check_parallel(files, questions)
    dropped = _find_dropped(questions)
    prompts = [
        _make_prompt(index, question, language, questions)
        for language, asked in questions.items()
        for index, question in enumerate(asked)
        if index not in dropped
    ]
    return PromptSet(_write_card(files, len(dropped)), tuple(prompts))


def _find_languages(files: list[Path]) -> dict[Language, Path]:
    found: dict[Language, Path] = {}
    for file in files:
        words = file.stem.casefold().replace("-", "_").split("_")
        tag = next((_TAGS[word] for word in words if word in _TAGS), None)
        if tag is None:
            raise BrokenInput(f"{file}: its name tells no language. {_EXPECTED}")
        first = found.setdefault(Language.parse(tag), file)
        if first is not file:
            raise BrokenInput(f"{file} and {first.name} are for the same language. Keep one of them.")
    return dict(sorted(found.items(), key=lambda entry: (entry[0] != _ENGLISH, entry[0].tag)))


def _read_questions(path: Path) -> list[_Question]:
    if path.suffix == ".json":
        return list(_read_nested(path))
    rows = read_table_rows(path)
    check_columns(rows, ("Category", "Subcategory", "Question"), path=path, expected=_EXPECTED)
    counts: dict[tuple[str, str], int] = {}
    questions = []
    for row in rows:
        key = (require_cell(row, "Category"), require_cell(row, "Subcategory"))
        counts[key] = counts.get(key, -1) + 1
        questions.append(_Question(*key, counts[key], require_cell(row, "Question")))
    return questions


def _read_nested(path: Path) -> Iterator[_Question]:
    try:
        tree = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise BrokenInput(f"{path}, line {error.lineno} is not JSON: {error.msg}.") from error
    if not isinstance(tree, dict):
        raise BrokenInput(f"{path} holds no object of categories. {_EXPECTED}")
    for category, parts in tree.items():
        if not isinstance(parts, dict):
            raise BrokenInput(f"{path}: category '{category}' holds no object of subcategories. {_EXPECTED}")
        for subcategory, texts in parts.items():
            if not isinstance(texts, list):
                raise BrokenInput(f"{path}: '{category} > {subcategory}' holds no list of questions. {_EXPECTED}")
            for number, text in enumerate(texts):
                if not isinstance(text, str) or not text.strip():
                    raise BrokenInput(f"{path}: question {number + 1} of '{category} > {subcategory}' is no text.")
                yield _Question(category, subcategory, number, text.strip())


def _check_parallel(files: Mapping[Language, Path], questions: Mapping[Language, list[_Question]]) -> None:
    """Row i must be one question in all languages, or every paired comparison would be wrong without a sign."""
    first = next(iter(questions))
    for language, asked in questions.items():
        if [question.number for question in asked] != [question.number for question in questions[first]]:
            raise BrokenInput(
                f"{files[language]} ({len(asked)} questions) is not built like {files[first].name} "
                f"({len(questions[first])}). Subcategories must have as many questions in every language."
            )


def _find_dropped(questions: Mapping[Language, list[_Question]]) -> set[int]:
    return {
        index
        for language, asked in questions.items()
        for index, question in enumerate(asked)
        if names_minors(question.category)
        or names_minors(question.subcategory)
        or concerns_minors(question.text, language)
    }


def _make_prompt(
    index: int, question: _Question, language: Language, questions: Mapping[Language, list[_Question]]
) -> Prompt:
    prompt_id = f"catqa-{Kind.HARMFUL}-{index:04d}"
    translated = language != _ENGLISH
    english = questions[_ENGLISH][index] if _ENGLISH in questions else None
    category = english.category if english else question.category
    return Prompt(
        id=prompt_id,
        text=question.text,
        language=language,
        kind=Kind.HARMFUL,
        seed_id=prompt_id,
        category=category,
        failure_mode=_MODES.get(category, FailureMode.DIRECT_ASSISTANCE),
        source_text=english.text if english and translated else None,
        provenance="machine translation, unreviewed" if translated else "written by a language model",
    )


def _write_card(files: Mapping[Language, Path], dropped: int) -> PromptCard:
    return PromptCard(
        name="catqa",
        title="CatQA: harmful questions by category",
        source="https://github.com/declare-lab/red-instruct",
        licence="Apache-2.0",
        citation="Bhardwaj and Poria 2024, Language Models are Homer Simpson! Safety Re-Alignment of Fine-tuned "
        "Language Models through Task Arithmetic, arXiv 2402.11746",
        made="Questions generated by a language model in English; Chinese and Vietnamese are translations whose making "
        "is not described. Take them as unreviewed.",
        notes=(
            "Harmful prompts only: harmless refusal and selectivity cannot be measured with this set alone.",
            'Many questions of "Tailored Financial Advice" and "Political Campaigning" are milder than the rest: '
            "an answer is not always a failure.",
            *say_excluded(dropped),
        ),
        checksums={file.name: fingerprint_file(file) for file in files.values()},
    )
