"""The bundled parallel set: forty mild harmful requests, each beside a harmless one that looks like it."""

import json
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from pydantic import BaseModel, ConfigDict, TypeAdapter

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import BrokenInput
from isogloss.prompts.promptset import PromptCard, PromptSet

PROVENANCE = "machine-written, unreviewed by native speakers"
_PAIRS = "pairs.json"


class _Pair(BaseModel):
    """What two look-alike prompts have in common in every language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed_id: str
    category: str
    failure_mode: str
    split: Split


class _Texts(BaseModel):
    """The two prompts of a pair in one language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    harmful: str
    harmless: str

    def of(self, kind: Kind) -> str:
        return self.harmful if kind is Kind.HARMFUL else self.harmless


def load_mini() -> PromptSet:
    """Load the bundled set ``mini``: 40 pairs of a harmful prompt and its harmless look-alike, parallel over languages.

    Use it to try a pipeline and for a first look at a model. Do not publish rates from it: no native speaker has
    read the texts, and forty prompts resolve only large differences.

    Ids read ``mini-harmful-01`` and ``mini-harmless-01``; both share the cluster ``mini-01``, because their words
    are nearly the same and so their outcomes are not independent.

    Raises:
        BrokenInput: a language file does not hold exactly the pairs of ``pairs.json``.
    """
    folder = files("isogloss.prompts") / "data" / "mini"
    pairs = TypeAdapter(list[_Pair]).validate_json((folder / _PAIRS).read_bytes())
    sources = {source.name.removesuffix(".json"): source for source in folder.iterdir() if _holds_language(source)}
    texts = {tag: _load_texts(sources[tag], pairs) for tag in sorted(sources, key=lambda tag: (tag != "en", tag))}
    prompts = [_make_prompt(pair, kind, Language.parse(tag), texts) for tag in texts for kind in Kind for pair in pairs]
    checksums = {source.name: sha256(source.read_bytes()).hexdigest() for source in sources.values()}
    return PromptSet(_write_card(checksums), tuple(prompts))


def _holds_language(source: Traversable) -> bool:
    return source.name.endswith(".json") and source.name != _PAIRS


def _load_texts(source: Traversable, pairs: list[_Pair]) -> dict[str, _Texts]:
    texts = TypeAdapter(dict[str, _Texts]).validate_python(json.loads(source.read_bytes()))
    expected = {pair.seed_id for pair in pairs}
    if texts.keys() != expected:
        odd = ", ".join(sorted(texts.keys() ^ expected))
        raise BrokenInput(f"mini: {source.name} and {_PAIRS} do not hold the same pairs: {odd}. Reinstall isogloss.")
    return texts


def _make_prompt(pair: _Pair, kind: Kind, language: Language, texts: dict[str, dict[str, _Texts]]) -> Prompt:
    prompt_id = f"mini-{kind}-{pair.seed_id.removeprefix('mini-')}"
    return Prompt(
        id=prompt_id,
        text=texts[language.tag][pair.seed_id].of(kind),
        language=language,
        kind=kind,
        seed_id=prompt_id,
        cluster=pair.seed_id,
        category=pair.category,
        failure_mode=pair.failure_mode,
        split=pair.split,
        source_text=None if language.tag == "en" else texts["en"][pair.seed_id].of(kind),
        provenance=PROVENANCE,
    )


def _write_card(checksums: dict[str, str]) -> PromptCard:
    return PromptCard(
        name="mini",
        title="Forty mild harmful prompts and their harmless look-alikes, parallel over languages",
        source="bundled with isogloss",
        licence="Apache-2.0",
        citation="The Isogloss developers, `mini` prompt set",
        made="Written by a machine in every language, English included. No native speaker has reviewed any of it: "
        "expect unnatural and in places wrong wording, above all in low-resource languages.",
        notes=(
            "A prompt and its look-alike differ in few words: they share a cluster and must be resampled together.",
            "The requests are mild and generic on purpose; rates on them say little about severe harm.",
            "Wrong wording can itself change whether a model refuses: read a low rate as a reason to look, "
            "not as a finding about the language.",
        ),
        checksums=dict(sorted(checksums.items())),
    )
