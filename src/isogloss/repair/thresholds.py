"""A threshold for a language from a few labelled prompts or none, held near the source languages while they are few."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from isogloss.core import Language, Prompt
from isogloss.inside.activations import Activations
from isogloss.repair.calibration_prompts import CalibrationPlan, CalibrationPrompts, select_calibration
from isogloss.repair.class_belief import (
    PREVALENCES,
    Belief,
    ClassTable,
    Floats,
    build_table,
    decide,
    weigh_labelled,
    weigh_unlabelled,
)
from isogloss.repair.class_prior import ClassPrior, assume_prior
from isogloss.repair.contradictions import check_shots, contradicts_gate
from isogloss.repair.estimates import Recalibration, ThresholdEstimate, ThresholdEstimates, keep_source, weigh
from isogloss.repair.gate import Gate
from isogloss.repair.unlabelled import (
    FEWEST_UNLABELLED,
    estimate_from_harmless,
    estimate_from_translations,
    estimate_from_unlabelled,
)

__all__ = [
    "LanguageCalibration",
    "Recalibration",
    "ThresholdEstimate",
    "ThresholdEstimates",
    "calibrate_thresholds",
    "estimate_threshold",
    "estimate_thresholds",
]


@dataclass(frozen=True, slots=True)
class LanguageCalibration:
    """How one language's threshold came about.

    Attributes:
        language: the language.
        threshold: logit.
        weight: how much the evidence counted against what was believed before it.
        harmful_ids: prompts used as harmful.
        harmless_ids: prompts used as harmless.
        warning: what is wrong with the evidence, in a sentence; empty where nothing is.
        method: what the threshold was taken from.
        unlabelled_ids: prompts used without their labels.
        standard_error: of the middle between the classes, logits; None without evidence.
        like_sources: probability that the language's classes lie as in the sources; None without evidence.
        probability: how often a language gives labelled shots whose classes lie this close or inverted; None without
            labels.
        suspects: ids of shots whose label is probably wrong.
        prevalence: expected share of harmful prompts among unlabelled ones; None elsewhere.
    """

    language: Language
    threshold: float
    weight: float
    harmful_ids: tuple[str, ...]
    harmless_ids: tuple[str, ...]
    warning: str = ""
    method: Recalibration = Recalibration.SHOTS
    unlabelled_ids: tuple[str, ...] = ()
    standard_error: float | None = None
    like_sources: float | None = None
    probability: float | None = None
    suspects: tuple[str, ...] = ()
    prevalence: float | None = None


def estimate_threshold(
    gate: Gate,
    harmful: Floats,
    harmless: Floats,
    *,
    unlabelled: Floats | None = None,
    caution: float = 1.0,
    prior: ClassPrior | None = None,
    prevalences: Floats | None = None,
) -> ThresholdEstimate:
    """The threshold with the least expected cost, given the logits of k shots per class.

    A language either resembles the source languages, as far as they resemble one another, or its harmful class has
    faded towards its harmless one by an unknown amount, with spreads of its own. The shots tell, little by little,
    which, and where; the threshold minimises the expected share of missed harmful prompts plus ``caution`` times the
    expected share of false alarms. Without shots it is the source threshold; one pair moves it by what one pair is
    worth; with many it is the best cut between the language's own classes, whose spreads may differ. A few wrong
    labels are allowed for, and reported where one stands out. Shots whose classes lie in an order that hardly any
    language would give are reported too, and used without their labels.

    Args:
        gate: fitted on the source languages.
        harmful: logits of the harmful shots; may be empty, as may the harmless ones: then nothing moves.
        harmless: logits of the harmless shots, or of more harmless text than that.
        unlabelled: logits of prompts whose labels nobody knows, beside the shots; fewer than eight are not read.
        caution: cost of a false alarm in misses, at least 1.
        prior: what the source languages lead one to expect (``measure_prior``); None takes the gate's source scores
            and the usual variation between languages.
        prevalences: what is believed beforehand of the share of harmful prompts among the unlabelled ones.

    Source: ours; see docs/methods/thresholds.md. arXiv 2606.01196 takes the cut with the best F1 among the shots
    alone, which at one shot per class is their midpoint, and flags everything when they are inverted.
    """
    if not len(harmful) or not len(harmless):
        return keep_source(gate, Recalibration.SHOTS)
    table = build_table(prior or assume_prior(gate))
    harmful, harmless = np.asarray(harmful, np.float64), np.asarray(harmless, np.float64)
    text = np.asarray([] if unlabelled is None or len(unlabelled) < FEWEST_UNLABELLED else unlabelled, np.float64)
    check = check_shots(table, harmful, harmless)
    belief, prevalence = _believe(table, harmful, harmless, text, check.contradicts, prevalences)
    return ThresholdEstimate(
        value=float(decide(table, belief, caution)[0]),
        weight=float(weigh(table, belief)[0]),
        inverted=bool(harmful.mean() <= harmless.mean()),
        n=len(harmful) + len(harmless) + len(text),
        standard_error=float(belief.error[0]),
        like_sources=float(belief.like_sources[0]),
        probability=check.probability,
        suspects=(check.suspect_harmful, check.suspect_harmless),
        prevalence=prevalence if len(text) else None,
        reason="the shots contradict the gate, so that their labels were not used" if check.contradicts else "",
    )


def estimate_thresholds(
    gate: Gate, harmful: Floats, harmless: Floats, *, caution: float = 1.0, prior: ClassPrior | None = None
) -> ThresholdEstimates:
    """:func:`estimate_threshold` for many draws at once, without looking for single wrong labels.

    Args:
        gate: fitted on the source languages.
        harmful: logits float [draw, shot].
        harmless: the same for harmless shots; as many draws, the count of shots may differ.
        caution: cost of a false alarm in misses, at least 1.
        prior: see :func:`estimate_threshold`.
    """
    draws = len(harmful)
    if not harmful.shape[1] or not harmless.shape[1]:
        nothing = np.full(draws, np.nan)
        return ThresholdEstimates(np.full(draws, gate.fallback), np.zeros(draws), nothing, nothing)
    table = build_table(prior or assume_prior(gate))
    harmful, harmless = np.asarray(harmful, np.float64), np.asarray(harmless, np.float64)
    belief = weigh_labelled(table, harmful, harmless)
    for draw in np.flatnonzero(harmful.mean(axis=1) <= harmless.mean(axis=1)):
        if contradicts_gate(table, harmful[draw], harmless[draw]):
            belief.replace_draw(int(draw), _believe(table, harmful[draw], harmless[draw], np.empty(0), True)[0])
    return ThresholdEstimates(decide(table, belief, caution), weigh(table, belief), belief.error, belief.like_sources)


def _believe(
    table: ClassTable,
    harmful: Floats,
    harmless: Floats,
    text: Floats,
    contradicted: bool,
    prevalences: Floats | None = None,
) -> tuple[Belief, float | None]:
    """The belief, and the share of harmful prompts in what was read without labels.

    Labels that contradict the gate are not read.
    """
    if contradicted:
        harmful, harmless, text = harmful[:0], harmless[:0], np.concatenate([harmful, harmless, text])
        prevalences = None
    if not len(text):
        return weigh_labelled(table, harmful[None], harmless[None]), None
    belief, shares = weigh_unlabelled(table, text, harmful=harmful, harmless=harmless, prevalences=prevalences)
    return belief, float(shares @ PREVALENCES)


def calibrate_thresholds(
    gate: Gate,
    activations: Activations,
    languages: Sequence[Language],
    wanted: CalibrationPlan,
    *,
    layer: int,
    position: int = -1,
    caution: float = 1.0,
    prior: ClassPrior | None = None,
    prevalences: Mapping[Language, Floats] | None = None,
) -> tuple[Gate, list[LanguageCalibration]]:
    """Give each language a threshold of its own.

    Args:
        gate: fitted on the source languages.
        activations: prompts of the languages; never test prompts. For ``translations`` also the source languages'
            prompts of the same ideas (``seed_id``).
        languages: those to calibrate, one after the other; adding one moves no other.
        wanted: method, shots, and the splits that prompts are taken from.
        layer: the gate's layer.
        position: the gate's position.
        caution: cost of a false alarm in misses.
        prior: what the source languages lead one to expect; None assumes it from the gate.
        prevalences: what is believed beforehand of the share of harmful prompts in each language's unlabelled ones.

    Returns:
        The gate with thresholds, and the record of each language.

    Raises:
        TooFewPrompts: as ``select_calibration``.
    """
    hidden = activations.at(layer, position)
    records = []
    for language in languages:
        used = select_calibration(activations.prompts, language, wanted)
        scored = _Scored(gate, hidden, used, prior, caution, (prevalences or {}).get(language))
        records.append(_record(language, activations.prompts, used, scored.estimate(wanted.effective)))
    return gate.with_thresholds({record.language.key: record.threshold for record in records}), records


@dataclass(frozen=True, eq=False)
class _Scored:
    """One language's calibration prompts under a gate."""

    gate: Gate
    hidden: Floats
    used: CalibrationPrompts
    prior: ClassPrior | None
    caution: float
    prevalences: Floats | None

    def estimate(self, method: Recalibration) -> ThresholdEstimate:
        """The threshold by one method."""
        harmful, harmless, unlabelled = map(self._score, (self.used.harmful, self.used.harmless, self.used.unlabelled))
        gate, prior, caution = self.gate, self.prior, self.caution
        match method:
            case Recalibration.SOURCE:
                return keep_source(gate, method)
            case Recalibration.HARMLESS:
                return estimate_from_harmless(gate, harmless, caution=caution, prior=prior)
            case Recalibration.TRANSLATIONS:
                first, second = (np.array([self._score(rows).mean() for rows in part]) for part in self.used.sources)
                return estimate_from_translations(gate, first, second, harmful, harmless, caution=caution, prior=prior)
            case Recalibration.UNLABELLED:
                return estimate_from_unlabelled(
                    gate, unlabelled, caution=caution, prior=prior, prevalences=self.prevalences
                )
            case _:
                found = estimate_threshold(
                    gate,
                    harmful,
                    harmless,
                    unlabelled=unlabelled,
                    caution=caution,
                    prior=prior,
                    prevalences=self.prevalences,
                )
                return replace(found, method=method)

    def _score(self, rows: Sequence[int]) -> Floats:
        return self.gate.score(self.hidden[list(rows)])


def _record(
    language: Language, prompts: Sequence[Prompt], used: CalibrationPrompts, estimate: ThresholdEstimate
) -> LanguageCalibration:
    ids = [tuple(prompts[row].id for row in rows) for rows in (used.harmful, used.harmless, used.unlabelled)]
    suspects = tuple(part[place] for part, places in zip(ids[:2], estimate.suspects, strict=True) for place in places)
    return LanguageCalibration(
        language=language,
        threshold=estimate.value,
        weight=estimate.weight,
        harmful_ids=ids[0],
        harmless_ids=ids[1],
        warning=_warn(language, used, estimate, suspects),
        method=estimate.method,
        unlabelled_ids=ids[2],
        standard_error=estimate.standard_error,
        like_sources=estimate.like_sources,
        probability=estimate.probability,
        suspects=suspects,
        prevalence=estimate.prevalence,
    )


def _warn(language: Language, used: CalibrationPrompts, estimate: ThresholdEstimate, suspects: Sequence[str]) -> str:
    if estimate.probability is None:
        return f"{language}: {estimate.reason}." if estimate.reason else ""
    parts = []
    chance = (
        "fewer than 1 in 1000 languages" if estimate.probability < 0.001 else f"{estimate.probability:.1%} of languages"
    )
    if estimate.inverted:
        unused = " Their labels were not used." if estimate.reason else ""
        parts.append(
            f"The {len(used.harmful)} harmful shots in {language} do not score above the {len(used.harmless)} harmless "
            f"ones; {chance} would give shots like that.{unused}"
        )
    if suspects:
        parts.append(f"In {language} the label of {', '.join(suspects)} is probably wrong.")
    if parts:
        parts.append("Check the labels, give more shots, and run `isogloss diagnose`: the harm may not be represented.")
    return " ".join(parts)
