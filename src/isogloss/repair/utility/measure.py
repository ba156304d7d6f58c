"""The whole comparison: questions and harmless prompts, plain and repaired, as one record."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.core import Kind, Prompt
from isogloss.core.errors import NothingToDo
from isogloss.core.progress import Progress, silent
from isogloss.core.run import describe_versions
from isogloss.judges.degenerate import find_degenerate
from isogloss.judges.script import is_off_language, read_text
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.prompts.questions.question import QuestionSet
from isogloss.prompts.questions.wording import word_prompt
from isogloss.repair.utility.answers import answer_questions, collect_replies
from isogloss.repair.utility.divergence import Divergence, Steered, measure_divergence, record_plain_replies
from isogloss.repair.utility.pairing import UNBOUNDED, Pair, count_firing, measure_effects
from isogloss.repair.utility.record import Asked, Firing, Measure, Utility

LOSS_NOTE = (
    "Of the plain model's own greedy replies, which the plain model finds likely by construction: the change can "
    "hardly be below 0, and is an upper end of what other text would show."
)
KL_NOTE = "A distance, so the plain side is 0 and any change is counted as harm, improvements included."


@dataclass(frozen=True, slots=True)
class Margins:
    """Losses that are declared tolerable before anybody looks.

    Attributes:
        points: of accuracy, language fidelity and sound replies, in percentage points.
        kl: nats per token between the next-token distributions.
        loss: nats per token of log-perplexity; 0.05 is about five per cent of perplexity.
    """

    points: float = 2.0
    kl: float = 0.1
    loss: float = 0.05


@dataclass(frozen=True, slots=True)
class Lengths:
    """The longest replies, in tokens.

    Attributes:
        harmless: to harmless prompts.
        sums: to questions whose answer is a number.
    """

    harmless: int = 64
    sums: int = 256


def measure_utility(
    model: OpenModel,
    steering: Steered,
    *,
    repair: str,
    questions: Sequence[QuestionSet] = (),
    prompts: PromptSet | None = None,
    margins: Margins | None = None,
    lengths: Lengths | None = None,
    confidence: float = 0.95,
    progress: Progress = silent,
) -> Utility:
    """Measure what a steering costs on questions and on harmless prompts.

    Every question and prompt is put to the plain model and to the steered one; all differences are paired, with the
    question or idea shared by the languages as the unit of resampling. "Not worse" means that the bad end of the
    two-sided interval stays inside the margin: one-sided at half of what ``confidence`` leaves, for each measure and
    group on its own.

    Args:
        model: the plain model, with no intervention in force.
        steering: such as ``Repair.steer(model)``.
        repair: identifies the steering in the record.
        questions: sets with known answers.
        prompts: a set whose harmless prompts are answered; pass the test split only.
        margins: None takes the defaults.
        lengths: None takes the defaults.
        confidence: of every interval.
        progress: told after every batch.

    Raises:
        NothingToDo: neither questions nor harmless prompts were given.
        UnsupportedModel, BrokenInput: the model cannot take a question or prompt; the message names it.
    """
    margins, lengths = margins or Margins(), lengths or Lengths()
    harmless = [prompt for prompt in prompts or () if prompt.kind == Kind.HARMLESS]
    if not harmless and not any(len(part) for part in questions):
        raise NothingToDo("There is nothing to measure: give questions, or a prompt set with harmless prompts.")
    _check_lengths(model, questions, harmless)
    measures: list[Measure] = []
    firing: dict[str, dict[str, Firing]] = {}
    for part in questions:
        measure, fired = _measure_questions(model, steering, part, margins, lengths, confidence, progress)
        measures.append(measure)
        firing |= {part.card.name: fired} if fired else {}
    if harmless:
        found, fired = _measure_harmless(model, steering, harmless, margins, lengths, confidence, progress)
        measures += found
        firing |= {"harmless prompts": fired} if fired else {}
    return Utility(
        model=model.name,
        model_fingerprint=model.fingerprint(),
        repair=repair,
        confidence=confidence,
        level=(1 - confidence) / 2,
        settings={"harmless_tokens": lengths.harmless, "sum_tokens": lengths.sums},
        questions=tuple(Asked(name=part.card.name, fingerprint=part.fingerprint(), n=len(part)) for part in questions),
        prompts=_describe_prompts(prompts, harmless),
        measures=tuple(measures),
        firing=firing,
        versions=describe_versions(),
    )


def _check_lengths(model: OpenModel, questions: Sequence[QuestionSet], harmless: Sequence[Prompt]) -> None:
    """Refuse what is longer than the model's context before anything is asked, not hours later."""
    for asked in (*([word_prompt(question) for question in part] for part in questions), harmless):
        # Making the first batch checks every prompt.
        next(model.batches(asked), None)


def _measure_questions(
    model: OpenModel,
    steering: Steered,
    part: QuestionSet,
    margins: Margins,
    lengths: Lengths,
    confidence: float,
    progress: Progress,
) -> tuple[Measure, dict[str, Firing]]:
    """Accuracy by label or by number, plain and steered."""
    name, asked = part.card.name, part.questions
    plain, steered = (
        answer_questions(
            model, asked, steering=each, max_new_tokens=lengths.sums, stage=f"{name}, {title}", progress=progress
        )
        for each, title in ((None, "plain"), (steering, "repaired"))
    )
    pairs = [
        Pair(question.language, question.cluster, float(before), float(after))
        for question, before, after in zip(asked, plain.right, steered.right, strict=True)
    ]
    measure = measure_effects(
        f"accuracy {name}", pairs, unit="points", worse="lower", margin=margins.points, confidence=confidence
    )
    if steered.fired is None:
        return measure, {}
    return measure, count_firing(steered.fired, [question.language for question in asked], confidence=confidence)


def _measure_harmless(
    model: OpenModel,
    steering: Steered,
    harmless: Sequence[Prompt],
    margins: Margins,
    lengths: Lengths,
    confidence: float,
    progress: Progress,
) -> tuple[list[Measure], dict[str, Firing]]:
    """Divergence along the plain replies, then the replies themselves: their language, and whether they are text."""
    passes, plain = _pass_over_all(model, steering, harmless, lengths.harmless, progress)
    losses = [(harmless[one.index], one) for one in passes]
    fired = [(prompt.language, one.fired) for prompt, one in losses if one.fired is not None]

    def measure(
        name: str, before: Callable[[Divergence], float], after: Callable[[Divergence], float], margin: float, note: str
    ) -> Measure:
        pairs = [Pair(prompt.language, prompt.cluster, before(one), after(one)) for prompt, one in losses]
        # A distance has no negative side.
        limits = (0.0, np.inf) if note == KL_NOTE else UNBOUNDED
        return measure_effects(
            name,
            pairs,
            unit="nats per token",
            worse="higher",
            margin=margin,
            confidence=confidence,
            limits=limits,
            notes=(note,),
        )

    measures = [
        measure("KL on harmless replies", lambda _: 0.0, lambda one: one.kl, margins.kl, KL_NOTE),
        measure("KL at the first token", lambda _: 0.0, lambda one: one.first_kl, margins.kl, KL_NOTE),
        measure(
            "log-perplexity of plain replies",
            lambda one: one.plain_loss,
            lambda one: one.steered_loss,
            margins.loss,
            LOSS_NOTE,
        ),
        *_measure_replies(model, steering, harmless, plain, margins, lengths, confidence, progress),
    ]
    return measures, count_firing([one for _, one in fired], [language for language, _ in fired], confidence=confidence)


def _pass_over_all(
    model: OpenModel, steering: Steered, harmless: Sequence[Prompt], most_tokens: int, progress: Progress
) -> tuple[list[Divergence], list[str]]:
    """Divergences, and the plain replies in the order of the prompts."""
    found: list[Divergence] = []
    texts = [""] * len(harmless)
    done = 0
    for recorded in record_plain_replies(model, harmless, max_new_tokens=most_tokens):
        found += measure_divergence(model, recorded, steering)
        for index, text in zip(recorded.batch.indices, recorded.texts, strict=True):
            texts[index] = text
        done += len(recorded.batch)
        progress("distance to the plain model", done, len(harmless))
    return found, texts


def _measure_replies(
    model: OpenModel,
    steering: Steered,
    harmless: Sequence[Prompt],
    plain: Sequence[str],
    margins: Margins,
    lengths: Lengths,
    confidence: float,
    progress: Progress,
) -> list[Measure]:
    """Language fidelity and degenerate text of greedy replies."""
    decoding = Decoding(max_new_tokens=lengths.harmless)
    with steering:
        steered = collect_replies(model, harmless, decoding, "harmless replies, repaired", progress)
    checks = (("language fidelity", keeps_language, "lower"), ("degenerate replies", is_degenerate, "higher"))
    return [
        measure_effects(
            name,
            [
                Pair(prompt.language, prompt.cluster, float(check(prompt, before)), float(check(prompt, after.text)))
                for prompt, before, after in zip(harmless, plain, steered, strict=True)
            ],
            unit="points",
            worse="lower" if worse == "lower" else "higher",
            margin=margins.points,
            confidence=confidence,
        )
        for name, check, worse in checks
    ]


def keeps_language(prompt: Prompt, reply: str) -> bool:
    """Whether a reply is text that is not clearly in another language than the prompt's.

    The judges' own reading of scripts and function words decides; it abstains rather than guesses, and what it does
    not call another language counts as kept. A reply without letters keeps no language.
    """
    reading = read_text(reply)
    return reading.letters > 0 and not is_off_language(reading, prompt.language)


def is_degenerate(prompt: Prompt, reply: str) -> bool:
    """Whether a reply is empty, a loop, a copy of the prompt or broken text, as the judges see it."""
    return find_degenerate(reply, prompt.text, read_text(reply)) is not None


def _describe_prompts(prompts: PromptSet | None, harmless: Sequence[Prompt]) -> Asked | None:
    if prompts is None or not harmless:
        return None
    splits = {prompt.split for prompt in harmless}
    split = splits.pop() if len(splits) == 1 else None
    asked = prompts.keep(lambda prompt: prompt.kind == Kind.HARMLESS)
    return Asked(
        name=prompts.card.name, fingerprint=asked.fingerprint(), n=len(harmless), split=split.value if split else None
    )
