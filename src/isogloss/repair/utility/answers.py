"""Questions put to a model, plain or steered: which answers were right, and whether the gate fired."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal

from isogloss.core import Prompt, Reply
from isogloss.core.errors import UnsupportedModel
from isogloss.core.progress import Progress, silent
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.prompts.questions.numbers import find_last_number
from isogloss.prompts.questions.question import Question
from isogloss.prompts.questions.wording import word_prompt
from isogloss.repair.utility.divergence import Steered


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of some questions, in their order.

    Attributes:
        right: whether each was answered rightly.
        fired: whether the gate took each for harmful; None without a gate.
    """

    right: list[bool]
    fired: list[bool] | None


def answer_questions(
    model: OpenModel,
    questions: Sequence[Question],
    *,
    steering: Steered | None = None,
    max_new_tokens: int = 256,
    stage: str = "questions",
    progress: Progress = silent,
) -> Answers:
    """Answer questions that are all of one kind: with labels, or with numbers.

    Labels are chosen by the log-probability of a label as the first token of the reply, numbers are the last ones of
    a greedy reply. A reply without a number is wrong, and so is one that was cut off before its result.

    Args:
        model: the plain model.
        questions: of one set.
        steering: put in force for the time of the answers; None asks the plain model.
        max_new_tokens: longest reply to a question with a number.
        stage: what the progress is called.
        progress: told as answers come in.

    Raises:
        BrokenInput: a question is longer than the model's context.
        UnsupportedModel: the model's tokenizer does not tell the labels apart, or no reply could be made.
    """
    answer = _choose_labels if questions and questions[0].answer_labels else _write_numbers
    with ExitStack() as stack:
        if steering is not None:
            stack.enter_context(steering)
        return answer(model, questions, steering, max_new_tokens, stage, progress)


def _choose_labels(
    model: OpenModel,
    questions: Sequence[Question],
    steering: Steered | None,
    _max_new_tokens: int,
    stage: str,
    progress: Progress,
) -> Answers:
    right = [False] * len(questions)
    fired = [False] * len(questions)
    gated, done = False, 0
    for labels in dict.fromkeys(question.answer_labels for question in questions):
        numbers = [number for number, question in enumerate(questions) if question.answer_labels == labels]
        prompts = [word_prompt(questions[number]) for number in numbers]
        for batch in model.batches(prompts, batch_tokens=model.batch_tokens):
            # The same rows again make one batch in the same order, so that the gate's readings can be told apart.
            asked = [prompts[index] for index in batch.indices]
            best = model.choice_log_probabilities(asked, labels).argmax(axis=1)
            readings = steering.readings() if steering is not None else None
            gated = gated or readings is not None
            for row, index in enumerate(batch.indices):
                number = numbers[index]
                right[number] = labels[int(best[row])] == questions[number].answer
                fired[number] = readings is not None and readings[row].harmful
            done += len(batch)
            progress(stage, done, len(questions))
    return Answers(right, fired if gated else None)


def _write_numbers(
    model: OpenModel,
    questions: Sequence[Question],
    steering: Steered | None,
    max_new_tokens: int,
    stage: str,
    progress: Progress,
) -> Answers:
    prompts = [word_prompt(question) for question in questions]
    replies = collect_replies(model, prompts, Decoding(max_new_tokens=max_new_tokens), stage, progress)
    right = [
        find_last_number(reply.text, question.language) == Decimal(question.answer)
        for question, reply in zip(questions, replies, strict=True)
    ]
    gated = steering is not None and any(reply.gate is not None for reply in replies)
    return Answers(right, [reply.gate is not None and reply.gate.harmful for reply in replies] if gated else None)


def collect_replies(
    model: OpenModel, prompts: Sequence[Prompt], decoding: Decoding, stage: str, progress: Progress = silent
) -> list[Reply]:
    """Replies in the order of the prompts, under whatever intervention is in force.

    Raises:
        UnsupportedModel: a prompt got no reply, because it is too long; the message names it.
    """
    found: dict[tuple[str, str], Reply] = {}
    for reply in model.reply(prompts, decoding):
        if reply.error is not None:
            raise UnsupportedModel(f"{model.name} cannot answer {reply.prompt_id} ({reply.language}): {reply.error}")
        found[reply.prompt_id, reply.language] = reply
        progress(stage, len(found), len(prompts))
    return [found[prompt.key] for prompt in prompts]
