"""PolyRefuse as published: one JSON file per kind, split and language, parallel by row."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownLanguage, UnknownName
from isogloss.core.fingerprint import fingerprint_file
from isogloss.prompts.promptset import PromptCard, PromptSet
from isogloss.prompts.reading import read_json_rows, say_invalid

_FILE_NAME = re.compile(r"(harmful|harmless)_(train|val|test)_translated_([A-Za-z0-9-]+)\.json")
_EXAMPLE = "harmful_test_translated_sw.json"
_SPLITS = {"train": Split.TRAIN, "val": Split.VALIDATION, "test": Split.TEST}
_ENGLISH = Language.parse("en")


class _Item(BaseModel):
    """One entry of a file."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    instruction: str
    instruction_translated: str | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """The files of one kind and split, by language, English first.

    Attributes:
        kind: harmful or harmless.
        split: as the file names say it: train, val or test.
        paths: the files.
        items: their entries; entry i is the same prompt in every language.
    """

    kind: Kind
    split: str
    paths: dict[Language, Path]
    items: dict[Language, list[_Item]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.kind} {self.split}"

    @property
    def english(self) -> list[str] | None:
        """The English text of each row, or None where no file tells it.

        Test files of every language carry it; of the others only the English file does.
        """
        if self.split == "test":
            return [item.instruction for item in next(iter(self.items.values()))]
        return [item.instruction for item in self.items[_ENGLISH]] if _ENGLISH in self.items else None


def load_polyrefuse(folder: Path) -> PromptSet:
    """Load PolyRefuse: harmful and harmless prompts in three splits, parallel over languages.

    Ids carry kind, split and row, counted from 0 (``polyrefuse-harmful-test-0007``), and are the same in every
    language. Rows whose English text is the same, in whatever split, share a cluster. Files that are absent are
    told in the card's notes (as published, there is no harmless test file in Chinese). All splits are loaded:
    select one before you report a rate.

    Raises:
        UnknownName: there is no such folder.
        NothingToDo: the folder holds no PolyRefuse file; the message says what was expected.
        BrokenInput: a file cannot be read, has another number of rows than its parallels, or other English texts.
        UnknownLanguage: a file name's tag is no language.

    Source: Wang et al. 2025 (arXiv 2505.17306). Departure: duplicates form one unit of resampling instead of several.
    """
    parts = [_read_part(part) for part in _find_parts(folder)]
    first_ids = _find_first_ids(parts)
    prompts: list[Prompt] = []
    blank: Counter[str] = Counter()
    for part in parts:
        for prompt in _make_prompts(part, first_ids):
            if prompt.text.strip():
                prompts.append(prompt)
            else:
                blank[prompt.language.tag] += 1
    notes = (*_list_absent(parts), *_list_duplicates(prompts), *_list_blank(blank))
    return PromptSet(_write_card(parts, notes), tuple(prompts), audit_split=Split.TEST)


def _find_parts(folder: Path) -> list[_Part]:
    if not folder.is_dir():
        raise UnknownName(f"No folder {folder}. Expected one with PolyRefuse's files, such as {_EXAMPLE}.")
    found: dict[tuple[Kind, str], dict[Language, Path]] = {}
    for path in sorted(folder.iterdir()):
        name = _FILE_NAME.fullmatch(path.name)
        if name:
            kind, split, tag = name.groups()
            paths = found.setdefault((Kind(kind), split), {})
            first = paths.setdefault(_parse_tag(path, tag), path)
            if first is not path:
                raise BrokenInput(f"{path} and {first.name} are for the same language. Keep one of them.")
    if not found:
        raise NothingToDo(
            f"No PolyRefuse files in {folder}. Expected names such as {_EXAMPLE}: "
            "harmful or harmless, train, val or test, and a language tag."
        )
    return [
        _Part(kind, split, dict(sorted(found[kind, split].items(), key=_english_first)))
        for kind in Kind
        for split in _SPLITS
        if (kind, split) in found
    ]


def _parse_tag(path: Path, tag: str) -> Language:
    try:
        return Language.parse(tag)
    except UnknownLanguage as error:
        raise UnknownLanguage(f"{path}: {error}") from error


def _english_first(entry: tuple[Language, Path]) -> tuple[bool, str]:
    return (entry[0] != _ENGLISH, entry[0].tag)


def _read_part(part: _Part) -> _Part:
    items = {language: _read_items(path) for language, path in part.paths.items()}
    read = replace(part, items=items)
    for language in items:
        _check_parallel(read, language)
    return read


def _read_items(path: Path) -> list[_Item]:
    items: list[_Item] = []
    for row in read_json_rows(path):
        try:
            items.append(_Item.model_validate(row.values))
        except ValidationError as error:
            raise BrokenInput(say_invalid(row.place, error)) from error
    return items


def _check_parallel(part: _Part, language: Language) -> None:
    """Row i must be one prompt in all languages, or every paired comparison would be wrong without a sign."""
    path, items = part.paths[language], part.items[language]
    first_path, first_items = part.paths[next(iter(part.paths))], next(iter(part.items.values()))
    if len(items) != len(first_items):
        raise BrokenInput(
            f"{path} has {len(items)} rows, {first_path.name} has {len(first_items)}. "
            "Row i must be the same prompt in every language; take all files from one release."
        )
    if part.split != "test":
        return
    for number, (item, first) in enumerate(zip(items, first_items, strict=True), start=1):
        if item.instruction != first.instruction:
            raise BrokenInput(
                f"{path}, row {number}: its English differs from row {number} of {first_path.name}. "
                "Row i must be the same prompt in every language; take all files from one release."
            )
        if language != _ENGLISH and item.instruction_translated is None:
            raise BrokenInput(f"{path}, row {number}: no 'instruction_translated', the text in {language.name}.")


def _find_first_ids(parts: Sequence[_Part]) -> dict[str, str]:
    """The first id of each English text: what its duplicates are clustered under."""
    first_ids: dict[str, str] = {}
    for part in parts:
        for row, text in enumerate(part.english or ()):
            first_ids.setdefault(_plain(text), _make_id(part, row))
    return first_ids


def _make_prompts(part: _Part, first_ids: Mapping[str, str]) -> Iterator[Prompt]:
    english = part.english
    for language, items in part.items.items():
        translated = language != _ENGLISH
        for row, item in enumerate(items):
            prompt_id = _make_id(part, row)
            target = item.instruction_translated if part.split == "test" and translated else item.instruction
            yield Prompt(
                id=prompt_id,
                text=target or "",
                language=language,
                kind=part.kind,
                seed_id=prompt_id,
                cluster=first_ids[_plain(english[row])] if english else prompt_id,
                category=item.category or None,
                split=_SPLITS[part.split],
                source_text=english[row] if english and translated else None,
                provenance="machine translation, unreviewed" if translated else "original",
            )


def _make_id(part: _Part, row: int) -> str:
    return f"polyrefuse-{part.kind}-{part.split}-{row:04d}"


def _plain(text: str) -> str:
    """A text without differences in case and spacing."""
    return " ".join(text.split()).casefold()


def _list_absent(parts: Sequence[_Part]) -> Iterator[str]:
    languages = dict.fromkeys(language for part in parts for language in part.paths)
    by_name = {(part.kind, part.split): part for part in parts}
    for kind in Kind:
        for split in _SPLITS:
            part = by_name.get((kind, split))
            if part is None:
                yield f"No {kind} {split} files."
                continue
            absent = [language.tag for language in languages if language not in part.paths]
            if absent:
                yield f"No {part.name} file for {', '.join(absent)}."
            if part.english is None:
                yield f"No English {part.name} file: duplicates in it cannot be found, and sources are not shown."


def _list_duplicates(prompts: Sequence[Prompt]) -> Iterator[str]:
    splits: dict[str, dict[str, Split | None]] = {}
    for prompt in prompts:
        splits.setdefault(prompt.cluster, {})[prompt.seed_id] = prompt.split
    repeated = [seeds for seeds in splits.values() if len(seeds) > 1]
    if repeated:
        yield f"English texts that occur more than once: {len(repeated)}. Their rows share a cluster."
    across = sum(len(set(seeds.values())) > 1 for seeds in repeated)
    if across:
        yield f"English texts that occur in more than one split: {across}. What is fitted on one has seen the other."


def _list_blank(blank: Mapping[str, int]) -> Iterator[str]:
    for tag, count in blank.items():
        yield f"Empty texts in {tag}, left out: {count}."


def _write_card(parts: Sequence[_Part], notes: Sequence[str]) -> PromptCard:
    return PromptCard(
        name="polyrefuse",
        title="PolyRefuse: harmful and harmless prompts, machine-translated",
        source="https://arxiv.org/abs/2505.17306",
        licence="Apache-2.0",
        citation="Wang et al. 2025, Refusal Direction is Universal Across Safety-Aligned Languages, arXiv 2505.17306",
        made="English prompts of earlier benchmarks, machine-translated and unreviewed; single items fail badly, "
        "above all in Yoruba, Thai and Korean.",
        notes=(
            *notes,
            "The English prompts also occur in AdvBench, HarmBench, JailbreakBench, StrongREJECT, MaliciousInstruct "
            "and TDC: remove common ones before you call a result held out.",
        ),
        checksums={path.name: fingerprint_file(path) for part in parts for path in part.paths.values()},
    )
