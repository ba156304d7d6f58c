"""Other prompt sets: does a gate that was fitted on one set hold on prompts that somebody else wrote?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import TooFewPrompts
from isogloss.experiment.draws import Draws, Rows, draw_all
from isogloss.experiment.ours import fit_ours, pooled_view
from isogloss.experiment.record import OutsideRecord, OutsideRow
from isogloss.experiment.scoring import measure_areas, measure_fits, percentile_interval
from isogloss.experiment.states import LayerStates, group_prompts
from isogloss.repair.published.directions import pooled_direction
from isogloss.repair.published.thresholds import fit_f1_thresholds

Floats = npt.NDArray[np.floating[Any]]
ReadSet = Callable[[str, Sequence[Prompt], int], Floats]
"""States float32 [prompt, hidden] of some prompts of a named set at one layer."""
NO_CLASS = "the set has no {kind} prompts in this language, so only one error can be seen"


@dataclass(frozen=True, eq=False)
class _Method:
    """A score and a rule for thresholds.

    Attributes:
        score: scores [prompt] of coordinates [prompt, feature].
        cut: a threshold from harmful and harmless shots' scores; from none, the source threshold.
    """

    name: str
    score: Callable[[Floats], Floats]
    cut: Callable[[Floats, Floats], float]


def measure_outside(
    states: LayerStates,
    draws: Draws,
    sets: Mapping[str, Sequence[Prompt]],
    read: ReadSet,
    *,
    shots: Sequence[int],
    seeds: Sequence[int],
    split: Split,
    confidence: float,
    key: str = "",
) -> OutsideRecord:
    """Score other prompt sets with the gates of this study.

    Every language of a set is measured three ways: at the source threshold; with shots of the study's own set in the
    same language, where it has them; and with shots of the other set itself. The last is refused, and recorded as
    refused, where that set has no ``split`` prompts of both kinds: a shot never comes from prompts that are measured.

    Args:
        states: of the study's own set.
        draws: of its shots.
        sets: other sets by name; prompts without a split are all measured.
        read: states of the other sets' prompts.
        shots: budgets; 0 is the source threshold.
        seeds: of the draws.
        split: where shots come from.
        confidence: of the percentile limits over draws.
        key: of the record.
    """
    methods = _fit_methods(states)
    rows: list[OutsideRow] = []
    for name, prompts in sets.items():
        groups = group_prompts(prompts, tuple(dict.fromkeys(one.language for one in prompts)))
        own_draws = draw_all(groups, tuple(groups), split=split, most=max([*shots, 0]), seeds=seeds)
        for language, chosen in groups.items():
            features = np.asarray(read(name, chosen, states.layer) @ states.basis, np.float64)
            for method in methods:
                work = _Cell(name, language, chosen, method.score(features), method, shots, seeds, confidence)
                rows += work.measure(states, draws, own_draws)
    return OutsideRecord(key=key, layer=states.layer, rows=tuple(rows))


@dataclass(frozen=True, eq=False)
class _Cell:
    """One language of one set under one method."""

    prompts: str
    language: Language
    chosen: Sequence[Prompt]
    scores: Floats
    method: _Method
    shots: Sequence[int]
    seeds: Sequence[int]
    confidence: float

    def measure(self, states: LayerStates, draws: Draws, own_draws: Draws) -> Iterator[OutsideRow]:
        for budget in self.shots:
            if not budget:
                nothing = np.empty(0)
                yield self._row("source", 0, [self.method.cut(nothing, nothing)], "")
                continue
            yield from self._calibrated("this set", budget, own_draws, self.scores)
            if self.language in states.languages:
                inside = self.method.score(states.languages[self.language].features)
                yield from self._calibrated("the study's set", budget, draws, inside)

    def _calibrated(self, name: str, budget: int, draws: Draws, scores: Floats) -> Iterator[OutsideRow]:
        try:
            drawn: list[tuple[Rows, Rows]] = [draws.shots(self.language, seed, budget) for seed in self.seeds]
        except TooFewPrompts as refused:
            yield self._row(name, budget, [], str(refused))
            return
        yield self._row(name, budget, [self.method.cut(scores[above], scores[below]) for above, below in drawn], "")

    def _row(self, calibrated_on: str, budget: int, cuts: Sequence[float], reason: str) -> OutsideRow:
        harmful, harmless = (self.scores[self._tests(kind)] for kind in Kind)
        lacking = [kind.value for kind, part in zip(Kind, (harmful, harmless), strict=True) if not part.size]
        found = measure_fits(harmful[None], harmless[None], np.array(cuts), areas=np.zeros(len(cuts))) if cuts else None
        accuracy = found.balanced_accuracy if found else np.empty(0)
        return OutsideRow(
            prompts=self.prompts,
            language=self.language.tag,
            method=self.method.name,
            calibrated_on=calibrated_on,
            shots=budget,
            n_harmful=harmful.size,
            n_harmless=harmless.size,
            balanced_accuracy=_mean(accuracy),
            balanced_accuracy_interval=percentile_interval(accuracy, confidence=self.confidence),
            auroc=_mean(measure_areas(harmful[None], harmless[None])),
            tpr=_mean(found.tpr) if found else None,
            fpr=_mean(found.fpr) if found else None,
            reason=reason or (NO_CLASS.format(kind=" or ".join(lacking)) if lacking else ""),
        )

    def _tests(self, kind: Kind) -> npt.NDArray[np.bool_]:
        """Prompts that are measured: the test split, and everything of a set without splits."""
        return np.array([one.kind == kind and one.split in (Split.TEST, None) for one in self.chosen], dtype=bool)


def _fit_methods(states: LayerStates) -> list[_Method]:
    gate, line = fit_ours(states), fit_ours(states, view=pooled_view(states))
    classes = states.source_classes()
    published = np.asarray(pooled_direction(classes), np.float64)
    source = [np.concatenate([both[place] for both in classes.values()]) @ published for place in (0, 1)]
    source_cut = _published_cut(source[0], source[1])
    return [
        _Method("gate", gate.score, gate.cut),
        _Method("direction", line.score, line.cut),
        _Method(
            "published direction",
            lambda features: np.asarray(features @ published),
            lambda harmful, harmless: _published_cut(harmful, harmless) if len(harmful) else source_cut,
        ),
    ]


def _published_cut(harmful: Floats, harmless: Floats) -> float:
    labels = np.arange(len(harmful) + len(harmless)) < len(harmful)
    return float(fit_f1_thresholds(np.concatenate([harmful, harmless])[None], labels)[0][0])


def _mean(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return round(float(known.mean()), 4) if known.size else None
