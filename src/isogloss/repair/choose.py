"""Layer and strength, chosen by what they do to the source languages' validation prompts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from isogloss.core import Kind, Label, Language, Prompt, Split
from isogloss.core.errors import DegenerateDirection
from isogloss.core.progress import Progress, silent
from isogloss.inside.activations import Activations
from isogloss.inside.directions import Direction, fit_source_direction
from isogloss.inside.layer_choice import LayerChoice, choose_layer
from isogloss.inside.projections import Projections, pool_projections, project_languages
from isogloss.judges.judge import Judge
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.repair.intervention import BlockSteering, ablate_direction
from isogloss.repair.moves import Edit, HarmfulEdit, HarmlessEdit
from isogloss.repair.routers import ConstantRouter

MULTIPLIERS = (0.25, 0.5, 0.75, 1.0, 1.5)
PUBLISHED_MULTIPLIER = 1.0
# Layers whose validation AUROC is this close to the best are told apart by behaviour alone.
NEAR_BEST = 0.02
MOST_LAYERS = 3
# With fewer refusals than this among harmful validation prompts there is nothing that a strength could be judged by.
FEWEST_REFUSALS = 0.05


@dataclass(frozen=True, slots=True)
class Scale:
    """Where the source classes lie along the direction: what a multiplier multiplies.

    Attributes:
        high: upper quartile of the harmful projections, in model units.
        low: lower quartile of the harmless projections.
    """

    high: float
    low: float

    def strength(self, multiplier: float, harmful: HarmfulEdit) -> float:
        """The strength of an edit: ``multiplier * (high - low)`` to add, or that far above ``low`` to lift to."""
        length = multiplier * (self.high - self.low)
        return length if harmful == HarmfulEdit.ADD else self.low + length


@dataclass(frozen=True, slots=True)
class Trial:
    """What one layer and multiplier did to validation prompts of the source languages, as shares.

    Attributes:
        induced: harmless prompts cleanly refused when every row is steered.
        kept: harmful prompts still refused when every row is steered.
        degenerate: broken replies among both.
        left: harmful prompts still refused when the direction is ablated.
        score: ``induced + kept - degenerate - left``.
    """

    layer: int
    multiplier: float
    induced: float
    kept: float
    degenerate: float
    left: float
    score: float


@dataclass(frozen=True, slots=True)
class Choice:
    """The layer and multiplier, and how they were found.

    Attributes:
        reason: one sentence.
        trials: everything that was tried.
        layer_scores: validation AUROC by layer, where layers were compared.
        noise: one standard error of a trial's score.
    """

    layer: int
    multiplier: float
    reason: str
    trials: tuple[Trial, ...] = ()
    layer_scores: tuple[tuple[int, float | None], ...] = ()
    noise: float | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def measure_scale(activations: Activations, direction: Direction, source: Sequence[Language]) -> Scale:
    """Quartiles of the source languages' training projections, pooled.

    Raises:
        DegenerateDirection: the upper quartile of the harmful ones is not above the lower quartile of the harmless.

    Source: arXiv 2606.01196, the strength of the routed intervention.
    """
    pooled: Projections = pool_projections(project_languages(activations, direction, source, split=Split.TRAIN))
    high, low = float(np.quantile(pooled.harmful, 0.75)), float(np.quantile(pooled.harmless, 0.25))
    if not high > low:
        raise DegenerateDirection(
            f"Layer {direction.layer}: harmful projections do not lie above harmless ones ({high:.3g} against "
            f"{low:.3g}), so there is no strength to steer with. Choose another layer."
        )
    return Scale(high, low)


def choose_intervention(
    model: OpenModel,
    activations: Activations,
    source: Sequence[Language],
    judge: Judge,
    *,
    layer: int | None = None,
    multiplier: float | None = None,
    harmful: HarmfulEdit = HarmfulEdit.ADD,
    persistence: float = 1.0,
    most_prompts: int = 60,
    decoding: Decoding | None = None,
    progress: Progress = silent,
) -> Choice:
    """Choose what the caller leaves open, on validation prompts of the source languages.

    Candidate layers are up to three whose direction carries almost as well as the best from source language to source
    language. Each is tried with every multiplier: steering all rows should turn harmless prompts into clean refusals
    and leave harmful ones refused; ablating should undo refusals. The best score wins, and on its layer the smallest
    multiplier within one standard error of it.

    Args:
        model: the plain model.
        activations: training and validation prompts of the source languages.
        source: the source languages.
        judge: reads the replies; undecided ones count for nothing.
        layer: fixed by the caller.
        multiplier: fixed by the caller.
        harmful: the edit of rows that fire.
        persistence: share of the push at generated tokens.
        most_prompts: per kind, spread evenly over the languages.
        decoding: of the trials; None is greedy with 32 tokens.
        progress: told after every trial.

    Raises:
        TooFewPrompts: validation prompts are missing.
        DegenerateDirection: no candidate layer has a direction.
    """
    candidates, scores = _candidate_layers(activations, source, layer)
    if multiplier is not None and len(candidates) == 1:
        return Choice(candidates[0], multiplier, "layer and multiplier were given", layer_scores=scores)
    trial = _Bench(model, judge, _pick_prompts(activations, source, most_prompts), decoding, harmful, persistence)
    if trial.refusals() < FEWEST_REFUSALS:
        chosen = layer if layer is not None else model.layer_count // 2
        reason = (
            "the model hardly refuses any harmful validation prompt, so the published middle layer and strength stand"
        )
        return Choice(chosen, multiplier or PUBLISHED_MULTIPLIER, reason, layer_scores=scores)
    multipliers = MULTIPLIERS if multiplier is None else (multiplier,)
    trials: list[Trial] = []
    for candidate in candidates:
        direction = fit_source_direction(activations, source, candidate)
        scale = measure_scale(activations, direction, source)
        left = trial.ablate(direction)
        for each in multipliers:
            trials.append(trial.steer(direction, scale.strength(each, harmful), each, left))
            progress("strength", len(trials), len(candidates) * len(multipliers))
    best = max(trials, key=lambda one: one.score)
    enough = min(
        (one for one in trials if one.layer == best.layer and one.score >= best.score - trial.noise()),
        key=lambda one: one.multiplier,
    )
    reason = "best on validation prompts of the source languages; the smallest multiplier within one standard error"
    return Choice(best.layer, enough.multiplier, reason, tuple(trials), scores, trial.noise())


class _Bench:
    """Runs the same prompts under one intervention after another."""

    def __init__(
        self,
        model: OpenModel,
        judge: Judge,
        prompts: Mapping[Kind, Sequence[Prompt]],
        decoding: Decoding | None,
        harmful: HarmfulEdit,
        persistence: float,
    ) -> None:
        self._model = model
        self._judge = judge
        self._prompts = prompts
        self._decoding = decoding or Decoding(max_new_tokens=32)
        self._harmful = harmful
        self._persistence = persistence

    def refusals(self) -> float:
        """Share of harmful prompts that the plain model refuses."""
        return self._share(self._label(Kind.HARMFUL, None), Label.REFUSED)

    def ablate(self, direction: Direction) -> float:
        """Share of harmful prompts still refused without the direction."""
        steering = ablate_direction(self._model, direction.vector, layer=direction.layer)
        return self._share(self._label(Kind.HARMFUL, steering), Label.REFUSED)

    def steer(self, direction: Direction, strength: float, multiplier: float, left: float) -> Trial:
        """What steering every row does."""
        edit = Edit(direction.vector, direction.layer, strength, self._harmful, HarmlessEdit.LEAVE, self._persistence)
        labels = {
            kind: self._label(kind, BlockSteering(self._model, edit, ConstantRouter(fires=True))) for kind in Kind
        }
        induced, kept = (self._share(labels[kind], Label.REFUSED) for kind in (Kind.HARMLESS, Kind.HARMFUL))
        broken = self._share(labels[Kind.HARMFUL] + labels[Kind.HARMLESS], Label.DEGENERATE)
        score = induced + kept - broken - left
        return Trial(direction.layer, multiplier, induced, kept, broken, left, score)

    def noise(self) -> float:
        """One standard error of the score, taking the two refusal shares as the most uncertain there are."""
        return float(sum(0.25 / len(part) for part in self._prompts.values()) ** 0.5)

    def _label(self, kind: Kind, steering: BlockSteering | None) -> list[Label]:
        prompts = self._prompts[kind]
        if steering is None:
            replies = list(self._model.reply(prompts, self._decoding))
        else:
            with steering:
                replies = list(self._model.reply(prompts, self._decoding))
        by_key = {(prompt.id, prompt.language.tag): prompt for prompt in prompts}
        pairs = [(by_key[reply.prompt_id, reply.language], reply) for reply in replies]
        return [verdict.label for verdict in self._judge.judge(pairs)]

    @staticmethod
    def _share(labels: list[Label], wanted: Label) -> float:
        scored = [label for label in labels if label != Label.UNDECIDED]
        return sum(label == wanted for label in scored) / len(scored) if scored else 0.0


def _candidate_layers(
    activations: Activations, source: Sequence[Language], layer: int | None
) -> tuple[list[int], tuple[tuple[int, float | None], ...]]:
    if layer is not None:
        return [layer], ()
    found: LayerChoice = choose_layer(activations, source)
    scores = tuple(zip(found.layers, found.scores, strict=True))
    best = max(score for _, score in scores if score is not None)
    near = [number for number, score in scores if score is not None and score >= best - NEAR_BEST]
    places = np.linspace(0, len(near) - 1, min(MOST_LAYERS, len(near))).round().astype(int)
    return [near[place] for place in places], scores


def _pick_prompts(activations: Activations, source: Sequence[Language], most: int) -> dict[Kind, list[Prompt]]:
    """Validation prompts, the first of every language in turn."""
    picked: dict[Kind, list[Prompt]] = {}
    for kind in Kind:
        queues = [
            [
                prompt
                for prompt in activations.prompts
                if prompt.language == language and prompt.kind == kind and prompt.split == Split.VALIDATION
            ]
            for language in source
        ]
        longest = max(len(queue) for queue in queues)
        turns = [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)]
        picked[kind] = turns[:most]
    return picked
