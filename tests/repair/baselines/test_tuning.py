"""Choosing a strength by behaviour, under judges that follow a script."""

from collections.abc import Callable
from contextlib import nullcontext

import pytest

from isogloss.core import Kind, Label, Language, Prompt, Reply, Split
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.repair.baselines.calibration import Calibration
from isogloss.repair.baselines.tuning import Bench, choose_force, choose_selectivity, pick_prompts

from .conftest import DE, EN, SW, FunctionJudge


def ask(number: int, language: Language, kind: Kind) -> Prompt:
    return Prompt(f"{kind}-{number}", f"Prompt {number}", language, kind, f"{kind}-{number}")


class SteppedJudge:
    """Labels prompts by how many settings were measured before: a script of labels per setting and kind."""

    name = "stepped"

    def __init__(self, script: list[dict[Kind, Label]]) -> None:
        self._script = iter(script)

    def fingerprint(self) -> dict[str, str]:
        return {}

    def judge(self, items: list[tuple[Prompt, Reply]]) -> list[object]:
        labels = next(self._script)
        return FunctionJudge(lambda prompt, _reply: labels[prompt.kind]).judge(items)  # type: ignore[return-value]


def stepped_bench(model: OpenModel, *steps: tuple[Label, Label]) -> Bench:
    script = [{Kind.HARMFUL: harmful, Kind.HARMLESS: harmless} for harmful, harmless in steps]
    prompts = [ask(number, EN, kind) for kind in Kind for number in range(50)]
    return Bench(model, SteppedJudge(script), prompts, Decoding(1))  # type: ignore[arg-type]


R, C, D, U = Label.REFUSED, Label.COMPLIED, Label.DEGENERATE, Label.UNDECIDED


def test_shares_are_means_over_languages_and_undecided_replies_count_among_them(qwen: OpenModel) -> None:
    prompts = [ask(number, EN, Kind.HARMFUL) for number in range(4)] + [ask(9, SW, Kind.HARMFUL)]
    prompts += [ask(number, EN, Kind.HARMLESS) for number in range(2)]
    labels = {"harmful-0": R, "harmful-1": U, "harmful-2": D, "harmful-3": C, "harmful-9": R, "harmless-0": R}
    judge = FunctionJudge(lambda prompt, _reply: labels.get(prompt.id, C))
    outcome = Bench(qwen, judge, prompts, Decoding(1)).measure()
    # Harmful: English 1 of 4, Swahili 1 of 1, mean 0.625. Harmless: 1 of 2. Broken: 1/4, 0 and 0, mean 1/12.
    assert outcome.harmful_refused == pytest.approx(0.625)
    assert outcome.harmless_refused == pytest.approx(0.5)
    assert outcome.degenerate == pytest.approx(1 / 12)
    assert outcome.force == pytest.approx(0.625 + 0.5 - 1 / 12)
    assert outcome.selectivity == pytest.approx(0.625 - 0.5 - 1 / 12)


def test_force_takes_the_smallest_multiplier_that_is_about_as_good_as_the_best(qwen: OpenModel) -> None:
    # Forces 1, 2, 2, 0 (broken); noise is sqrt(0.25 / 50 + 0.25 / 50) = 0.1.
    bench = stepped_bench(qwen, (R, C), (R, R), (R, R), (D, R))
    assert bench.noise() == pytest.approx(0.1)
    found = choose_force(bench, lambda _multiplier: nullcontext(), (0.5, 1.0, 1.5, 2.0))
    assert found.multiplier == 1.0
    assert [multiplier for multiplier, _ in found.trials] == [0.5, 1.0, 1.5, 2.0]


def test_selectivity_counts_broken_replies_and_takes_the_smallest_of_equals(qwen: OpenModel) -> None:
    # Selectivities 0, 1, 1, -0.5 (half of the languages' classes broken).
    bench = stepped_bench(qwen, (C, C), (R, C), (R, C), (D, C))
    assert choose_selectivity(bench, lambda _multiplier: nullcontext(), (0.5, 1.0, 1.5, 2.0)).multiplier == 1.0


def test_prompts_are_taken_in_turns_from_source_validation_and_shots_only_when_asked(
    make_calibration: Callable[..., Calibration],
) -> None:
    calibration = make_calibration(shots=1)
    picked = pick_prompts(calibration, shots=False, most=3)
    assert [(prompt.language, prompt.kind) for prompt in picked] == [
        (EN, Kind.HARMFUL),
        (DE, Kind.HARMFUL),
        (EN, Kind.HARMFUL),
        (EN, Kind.HARMLESS),
        (DE, Kind.HARMLESS),
        (EN, Kind.HARMLESS),
    ]
    assert {prompt.split for prompt in picked} == {Split.VALIDATION}
    more = pick_prompts(calibration, shots=True, most=3)
    assert [prompt.language for prompt in more[6:]] == [SW, SW]
