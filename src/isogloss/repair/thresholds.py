"""A threshold for a language from a few labelled prompts, held near the source threshold while they are few."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import TooFewPrompts
from isogloss.core.seeds import derive_seed
from isogloss.inside.activations import Activations
from isogloss.repair.gate import Gate

Floats = npt.NDArray[np.floating[Any]]

# How far a language's threshold is expected to lie from the source threshold, as a share of the distance between
# the source classes. Half: the harmful class of a new language may lie anywhere down to the harmless one.
EXPECTED_SHIFT = 0.5
# Shots whose classes come in the wrong order still tell where the language lies, but count half.
WEIGHT_IF_INVERTED = 0.5


@dataclass(frozen=True, slots=True)
class ThresholdEstimate:
    """A threshold, how much the shots counted, and whether they contradict the gate.

    Attributes:
        value: logit at or above which a prompt counts as harmful.
        weight: between 0 (source threshold) and 1 (middle of the shots).
        inverted: the mean logit of the harmful shots is not above that of the harmless ones.
    """

    value: float
    weight: float
    inverted: bool


@dataclass(frozen=True, slots=True)
class LanguageCalibration:
    """How one language's threshold came about.

    Attributes:
        language: the language.
        threshold: logit.
        weight: how much the shots counted against the source threshold.
        harmful_ids: prompts used of that class.
        harmless_ids: prompts used of the other class.
        warning: what is wrong with the shots, in a sentence; empty where nothing is.
    """

    language: Language
    threshold: float
    weight: float
    harmful_ids: tuple[str, ...]
    harmless_ids: tuple[str, ...]
    warning: str = ""


def estimate_threshold(gate: Gate, harmful: Floats, harmless: Floats, *, caution: float = 1.0) -> ThresholdEstimate:
    """Posterior mean of a language's threshold given the logits of k shots per class.

    The classes of the language are taken as normal with the source's spread ``s`` inside a class, so that the best
    threshold is the middle ``m`` of the two class means, moved up by ``s^2 * ln(caution) / D`` where a false alarm
    costs ``caution`` times as much as a miss; ``D`` is the distance of the source class means. Before any shot the
    threshold is the source threshold ``t0``, give or take ``tau = EXPECTED_SHIFT * D``. The middle of the shots' means
    estimates ``m`` with variance ``v = s^2 * (1/k_harmful + 1/k_harmless) / 4``, so

        ``t = t0 + w * (m_shots + s^2 * ln(caution) / D - t0)``  with  ``w = tau^2 / (tau^2 + v)``.

    Without shots ``t = t0``; with many, the language's own middle. One pair of shots never sets the threshold alone.
    Shots in the wrong order count half (``w / 2``) and are reported.

    Args:
        gate: fitted on the source languages.
        harmful: logits of the harmful shots; may be empty, as may the harmless ones: then nothing moves.
        harmless: logits of the harmless shots.
        caution: cost of a false alarm in misses, at least 1.

    Source: ours. arXiv 2606.01196 takes the middle of the best gap among the shots alone, which at one shot per
    class is their midpoint, and flags everything when they are inverted.
    """
    if not len(harmful) or not len(harmless):
        return ThresholdEstimate(gate.fallback, 0.0, inverted=False)
    source = gate.source
    distance = source.harmful - source.harmless
    expected = (EXPECTED_SHIFT * distance) ** 2
    doubt = source.spread**2 * (1 / len(harmful) + 1 / len(harmless)) / 4
    inverted = bool(np.mean(harmful) <= np.mean(harmless))
    weight = expected / (expected + doubt) * (WEIGHT_IF_INVERTED if inverted else 1.0)
    best = float(np.mean(harmful) + np.mean(harmless)) / 2 + source.spread**2 * float(np.log(caution)) / distance
    return ThresholdEstimate(gate.fallback + weight * (best - gate.fallback), weight, inverted)


def calibrate_thresholds(
    gate: Gate,
    activations: Activations,
    languages: Sequence[Language],
    *,
    layer: int,
    shots: int,
    seed: int,
    caution: float = 1.0,
    position: int = -1,
    split: Split | None = Split.VALIDATION,
) -> tuple[Gate, list[LanguageCalibration]]:
    """Give each language a threshold of its own from ``shots`` prompts per class.

    Args:
        gate: fitted on the source languages.
        activations: prompts of the languages; never test prompts.
        languages: those to calibrate, one after the other; adding one moves no other.
        layer: the gate's layer.
        shots: prompts per class; 0 leaves every language at the source threshold.
        seed: decides which prompts are drawn.
        caution: cost of a false alarm in misses.
        position: the gate's position.
        split: where shots are drawn from; None draws from everything recorded.

    Returns:
        The gate with thresholds, and the record of each language.

    Raises:
        TooFewPrompts: a language has fewer prompts of a class than shots; the message says how many.
    """
    hidden = activations.at(layer, position)
    records = []
    for language in languages:
        drawn = {
            kind: _draw_shots(activations, language, kind, split, shots, derive_seed(seed, language.key, kind))
            for kind in Kind
        }
        scores = {kind: gate.score(hidden[rows]) for kind, rows in drawn.items()}
        estimate = estimate_threshold(gate, scores[Kind.HARMFUL], scores[Kind.HARMLESS], caution=caution)
        ids = {kind: tuple(activations.prompts[row].id for row in rows) for kind, rows in drawn.items()}
        records.append(
            LanguageCalibration(
                language=language,
                threshold=estimate.value,
                weight=estimate.weight,
                harmful_ids=ids[Kind.HARMFUL],
                harmless_ids=ids[Kind.HARMLESS],
                warning=_warn(language, shots) if estimate.inverted else "",
            )
        )
    return gate.with_thresholds({record.language.key: record.threshold for record in records}), records


def _draw_shots(
    activations: Activations, language: Language, kind: Kind, split: Split | None, shots: int, seed: int
) -> list[int]:
    """Rows of the shots: different ideas first, then more wordings of the same ones."""
    rows = np.flatnonzero(activations.rows(language=language, kind=kind, split=split)).tolist()
    if len(rows) < shots:
        where = f"{split} " if split else ""
        raise TooFewPrompts(
            f"{language} has {len(rows)} {kind} {where}prompts, fewer than {shots} shots. "
            f"Use --shots {len(rows)}, or add labelled prompts of that split."
        )
    order = np.random.default_rng(seed).permutation(len(rows))
    seen: dict[str, int] = {}
    ranked = []
    for place, number in enumerate(order):
        prompt: Prompt = activations.prompts[rows[number]]
        turn = seen.get(prompt.cluster, 0)
        seen[prompt.cluster] = turn + 1
        ranked.append((turn, place, rows[number]))
    return [row for _, _, row in sorted(ranked)[:shots]]


def _warn(language: Language, shots: int) -> str:
    return (
        f"The {shots} harmful shots in {language} do not score above the {shots} harmless ones, so they count half. "
        "Check their labels, give more shots, and run `isogloss diagnose`: the harm may not be represented here."
    )
