"""The data that every baseline is fitted on: source prompts, and the same few shots that the gate gets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import TooFewPrompts, UnknownName
from isogloss.core.progress import Progress, silent
from isogloss.core.seeds import derive_seed
from isogloss.inside.activations import Activations, record_activations
from isogloss.inside.directions import Classes
from isogloss.models.open_model import OpenModel
from isogloss.repair.calibration_prompts import draw_shots
from isogloss.repair.probes.pooling import record_mean_states

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Calibration:
    """Recorded states of all prompts that a method may be fitted on; never a test prompt.

    Attributes:
        activations: last prompt token at every layer: train and validation prompts of the source languages, and the
            shots of the target languages.
        means: float32 [prompt, layer, hidden], means over each prompt's own tokens, at the same layers.
        source: languages in which the model is trusted.
        target: languages to repair; each has ``shots`` prompts per class here, and no others.
        shots: per class and target language; may be 0.
        seed: decided which shots were drawn.
    """

    activations: Activations
    means: Floats
    source: tuple[Language, ...]
    target: tuple[Language, ...]
    shots: int
    seed: int

    @property
    def calibrated(self) -> tuple[Language, ...]:
        """Target languages with shots."""
        return self.target if self.shots else ()

    @property
    def layers(self) -> tuple[int, ...]:
        return self.activations.layers

    def numbers(self, language: Language, kind: Kind, split: Split | None = None) -> list[int]:
        """Rows of one class of one language, in recorded order."""
        return np.flatnonzero(self.activations.rows(language=language, kind=kind, split=split)).tolist()

    def classes(
        self, layer: int, languages: Sequence[Language], *, split: Split | None = None, pooled: bool = False
    ) -> dict[Language, Classes]:
        """Harmful and harmless states [prompt, hidden] of each language at a layer.

        Args:
            layer: 0-based decoder block.
            languages: whose.
            split: of the source languages' prompts; None takes both, and is right for shots.
            pooled: means over the prompt's tokens instead of the last token.
        """
        hidden = self.means[:, self.layers.index(layer)] if pooled else self.activations.at(layer)
        return {
            language: (
                hidden[self.numbers(language, Kind.HARMFUL, split)],
                hidden[self.numbers(language, Kind.HARMLESS, split)],
            )
            for language in languages
        }

    def fitting(self, layer: int, *, pooled: bool = False) -> dict[Language, Classes]:
        """What a corrected method is fitted on: training prompts of the source languages, and all shots."""
        return {
            **self.classes(layer, self.source, split=Split.TRAIN, pooled=pooled),
            **self.classes(layer, self.calibrated, pooled=pooled),
        }

    def choosing(self, layer: int, *, pooled: bool = False) -> dict[Language, Classes]:
        """What a corrected method is chosen on: validation prompts of the source languages, and all shots."""
        return {
            **self.classes(layer, self.source, split=Split.VALIDATION, pooled=pooled),
            **self.classes(layer, self.calibrated, pooled=pooled),
        }

    def adapted(self, layer: int, *, pooled: bool = False) -> dict[Language, Classes]:
        """What a published method is fitted on: the shots of the target languages; without any, source training."""
        if self.calibrated:
            return self.classes(layer, self.calibrated, pooled=pooled)
        return self.classes(layer, self.source, split=Split.TRAIN, pooled=pooled)

    def prompts(self, languages: Sequence[Language], *, split: Split | None = None) -> list[Prompt]:
        """Prompts of some languages, in recorded order."""
        return [
            prompt
            for prompt in self.activations.prompts
            if prompt.language in languages and (split is None or prompt.split == split)
        ]


def record_calibration(
    model: OpenModel,
    prompts: Sequence[Prompt],
    *,
    source: Sequence[Language],
    target: Sequence[Language],
    shots: int,
    seed: int,
    activations: Activations | None = None,
    batch_tokens: int = 8192,
    progress: Progress = silent,
) -> Calibration:
    """Choose the calibration prompts and record their states at every layer.

    The shots are those that ``calibrate_thresholds`` draws from the same prompts with the same seed.

    Args:
        model: the plain model.
        prompts: with splits; test prompts are passed over.
        source: languages in which the model is trusted; training and validation prompts are used.
        target: languages to repair; one that is also a source language needs no shots and gets none.
        shots: labelled prompts per class and target language, from the validation split.
        seed: decides which.
        activations: states of the last prompt token at every layer that are there already; prompts that it holds are
            not run again for them. None records them.
        batch_tokens: the most tokens, padding included, of a batch.
        progress: told while states are recorded.

    Raises:
        TooFewPrompts: a source language lacks training or validation prompts of a class, or a target has too few shots.
        UnknownName: ``activations`` lacks a prompt or a layer that is needed.
    """
    sources = tuple(dict.fromkeys(source))
    targets = tuple(language for language in dict.fromkeys(target) if language not in sources)
    chosen = [prompt for prompt in prompts if prompt.language in sources and prompt.split in _SOURCE_SPLITS]
    _check_source(chosen, sources)
    for language in targets if shots else ():
        for kind in Kind:
            drawn = draw_shots(prompts, language, kind, Split.VALIDATION, shots, derive_seed(seed, language.key, kind))
            chosen += [prompts[number] for number in drawn]
    if activations is None:
        states = record_activations(model, chosen, batch_tokens=batch_tokens, progress=progress)
    else:
        states = _select_states(activations, chosen, model)
    means = record_mean_states(model, chosen, batch_tokens=batch_tokens, progress=progress)
    return Calibration(states, means, sources, targets, shots, seed)


_SOURCE_SPLITS = (Split.TRAIN, Split.VALIDATION)


def _check_source(chosen: Sequence[Prompt], source: Sequence[Language]) -> None:
    held = {(prompt.language, prompt.kind, prompt.split) for prompt in chosen}
    wanted = [(language, kind, split) for language in source for kind in Kind for split in _SOURCE_SPLITS]
    missing = [
        f"{kind} {split} prompts in {language}"
        for language, kind, split in wanted
        if (language, kind, split) not in held
    ]
    if missing or not source:
        raise TooFewPrompts(
            f"Baselines are fitted on training and chosen on validation prompts of the source languages; there are no "
            f"{', '.join(missing[:3]) or 'source languages'}. Add them or choose other source languages."
        )


def _select_states(activations: Activations, chosen: Sequence[Prompt], model: OpenModel) -> Activations:
    places = {prompt.key: place for place, prompt in enumerate(activations.prompts)}
    missing = [prompt.key for prompt in chosen if prompt.key not in places]
    layers = tuple(range(model.layer_count))
    if missing or not set(layers) <= set(activations.layers) or -1 not in activations.positions:
        raise UnknownName(
            f"The states given lack {len(missing)} of {len(chosen)} calibration prompts, or some of the {len(layers)} "
            f"layers, or position -1: they have layers {list(activations.layers)} and positions "
            f"{list(activations.positions)}. Record all layers, or leave them out."
        )
    rows = [places[prompt.key] for prompt in chosen]
    columns = [activations.layers.index(layer) for layer in layers]
    hidden = activations.hidden[:, :, activations.positions.index(-1)][np.ix_(rows, columns)]
    return Activations(hidden[:, :, None], tuple(chosen), layers, (-1,), activations.model)
