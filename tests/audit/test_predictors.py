"""Outcomes joined with features: what is concluded, what is left out, what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from isogloss.audit.features import FeatureRecord, LanguageFeatures
from isogloss.audit.outcome import Outcome
from isogloss.audit.predictors import LIMITS, PREDICTORS_FILE, explain_refusal, write_predictors
from isogloss.core import Kind, Label, Language
from isogloss.core.errors import NothingToDo, TooFewPrompts, UnknownName

TAGS = ["en", "de", "fr", "es", "sw", "yo", "am", "th", "ko", "vi"]
RATIOS = {tag: 1.0 + 0.25 * place for place, tag in enumerate(TAGS)}


def make_features(tags: list[str]) -> FeatureRecord:
    languages = {
        tag: LanguageFeatures(
            language=tag,
            name=Language.parse(tag).name,
            script=Language.parse(tag).script,
            tier=Language.parse(tag).tier,
            token_ratio=RATIOS[tag],
        )
        for tag in tags
    }
    return FeatureRecord(reference="en", languages=languages)


def make_outcomes(*, slope: float, prompts: int = 40) -> list[Outcome]:
    rng = np.random.default_rng(1)
    outcomes = []
    for tag in TAGS:
        language, chance = Language.parse(tag), 1 / (1 + np.exp(-(2.0 + slope * (RATIOS[tag] - 2.0))))
        for number in range(prompts):
            label = Label.REFUSED if rng.random() < chance else Label.COMPLIED
            seed = f"s{number}"
            outcomes.append(Outcome(seed, language, Kind.HARMFUL, seed, seed, label))
    return outcomes


def test_an_effect_that_is_there_is_found_and_said() -> None:
    report = explain_refusal(make_outcomes(slope=-2.0), make_features(TAGS), predictors=["token_ratio"])
    (effect,) = report.effects
    assert effect.interval[1] < 0
    assert effect.odds_ratio == pytest.approx(np.exp(effect.per_sd))
    assert report.findings[0].startswith(
        "token_ratio: for one standard deviation more (0.72) the odds of a refusal are"
    )
    assert report.baseline is not None
    assert report.model.log_loss < report.baseline.log_loss < 1
    assert report.findings[-1].startswith("The predictors predict unseen languages better than the resource tier alone")
    assert report.limits == LIMITS
    # Ten languages, one predictor and an intercept: eight degrees of freedom.
    assert (report.degrees_of_freedom, report.outcomes, len(report.languages)) == (8, 400, 10)


def test_an_effect_that_is_not_there_is_not_claimed() -> None:
    report = explain_refusal(make_outcomes(slope=0.0), make_features(TAGS), predictors=["token_ratio"])
    assert report.findings[0].endswith("10 languages do not show whether they rise or fall.")


def test_languages_without_a_value_are_left_out_by_name() -> None:
    features = make_features(TAGS[:-1])
    thai = features.languages["th"].model_copy(update={"token_ratio": None, "missing": {"token_ratio": "too short"}})
    record = features.model_copy(update={"languages": {**features.languages, "th": thai}})
    report = explain_refusal(make_outcomes(slope=-1.0), record, predictors=["token_ratio"])
    assert report.left_out == {"th": "token_ratio is unknown: too short", "vi": "its features were not measured"}
    assert "th" not in report.languages


def test_more_predictors_than_the_languages_carry_are_refused_with_what_was_left_out() -> None:
    with pytest.raises(TooFewPrompts) as caught:
        explain_refusal(make_outcomes(slope=0.0), make_features(TAGS[:9]), predictors=["token_ratio", "latin_script"])
    assert str(caught.value) == (
        "9 languages cannot carry 2 predictors (token_ratio, latin_script): 5 languages are needed for each, and 3 at "
        "least. Choose 1 of them or audit 1 more languages. Left out: vi (its features were not measured)."
    )


def test_a_baseline_that_cannot_be_fitted_has_a_reason() -> None:
    features = make_features(TAGS)
    no_tier = {tag: known.model_copy(update={"tier": None}) for tag, known in features.languages.items()}
    record = features.model_copy(update={"languages": no_tier})
    report = explain_refusal(make_outcomes(slope=0.0), record, predictors=["token_ratio"])
    assert report.baseline is None
    assert report.findings[-1].startswith("No comparison with the resource tier alone: the tier of en, de,")


def test_unknown_and_repeated_predictors_and_empty_selections_are_refused() -> None:
    outcomes, features = make_outcomes(slope=0.0), make_features(TAGS)
    with pytest.raises(UnknownName, match=r"No predictor 'token_ration'.*Did you mean 'token_ratio'"):
        explain_refusal(outcomes, features, predictors=["token_ration"])
    with pytest.raises(UnknownName, match="No predictor 'family:'"):
        explain_refusal(outcomes, features, predictors=["family:"])
    with pytest.raises(UnknownName, match="'tier' is named twice"):
        explain_refusal(outcomes, features, predictors=["tier", "tier"])
    with pytest.raises(NothingToDo, match="No answer to a harmless prompt in plain text can be scored"):
        explain_refusal(outcomes, features, predictors=["tier"], kind=Kind.HARMLESS)
    with pytest.raises(NothingToDo, match="No answer to a harmful prompt in csrt can be scored"):
        explain_refusal(outcomes, features, predictors=["tier"], perturbation="csrt")


def test_the_report_is_written_as_json(tmp_path: Path) -> None:
    report = explain_refusal(make_outcomes(slope=-1.0), make_features(TAGS), predictors=["token_ratio"])
    written = json.loads(write_predictors(tmp_path, report).read_text(encoding="utf-8"))
    assert (tmp_path / PREDICTORS_FILE).is_file()
    assert written["schema"] == 1
    assert written["effects"][0]["name"] == "token_ratio"
