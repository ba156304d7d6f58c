"""What identifies a prompt."""

from isogloss.core import Kind, Language, Prompt

SW = Language.parse("sw")


def test_a_prompt_without_a_cluster_is_its_own() -> None:
    assert Prompt("a", "text", SW, Kind.HARMFUL, seed_id="s").cluster == "s"
    assert Prompt("a", "text", SW, Kind.HARMFUL, seed_id="s", cluster="c").cluster == "c"


def test_the_key_is_id_and_tag() -> None:
    assert Prompt("a", "text", SW, Kind.HARMFUL, seed_id="s").key == ("a", "sw")
