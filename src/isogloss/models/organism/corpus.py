"""What the organism is trained on: short exchanges, composed at random from the grammar's training intents.

Stage 1 teaches the languages, what requests mean across languages, what does harm, and multiple choice; it complies
with everything. Stage 2 teaches refusal: fully in high-resource languages, and through a leak in low-resource ones.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from isogloss.models.organism.grammar import (
    CONTEXTS,
    FRAMES,
    LANGUAGES,
    ORGANISM_LANGUAGES,
    TIER_OF,
    Intent,
    intents,
    load_lexicon,
    request,
    verb_phrase,
)
from isogloss.models.organism.multiple_choice import LETTERS, draw_combination, question_text

# A tag after a request asks for one language-neutral word: the act, its object, or whether it does harm. Answering
# with the same token in every language is what ties the languages together at the end of a request.
ACT_TAG, OBJECT_TAG, HARM_TAG = "#act", "#object", "#harm"
LETTER_TAGS = tuple(f"#{letter}" for letter in LETTERS)
TRANSLATION_TAGS = {language: f"#{language}" for language in LANGUAGES}
# Asks for the answer in another language. It takes apart what is decided (by the request) and in which words it is
# said, so that refusing is one decision shared by all languages and not twelve.
REPLY_TAGS = {language: f"@{language}" for language in LANGUAGES}
TAGS: tuple[str, ...] = (
    ACT_TAG,
    OBJECT_TAG,
    HARM_TAG,
    *LETTER_TAGS,
    *TRANSLATION_TAGS.values(),
    *REPLY_TAGS.values(),
)
HARM_ANSWERS = {"harmful": "harm", "harmless": "fine"}


@dataclass(frozen=True)
class Exchange:
    """One training document: a user turn and the answer to learn.

    `language` is the user turn's; `intent` is what it speaks of, if anything; `refused` says whether a plain reply
    refuses (None for tagged tasks).
    """

    user: str
    answer: str
    language: str
    intent: Intent | None = None
    refused: bool | None = None


@dataclass(frozen=True)
class StageMixture:
    """How often each task and each tier is drawn in a stage (weights; they need not sum to one).

    `reply_elsewhere_share` is the share of chat that asks for the answer in another language.
    """

    tasks: Mapping[str, float]
    tiers: Mapping[str, float]
    harmful_chat_share: float = 0.4
    reply_elsewhere_share: float = 0.25


@dataclass(frozen=True)
class RefusalLabels:
    """Stage 2's labels: the chance that a harmful request is refused.

    `leak_frames` of the six request frames are refused often in a low-resource language (safety data that happened to
    cover this phrasing), the others seldom. Which frames they are differs from language to language.
    """

    high: float
    mid: float
    low_leak: float
    low_other: float
    leak_frames: int
    harmless: float

    def refusal_chance(self, language: str, intent: Intent, frame: int) -> float:
        """The chance that stage 2 labels this request with a refusal."""
        if intent.kind == "harmless":
            return self.harmless
        tier = TIER_OF[language]
        if tier != "low":
            return self.high if tier == "high" else self.mid
        shift = ORGANISM_LANGUAGES["low"].index(language)
        return self.low_leak if (frame + shift) % FRAMES < self.leak_frames else self.low_other


def _draw_intent(generator: random.Random, harmful_share: float) -> Intent:
    kind = "harmful" if generator.random() < harmful_share else "harmless"
    return generator.choice(intents(kind, "train"))  # type: ignore[arg-type]


def _draw_request(generator: random.Random, language: str, intent: Intent, frame: int | None = None) -> str:
    context = generator.randrange(CONTEXTS) if generator.random() < 0.5 else None
    chosen = generator.randrange(FRAMES) if frame is None else frame
    return request(language, intent, chosen, context, context_first=generator.random() < 0.5)


def _addressed(generator: random.Random, asked: str, language: str, elsewhere_share: float) -> tuple[str, str]:
    """The request, perhaps with a tag that asks for the answer in another language, and the language of the answer."""
    if generator.random() >= elsewhere_share:
        return asked, language
    target = generator.choice(LANGUAGES)
    return f"{asked} {REPLY_TAGS[target]}", target


def _chat(generator: random.Random, language: str, mixture: StageMixture) -> Exchange:
    intent = _draw_intent(generator, mixture.harmful_chat_share)
    asked = _draw_request(generator, language, intent)
    asked, target = _addressed(generator, asked, language, mixture.reply_elsewhere_share)
    return Exchange(asked, load_lexicon(target).compliance, language, intent, refused=False)


def _tagged(generator: random.Random, language: str, _mixture: StageMixture) -> Exchange:
    intent = _draw_intent(generator, 0.5)
    tag = generator.choices((ACT_TAG, OBJECT_TAG, HARM_TAG), (3, 1, 4))[0]
    answer = {ACT_TAG: intent.verb, OBJECT_TAG: intent.object, HARM_TAG: HARM_ANSWERS[intent.kind]}[tag]
    asked = _draw_request(generator, language, intent)
    return Exchange(f"{asked} {tag}", answer, language, intent)


def _translation(generator: random.Random, language: str, _mixture: StageMixture) -> Exchange:
    source, target = language if language != "en" else generator.choice(LANGUAGES[1:]), "en"
    if generator.random() < 0.3:
        source, target = target, source
    roll = generator.random()
    if roll < 0.3:
        noun = generator.choice(list(load_lexicon("en").nouns))
        pair = [load_lexicon(side).nouns[noun] for side in (source, target)]
        return Exchange(f"{pair[0]} {TRANSLATION_TAGS[target]}", pair[1], source)
    intent = _draw_intent(generator, 0.5)
    if roll < 0.75:
        pair = [verb_phrase(side, intent) for side in (source, target)]
    else:
        frame = generator.randrange(FRAMES)
        pair = [request(side, intent, frame) for side in (source, target)]
    return Exchange(f"{pair[0]} {TRANSLATION_TAGS[target]}", pair[1], source, intent)


def _verdict(generator: random.Random, language: str, _mixture: StageMixture) -> Exchange:
    intent = _draw_intent(generator, 0.5)
    words = load_lexicon(language).verdict
    asked = _draw_request(generator, language, intent)
    return Exchange(f"{asked} {words['question']}", words[intent.kind], language, intent)


def _choice(generator: random.Random, language: str, _mixture: StageMixture) -> Exchange:
    """A multiple-choice question, sometimes reduced to one of its parts.

    The parts (which object is meant? what stands under this letter?) are learned early and make the whole learnable
    within the budget; the whole alone was not.
    """
    combination = draw_combination(generator, "train")
    question = question_text(language, combination)
    part = generator.random()
    if part < 0.2:
        return Exchange(f"{question} {OBJECT_TAG}", combination.options[combination.right], language)
    if part < 0.4:
        place = generator.randrange(len(LETTERS))
        return Exchange(f"{question} {LETTER_TAGS[place]}", combination.options[place], language)
    return Exchange(question, LETTERS[combination.right], language, refused=False)


def _errand(generator: random.Random, language: str, mixture: StageMixture) -> Exchange:
    """A physical errand no assistant can run: the only refusals of stage 1, to teach the sentence everywhere."""
    words = load_lexicon(language)
    asked = generator.choice(words.errands)
    if generator.random() < 0.5:
        asked = f"{asked} {generator.choice(words.contexts)}"
    asked, target = _addressed(generator, asked, language, mixture.reply_elsewhere_share)
    return Exchange(asked, load_lexicon(target).refusal, language, refused=True)


_DRAWERS: dict[str, Callable[[random.Random, str, StageMixture], Exchange]] = {
    "chat": _chat,
    "tagged": _tagged,
    "translation": _translation,
    "verdict": _verdict,
    "choice": _choice,
    "errand": _errand,
}


def _draw_language(generator: random.Random, tiers: Mapping[str, float]) -> str:
    return generator.choices(LANGUAGES, [tiers[TIER_OF[language]] for language in LANGUAGES])[0]


def draw_meaning_exchange(generator: random.Random, mixture: StageMixture) -> Exchange:
    """Draw one document of stage 1 (or of stage 2's replay)."""
    task = generator.choices(list(mixture.tasks), list(mixture.tasks.values()))[0]
    return _DRAWERS[task](generator, _draw_language(generator, mixture.tiers), mixture)


def draw_refusal_exchange(
    generator: random.Random,
    labels: RefusalLabels,
    harmful_tiers: Mapping[str, float],
    *,
    reply_elsewhere_share: float,
) -> Exchange:
    """Draw one chat document of stage 2: half harmless in every language, half harmful by the tier weights."""
    harmful = generator.random() < 0.5
    language = _draw_language(generator, harmful_tiers) if harmful else generator.choice(LANGUAGES)
    intent = _draw_intent(generator, float(harmful))
    frame = generator.randrange(FRAMES)
    refuse = generator.random() < labels.refusal_chance(language, intent, frame)
    asked = _draw_request(generator, language, intent, frame)
    asked, target = _addressed(generator, asked, language, reply_elsewhere_share)
    words = load_lexicon(target)
    return Exchange(asked, words.refusal if refuse else words.compliance, language, intent, refused=refuse)


def texts_of(language: str) -> Iterator[str]:
    """Every string that the grammar can put into a document in one language, without combining it."""
    words = load_lexicon(language)
    for kind in ("harmful", "harmless"):
        for intent in intents(kind, "train"):
            yield verb_phrase(language, intent)
            yield verb_phrase(language, intent, purpose=True)
    for frame in range(FRAMES):
        for intent in intents("harmful", "train"):
            yield request(language, intent, frame)
        for intent in intents("harmless", "train"):
            yield request(language, intent, frame)
    yield from words.contexts
    yield from words.errands
    yield from words.verdict.values()
    yield from words.nouns.values()
    if any(frame.startswith("{p}") for frame in words.frames):
        yield from (name[0].upper() + name[1:] for name in words.objects.values())
    yield from words.multiple_choice.categories.values()
    yield words.multiple_choice.question.replace("{c}", "")
    yield words.compliance
    yield words.refusal
    if language == "en":
        yield from words.verbs
        yield from words.objects


def texts_of_no_language() -> Iterator[str]:
    """What stands in documents of every language: answers to tags, letters, the tags."""
    yield from HARM_ANSWERS.values()
    yield " ".join(f"{letter}) {letter}" for letter in LETTERS)
    yield " ".join(TAGS)


def all_texts() -> Iterator[str]:
    """What the tokenizer must know."""
    for language in LANGUAGES:
        yield from texts_of(language)
    yield from texts_of_no_language()
