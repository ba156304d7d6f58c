"""What about a language goes with how often the model refuses in it: outcomes joined with features."""

from collections.abc import Mapping, Sequence
from math import exp
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from isogloss.audit.features import PREDICTORS, FeatureRecord, find_predictor
from isogloss.audit.outcome import Outcome
from isogloss.core import Kind
from isogloss.core import Mapping as LabelMapping
from isogloss.core.errors import NothingToDo, TooFewPrompts, UnknownName, say_unknown
from isogloss.core.run import write_json
from isogloss.stats.mixed import Coefficient, LeaveOneOut, MixedFit, fit_mixed, leave_one_language_out
from isogloss.stats.quadrature import Trials, tabulate_trials
from isogloss.stats.rates import Interval

PREDICTORS_FILE = "predictors.json"
SCHEMA = 1
BASELINE = "tier"

LIMITS = (
    "Languages are the units: however many prompts there are, this rests on as many observations as languages.",
    "What goes together need not cause: languages that differ in one feature differ in others that were not measured.",
    "The judge's errors and the quality of the translations differ by language too, and may follow the same features.",
    "Nothing follows for another model or another prompt set, nor for languages unlike those that were asked.",
)
"""What may not be concluded, whatever the numbers are."""

Values = dict[str, dict[str, float]]


class PredictorEffect(BaseModel):
    """What goes with one predictor.

    Attributes:
        name: of the predictor.
        per_sd: change in the log-odds of a refusal for one standard deviation of the predictor.
        interval: of ``per_sd``.
        odds_ratio: by how much the odds of a refusal multiply.
        odds_interval: of ``odds_ratio``.
        sd: the standard deviation of the predictor over the languages.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    per_sd: float
    interval: Interval
    odds_ratio: float
    odds_interval: Interval
    sd: float


class LeftOutScore(BaseModel):
    """How well languages are predicted that the model did not see.

    Attributes:
        predictors: used; none means the other languages' average.
        brier: mean squared error of the predicted rate, answer by answer.
        log_loss: in nats.
        mean_error_points: mean distance between predicted and observed rate.
        predicted: rate by language.
    """

    model_config = ConfigDict(frozen=True)

    predictors: tuple[str, ...]
    brier: float
    log_loss: float
    mean_error_points: float
    predicted: dict[str, float]


class PredictorReport(BaseModel):
    """The record of one analysis.

    Attributes:
        kind: of the prompts.
        mapping: how labels became refusals.
        confidence: of the intervals.
        languages: that entered, by tag, with their observed rates.
        left_out: languages that did not, with the reason.
        effects: one per predictor.
        seed_sd: how much prompts differ, in log-odds.
        language_sd: how much languages still differ, in log-odds.
        outcomes: scored answers.
        degrees_of_freedom: of the intervals.
        model: left-out error with the predictors.
        baseline: with the resource tier alone, or None with a note.
        average: with no predictor.
        findings: what may be said, in words.
        limits: what may not.
    """

    model_config = ConfigDict(frozen=True)

    kind: str
    mapping: str
    confidence: float
    languages: dict[str, float]
    left_out: dict[str, str]
    effects: tuple[PredictorEffect, ...]
    seed_sd: float
    language_sd: float
    outcomes: int
    degrees_of_freedom: int
    model: LeftOutScore
    baseline: LeftOutScore | None
    average: LeftOutScore
    findings: tuple[str, ...]
    limits: tuple[str, ...] = LIMITS


def explain_refusal(
    outcomes: Sequence[Outcome],
    features: FeatureRecord,
    *,
    predictors: Sequence[str],
    kind: Kind = Kind.HARMFUL,
    mapping: LabelMapping = LabelMapping.STRICT,
    perturbation: str | None = None,
    confidence: float = 0.95,
) -> PredictorReport:
    """Fit the mixed model and say how far it carries.

    A language without a value for one of the predictors is left out and named; nothing is imputed.

    Args:
        outcomes: of an audit.
        features: of its languages.
        predictors: names that ``find_predictor`` knows; at most one for five languages.
        kind: harmful or harmless prompts.
        mapping: how labels become refusals.
        perturbation: the way of writing to analyse; None means plain prompts.
        confidence: of the intervals.

    Raises:
        UnknownName: a predictor does not exist.
        NothingToDo: no answer can be scored.
        TooFewPrompts: the languages cannot carry the predictors; the message says how many are needed.
    """
    _check_names(predictors)
    trials = _tabulate(outcomes, kind, mapping, perturbation)
    values, left_out = _collect(features, predictors, trials.languages)
    for language in left_out:
        trials = trials.without(language)
    try:
        fit = fit_mixed(trials, values, confidence=confidence)
        model = leave_one_language_out(trials, values)
    except TooFewPrompts as error:
        raise TooFewPrompts(f"{error}{_say_left_out(left_out)}") from error
    baseline, reason = _fit_baseline(features, trials)
    average = leave_one_language_out(trials, {})
    return PredictorReport(
        kind=kind.value,
        mapping=mapping.value,
        confidence=confidence,
        languages={language: trials.rate(language) for language in trials.languages},
        left_out=left_out,
        effects=tuple(_describe_effect(coefficient) for coefficient in fit.coefficients),
        seed_sd=fit.seed_sd,
        language_sd=fit.language_sd,
        outcomes=fit.outcomes,
        degrees_of_freedom=fit.degrees_of_freedom,
        model=_describe_score(model, tuple(predictors)),
        baseline=_describe_score(baseline, (BASELINE,)) if baseline else None,
        average=_describe_score(average, ()),
        findings=_write_findings(fit, model, baseline, average, confidence, reason),
    )


def write_predictors(folder: Path, report: PredictorReport) -> Path:
    """Write ``predictors.json`` into a run folder and give its path.

    Raises:
        WriteFailed: the file cannot be written.
    """
    path = folder / PREDICTORS_FILE
    write_json(path, {"schema": SCHEMA, **report.model_dump(mode="json")})
    return path


def _check_names(predictors: Sequence[str]) -> None:
    patterns = {pattern.split(":")[0] for pattern in PREDICTORS if ":" in pattern}
    for name in predictors:
        group, _, part = name.partition(":")
        if name not in PREDICTORS and not (group in patterns and part):
            raise UnknownName(say_unknown("predictor", name, PREDICTORS, shown=len(PREDICTORS)))
    repeated = [name for name in predictors if list(predictors).count(name) > 1]
    if repeated:
        raise UnknownName(f"Predictor '{repeated[0]}' is named twice. Name it once.")


def _tabulate(outcomes: Sequence[Outcome], kind: Kind, mapping: LabelMapping, perturbation: str | None) -> Trials:
    scored = [
        (refusal, outcome.language.tag, outcome.seed_id)
        for outcome in outcomes
        if outcome.kind == kind
        and outcome.perturbation == perturbation
        and outcome.label is not None
        and (refusal := mapping.refusal(outcome.label)) is not None
    ]
    if not scored:
        written = perturbation or "plain text"
        raise NothingToDo(f"No answer to a {kind} prompt in {written} can be scored, so there is nothing to explain.")
    refusals, languages, seeds = zip(*scored, strict=True)
    return tabulate_trials(refusals, languages, seeds)


def _collect(
    features: FeatureRecord, predictors: Sequence[str], languages: Sequence[str]
) -> tuple[Values, dict[str, str]]:
    """The predictors of every language that has them all, and why the others have not."""
    values: Values = {name: {} for name in predictors}
    left_out: dict[str, str] = {}
    for language in languages:
        known = features.languages.get(language)
        if known is None:
            left_out[language] = "its features were not measured"
            continue
        found = {name: find_predictor(known, name) for name in predictors}
        absent = [name for name, value in found.items() if value is None]
        if absent:
            reason = known.missing.get(absent[0].partition(":")[0] if absent[0].startswith("family") else absent[0])
            left_out[language] = f"{absent[0]} is unknown" + (f": {reason}" if reason else "")
            continue
        for name, value in found.items():
            if value is not None:
                values[name][language] = value
    return values, left_out


def _fit_baseline(features: FeatureRecord, trials: Trials) -> tuple[LeaveOneOut | None, str]:
    """The model with the tier alone on the same languages, or why it cannot be fitted."""
    values, left_out = _collect(features, [BASELINE], trials.languages)
    if left_out:
        return None, f"the tier of {', '.join(left_out)} is unknown"
    try:
        return leave_one_language_out(trials, values), ""
    except TooFewPrompts as error:
        return None, str(error).split(". ")[0]


def _describe_effect(coefficient: Coefficient) -> PredictorEffect:
    low, high = coefficient.interval
    return PredictorEffect(
        name=coefficient.name,
        per_sd=coefficient.per_sd,
        interval=coefficient.interval,
        odds_ratio=exp(coefficient.per_sd),
        odds_interval=(exp(low), exp(high)),
        sd=coefficient.sd,
    )


def _describe_score(score: LeaveOneOut, predictors: tuple[str, ...]) -> LeftOutScore:
    return LeftOutScore(
        predictors=predictors,
        brier=score.brier,
        log_loss=score.log_loss,
        mean_error_points=100 * score.mean_error,
        predicted={prediction.language: prediction.predicted for prediction in score.predictions},
    )


def _write_findings(
    fit: MixedFit,
    model: LeaveOneOut,
    baseline: LeaveOneOut | None,
    average: LeaveOneOut,
    confidence: float,
    reason: str,
) -> tuple[str, ...]:
    findings = [_say_effect(coefficient, fit.languages, confidence) for coefficient in fit.coefficients]
    findings.append(
        f"A language that the model had not seen was missed by {100 * model.mean_error:.1f} points on average, and by "
        f"{100 * average.mean_error:.1f} when simply given the average of the others."
    )
    if baseline is None:
        findings.append(f"No comparison with the resource tier alone: {reason}.")
    else:
        findings.append(_compare(model, baseline))
    if not fit.converged:
        findings.append("The search for the standard deviations did not settle: take the intervals as a rough guide.")
    return tuple(findings)


def _say_effect(coefficient: Coefficient, languages: int, confidence: float) -> str:
    low, high = coefficient.interval
    size = f"{exp(coefficient.per_sd):.2f} ({100 * confidence:g} % interval {exp(low):.2f} to {exp(high):.2f})"
    start = f"{coefficient.name}: for one standard deviation more ({coefficient.sd:.2g}) the odds of a refusal are "
    if low > 0 or high < 0:
        return f"{start}multiplied by {size}."
    return f"{start}multiplied by {size}; {languages} languages do not show whether they rise or fall."


def _compare(model: LeaveOneOut, baseline: LeaveOneOut) -> str:
    pairs = list(zip(model.predictions, baseline.predictions, strict=True))
    closer = sum(abs(ours.predicted - ours.observed) < abs(tier.predicted - tier.observed) for ours, tier in pairs)
    verdict = "predict" if model.log_loss < baseline.log_loss else "do not predict"
    return (
        f"The predictors {verdict} unseen languages better than the resource tier alone (log loss {model.log_loss:.3f} "
        f"against {baseline.log_loss:.3f}; closer in {closer} of {len(pairs)} languages)."
    )


def _say_left_out(left_out: Mapping[str, str]) -> str:
    if not left_out:
        return ""
    return " Left out: " + "; ".join(f"{language} ({reason})" for language, reason in left_out.items()) + "."
