"""Strengths of baselines, chosen by behaviour on calibration prompts alone."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from isogloss.core import Kind, Label, Language, Prompt, Split
from isogloss.core.progress import Progress, silent
from isogloss.judges.judge import Judge
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.repair.baselines.calibration import Calibration
from isogloss.repair.method import answer_inside

MULTIPLIERS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
"""Multiples of the distance between the source classes, as tried for a repair."""
REPLY_TOKENS = 32
MOST_PROMPTS = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one setting did to the bench's prompts, as shares of all replies; every language has the same weight.

    A reply that the judge leaves undecided is neither refused nor broken, but counts among the replies: a push that
    makes text unreadable must not look good for the few replies that are left.

    Attributes:
        harmful_refused: harmful prompts refused.
        harmless_refused: harmless prompts refused.
        degenerate: broken replies among both.
    """

    harmful_refused: float
    harmless_refused: float
    degenerate: float

    @property
    def force(self) -> float:
        """How well a push refuses when every row gets it: refusals of both kinds minus broken replies."""
        return self.harmful_refused + self.harmless_refused - self.degenerate

    @property
    def selectivity(self) -> float:
        """Harmful minus harmless refusal minus broken replies."""
        return self.harmful_refused - self.harmless_refused - self.degenerate


@dataclass(frozen=True, slots=True)
class Strength:
    """The multiplier chosen, and everything that was tried."""

    multiplier: float
    trials: tuple[tuple[float, Outcome], ...]


class Bench:
    """Runs the same calibration prompts under one setting after another.

    Args:
        model: the plain model.
        judge: reads the replies.
        prompts: never test prompts.
        decoding: of the trials; None is greedy with 32 tokens.
        progress: told after every multiplier that is tried.
    """

    def __init__(
        self,
        model: OpenModel,
        judge: Judge,
        prompts: Sequence[Prompt],
        decoding: Decoding | None = None,
        progress: Progress = silent,
    ) -> None:
        self._model = model
        self._judge = judge
        self._prompts = list(prompts)
        self._decoding = decoding or Decoding(max_new_tokens=REPLY_TOKENS)
        self.progress = progress

    def measure(self, steering: AbstractContextManager[Any] | None = None) -> Outcome:
        """What a setting does; None is the plain model."""
        by_key = {prompt.key: prompt for prompt in self._prompts}
        inside = steering if steering is not None else nullcontext()
        replies = list(answer_inside(self._model, inside, self._prompts, self._decoding))
        pairs = [(by_key[reply.prompt_id, reply.language], reply) for reply in replies]
        labels: dict[tuple[Language, Kind], list[Label]] = {}
        for (prompt, _), verdict in zip(pairs, self._judge.judge(pairs), strict=True):
            labels.setdefault((prompt.language, prompt.kind), []).append(verdict.label)
        return Outcome(
            _share(labels, Label.REFUSED, Kind.HARMFUL),
            _share(labels, Label.REFUSED, Kind.HARMLESS),
            _share(labels, Label.DEGENERATE, *Kind),
        )

    def noise(self) -> float:
        """One standard error of a score, taking both refusal shares as the most uncertain there are."""
        counts = [sum(prompt.kind == kind for prompt in self._prompts) for kind in Kind]
        return float(sum(0.25 / max(count, 1) for count in counts) ** 0.5)


def choose_force(
    bench: Bench, make: Callable[[float], AbstractContextManager[Any]], multipliers: Sequence[float] = MULTIPLIERS
) -> Strength:
    """The smallest multiplier whose force is within one standard error of the best, when every row is pushed.

    For methods that decide by themselves which rows to push. It asks of a push what it is for, as the repair's own
    choice does; judged by the routed result instead, any push would look equally good in languages where the model
    refuses by itself, and the weakest would win.

    Args:
        bench: validation prompts of the source languages.
        make: from a multiplier to a steering that moves every row.
        multipliers: to try.
    """
    trials = _try_all(bench, make, multipliers)
    best = max(outcome.force for _, outcome in trials)
    enough = [multiplier for multiplier, outcome in trials if outcome.force >= best - bench.noise()]
    return Strength(min(enough), trials)


def choose_selectivity(
    bench: Bench, make: Callable[[float], AbstractContextManager[Any]], multipliers: Sequence[float] = MULTIPLIERS
) -> Strength:
    """The multiplier with the best selectivity minus damage; of equals the smallest. For methods without a gate."""
    trials = _try_all(bench, make, multipliers)
    best = max(outcome.selectivity for _, outcome in trials)
    return Strength(min(multiplier for multiplier, outcome in trials if outcome.selectivity >= best), trials)


def _try_all(
    bench: Bench, make: Callable[[float], AbstractContextManager[Any]], multipliers: Sequence[float]
) -> tuple[tuple[float, Outcome], ...]:
    trials = []
    for multiplier in multipliers:
        trials.append((multiplier, bench.measure(make(multiplier))))
        bench.progress("baseline strengths", len(trials), len(multipliers))
    return tuple(trials)


def pick_prompts(calibration: Calibration, *, shots: bool, most: int = MOST_PROMPTS) -> list[Prompt]:
    """Validation prompts of the source languages, at most ``most`` per kind, in turns; all shots too if wanted."""
    validation = calibration.prompts(calibration.source, split=Split.VALIDATION)
    picked = [
        prompt for kind in Kind for prompt in list(_take_turns([one for one in validation if one.kind == kind]))[:most]
    ]
    return picked + (calibration.prompts(calibration.calibrated) if shots else [])


def _take_turns(prompts: Sequence[Prompt]) -> Iterator[Prompt]:
    queues: dict[Language, list[Prompt]] = {}
    for prompt in prompts:
        queues.setdefault(prompt.language, []).append(prompt)
    for turn in range(max(map(len, queues.values()), default=0)):
        yield from (queue[turn] for queue in queues.values() if turn < len(queue))


def _share(labels: dict[tuple[Language, Kind], list[Label]], wanted: Label, *kinds: Kind) -> float:
    shares = [sum(label == wanted for label in part) / len(part) for (_, kind), part in labels.items() if kind in kinds]
    return float(np.mean(shares)) if shares else 0.0
