"""Safety prompts and the guard router: who is told what, and who answers."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from isogloss.core import Finish, Kind, Label, Language, Prompt, Reply, parse_languages
from isogloss.judges.guard_formats import POLYGUARD, QWEN3GUARD, GuardFormat, Turn
from isogloss.judges.rules import RuleJudge
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.models.scripted import ScriptedModel
from isogloss.repair.baselines.guard_router import PromptGuard, guard_method, one_by_one, read_request
from isogloss.repair.baselines.safety_prompt import safety_prompt_method
from isogloss.repair.baselines.texts import Texts, load_instructions, load_refusals

EN, SW, XH = (Language.parse(tag) for tag in ("en", "sw", "xh"))
MINI = parse_languages("am,ar,bn,de,en,es,fr,hi,id,it,ja,ko,my,nl,pl,ru,sw,th,tr,vi,yo,zh-Hans")
ORGANISM = parse_languages("am,de,en,es,fr,id,it,my,sw,tr,yo,zu")


def ask(name: str, language: Language = EN, kind: Kind = Kind.HARMLESS) -> Prompt:
    return Prompt(name, f"text of {name}", language, kind, name)


class ListeningModel:
    """Says nothing, and keeps what it was asked and under which system prompt."""

    name = "listening"

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, str | None]] = []

    def fingerprint(self) -> dict[str, str]:
        return {}

    def reply(self, prompts: Sequence[Prompt], decoding: Decoding) -> Iterator[Reply]:
        for prompt in prompts:
            self.heard.append((prompt.id, prompt.text, decoding.system_prompt))
            yield Reply(prompt.id, prompt.language.tag, "", Finish.STOP)


# ---- texts


@pytest.mark.parametrize("language", sorted({*MINI, *ORGANISM}), ids=str)
def test_every_bundled_language_has_texts_of_its_own(language: Language) -> None:
    for texts in (load_instructions(), load_refusals()):
        text, own = texts.find(language)
        assert own
        assert text.strip() == text
        assert (text == texts.find(EN)[0]) == (language == EN)


@pytest.mark.parametrize("language", sorted({*MINI, *ORGANISM}), ids=str)
def test_the_bundled_refusals_read_as_refusals(language: Language) -> None:
    text, _ = load_refusals().find(language)
    pair = (ask("one", language), Reply("one", language.tag, text, Finish.STOP))
    [verdict] = RuleJudge().judge([pair])
    assert verdict.label == Label.REFUSED


def test_a_region_falls_back_to_its_language_and_an_unknown_language_to_english() -> None:
    texts = load_refusals()
    assert texts.find(Language.parse("sw-KE")) == texts.find(SW)
    assert texts.find(XH) == (texts.find(EN)[0], False)
    assert texts.missing((EN, SW, XH)) == ["xh"]


# ---- safety prompts


def test_each_language_hears_its_own_instruction_and_others_the_english_one() -> None:
    model = ListeningModel()
    method = safety_prompt_method(model, languages=[EN, SW, XH], own_language=True)
    prompts = [ask("one"), ask("two", SW), ask("three", XH), ask("four")]
    assert {reply.prompt_id for reply in method.answer(prompts, Decoding())} == {"one", "two", "three", "four"}
    english, swahili = (load_instructions().find(language)[0] for language in (EN, SW))
    assert {name: told for name, _, told in model.heard} == {
        "one": english,
        "two": swahili,
        "three": english,
        "four": english,
    }
    assert "English for want of a text: xh." in method.note


def test_in_english_everybody_hears_english_before_what_the_caller_has_to_say() -> None:
    model = ListeningModel()
    method = safety_prompt_method(model, own_language=False)
    list(method.answer([ask("two", SW)], Decoding(system_prompt="Be brief.")))
    assert [told for *_, told in model.heard] == [f"{load_instructions().find(EN)[0]}\n\nBe brief."]


def test_the_instruction_can_open_the_users_turn() -> None:
    model = ListeningModel()
    texts = Texts({EN.key: "Be good."})
    list(
        safety_prompt_method(model, own_language=False, texts=texts, before_request=True).answer([ask("a")], Decoding())
    )
    assert model.heard == [("a", "Be good.\n\ntext of a", None)]


@pytest.mark.parametrize(
    ("line", "in_turn"),
    [
        ("", False),
        ("{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system turn') }}{% endif %}", True),
    ],
)
def test_a_template_without_a_system_turn_gets_it_in_the_users_turn(
    tiny_checkpoint: Callable[..., Path], line: str, in_turn: bool
) -> None:
    template = (
        line + "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    )
    model = OpenModel.load(tiny_checkpoint("qwen2"), chat_template=template)
    method = safety_prompt_method(model, own_language=False)
    assert ("user's turn" in method.note) == in_turn
    [reply] = method.answer([ask("one")], Decoding(max_new_tokens=2))
    assert reply.finish != Finish.FAILED


def test_a_template_that_drops_the_system_turn_without_a_word_is_noticed(tiny_checkpoint: Callable[..., Path]) -> None:
    template = (
        "{% for message in messages %}{% if message['role'] == 'user' %}{{ message['content'] }}{% endif %}{% endfor %}"
    )
    model = OpenModel.load(tiny_checkpoint("qwen2"), chat_template=template)
    assert "user's turn" in safety_prompt_method(model, own_language=False).note


# ---- guard router


def test_flagged_prompts_get_a_refusal_in_their_language_and_the_model_never_sees_them() -> None:
    model = ScriptedModel(lambda _prompt: "an answer")
    guard = one_by_one(lambda prompt: prompt.kind == Kind.HARMFUL)
    method = guard_method(model, guard, languages=[EN, SW, XH])
    prompts = [ask("good"), ask("bad", SW, Kind.HARMFUL), ask("worse", XH, Kind.HARMFUL)]
    replies = {reply.prompt_id: reply for reply in method.answer(prompts, Decoding())}
    refusals = load_refusals()
    assert replies["good"].text == "an answer"
    assert replies["bad"].text == refusals.find(SW)[0]
    assert replies["worse"].text == refusals.find(EN)[0]
    assert [prompt.id for prompt in model.asked] == ["good"]
    assert {name: reply.gate.harmful for name, reply in replies.items() if reply.gate} == {
        "good": False,
        "bad": True,
        "worse": True,
    }
    assert "xh" in method.note
    assert method.predicts is not None
    assert list(method.predicts(prompts)) == [False, True, True]


class ScriptedGuard:
    """Answers by what the request contains, and keeps the turns that it was shown."""

    name = "scripted guard"

    def __init__(self, answers: dict[str, str | None]) -> None:
        self._answers = answers
        self.shown: list[list[Turn]] = []

    def fingerprint(self) -> dict[str, str]:
        return {}

    def complete(self, exchanges: Sequence[list[Turn]], style: GuardFormat) -> list[str | None]:
        self.shown += exchanges
        return [
            next(said for word, said in self._answers.items() if word in turns[-1]["content"]) for turns in exchanges
        ]


def test_a_guard_checkpoint_is_shown_the_request_without_a_reply() -> None:
    said = {"bad": "Safety: Unsafe\nCategories: Violent", "good": "Safety: Safe\nCategories: None", "long": None}
    guard = ScriptedGuard(said)
    classifier = PromptGuard(guard, QWEN3GUARD)
    assert classifier([ask("bad"), ask("good"), ask("long")]) == [True, False, False]
    assert guard.shown[0] == [{"role": "user", "content": "text of bad"}]
    assert classifier.unread == 1


def test_a_guard_that_is_asked_about_an_exchange_sees_an_empty_reply() -> None:
    guard = ScriptedGuard({"bad": "Harmful request: yes\nResponse refusal: N/A\nHarmful response: N/A"})
    assert PromptGuard(guard, POLYGUARD)([ask("bad")]) == [True]
    assert guard.shown[0][-1]["role"] == "user"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Safety: Unsafe\nCategories: Violent", True),
        ("Safety: Controversial\nCategories: None", False),
        ("Safety: Safe", False),
        ("unsafe\nS2", True),
        ("\n\nsafe", False),
        ("Harmful request: no\nResponse refusal: no\nHarmful response: yes", False),
        ("**Harmful request:** Yes", True),
        ("Harmful request: Yes", True),
        ("I cannot say.", None),
        ("", None),
    ],
)
def test_a_guards_answer_is_read_in_its_familys_form(text: str, expected: bool | None) -> None:
    assert read_request(text) is expected


def test_controversial_requests_can_count_as_harmful() -> None:
    assert read_request("Safety: Controversial", frozenset({"unsafe", "controversial"})) is True
