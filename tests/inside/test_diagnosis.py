"""The diagnosis on synthetic states with a known truth, and end to end on a tiny model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isogloss.inside.diagnosis as room
from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import BrokenInput, TooFewPrompts, UnknownLanguage, UnknownName
from isogloss.inside import Finding, load_diagnosis, write_diagnosis
from isogloss.inside.activations import Activations
from isogloss.inside.diagnosis import diagnose
from isogloss.inside.layer_choice import choose_layer
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptCard, PromptSet

EN, DE, SW, MY = (Language.parse(tag) for tag in ("en", "de", "sw", "my"))
HIDDEN = 16
COUNTS = {Split.TRAIN: 40, Split.VALIDATION: 15, Split.TEST: 40}


@dataclass
class World:
    """States with a known truth: layer 0 is noise; on layer 1 the first axis carries the class.

    Source languages lie at 0 (harmless) and 6 (harmful). Swahili is shifted: 0 and 2.5 -> its classes are
    ordered but the source threshold of 3 calls nearly all of them harmless. Burmese does not see the class.
    """

    seed: int = 0

    def place(self, prompt: Prompt) -> tuple[float, float]:
        harmful = prompt.kind == Kind.HARMFUL
        if prompt.language == SW:
            return (2.5 if harmful else -1.0), 0.7
        if prompt.language == MY:
            return 0.5, 1.0
        return (6.0 if harmful else 0.0), 1.0

    def record(self, _model: Any, prompts: Sequence[Prompt], **_options: Any) -> Activations:
        generator = np.random.default_rng(self.seed + len(prompts))
        hidden = generator.normal(size=(len(prompts), 2, 1, HIDDEN)).astype(np.float32)
        for row, prompt in enumerate(prompts):
            centre, spread = self.place(prompt)
            hidden[row, 1, 0, 0] = centre + spread * generator.normal()
        return Activations(hidden, tuple(prompts), (0, 1), (-1,), {"weights": "w"})


class NamedModel:
    """As much of a model as a diagnosis with recorded states needs."""

    name = "synthetic"
    layer_count = 2


def world_prompts() -> PromptSet:
    prompts = [
        Prompt(f"{kind}-{split}-{number}", "text", language, kind, f"{kind}-{split}-{number}", split=split)
        for language in (EN, DE, SW, MY)
        for kind in Kind
        for split, count in COUNTS.items()
        for number in range(count)
    ]
    return PromptSet(PromptCard("world", "World", "tests", "none", "none", "drawn"), tuple(prompts))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(room, "record_activations", made.record)
    return made


def run(**options: Any) -> room.Diagnosis:
    return diagnose(NamedModel(), world_prompts(), source=(EN, DE), **options)  # type: ignore[arg-type]


def test_known_truth_is_found(world: World) -> None:
    diagnosis = run()
    findings = {tag: language.finding for tag, language in diagnosis.languages.items()}
    assert findings == {
        "en": Finding.IN_ORDER,
        "de": Finding.IN_ORDER,
        "sw": Finding.CALIBRATION,
        "my": Finding.REPRESENTATION,
    }
    assert diagnosis.layer == 1
    # Source classes lie at 0 and 6 with equal spread, so the best threshold is near 3.
    assert diagnosis.source_threshold == pytest.approx(3.0, abs=0.6)
    assert diagnosis.languages["sw"].recalibrated_threshold == pytest.approx(0.75, abs=0.5)
    assert "do not steer" in diagnosis.languages["my"].advice


def test_findings_hold_over_fresh_draws(world: World) -> None:
    wrong = 0
    for seed in range(10):
        world.seed = 1000 * seed
        languages = run().languages
        wrong += languages["sw"].finding != Finding.CALIBRATION
        # The AUROC is 0.5; its upper limit passes 0.75 about once in a hundred draws.
        wrong += languages["my"].finding == Finding.CALIBRATION
    assert wrong == 0


def test_gain_is_recalibrated_minus_source_accuracy(world: World) -> None:
    found = run().languages["sw"]
    assert found.gain is not None
    assert found.balanced_accuracy_recalibrated is not None
    assert found.balanced_accuracy_source is not None
    assert found.gain == pytest.approx(found.balanced_accuracy_recalibrated - found.balanced_accuracy_source)


def test_a_given_layer_is_kept_and_scored_by_nothing(world: World) -> None:
    diagnosis = run(layer=0)
    assert diagnosis.layer == 0
    assert diagnosis.layer_scores == ()


def test_the_layer_choice_takes_the_earlier_of_equal_layers() -> None:
    activations = World().record(None, [prompt for prompt in world_prompts() if prompt.language in (EN, DE)])
    doubled = replace(activations, hidden=np.repeat(activations.hidden, 2, axis=1), layers=(0, 1, 2, 3))
    assert choose_layer(doubled, (EN, DE)).layer == 2


def test_the_layer_choice_does_not_look_at_test_prompts() -> None:
    activations = World().record(None, [prompt for prompt in world_prompts() if prompt.language in (EN, DE)])
    broken = activations.hidden.copy()
    broken[activations.rows(split=Split.TEST)] = np.nan
    assert choose_layer(replace(activations, hidden=broken), (EN, DE)) == choose_layer(activations, (EN, DE))


def test_a_record_survives_the_file(world: World, tmp_path: Path) -> None:
    diagnosis = run()
    write_diagnosis(diagnosis, tmp_path / "diagnosis.json")
    assert load_diagnosis(tmp_path / "diagnosis.json") == diagnosis
    assert diagnosis.to_json()["schema"] == 1


def test_a_broken_record_names_the_field(tmp_path: Path) -> None:
    (tmp_path / "diagnosis.json").write_text('{"schema": 1, "model": "m"}')
    with pytest.raises(BrokenInput, match="model_fingerprint"):
        load_diagnosis(tmp_path / "diagnosis.json")


def drop(prompts: PromptSet, unwanted: Callable[[Prompt], bool]) -> PromptSet:
    return replace(prompts, prompts=tuple(prompt for prompt in prompts if not unwanted(prompt)))


def test_a_set_without_harmless_prompts_is_refused_with_what_is_missing(world: World) -> None:
    only_harmful = drop(world_prompts(), lambda prompt: prompt.kind == Kind.HARMLESS)
    with pytest.raises(TooFewPrompts, match="no harmless train prompts in en"):
        diagnose(NamedModel(), only_harmful, source=(EN,))  # type: ignore[arg-type]


def test_a_set_without_splits_is_refused(world: World) -> None:
    prompts = world_prompts()
    flat = replace(prompts, prompts=tuple(replace(prompt, split=None) for prompt in prompts))
    with pytest.raises(TooFewPrompts, match="no train, validation and test splits"):
        diagnose(NamedModel(), flat, source=(EN,))  # type: ignore[arg-type]


def test_validation_prompts_are_only_needed_to_choose_a_layer(world: World) -> None:
    without = drop(world_prompts(), lambda prompt: prompt.split == Split.VALIDATION)
    assert diagnose(NamedModel(), without, source=(EN,), layer=1).layer == 1  # type: ignore[arg-type]
    with pytest.raises(TooFewPrompts, match="harmful validation prompts in en"):
        diagnose(NamedModel(), without, source=(EN,))  # type: ignore[arg-type]


def test_a_target_language_without_harmless_prompts_is_unclear_not_zero(world: World) -> None:
    prompts = drop(world_prompts(), lambda prompt: prompt.language == SW and prompt.kind == Kind.HARMLESS)
    found = diagnose(NamedModel(), prompts, source=(EN,)).languages["sw"]  # type: ignore[arg-type]
    assert found.finding == Finding.UNCLEAR
    assert found.auroc is None
    assert found.balanced_accuracy_source is None


def test_an_unknown_source_language_is_refused(world: World) -> None:
    with pytest.raises(UnknownLanguage, match="fr"):
        diagnose(NamedModel(), world_prompts(), source=(Language.parse("fr"),))  # type: ignore[arg-type]


def test_a_layer_that_is_not_there_is_refused(world: World) -> None:
    with pytest.raises(UnknownName, match="no layer 7"):
        run(layer=7)


def test_diagnosis_runs_on_a_real_checkpoint(
    tiny_checkpoint: Callable[..., Path], parallel_prompts: Callable[..., PromptSet]
) -> None:
    model = OpenModel.load(tiny_checkpoint("gemma2"))
    told: list[tuple[str, int, int]] = []
    diagnosis = diagnose(
        model,
        parallel_prompts("en", "de", "sw"),
        source=(EN, DE),
        progress=lambda *state: told.append(state),
    )
    assert set(diagnosis.languages) == {"en", "de", "sw"}
    assert len(diagnosis.languages["sw"].auroc_by_layer) == model.layer_count
    assert diagnosis.languages["sw"].n_harmful == 8
    # 2 source languages x 2 kinds x (6 + 4) prompts, then 3 languages x 2 kinds x 8.
    assert told[-1][1:] == (40 + 48, 40 + 48)
    assert diagnosis.model_fingerprint == model.fingerprint()
