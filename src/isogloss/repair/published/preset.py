"""The published repair as a whole: gate, strength and routed edit from recorded states, ready to steer a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.core import Kind, Language, Split
from isogloss.core.errors import TooFewPrompts
from isogloss.inside.activations import Activations
from isogloss.models.open_model import OpenModel
from isogloss.repair.baselines.reading import predict_with
from isogloss.repair.intervention import RoutedSteering
from isogloss.repair.method import PUBLISHED, Method, steered_method
from isogloss.repair.moves import Edit, HarmfulEdit, HarmlessEdit, Move
from isogloss.repair.probes.detector import DetectorRouter
from isogloss.repair.published.directions import pooled_direction
from isogloss.repair.published.gate import PUBLISHED_RANK, PublishedGate, fit_published_gate
from isogloss.repair.published.rows import rows_at, select_rows
from isogloss.repair.published.shots import draw_published_shots, published_seed
from isogloss.repair.published.strength import published_strength
from isogloss.repair.published.thresholds import Objective


@dataclass(frozen=True, eq=False)
class PublishedRepair:
    """The published intervention.

    Attributes:
        gate: decides row by row.
        edit: push along the pooled direction from the last prompt token on where the gate fires, ablation
            everywhere where it does not.
        shot_ids: ids of the target prompts used, by language tag, harmful ones first.
    """

    gate: PublishedGate
    edit: Edit
    shot_ids: Mapping[str, tuple[str, ...]]

    def moves(self) -> Sequence[Move]:
        """The edit as moves."""
        return self.edit.moves()

    def router(self) -> DetectorRouter:
        """A fresh router."""
        return DetectorRouter(self.gate.detector)

    def steer(self, model: OpenModel) -> RoutedSteering:
        """The context in which the model is steered; gate and edit share one prefill."""
        return RoutedSteering(model, self.moves(), self.router())

    def method(self, model: OpenModel) -> Method:
        """The intervention as one of the methods compared."""
        used = [min(both) for both in self.gate.shots.values()]
        return steered_method(
            "published gate",
            model,
            self.steer,
            variant=PUBLISHED,
            shots=min(used, default=0),
            note="One prefill instead of two passes; our own seeds and fixed signs of the basis.",
            predicts=predict_with(model, self.router),
        )


def fit_published_repair(
    activations: Activations,
    source: Sequence[Language],
    targets: Sequence[Language],
    *,
    layer: int,
    shots: int,
    seed: int,
    rank: int | None = None,
    multiplier: float = 1.0,
    name: str = "",
    shot_rows: Mapping[Language, Sequence[int]] | None = None,
    shot_split: Split | None = Split.TRAIN,
    objective: Objective = Objective.BALANCED_MACRO_F1,
) -> PublishedRepair:
    """Everything from recorded states of the last prompt token.

    To use the very shots of a ``Calibration``, pass the numbers of its prompts as ``shot_rows``.

    Args:
        activations: training prompts of the source languages and the prompts that shots come from.
        source: languages in which the model is trusted.
        targets: languages to calibrate.
        layer: that of gate and edit.
        shots: per class and target language; 0 is the published zero-shot form.
        seed: of draws and start weights.
        rank: see ``fit_published_gate``.
        multiplier: lambda of the strength.
        name: of the model, a part of the seeds.
        shot_rows: rows of ``activations`` to use as a language's shots, so that methods can be compared on the same
            ones; a language that is not named is drawn for.
        shot_split: where shots are drawn from; published: train.
        objective: what the thresholds maximise.

    Raises:
        TooFewPrompts: a class is missing or smaller than the shots.
        DegenerateDirection: the source classes do not differ along the pooled direction.
        NothingToDo: the multiplier is not positive.
        UnknownName: the layer was not recorded.

    Source: arXiv 2606.01196. There prompts run twice, once for the gate and once for the reply; here the same edit
    is made in one prefill.
    """
    rows = select_rows(activations, source, layer, split=Split.TRAIN)
    width = min(len(source), PUBLISHED_RANK) if rank is None else rank
    chosen = dict(shot_rows or {})
    for language in targets:
        if language not in chosen:
            one = published_seed(seed, name, language.key, shots, width, "shots")
            chosen[language] = _draw(activations, language, shots, shot_split, seed=one)
    gate = fit_published_gate(
        rows,
        {language: rows_at(activations, chosen[language], layer) for language in targets},
        layer=layer,
        rank=width,
        seed=seed,
        name=name,
        objective=objective,
    )
    vector = pooled_direction(rows.classes())
    strength = published_strength(rows.hidden[rows.harmful], rows.hidden[~rows.harmful], vector, multiplier=multiplier)
    return PublishedRepair(
        gate=gate,
        edit=Edit(vector, layer, strength, HarmfulEdit.ADD, HarmlessEdit.ABLATE, persistence=1.0),
        shot_ids={
            language.tag: tuple(activations.prompts[number].id for number in chosen[language]) for language in targets
        },
    )


def _draw(activations: Activations, language: Language, shots: int, split: Split | None, *, seed: int) -> Sequence[int]:
    held = np.flatnonzero(activations.rows(language=language, split=split))
    harmful = np.array([activations.prompts[number].kind == Kind.HARMFUL for number in held], dtype=bool)
    try:
        return [int(number) for number in held[draw_published_shots(harmful, shots, seed=seed)]]
    except TooFewPrompts as error:
        raise TooFewPrompts(f"{language}: {error}") from error
