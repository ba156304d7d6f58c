"""What judges are called on the command line."""

import pytest

from isogloss.cli.judge import build_judge
from isogloss.core.errors import UnknownName, UserError


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("rules", "rules-1"),
        ("llm:qwen@http://localhost:1/v1", "llm-1:openai:qwen@http://localhost:1/v1"),
        ("cascade:rules>llm:qwen@http://localhost:1/v1", "cascade(rules-1>llm-1:openai:qwen@http://localhost:1/v1)"),
        ("majority:rules,llm:a@http://localhost:1,llm:b@http://localhost:1", None),
    ],
)
def test_names_stand_for_judges(name, made):
    judge = build_judge(name)
    assert made is None or judge.name == made
    assert judge.fingerprint()


@pytest.mark.parametrize("name", ["rule", "guard:qwen3guard", "cascade:rules", "llm:", "majority:rules"])
def test_an_unknown_name_is_answered_with_the_forms_there_are(name):
    with pytest.raises(UnknownName, match="llm:NAME@URL"):
        build_judge(name)


def test_a_cascade_needs_a_card_for_every_judge_but_the_last():
    with pytest.raises(UserError, match="No judge card of llm-1"):
        build_judge("cascade:llm:qwen@http://localhost:1/v1>rules")


def test_a_guard_is_loaded_from_its_folder_alone_or_as_a_check(tiny_checkpoint):
    folder = tiny_checkpoint("qwen2")
    assert build_judge(f"guard:qwen3guard:{folder}").name == f"qwen3guard-1:{folder}"
    assert build_judge(f"rules+guard:llamaguard:{folder}").name == f"rules-1+harm(llamaguard-1:{folder})"
