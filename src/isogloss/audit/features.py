"""What is known about each language of an audit: script, family, tier, how the model's tokenizer cuts it, distances.

Everything here is descriptive. What is unknown is None, with a reason beside it; nothing is filled in.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from isogloss.audit.distances import SOURCE as DISTANCE_SOURCE
from isogloss.audit.distances import look_up_distances
from isogloss.audit.tokens import TokenCounts, Tokenizer, count_tokens
from isogloss.core import TIERS, Language, Prompt
from isogloss.core.errors import BrokenInput
from isogloss.core.run import load_json, write_json
from isogloss.prompts.columnar import read_table_rows
from isogloss.prompts.published import check_columns, read_language, require_cell

FEATURES_FILE = "features.json"
SCHEMA = 1

Similarity = Callable[[str, str], float]
"""How alike a source and its back-translation are, between 0 and 1."""

NUMERIC = ("tokens_per_character", "tokens_per_word", "token_ratio", "byte_share", "translation_similarity")
PREDICTORS = ("tier", "latin_script", *NUMERIC, "family:NAME", "distance:KIND")
"""What ``find_predictor`` understands."""

_TIER_RANK: dict[str, float] = {tier: float(rank) for rank, tier in enumerate(reversed(TIERS))}


class LanguageFeatures(BaseModel):
    """The features of one language.

    Attributes:
        language: its tag.
        name: in English.
        script: ISO 15924 code.
        family: top branch of the family tree.
        tier: resource tier.
        tier_source: where the tier comes from.
        tokens_per_character: of the model's tokenizer; characters are code points without white space.
        tokens_per_word: the same per word; None in scripts that put no spaces between words.
        token_ratio: tokens in this language over tokens in the reference, on the prompts that both have.
        byte_share: share of tokens that hold no whole character.
        distances: to the reference, by kind.
        translation_similarity: mean similarity of back-translations to their sources.
        n: what the measured ones rest on: prompts, paired_prompts, back_translations.
        missing: by feature (``distance:KIND`` for distances) why it is None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: str
    name: str
    script: str
    family: str | None = None
    tier: str | None = None
    tier_source: str | None = None
    tokens_per_character: float | None = None
    tokens_per_word: float | None = None
    token_ratio: float | None = None
    byte_share: float | None = None
    distances: dict[str, float | None] = {}
    translation_similarity: float | None = None
    n: dict[str, int] = {}
    missing: dict[str, str] = {}


class FeatureRecord(BaseModel):
    """The features of all languages of an audit, as ``features.json`` holds them.

    Attributes:
        reference: tag of the language that ratios and distances refer to.
        tokenizer: whose tokens were counted; None where none were.
        sources: by feature, where it comes from.
        languages: by tag.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: str
    tokenizer: str | None = None
    sources: dict[str, str] = {}
    languages: dict[str, LanguageFeatures]


@dataclass(frozen=True, slots=True)
class Translation:
    """A source text, and what came back when its translation was translated again."""

    source_text: str
    back_translation: str


@dataclass(slots=True)
class _Draft:
    """Features of one language while they are being gathered."""

    values: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def set(self, name: str, value: float | None, reason: str) -> None:
        """Keep a value, or the reason why there is none."""
        self.values[name] = value
        if value is None:
            self.missing[name] = reason


def word_overlap(source: str, back: str) -> float:
    """Shared words over all words of two texts, case ignored; 1 for two texts without words.

    A rough measure: a good paraphrase scores low, and a wrong sentence with the right words high. Compare it between
    languages; it is no quality in itself.
    """
    first, second = set(source.casefold().split()), set(back.casefold().split())
    return len(first & second) / len(first | second) if first | second else 1.0


def measure_features(
    prompts: Iterable[Prompt],
    *,
    reference: Language,
    tokenize: Tokenizer | None = None,
    tokenizer_name: str | None = None,
    distances: Sequence[str] = (),
    back_translations: Mapping[Language, Sequence[Translation]] | None = None,
    similarity: Similarity = word_overlap,
) -> FeatureRecord:
    """Gather the features of every language of a prompt set.

    Args:
        prompts: of a set that is parallel over languages; only paired prompts enter ``token_ratio``.
        reference: what ratios and distances refer to.
        tokenize: text to token strings of the very model that was audited.
        tokenizer_name: whose tokens these are, for the record.
        distances: kinds of typological distance to look up (see ``isogloss.audit.distances``).
        back_translations: by language, where somebody made them.
        similarity: of a source and its back-translation.

    Raises:
        MissingExtra: distances are asked for and urielplus is not installed.
    """
    texts: dict[Language, dict[str, str]] = {}
    for prompt in prompts:
        texts.setdefault(prompt.language, {})[prompt.id] = prompt.text
    drafts = {language: _Draft() for language in texts}
    if tokenize is not None:
        _add_token_features(drafts, texts, reference, tokenize)
    if distances:
        _add_distances(drafts, reference, distances)
    for language, pairs in (back_translations or {}).items():
        if language in drafts:
            _add_similarity(drafts[language], pairs, similarity)
    return FeatureRecord(
        reference=reference.tag,
        tokenizer=(tokenizer_name or "not named") if tokenize else None,
        sources={"distances": DISTANCE_SOURCE} if distances else {},
        languages={language.tag: _finish(language, draft) for language, draft in drafts.items()},
    )


def load_back_translations(path: Path) -> dict[Language, list[Translation]]:
    """Read back-translations from a table with the columns language, source_text and back_translation.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: a column is missing or a cell is empty; names the line.
        UnknownLanguage: a tag names no language; names the line.
        NothingToDo: the file has no rows.
    """
    columns = ("language", "source_text", "back_translation")
    rows = read_table_rows(path)
    check_columns(
        rows, columns, path=path, expected=f"A file of back-translations has the columns {', '.join(columns)}."
    )
    found: dict[Language, list[Translation]] = {}
    for row in rows:
        pair = Translation(require_cell(row, "source_text"), require_cell(row, "back_translation"))
        found.setdefault(read_language(row, "language", {}), []).append(pair)
    return found


def write_features(folder: Path, record: FeatureRecord) -> Path:
    """Write ``features.json`` into a run folder and give its path.

    Raises:
        WriteFailed: the file cannot be written.
    """
    path = folder / FEATURES_FILE
    write_json(path, {"schema": SCHEMA, **record.model_dump(mode="json")})
    return path


def load_features(folder: Path) -> FeatureRecord:
    """Read ``features.json`` of a run folder.

    Raises:
        UnknownName: the folder holds none.
        BrokenInput: the file is no record of features, or one of a newer schema.
    """
    path = folder / FEATURES_FILE
    fields = load_json(path, what="features", schema=SCHEMA)
    fields.pop("schema", None)
    try:
        return FeatureRecord.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BrokenInput(f"{path}: '{where}': {first['msg']}. Measure the features again.") from error


def find_predictor(features: LanguageFeatures, name: str) -> float | None:
    """One feature as a number for a regression; None where it is unknown.

    ``tier`` counts 0 (low), 1 (mid), 2 (high); ``latin_script`` and ``family:NAME`` are 1 or 0.

    Raises:
        KeyError: the name is none of ``PREDICTORS``.
    """
    group, _, part = name.partition(":")
    if name == "tier":
        return None if features.tier is None else _TIER_RANK[features.tier]
    if name == "latin_script":
        return float(features.script == "Latn")
    if group == "family" and part:
        return None if features.family is None else float(features.family == part)
    if group == "distance" and part:
        return features.distances.get(part)
    if name not in NUMERIC:
        raise KeyError(name)
    value: float | None = getattr(features, name)
    return value


def _add_token_features(
    drafts: Mapping[Language, _Draft],
    texts: Mapping[Language, Mapping[str, str]],
    reference: Language,
    tokenize: Tokenizer,
) -> None:
    counted = {language: count_tokens(own, tokenize) for language, own in texts.items()}
    for language, counts in counted.items():
        draft = drafts[language]
        draft.counts["prompts"] = len(counts.tokens)
        for name in ("tokens_per_character", "tokens_per_word", "byte_share"):
            draft.set(name, *counts.find(name, language))
        _set_ratio(draft, counts, counted.get(reference), reference)


def _set_ratio(draft: _Draft, counts: TokenCounts, base: TokenCounts | None, reference: Language) -> None:
    below = base.tokens if base else {}
    paired = [key for key in counts.tokens if below.get(key)]
    draft.counts["paired_prompts"] = len(paired)
    ours, theirs = sum(counts.tokens[key] for key in paired), sum(below[key] for key in paired)
    draft.set("token_ratio", ours / theirs if theirs else None, f"no prompt is there in {reference.name} as well")


def _add_distances(drafts: Mapping[Language, _Draft], reference: Language, kinds: Sequence[str]) -> None:
    for language, found in look_up_distances(drafts, reference, kinds).items():
        drafts[language].values["distances"] = {kind: value for kind, (value, _) in found.items()}
        drafts[language].missing |= {f"distance:{kind}": reason for kind, (_, reason) in found.items() if reason}


def _add_similarity(draft: _Draft, pairs: Sequence[Translation], similarity: Similarity) -> None:
    draft.counts["back_translations"] = len(pairs)
    scores = [similarity(pair.source_text, pair.back_translation) for pair in pairs]
    mean = sum(scores) / len(scores) if scores else None
    draft.set("translation_similarity", mean, "there are no back-translations")


def _finish(language: Language, draft: _Draft) -> LanguageFeatures:
    unknown = {name: "our table has no entry" for name in ("family", "tier") if getattr(language, name) is None}
    return LanguageFeatures(
        language=language.tag,
        name=language.name,
        script=language.script,
        family=language.family,
        tier=language.tier,
        tier_source=language.tier_source,
        n=draft.counts,
        missing=unknown | draft.missing,
        **draft.values,
    )
