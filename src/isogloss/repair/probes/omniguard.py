"""A probe in the manner of OMNIGuard: an MLP on mean states of the layer where translations agree most."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from isogloss.core import Language, Prompt
from isogloss.core.errors import TooFewPrompts
from isogloss.core.seeds import derive_seed
from isogloss.repair.probes.detector import Pooling
from isogloss.repair.probes.forms import Form
from isogloss.repair.probes.networks import (
    NetworkDetector,
    Standardise,
    TrainingRecipe,
    build_network,
    cut_logits,
    train_network,
)
from isogloss.repair.published.rows import Rows, check_both_classes
from isogloss.repair.published.thresholds import Objective

Floats = npt.NDArray[np.floating[Any]]

OMNIGUARD_RECIPE = TrainingRecipe(epochs=40, batch_size=256, learning_rate=1e-4, decay=1e-3)
FINE_TUNING_RECIPE = TrainingRecipe(epochs=20, batch_size=256, learning_rate=5e-5, decay=1e-3)
DROPOUT = 0.1


class OmniguardVariant(StrEnum):
    """What the target languages' rows are used for.

    ``full``: all of them join the training of one network. ``budgeted``: the same with k shots per class each.
    ``fine_tuned``: a network of the source languages is trained further on one language's shots, for that language.
    """

    FULL = "full"
    BUDGETED = "budgeted"
    FINE_TUNED = "fine_tuned"


def omniguard_sources(
    gate_sources: Sequence[Language], available: Sequence[Language], *, form: Form = Form.PUBLISHED
) -> tuple[Language, ...]:
    """The languages to train the base network on.

    Published: every high- and middle-resource language at hand (17 in arXiv 2606.01196), although the gate that it is
    compared with learns from high-resource ones alone (10 there). Corrected: the gate's own sources.
    """
    if form == Form.CORRECTED:
        return tuple(gate_sources)
    return tuple(language for language in available if language in gate_sources or language.tier in ("high", "mid"))


def measure_u_scores(
    states: Floats, prompts: Sequence[Prompt], languages: Sequence[Language], *, anchor: Language
) -> Floats:
    """How much closer translations of one prompt are than other pairs, at each layer.

    For every language but the anchor: the mean cosine of pairs (anchor prompt, its translation) minus the mean cosine
    of all pairs (anchor prompt, translation of another prompt); then the mean over languages.

    Args:
        states: float [prompt, layer, hidden], means over tokens (``record_mean_states``).
        prompts: whose states these are; a translation shares the ``id``.
        languages: to compare with the anchor.
        anchor: published: English.

    Returns:
        float64 [layer].

    Raises:
        TooFewPrompts: a language shares fewer than two prompts with the anchor.

    Source: OMNIGuard (arXiv 2505.23856), "U-Score". It samples mismatched pairs; here all of them are used.
    """
    units = np.asarray(states, np.float64)
    units = units / np.maximum(np.linalg.norm(units, axis=2, keepdims=True), 1e-12)
    place = {(prompt.id, prompt.language): number for number, prompt in enumerate(prompts)}
    scores = []
    for language in languages:
        if language == anchor:
            continue
        ids = [prompt.id for prompt in prompts if prompt.language == anchor and (prompt.id, language) in place]
        if len(ids) < 2:
            raise TooFewPrompts(
                f"{language} shares {len(ids)} prompts with {anchor}; a U-score needs at least two translated prompts."
            )
        first = units[[place[one, anchor] for one in ids]]
        second = units[[place[one, language] for one in ids]]
        matched = (first * second).sum(axis=2).mean(axis=0)
        # The sum over all pairs is the product of the sums; what is left without the matched ones is mismatched.
        every = (first.sum(axis=0) * second.sum(axis=0)).sum(axis=1)
        scores.append(matched - (every - len(ids) * matched) / (len(ids) * (len(ids) - 1)))
    if not scores:
        raise TooFewPrompts("A U-score needs a language besides the anchor.")
    return np.asarray(np.mean(scores, axis=0))


def choose_omniguard_layer(scores: Floats, layers: Sequence[int]) -> int:
    """The layer with the highest U-score; of equal ones the lowest."""
    return int(layers[int(np.argmax(scores))])


def fit_omniguard(
    source: Rows,
    targets: Mapping[Language, Rows],
    *,
    layer: int,
    seed: int,
    variant: OmniguardVariant,
    recipe: TrainingRecipe = OMNIGUARD_RECIPE,
    fine_tuning: TrainingRecipe = FINE_TUNING_RECIPE,
    objective: Objective = Objective.BALANCED_MACRO_F1,
) -> NetworkDetector:
    """Train the classifier on mean states.

    Each target's threshold comes from its own rows by the published rule, that of a language without rows from the
    source rows. What differs between the published and the corrected form is which rows to pass as ``source``
    (``omniguard_sources``); the mean over tokens has one form, since there is one path from text to tokens.

    Args:
        source: labelled mean states of the source languages.
        targets: of the target languages: all training rows for ``full``, k shots per class for the others.
        layer: where they were recorded; see ``choose_omniguard_layer``.
        seed: of start weights, order and dropout.
        variant: what the target rows are used for.
        recipe: of the base network.
        fine_tuning: of the further training.
        objective: of the thresholds.

    Raises:
        TooFewPrompts: a class is missing.

    Source: OMNIGuard (arXiv 2505.23856) as adapted in arXiv 2606.01196: layers of 512 and 256 ReLU units, dropout 0.1,
    AdamW, balanced loss, standardised inputs.
    """
    held = {language: rows for language, rows in targets.items() if len(rows)}
    for language, rows in held.items():
        check_both_classes(rows, f"The shots in {language}")
    tuned = variant == OmniguardVariant.FINE_TUNED
    base = source if tuned else Rows.join([source, *held.values()])
    check_both_classes(base, "The source languages")
    start = build_network(lambda: make_omniguard(base.hidden), seed=derive_seed(seed, "omniguard start"))
    fallback = train_network(start, base, recipe, seed=derive_seed(seed, "omniguard"))
    networks = {}
    if tuned:
        for language, rows in held.items():
            own = derive_seed(seed, "omniguard", language.key)
            networks[language.key] = train_network(fallback, rows, fine_tuning, seed=own)
    return NetworkDetector(
        layer=layer,
        fallback=fallback,
        fallback_threshold=cut_logits(fallback, source, objective),
        networks=networks,
        thresholds={
            language.key: cut_logits(networks.get(language.key, fallback), rows, objective)
            for language, rows in held.items()
        },
        pooling=Pooling.MEAN,
    )


def make_omniguard(hidden: Floats) -> nn.Module:
    """From a state to a logit by way of 512 and 256 ReLU units with dropout, standardised by these rows."""
    return nn.Sequential(
        Standardise(hidden),
        nn.Linear(hidden.shape[1], 512),
        nn.ReLU(),
        nn.Dropout(DROPOUT),
        nn.Linear(512, 256),
        nn.ReLU(),
        nn.Dropout(DROPOUT),
        nn.Linear(256, 1),
    )
