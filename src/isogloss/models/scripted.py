"""A model that answers as it was told to: for tests of anything that takes a ChatModel."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from isogloss.core import Finish, Prompt, Reply
from isogloss.core.errors import UnknownName
from isogloss.core.fingerprint import fingerprint
from isogloss.models.chat import Decoding

Answers = Mapping[str, str] | Sequence[str] | Callable[[Prompt], str]


class ScriptedModel:
    """Answers from a mapping, a list or a function; loads nothing and computes nothing.

    >>> from isogloss.core import Kind, Language, Prompt
    >>> prompt = Prompt(id="p1", text="Hello?", language=Language.parse("en"), kind=Kind.HARMLESS, seed_id="p1")
    >>> [reply.text for reply in ScriptedModel({"p1": "Hi."}).reply([prompt], Decoding())]
    ['Hi.']

    Args:
        answers: texts by prompt id; or one text per prompt in the order of each call; or a function of the prompt.
        name: what the model is called.
        failures: ids of prompts that yield a failed reply.
        delay_seconds: how long every reply takes.

    Attributes:
        asked: every prompt answered so far, in order; lets a test see that nothing is asked twice.
    """

    def __init__(
        self,
        answers: Answers,
        *,
        name: str = "scripted",
        failures: Collection[str] = (),
        delay_seconds: float = 0.0,
    ) -> None:
        self.name = name
        self.asked: list[Prompt] = []
        self._answers = answers
        self._failures = frozenset(failures)
        self._delay_seconds = delay_seconds

    def fingerprint(self) -> dict[str, str]:
        """Hash of the texts and failures; a function counts by its name, not by what it does."""
        answers = self._answers
        if callable(answers):
            script: object = f"{answers.__module__}.{answers.__qualname__}"
        else:
            script = dict(answers) if isinstance(answers, Mapping) else list(answers)
        return {"script": fingerprint([script, sorted(self._failures)])}

    def reply(self, prompts: Sequence[Prompt], decoding: Decoding) -> Iterator[Reply]:
        """Answer in the order asked. Of ``decoding`` only ``max_new_tokens`` counts, in words.

        Raises:
            UnknownName: the script has no text for a prompt.
        """
        for number, prompt in enumerate(prompts):
            time.sleep(self._delay_seconds)
            self.asked.append(prompt)
            yield self._answer(number, prompt, decoding.max_new_tokens)

    def _answer(self, number: int, prompt: Prompt, most_words: int) -> Reply:
        if prompt.id in self._failures:
            return Reply(prompt.id, prompt.language.tag, "", Finish.FAILED, error="scripted failure")
        text = self._find(number, prompt)
        words = text.split(" ")
        if len(words) > most_words:
            text, finish = " ".join(words[:most_words]), Finish.LENGTH
        else:
            finish = Finish.STOP
        return Reply(prompt.id, prompt.language.tag, text, finish)

    def _find(self, number: int, prompt: Prompt) -> str:
        answers = self._answers
        if callable(answers):
            return answers(prompt)
        try:
            return answers[prompt.id] if isinstance(answers, Mapping) else answers[number]
        except (KeyError, IndexError) as error:
            raise UnknownName(
                f"The script of {self.name} has no answer for prompt {number} ({prompt.id}); it has {len(answers)}."
            ) from error
