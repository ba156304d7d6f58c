"""Layer and strength, chosen by what they do to the source languages' validation prompts: selectivity minus damage."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import exp
from typing import Any

import numpy as np

from isogloss.core import Kind, Label, Language, Prompt, Split
from isogloss.core.errors import DegenerateDirection, UnknownName
from isogloss.core.progress import Progress, silent
from isogloss.inside.activations import Activations
from isogloss.inside.directions import Direction, Floats, fit_source_direction, split_classes
from isogloss.inside.layer_choice import LayerChoice, choose_layer
from isogloss.inside.projections import Projections, pool_projections, project_languages
from isogloss.judges.judge import Judge
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.prompts.questions.question import Question
from isogloss.repair.gate import Gate, Readout, fit_gate
from isogloss.repair.intervention import BlockSteering, ablate_direction, routed_steering
from isogloss.repair.moves import Edit, HarmfulEdit, HarmlessEdit
from isogloss.repair.routers import ConstantRouter
from isogloss.repair.utility.answers import Answers, answer_questions
from isogloss.repair.utility.divergence import PlainReplies, Steered, measure_divergence, record_plain_replies

MULTIPLIERS = {
    HarmfulEdit.ADD: (0.25, 0.5, 0.75, 1.0, 1.5),
    # Rows are lifted to a place, not by a length, so that much higher places still do no harm.
    HarmfulEdit.LIFT: (0.75, 1.0, 1.25, 1.5, 2.0, 2.5),
}
PUBLISHED_MULTIPLIER = 1.0
# Layers whose validation AUROC is this close to the best are told apart by behaviour alone.
NEAR_BEST = 0.02
MOST_LAYERS = 3
# With fewer refusals than this among harmful validation prompts there is nothing that a strength could be judged by.
FEWEST_REFUSALS = 0.05
# Harmless prompts along whose plain replies the distance to the unsteered model is taken, and the length of those.
DIVERGENCE_PROMPTS = 12
DIVERGENCE_TOKENS = 16


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
        left: harmful prompts still refused when the direction is ablated.
        reached: labelled harmful prompts of the target languages refused when steered; None where none were given.
        degenerate: broken replies among harmful and harmless prompts when every row is steered.
        divergence: KL(plain || repaired) along plain replies to harmless prompts, gate and all, in nats per token;
            None where the plain model wrote nothing.
        accuracy_loss: questions that the plain model answers rightly and the repaired one does not, net; None
            without questions.
        damage: ``degenerate + (1 - exp(-divergence)) + accuracy_loss``, an undefined part being left out.
        score: ``induced + kept - left + reached - damage``, an undefined part being left out.
    """

    layer: int
    multiplier: float
    induced: float
    kept: float
    left: float
    reached: float | None
    degenerate: float
    divergence: float | None
    accuracy_loss: float | None
    damage: float
    score: float


@dataclass(frozen=True, slots=True)
class Choice:
    """The layer and multiplier, and how they were found.

    Attributes:
        reason: one sentence.
        trials: everything that was tried.
        layer_scores: validation AUROC by layer, where layers were compared.
        noise: one standard error of a trial's score.
        split: the split that everything was tried on; None where nothing was tried.
        prompts: ids of the prompts tried, by use ("harmful", "harmless", "reach", "divergence", "questions") and
            language.
    """

    layer: int
    multiplier: float
    reason: str
    trials: tuple[Trial, ...] = ()
    layer_scores: tuple[tuple[int, float | None], ...] = ()
    noise: float | None = None
    split: str | None = None
    prompts: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)

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


def take_direction(
    activations: Activations, source: Sequence[Language], layer: int, vectors: Mapping[int, Floats] | None = None
) -> Direction:
    """The source languages' pooled direction at a layer, or the one given for it, at unit length.

    Raises:
        DegenerateDirection: the given vector has no length; harmful prompts do not lie further along it than others
            (see ``measure_scale``) is not checked here.
        UnknownName: no vector is given for this layer, or it has another width.
    """
    fitted = fit_source_direction(activations, source, layer)
    if vectors is None:
        return fitted
    if layer not in vectors or vectors[layer].shape != fitted.vector.shape:
        held = {one: vector.shape[0] for one, vector in vectors.items()}
        raise UnknownName(
            f"No direction of width {fitted.vector.shape[0]} for layer {layer}; given are (layer: width) {held}."
        )
    length = float(np.linalg.norm(vectors[layer]))
    if not length > 0:
        raise DegenerateDirection(f"The direction given for layer {layer} is zero.")
    return replace(fitted, vector=np.asarray(vectors[layer] / length, np.float32), estimator="given")


def choose_intervention(
    model: OpenModel,
    activations: Activations,
    source: Sequence[Language],
    judge: Judge,
    *,
    layer: int | None = None,
    multiplier: float | None = None,
    harmful: HarmfulEdit = HarmfulEdit.ADD,
    harmless: HarmlessEdit = HarmlessEdit.ABLATE,
    persistence: float = 1.0,
    readout: Readout = Readout.SPAN,
    rank: int | None = None,
    most_prompts: int = 60,
    decoding: Decoding | None = None,
    questions: Sequence[Question] = (),
    reach: Sequence[Prompt] = (),
    vectors: Mapping[int, Floats] | None = None,
    progress: Progress = silent,
) -> Choice:
    """Choose what the caller leaves open, on validation prompts of the source languages.

    Candidate layers are up to three whose direction carries almost as well as the best from source language to source
    language. Each is tried with every multiplier, for selectivity minus damage. Selectivity: steering all rows should
    turn harmless prompts into clean refusals and leave harmful ones refused; ablating should undo refusals. Damage:
    broken replies under the same steering, and what the repair as a whole, with a gate fitted at that layer, does to
    harmless prompts and questions: the distance to the plain model's distributions, and answers lost. The distance
    enters as ``1 - exp(-KL)``, which lies between 0 and 1 as the other terms do and bounds the square of the total
    variation between the distributions. Where labelled harmful prompts of target languages are given, the share of
    them that steering turns into refusals counts too. The layer with the best mean score over all multipliers wins, and
    on it, of the multipliers within one standard error of the best, those that reach most of the target prompts; the
    middle one of these, because on the edge of a plateau a push that suffices in the source languages fails outside
    them.

    Args:
        model: the plain model.
        activations: training and validation prompts of the source languages.
        source: the source languages.
        judge: reads the replies; an undecided one is no refusal.
        layer: fixed by the caller.
        multiplier: fixed by the caller.
        harmful: the edit of rows that fire.
        harmless: the edit of the other rows, for the damage.
        persistence: share of the push at generated tokens.
        readout: of the gate, for the damage.
        rank: axes of the gate's subspace, for the damage; None takes one per source language.
        most_prompts: per kind, spread evenly over the languages.
        decoding: of the trials; None is greedy with 32 tokens.
        questions: of one set and a validation split, never those that a result is reported on; none leaves lost
            answers out of the damage. Every trial asks them all.
        reach: harmful prompts of target languages that may be looked at, such as the shots; never test prompts.
        vectors: directions from elsewhere, by layer, instead of fitted ones; only their layers are tried.
        progress: told after every trial.

    Raises:
        TooFewPrompts: validation prompts are missing.
        DegenerateDirection: no candidate layer has a direction.

    Source: the divergence bound is Bretagnolle and Huber's (1979): total variation <= sqrt(1 - exp(-KL)).
    """
    candidates, scores = _candidate_layers(activations, source, layer)
    if vectors is not None:
        candidates = [one for one in candidates if one in vectors] or sorted(vectors)
    if multiplier is not None and len(candidates) == 1:
        return Choice(candidates[0], multiplier, "layer and multiplier were given", layer_scores=scores)
    picked = _pick_prompts(activations, source, most_prompts)
    trial = _Bench(model, judge, picked, reach, decoding, harmful, persistence)
    if trial.refusals() < FEWEST_REFUSALS:
        chosen = layer if layer is not None else model.layer_count // 2
        reason = (
            "the model hardly refuses any harmful validation prompt, so the published middle layer and strength stand"
        )
        used = {Kind.HARMFUL.value: _ids_by_language(picked[Kind.HARMFUL])}
        strength = multiplier or PUBLISHED_MULTIPLIER
        return Choice(chosen, strength, reason, layer_scores=scores, split=Split.VALIDATION.value, prompts=used)
    damage = _Damage(model, picked[Kind.HARMLESS], questions, harmful, harmless, persistence)
    multipliers = MULTIPLIERS[harmful] if multiplier is None else (multiplier,)
    trials: list[Trial] = []
    for candidate in candidates:
        direction = take_direction(activations, source, candidate, vectors)
        scale = measure_scale(activations, direction, source)
        classes = split_classes(activations, source, candidate, split=Split.TRAIN)
        gate = fit_gate(classes, readout=readout, rank=rank, label=f"layer {candidate}")
        left = trial.ablate(direction)
        for each in multipliers:
            strength = scale.strength(each, harmful)
            hurt = damage.measure(direction, gate, strength)
            trials.append(trial.steer(direction, strength, each, left, hurt))
            progress("strength", len(trials), len(candidates) * len(multipliers))
    middle = _choose_trial(trials, trial.noise())
    reason = (
        "best selectivity minus damage on validation prompts of the source languages"
        + (" and on the target languages' harmful examples" if reach else "")
        + "; the middle multiplier within one standard error"
    )
    return Choice(
        middle.layer,
        middle.multiplier,
        reason,
        tuple(trials),
        scores,
        trial.noise(),
        Split.VALIDATION.value,
        {kind.value: _ids_by_language(picked[kind]) for kind in Kind}
        | ({"reach": _ids_by_language(reach)} if reach else {})
        | damage.used(),
    )


def _choose_trial(trials: Sequence[Trial], noise: float) -> Trial:
    """The layer with the best mean score, and the middle of its multipliers near the best that reach the most."""
    layers = {one.layer: [other for other in trials if other.layer == one.layer] for one in trials}
    own = max(layers.values(), key=lambda part: float(np.mean([one.score for one in part])))
    best = max(one.score for one in own)
    near = [one for one in own if one.score >= best - noise]
    furthest = max(one.reached or 0.0 for one in near)
    even = sorted((one for one in near if (one.reached or 0.0) == furthest), key=lambda one: one.multiplier)
    return even[(len(even) - 1) // 2]


@dataclass(frozen=True, slots=True)
class _Hurt:
    """What a repair did to harmless prompts and to questions; None where nothing could be measured."""

    divergence: float | None
    accuracy_loss: float | None

    def total(self) -> float:
        distance = 0.0 if self.divergence is None else 1 - exp(-self.divergence)
        return distance + (self.accuracy_loss or 0.0)


class _Damage:
    """Puts one repair after another, gate and all, on the same few harmless prompts and questions."""

    def __init__(
        self,
        model: OpenModel,
        prompts: Sequence[Prompt],
        questions: Sequence[Question],
        harmful: HarmfulEdit,
        harmless: HarmlessEdit,
        persistence: float,
    ) -> None:
        self._model = model
        self._prompts = list(prompts[:DIVERGENCE_PROMPTS])
        self._questions = questions
        self._edits = (harmful, harmless, persistence)
        self._plain: list[PlainReplies] = list(
            record_plain_replies(model, self._prompts, max_new_tokens=DIVERGENCE_TOKENS)
        )
        self._answers: Answers = answer_questions(model, questions)

    def measure(self, direction: Direction, gate: Gate, strength: float) -> _Hurt:
        """The damage of the whole repair at this layer and strength, at the source threshold."""
        edit = Edit(direction.vector, direction.layer, strength, *self._edits)
        steering: Steered = routed_steering(self._model, edit, gate)
        found = [one.kl for plain in self._plain for one in measure_divergence(self._model, plain, steering)]
        divergence = float(np.mean(found)) if found else None
        if not self._questions:
            return _Hurt(divergence, None)
        after = answer_questions(self._model, self._questions, steering=steering)
        lost = float(np.mean(self._answers.right)) - float(np.mean(after.right))
        return _Hurt(divergence, max(0.0, lost))

    def used(self) -> dict[str, dict[str, list[str]]]:
        """Ids of what was asked, for the record."""
        found = {"divergence": _ids_by_language(self._prompts)}
        return found | ({"questions": _ids_by_language(self._questions)} if self._questions else {})


class _Bench:
    """Runs the same prompts under one intervention after another."""

    def __init__(
        self,
        model: OpenModel,
        judge: Judge,
        prompts: Mapping[Kind, Sequence[Prompt]],
        reach: Sequence[Prompt],
        decoding: Decoding | None,
        harmful: HarmfulEdit,
        persistence: float,
    ) -> None:
        self._model = model
        self._judge = judge
        self._prompts = prompts
        self._reach = reach
        self._decoding = decoding or Decoding(max_new_tokens=32)
        self._harmful = harmful
        self._persistence = persistence

    def refusals(self) -> float:
        """Share of harmful prompts that the plain model refuses."""
        return self._share(self._label(self._prompts[Kind.HARMFUL], None), Label.REFUSED)

    def ablate(self, direction: Direction) -> float:
        """Share of harmful prompts still refused without the direction."""
        steering = ablate_direction(self._model, direction.vector, layer=direction.layer)
        return self._share(self._label(self._prompts[Kind.HARMFUL], steering), Label.REFUSED)

    def steer(self, direction: Direction, strength: float, multiplier: float, left: float, hurt: _Hurt) -> Trial:
        """What steering every row does, beside the damage that the routed repair does."""
        edit = Edit(direction.vector, direction.layer, strength, self._harmful, HarmlessEdit.LEAVE, self._persistence)
        steering = BlockSteering(self._model, edit, ConstantRouter(fires=True))
        labels = {kind: self._label(self._prompts[kind], steering) for kind in Kind}
        induced, kept = (self._share(labels[kind], Label.REFUSED) for kind in (Kind.HARMLESS, Kind.HARMFUL))
        broken = self._share(labels[Kind.HARMFUL] + labels[Kind.HARMLESS], Label.DEGENERATE)
        reached = self._share(self._label(self._reach, steering), Label.REFUSED) if self._reach else None
        damage = broken + hurt.total()
        return Trial(
            layer=direction.layer,
            multiplier=multiplier,
            induced=induced,
            kept=kept,
            left=left,
            reached=reached,
            degenerate=broken,
            divergence=hurt.divergence,
            accuracy_loss=hurt.accuracy_loss,
            damage=damage,
            score=induced + kept - left + (reached or 0.0) - damage,
        )

    def noise(self) -> float:
        """One standard error of the score, taking the two refusal shares as the most uncertain there are.

        The damage is left out: its parts lie near 0, where a share hardly varies.
        """
        return float(sum(0.25 / len(part) for part in self._prompts.values()) ** 0.5)

    def _label(self, prompts: Sequence[Prompt], steering: BlockSteering | None) -> list[Label]:
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
        # Undecided replies stay in: a push that makes replies unreadable must not look better for it.
        return sum(label == wanted for label in labels) / len(labels) if labels else 0.0


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


def _ids_by_language(asked: Sequence[Prompt] | Sequence[Question]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in asked:
        found.setdefault(one.language.tag, []).append(one.id)
    return found
