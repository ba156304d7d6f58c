"""Layer and strength by selectivity minus damage."""

from collections.abc import Sequence
from math import exp

import pytest

from isogloss.core import Kind, Language, Prompt, Reply, Split, Verdict
from isogloss.inside.activations import Activations, record_activations
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.prompts.questions import Question
from isogloss.repair.choose import DIVERGENCE_PROMPTS, Trial, _choose_trial, choose_intervention
from isogloss.repair.moves import HarmlessEdit
from isogloss.repair.utility.answers import Answers
from isogloss.repair.utility.divergence import Divergence

from .conftest import LetterJudge

SOURCE = tuple(Language.parse(tag) for tag in ("en", "de"))
SHORT = Decoding(max_new_tokens=4)
QUESTIONS = tuple(
    Question(f"q{number}", language, f"{language} Which? {number}", "A", choices=("one", "two"))
    for language in SOURCE
    for number in range(3)
)


class EveryoneRefuses(LetterJudge):
    """Every reply counts as refused, so that trials differ in their damage alone."""

    def __init__(self) -> None:
        super().__init__("")


@pytest.fixture
def activations(qwen: OpenModel, prompts: PromptSet) -> Activations:
    splits = (Split.TRAIN, Split.VALIDATION)
    chosen = [prompt for prompt in prompts if prompt.language in SOURCE and prompt.split in splits]
    return record_activations(qwen, chosen, layers=range(qwen.layer_count))


def pretend_damage(monkeypatch: pytest.MonkeyPatch, kl_by_layer: dict[int, float]) -> None:
    """Let every pass over plain replies find the distance of its layer."""

    def measure(_model: object, recorded: object, steering: object) -> list[Divergence]:
        layer = steering.edit.layer  # type: ignore[attr-defined]
        return [Divergence(0, kl_by_layer.get(layer, 0.0), 0.0, 0.0, 0.0, False)]

    monkeypatch.setattr("isogloss.repair.choose.measure_divergence", measure)


def test_the_layer_with_the_least_damage_wins_where_selectivity_is_equal(
    qwen: OpenModel, activations: Activations, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = choose_intervention(qwen, activations, SOURCE, EveryoneRefuses(), decoding=SHORT)
    layers = sorted({trial.layer for trial in plain.trials})
    assert len(layers) > 1
    for spared in layers:
        pretend_damage(monkeypatch, {layer: 0.0 if layer == spared else 5.0 for layer in layers})
        assert choose_intervention(qwen, activations, SOURCE, EveryoneRefuses(), decoding=SHORT).layer == spared


def test_the_damage_adds_up_and_is_taken_from_the_score(
    qwen: OpenModel, activations: Activations, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_damage(monkeypatch, {1: 0.7})
    plain, steered = [True] * 6, [True] * 3 + [False] * 3

    def answer(_model: object, _questions: object, *, steering: object = None) -> Answers:
        return Answers(plain if steering is None else steered, None)

    monkeypatch.setattr("isogloss.repair.choose.answer_questions", answer)
    choice = choose_intervention(
        qwen, activations, SOURCE, EveryoneRefuses(), layer=1, decoding=SHORT, questions=QUESTIONS
    )
    for trial in choice.trials:
        # Answers fall from 6 of 6 to 3 of 6; the distance counts 1 - exp(-0.7) = 0.503; no reply is degenerate.
        assert trial.accuracy_loss == pytest.approx(0.5)
        assert trial.divergence == pytest.approx(0.7)
        assert trial.damage == pytest.approx(1 - exp(-0.7) + 0.5)
        # Everything counts as refused: induced 1 + kept 1 - left 1.
        assert trial.score == pytest.approx(1 - trial.damage)


def test_questions_that_a_repair_answers_better_are_no_negative_damage(
    qwen: OpenModel, activations: Activations, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(_model: object, _questions: object, *, steering: object = None) -> Answers:
        return Answers([steering is not None] * 6, None)

    monkeypatch.setattr("isogloss.repair.choose.answer_questions", answer)
    choice = choose_intervention(
        qwen, activations, SOURCE, EveryoneRefuses(), layer=1, decoding=SHORT, questions=QUESTIONS
    )
    assert {trial.accuracy_loss for trial in choice.trials} == {0.0}


def test_the_record_names_the_split_and_every_prompt_that_was_used(qwen: OpenModel, activations: Activations) -> None:
    seen: set[tuple[str, str]] = set()

    class Watching(EveryoneRefuses):
        def judge(self, items: Sequence[tuple[Prompt, Reply]]) -> list[Verdict]:
            seen.update(prompt.key for prompt, _ in items)
            return super().judge(items)

    choice = choose_intervention(
        qwen, activations, SOURCE, Watching(), decoding=SHORT, most_prompts=6, questions=QUESTIONS
    ).to_json()
    assert choice["split"] == "validation"
    used = choice["prompts"]
    named = {(each, tag) for kind in Kind for tag, ids in used[kind.value].items() for each in ids}
    assert named == seen
    assert all(len(ids) == 3 for kind in Kind for ids in used[kind.value].values())
    assert sum(map(len, used["divergence"].values())) == min(6, DIVERGENCE_PROMPTS)
    assert used["questions"] == {"en": ["q0", "q1", "q2"], "de": ["q0", "q1", "q2"]}


def test_an_edit_that_leaves_harmless_rows_alone_does_them_less_damage(
    qwen: OpenModel, activations: Activations
) -> None:
    damage = {}
    for edit in HarmlessEdit:
        choice = choose_intervention(
            qwen, activations, SOURCE, EveryoneRefuses(), layer=1, decoding=SHORT, harmless=edit
        )
        damage[edit] = min(trial.divergence or 0.0 for trial in choice.trials)
    assert damage[HarmlessEdit.LEAVE] < damage[HarmlessEdit.ABLATE]


def test_what_is_given_is_not_tried(qwen: OpenModel, activations: Activations) -> None:
    choice = choose_intervention(qwen, activations, SOURCE, EveryoneRefuses(), layer=2, multiplier=0.5)
    assert (choice.layer, choice.multiplier, choice.trials, choice.split) == (2, 0.5, (), None)


def trial(layer: int, multiplier: float, score: float, reached: float | None = None) -> Trial:
    return Trial(layer, multiplier, 0.0, 0.0, 0.0, reached, 0.0, None, None, 0.0, score)


def test_the_middle_of_the_plateau_is_taken_on_the_layer_that_does_best_on_average() -> None:
    # Layer 1 has the single best score, layer 2 the better mean; of its scores within 0.1 of 1.5 the middle is at 1.5.
    trials = [trial(1, 1.0, 1.9), trial(1, 1.5, 0.2)]
    trials += [trial(2, step, score) for step, score in ((0.75, 0.9), (1.0, 1.45), (1.5, 1.5), (2.0, 1.42), (2.5, 1.0))]
    chosen = _choose_trial(trials, noise=0.1)
    assert (chosen.layer, chosen.multiplier) == (2, 1.5)


def test_on_the_plateau_the_strength_that_reaches_most_target_prompts_wins() -> None:
    trials = [trial(2, 1.0, 1.5, 0.6), trial(2, 1.5, 1.5, 0.9), trial(2, 2.0, 1.45, 0.9), trial(2, 2.5, 1.0, 1.0)]
    # 2.5 reaches more, but it is off the plateau; 1.5 and 2.0 reach alike, and the lower of two is their middle.
    assert _choose_trial(trials, noise=0.1).multiplier == 1.5
