"""The U-score, and the three ways of using target rows."""

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from isogloss.core import Kind, Language, Prompt
from isogloss.core.errors import TooFewPrompts
from isogloss.repair.probes.forms import Form
from isogloss.repair.probes.networks import TrainingRecipe
from isogloss.repair.probes.omniguard import (
    FINE_TUNING_RECIPE,
    OMNIGUARD_RECIPE,
    OmniguardVariant,
    choose_omniguard_layer,
    fit_omniguard,
    make_omniguard,
    measure_u_scores,
    omniguard_sources,
)
from isogloss.repair.published.rows import Rows
from isogloss.stats.separability import auroc

ENGLISH, GERMAN, SWAHILI = (Language.parse(tag) for tag in ("en", "de", "sw"))
FAST = TrainingRecipe(epochs=6, batch_size=32, learning_rate=1e-3, decay=1e-3)


def make_prompts() -> list[Prompt]:
    # German lacks the last prompt, and comes in another order.
    names = {ENGLISH: "abcd", GERMAN: "cab", SWAHILI: "dcba"}
    return [Prompt(name, name, language, Kind.HARMFUL, name) for language, held in names.items() for name in held]


def test_the_u_score_is_matched_minus_mismatched_cosine() -> None:
    prompts = make_prompts()
    states = np.random.default_rng(0).normal(size=(len(prompts), 3, 6))
    expected = []
    for layer in range(3):
        of_language = []
        for language in (GERMAN, SWAHILI):
            own = [number for number, prompt in enumerate(prompts) if prompt.language == language]
            english = [
                number
                for number, prompt in enumerate(prompts)
                if prompt.language == ENGLISH and prompt.id in {prompts[one].id for one in own}
            ]
            table = cosine_similarity(states[english, layer], states[own, layer])
            same = np.array([[prompts[a].id == prompts[b].id for b in own] for a in english])
            of_language.append(table[same].mean() - table[~same].mean())
        expected.append(np.mean(of_language))
    found = measure_u_scores(states, prompts, [ENGLISH, GERMAN, SWAHILI], anchor=ENGLISH)
    assert found == pytest.approx(expected, abs=1e-12)
    assert choose_omniguard_layer(found, [4, 7, 9]) == [4, 7, 9][int(np.argmax(expected))]


def test_languages_without_translations_are_refused() -> None:
    prompts = make_prompts()[:5]
    with pytest.raises(TooFewPrompts, match="de shares 1 prompts with en"):
        measure_u_scores(np.ones((5, 1, 2)), prompts, [GERMAN], anchor=ENGLISH)
    with pytest.raises(TooFewPrompts, match="besides the anchor"):
        measure_u_scores(np.ones((5, 1, 2)), prompts, [ENGLISH], anchor=ENGLISH)


def test_the_published_base_network_learns_from_more_languages_than_the_gate() -> None:
    arabic, available = Language.parse("ar"), [*(Language.parse(tag) for tag in ("en", "de", "ar", "sw"))]
    assert omniguard_sources([ENGLISH, GERMAN], available) == (ENGLISH, GERMAN, arabic)
    assert omniguard_sources([ENGLISH, GERMAN], available, form=Form.CORRECTED) == (ENGLISH, GERMAN)


def test_the_recipe_is_the_published_one() -> None:
    assert TrainingRecipe(40, 256, 1e-4, 1e-3) == OMNIGUARD_RECIPE
    assert (FINE_TUNING_RECIPE.epochs, FINE_TUNING_RECIPE.learning_rate) == (20, 5e-5)
    sizes = [tuple(value.shape) for value in make_omniguard(np.ones((2, 7))).parameters()]
    assert sizes == [(512, 7), (512,), (256, 512), (256,), (1, 256), (1,)]


@pytest.mark.parametrize("variant", list(OmniguardVariant))
def test_every_variant_learns_and_repeats(
    variant: OmniguardVariant, source_rows: Rows, shot_rows: dict[Language, Rows], held_out_rows: dict[Language, Rows]
) -> None:
    detectors = [
        fit_omniguard(source_rows, shot_rows, layer=2, seed=3, variant=variant, recipe=FAST, fine_tuning=FAST)
        for _ in range(2)
    ]
    rows = held_out_rows[SWAHILI]
    scores = [detector.score(rows.hidden, SWAHILI) for detector in detectors]
    assert np.array_equal(*scores)
    assert auroc(scores[0][rows.harmful], scores[0][~rows.harmful]) > 0.85
    assert detectors[0].threshold(SWAHILI) != detectors[0].fallback_threshold
    tuned = variant == OmniguardVariant.FINE_TUNED
    assert set(detectors[0].networks) == ({"sw-Latn", "yo-Latn"} if tuned else set())


def test_without_target_rows_the_variants_agree(source_rows: Rows, held_out_rows: dict[Language, Rows]) -> None:
    states = held_out_rows[SWAHILI].hidden[:3]
    scores = [
        fit_omniguard(source_rows, {}, layer=2, seed=3, variant=variant, recipe=FAST).score(states, SWAHILI)
        for variant in OmniguardVariant
    ]
    assert np.array_equal(scores[0], scores[1])
    assert np.array_equal(scores[0], scores[2])
