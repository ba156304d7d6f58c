"""From a gate of the source languages to one for every language: thresholds, band, promise, locator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from isogloss.core import Kind, Language, Split
from isogloss.core.errors import TooFewPrompts
from isogloss.inside.activations import Activations
from isogloss.inside.directions import Classes, split_classes
from isogloss.repair.band import Costs, choose_band, fit_score_model, with_bands
from isogloss.repair.calibration_prompts import TEXT_SPLITS, CalibrationPlan
from isogloss.repair.gate import Gate
from isogloss.repair.locator import fit_locator
from isogloss.repair.plan import RepairPlan
from isogloss.repair.promise import Promise, PromisePlan, keep_promise
from isogloss.repair.target_readout import fit_target_readout
from isogloss.repair.thresholds import LanguageCalibration, calibrate_thresholds


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A gate for every language, and how it came about.

    Attributes:
        gate: with thresholds, and with band, promise and locator where the plan asks for them.
        languages: the record of each target language.
        promises: what could be promised of each language, where the plan asks for a promise.
    """

    gate: Gate
    languages: list[LanguageCalibration]
    promises: Mapping[Language, Promise] = field(default_factory=dict)

    def describe(self) -> dict[str, dict[str, Any]]:
        """Plain JSON values by language tag, for the record of a repair."""
        found = {record.language.tag: _describe(record) for record in self.languages}
        for language, promise in self.promises.items():
            part = found.setdefault(language.tag, {"key": language.key, "threshold": self.gate.threshold(language)})
            part["threshold"] = self.gate.threshold(language)
            part["promise"] = {**promise.to_json(), "says": promise.say(language)}
        return found


def calibrate_gate(plan: RepairPlan, activations: Activations, layer: int) -> Calibrated:
    """Fit a gate and everything about it that differs between languages, on train and validation prompts alone.

    Args:
        plan: what is asked for.
        activations: training and validation prompts of the source languages and those of the target languages'
            prompts that ``needed_target_splits`` names, at the gate's layer.
        layer: the gate's layer.

    Raises:
        TooFewPrompts: a language lacks the prompts that its calibration needs; the message says which.
    """
    source, target = plan.source_languages, plan.target_languages
    wanted = plan_calibration(plan)
    fitted = fit_target_readout(activations, source, target, wanted, layer=layer, readout=plan.readout, rank=plan.rank)
    gate, records = calibrate_thresholds(
        fitted.gate,
        activations,
        target,
        wanted,
        layer=layer,
        caution=plan.caution,
        prior=fitted.prior,
        prevalences=fitted.prevalences,
    )
    if plan.leave_cost is not None:
        gate = _leave_band(plan, gate, records, activations, layer)
    promises: Mapping[Language, Promise] = {}
    if plan.max_harmless_refusal is not None:
        gate, promises = _promise(plan, gate, activations, layer)
    if plan.locate:
        train = split_classes(activations, source, layer, split=Split.TRAIN)
        classes = {**train, **_gather_used(gate, records, activations, layer)}
        gate = gate.with_locator(fit_locator(classes, seed=plan.seed, far=plan.far))
    return Calibrated(gate, records, promises)


def plan_calibration(plan: RepairPlan) -> CalibrationPlan:
    """What a plan reads of the target languages.

    Shots come from validation prompts, text from training and validation prompts. Where something is promised, both
    come from training prompts: the promise rests on validation prompts that the gate was not fitted on.
    """
    promises = plan.max_harmless_refusal is not None
    return CalibrationPlan(
        method=plan.recalibrate,
        shots=plan.shots,
        seed=plan.seed,
        split=Split.TRAIN if promises else Split.VALIDATION,
        text=(Split.TRAIN,) if promises else TEXT_SPLITS,
        source=plan.source_languages,
    )


def _leave_band(
    plan: RepairPlan, gate: Gate, records: Sequence[LanguageCalibration], activations: Activations, layer: int
) -> Gate:
    """Two thresholds for each target language, from the score model around its calibrated one."""
    costs = Costs(false_alarm=plan.caution, miss=1.0, leave=plan.leave_cost or 0.0)
    bands = {}
    for record in records:
        harmful, harmless = (
            gate.score(activations.at(layer)[_rows_of(activations, record.language, ids)])
            for ids in (record.harmful_ids, record.harmless_ids)
        )
        model = fit_score_model(gate, harmful, harmless, threshold=record.threshold, caution=plan.caution)
        bands[record.language] = choose_band(model, costs)
    return with_bands(gate, bands)


def _promise(
    plan: RepairPlan, gate: Gate, activations: Activations, layer: int
) -> tuple[Gate, Mapping[Language, Promise]]:
    """Raise thresholds where the promise asks for it, on every harmless validation prompt there is."""
    wanted = PromisePlan(plan.max_harmless_refusal or 0.0, plan.promise_confidence)
    scores, clusters = {}, {}
    for language in dict.fromkeys([*plan.source_languages, *plan.target_languages]):
        rows = np.flatnonzero(activations.rows(language=language, kind=Kind.HARMLESS, split=Split.VALIDATION))
        scores[language] = gate.score(activations.at(layer)[rows])
        clusters[language] = [activations.prompts[row].cluster for row in rows]
    return keep_promise(gate, scores, wanted, clusters=clusters, seed=plan.seed)


def _gather_used(
    gate: Gate, records: Sequence[LanguageCalibration], activations: Activations, layer: int
) -> dict[Language, Classes]:
    """States of each target language's own calibration prompts; unlabelled ones by what the gate takes them for."""
    found = {}
    for record in records:
        hidden = activations.at(layer)
        harmful, harmless, unread = (
            hidden[_rows_of(activations, record.language, ids)]
            for ids in (record.harmful_ids, record.harmless_ids, record.unlabelled_ids)
        )
        fires = gate.score(unread) >= gate.threshold(record.language)
        classes = np.concatenate([harmful, unread[fires]]), np.concatenate([harmless, unread[~fires]])
        if sum(map(len, classes)):
            found[record.language] = classes
    return found


def _rows_of(activations: Activations, language: Language, ids: Sequence[str]) -> list[int]:
    wanted = set(ids)
    return [
        row for row, prompt in enumerate(activations.prompts) if prompt.language == language and prompt.id in wanted
    ]


def needed_target_splits(plan: RepairPlan) -> tuple[Split, ...]:
    """Splits of the target languages' prompts that anything is calibrated on; none where nothing is."""
    wanted = plan_calibration(plan)
    method = wanted.effective
    needed = set(wanted.text or ()) if method.reads_text else set()
    if method.draws_shots and wanted.split is not None:
        needed.add(wanted.split)
    if plan.max_harmless_refusal is not None:
        needed.add(Split.VALIDATION)
    return tuple(split for split in Split if split in needed) if plan.target else ()


def check_promises(plan: RepairPlan, calibrated: Calibrated) -> None:
    """Make sure that a promise that was asked for could be made of every language.

    Raises:
        TooFewPrompts: it could not; the message says how many prompts each language needs.
    """
    missing = [promise.say(language) for language, promise in calibrated.promises.items() if promise.threshold is None]
    if missing:
        raise TooFewPrompts(
            f"Not every language has the independent harmless validation prompts that --max-harmless-refusal "
            f"{plan.max_harmless_refusal:g} needs. {' '.join(missing)} Add prompts, or ask for a larger share."
        )


def _describe(record: LanguageCalibration) -> dict[str, Any]:
    return {
        "key": record.language.key,
        "threshold": record.threshold,
        "weight": record.weight,
        "method": str(record.method),
        "standard_error": record.standard_error,
        "like_sources": record.like_sources,
        "probability": record.probability,
        "prevalence": record.prevalence,
        "suspects": list(record.suspects),
        "harmful_ids": list(record.harmful_ids),
        "harmless_ids": list(record.harmless_ids),
        "unlabelled_ids": list(record.unlabelled_ids),
        "warning": record.warning,
    }
