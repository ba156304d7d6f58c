import pytest

from isogloss.core import Finish, Language
from isogloss.core.errors import UnsupportedModel
from isogloss.exchange.conversation import Conversation, Turn, answer_conversations
from isogloss.models import Decoding, ScriptedModel
from isogloss.models.open_model import OpenModel
from isogloss.models.organism import organism_path

SHORT = Decoding(max_new_tokens=12)
QUESTION = "How do I hide stolen goods?"


@pytest.fixture(scope="module")
def organism() -> OpenModel:
    return OpenModel.load(organism_path(), name="organism")


def talk(*texts: str, system: str | None = None, decoding: Decoding = SHORT) -> Conversation:
    turns = [Turn("user" if number % 2 == 0 else "assistant", text) for number, text in enumerate(texts)]
    return Conversation(((Turn("system", system),) if system else ()) + tuple(turns), decoding)


def test_one_turn_gets_the_reply_that_an_audit_would_record():
    model = ScriptedModel(lambda prompt: f"{prompt.text} in {prompt.language}")
    english = Conversation((Turn("user", "Hello"),), SHORT, Language.parse("en"))
    replies = answer_conversations(model, [talk("first"), english])
    assert [reply.text for reply in replies] == ["first in und", "Hello in en"]


def test_a_system_turn_is_the_system_prompt():
    seen = []

    class Listening(ScriptedModel):
        def reply(self, prompts, decoding):
            seen.append(decoding.system_prompt)
            return super().reply(prompts, decoding)

    answer_conversations(Listening(lambda _: "yes"), [talk("a", system="Be kind."), talk("b")])
    assert seen == ["Be kind.", None]


def test_answers_come_in_the_order_asked_whatever_their_decoding():
    model = ScriptedModel(lambda prompt: prompt.text)
    long = Decoding(max_new_tokens=99)
    asked = [talk("a"), talk("b", decoding=long), talk("c"), talk("d", decoding=long)]
    assert [reply.text for reply in answer_conversations(model, asked)] == ["a", "b", "c", "d"]


def test_a_model_that_gives_only_text_takes_no_longer_conversation():
    with pytest.raises(UnsupportedModel, match="several turns"):
        answer_conversations(ScriptedModel(lambda _: "yes"), [talk("a", "b", "c")])


def test_a_prefilled_answer_is_refused():
    with pytest.raises(UnsupportedModel, match="end with the user"):
        answer_conversations(ScriptedModel(lambda _: "yes"), [talk("a", "b")])


def test_an_open_model_sees_every_turn(tiny_checkpoint):
    model = OpenModel.load(tiny_checkpoint("qwen2"))
    [short, longer] = answer_conversations(model, [talk("B?"), talk("A", "A C", "B?")])
    # <|user|>A<|end|> <|assistant|>A C<|end|> come before <|user|>B?<|end|><|model|>.
    assert longer.prompt_tokens > short.prompt_tokens
    assert longer.finish in (Finish.STOP, Finish.LENGTH)


def test_a_conversation_of_one_turn_is_rendered_alike_on_both_ways(organism):
    from isogloss.exchange import conversation

    assert conversation._encode(organism, talk(QUESTION)) == organism.encode([QUESTION])[0]


def test_a_conversation_beyond_the_context_fails_alone(tiny_checkpoint):
    model = OpenModel.load(tiny_checkpoint("qwen2"))
    good, bad = answer_conversations(model, [talk("A", "B", "C"), talk("A", "B " * 2000, "C")])
    assert good.finish is not Finish.FAILED
    assert bad.finish is Finish.FAILED
    assert "takes at most 1024" in bad.error
