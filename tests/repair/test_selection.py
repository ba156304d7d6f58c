"""The choice of layer and rank: what is left out, what counts as equal, and what is refused."""

import numpy as np
import pytest

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import DegenerateDirection, TooFewPrompts
from isogloss.inside.activations import Activations
from isogloss.repair.selection import choose_readout

EN, DE, FR, SW = (Language.parse(tag) for tag in ("en", "de", "fr", "sw"))
SOURCES = [EN, DE, FR]
HIDDEN = 6


def recorded(signal: tuple[float, ...], *, own_axis: float = 0.0, seed: int = 0) -> Activations:
    """States with one shared direction per layer, of the given size, and one axis of each language's own."""
    generator = np.random.default_rng(seed)
    prompts, states = [], []
    for number, language in enumerate([*SOURCES, SW]):
        for split in (Split.TRAIN, Split.VALIDATION):
            for kind, sign in ((Kind.HARMFUL, 1.0), (Kind.HARMLESS, -1.0)):
                for turn in range(12):
                    name = f"{kind}-{split}-{turn}"
                    prompts.append(Prompt(name, "t", language, kind, name, split=split))
                    state = generator.normal(0, 1, (len(signal), HIDDEN))
                    state[:, 0] += sign * np.array(signal)
                    state[:, 1 + number] += sign * own_axis
                    states.append(state)
    hidden = np.array(states, np.float32)[:, :, None, :]
    return Activations(hidden, tuple(prompts), tuple(range(len(signal))), (-1,), {})


def test_the_layer_that_carries_between_languages_is_chosen() -> None:
    choice = choose_readout(recorded((0.1, 3.0, 0.3)), SOURCES, ranks=(1,))
    assert choice.layer == 1
    assert choice.best.layer == 1
    assert choice.languages == 3


def test_of_equal_readouts_the_one_with_fewest_axes_at_the_middle_layer_wins() -> None:
    # Layers 1 to 3 separate the classes perfectly, at any rank.
    choice = choose_readout(recorded((0.0, 9.0, 9.0, 9.0, 0.0)), SOURCES)
    assert (choice.layer, choice.rank) == (2, 1)
    assert {candidate.layer for candidate in choice.within} == {1, 2, 3}
    assert choice.best.score == 1.0


def test_ranks_beyond_the_languages_left_are_passed_over() -> None:
    choice = choose_readout(recorded((2.0,)), SOURCES, ranks=(1, 2, 3, 10))
    assert [candidate.rank for candidate in choice.candidates] == [1, 2]


def test_what_only_one_language_shares_does_not_help_a_layer() -> None:
    # The axis of a language's own is strong, yet a language left out cannot use that of the others.
    choice = choose_readout(recorded((0.0, 1.5), own_axis=3.0), SOURCES, ranks=(1,))
    own, shared = (next(c for c in choice.candidates if c.layer == layer) for layer in (0, 1))
    assert own.score < 0.7 < shared.score


def test_target_shots_count_as_one_more_language() -> None:
    activations = recorded((2.0, 2.0))
    rows = [row for row, prompt in enumerate(activations.prompts) if prompt.language == SW][::6]
    choice = choose_readout(activations, SOURCES, {SW: rows}, ranks=(1,))
    assert choice.languages == 4
    assert "sw" in choice.best.by_language


def test_the_choice_depends_on_no_test_prompt() -> None:
    activations = recorded((1.0, 2.0))
    noise = np.random.default_rng(1).normal(0, 50, (1, 2, 1, HIDDEN)).astype(np.float32)
    test = Prompt("test", "t", EN, Kind.HARMFUL, "test", split=Split.TEST)
    more = Activations(
        np.concatenate([activations.hidden, noise]), (*activations.prompts, test), activations.layers, (-1,), {}
    )
    assert choose_readout(more, SOURCES).to_json() == choose_readout(activations, SOURCES).to_json()


def test_one_source_language_cannot_be_left_out() -> None:
    with pytest.raises(TooFewPrompts, match="1 given, at least 2 needed"):
        choose_readout(recorded((1.0,)), [EN])


def test_shots_of_one_kind_are_refused() -> None:
    activations = recorded((1.0,))
    rows = list(np.flatnonzero(activations.rows(language=SW, kind=Kind.HARMFUL))[:2])
    with pytest.raises(TooFewPrompts, match="shots in sw hold one kind"):
        choose_readout(activations, SOURCES, {SW: rows})


def test_equal_states_give_no_readout() -> None:
    flat = recorded((1.0,))
    same = Activations(np.ones_like(flat.hidden), flat.prompts, flat.layers, (-1,), {})
    with pytest.raises(DegenerateDirection, match="No readout of en, de, fr"):
        choose_readout(same, SOURCES)
