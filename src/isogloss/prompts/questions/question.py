"""A question with a known answer, and sets of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from isogloss.core import Language
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownLanguage, say_unknown
from isogloss.core.fingerprint import fingerprint
from isogloss.prompts.promptset import PromptCard

LABELS = ("A", "B", "C", "D", "E", "F", "G", "H")


@dataclass(frozen=True, slots=True)
class Question:
    """One question in one language.

    Attributes:
        id: unique inside a set for one language; the same in every language of a parallel set.
        language: the language it is written in.
        text: the question without its choices; where ``labels`` are given, the whole prompt.
        answer: the right label where there are choices, else the right number in plain digits.
        choices: the texts to choose from, labelled A, B, C and so on; empty where the answer is a number.
        labels: labels that the text itself already offers, for sets that bring their own wording.
        subject: the set's own topic label.
        cluster: the unit of resampling: the same question across languages. Equals ``id`` unless a loader says
            otherwise.
    """

    id: str
    language: Language
    text: str
    answer: str
    choices: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    subject: str | None = None
    cluster: str = ""

    def __post_init__(self) -> None:
        if not self.cluster:
            object.__setattr__(self, "cluster", self.id)

    @property
    def key(self) -> tuple[str, str]:
        """Identifies the question inside its set: id and language tag."""
        return (self.id, self.language.tag)

    @property
    def answer_labels(self) -> tuple[str, ...]:
        """The labels to choose from; empty where the answer is a number."""
        return self.labels or LABELS[: len(self.choices)]


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """An immutable set of questions, all with labels or all with numbers.

    Raises:
        BrokenInput: an id occurs twice in a language, or an answer is none of the question's labels.
    """

    card: PromptCard
    questions: tuple[Question, ...]

    def __post_init__(self) -> None:
        seen: set[tuple[str, str]] = set()
        for question in self.questions:
            if question.key in seen:
                raise BrokenInput(
                    f"{self.card.name} holds question '{question.id}' twice in {question.language}. Remove one of them."
                )
            seen.add(question.key)
            if question.answer_labels and question.answer not in question.answer_labels:
                raise BrokenInput(
                    f"{self.card.name}, question '{question.id}' in {question.language}: the answer "
                    f"'{question.answer}' is none of {', '.join(question.answer_labels)}."
                )
        if len({bool(question.answer_labels) for question in self.questions}) > 1:
            raise BrokenInput(f"{self.card.name} mixes questions with choices and questions with numbers. Split it.")

    def __len__(self) -> int:
        return len(self.questions)

    def __iter__(self) -> Iterator[Question]:
        return iter(self.questions)

    @property
    def has_choices(self) -> bool:
        """Whether one label among several is asked for, rather than a number."""
        return any(question.answer_labels for question in self.questions)

    @property
    def languages(self) -> tuple[Language, ...]:
        """Languages in the order in which they first occur."""
        return tuple(dict.fromkeys(question.language for question in self.questions))

    def select(self, languages: tuple[Language, ...] | None) -> "QuestionSet":
        """The questions in some of the languages; None keeps all.

        Raises:
            UnknownLanguage: the set lacks a language; the message lists those that it has.
        """
        if languages is None:
            return self
        for language in languages:
            if language not in self.languages:
                known = [known.tag for known in self.languages]
                raise UnknownLanguage(f"{self.card.name}: " + say_unknown("questions in", language.tag, known))
        return self.keep(lambda question: question.language in languages)

    def limit(self, clusters: int | None) -> "QuestionSet":
        """Evenly spread ``clusters`` questions, the same in every language; None keeps all.

        Spread over the set, because published sets are sorted by subject.

        Raises:
            NothingToDo: fewer than one question is asked for.
        """
        if clusters is None:
            return self
        if clusters < 1:
            raise NothingToDo(f"A limit of {clusters} leaves no questions of {self.card.name}. Ask for 1 or more.")
        held = list(dict.fromkeys(question.cluster for question in self.questions))
        count = min(clusters, len(held))
        kept = {held[turn * len(held) // count] for turn in range(count)}
        return self.keep(lambda question: question.cluster in kept)

    def keep(self, wanted: Callable[[Question], bool]) -> "QuestionSet":
        """Those questions for which ``wanted`` says yes, in their order; may be none."""
        return replace(self, questions=tuple(question for question in self.questions if wanted(question)))

    def fingerprint(self) -> str:
        """Identifies the questions with their choices and answers, in whatever order they stand."""
        return fingerprint(
            sorted(
                (q.id, q.language.key, q.text, list(q.choices), list(q.labels), q.answer, q.cluster)
                for q in self.questions
            )
        )
