"""Other prompt sets: does a gate that was fitted on one set hold on prompts that somebody else wrote?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import TooFewPrompts
from isogloss.experiment.cases import SOURCE, Case, case_of
from isogloss.experiment.draws import Draws, draw_all
from isogloss.experiment.ours import OurGate, fit_line, fit_ours
from isogloss.experiment.plan import DetectionMethod
from isogloss.experiment.record import OutsideRecord, OutsideRow
from isogloss.experiment.scoring import measure_areas, measure_fits, percentile_interval
from isogloss.experiment.states import LanguageStates, LayerStates, group_prompts
from isogloss.repair.published.directions import pooled_direction
from isogloss.repair.published.thresholds import fit_f1_thresholds

Floats = npt.NDArray[np.floating[Any]]
ReadSet = Callable[[str, Sequence[Prompt], int], Floats]
"""States float32 [prompt, hidden] of some prompts of a named set at one layer."""
NO_CLASS = "the set has no {kind} prompts in this language, so only one error can be seen"


@dataclass(frozen=True, eq=False)
class _Method:
    """Scores and a rule for thresholds.

    Attributes:
        score: scores [prompt] of a language's prompts, with the readout of a case.
        cut: a threshold from that readout's scores of harmful and harmless shots; from none, the source threshold.
    """

    name: str
    score: Callable[[LanguageStates, Case], Floats]
    cut: Callable[[Floats, Floats, Case], float]


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
    Shots of the study's own set join our readout as they do in the detection grid; those of the other set move the
    threshold of the readout of the source languages alone.

    Args:
        states: of the study's own set, with the cases of ``shots`` and ``seeds``.
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
            own = states.project(read(name, chosen, states.layer), language, chosen)
            for method in methods:
                work = _Cell(name, language, own, method, shots, seeds, confidence)
                rows += work.measure(states, draws, own_draws)
    return OutsideRecord(key=key, layer=states.layer, rows=tuple(rows))


@dataclass(frozen=True, eq=False)
class _Cell:
    """One language of one set under one method."""

    prompts: str
    language: Language
    own: LanguageStates
    method: _Method
    shots: Sequence[int]
    seeds: Sequence[int]
    confidence: float

    def measure(self, states: LayerStates, draws: Draws, own_draws: Draws) -> Iterator[OutsideRow]:
        for budget in self.shots:
            if not budget:
                nothing = np.empty(0)
                yield self._row("source", 0, [(SOURCE, self.method.cut(nothing, nothing, SOURCE))], "")
                continue
            yield from self._calibrated("this set", budget, own_draws, self.own, None)
            if self.language in states.languages:
                inside = states.languages[self.language]
                yield from self._calibrated("the study's set", budget, draws, inside, states)

    def _calibrated(
        self, name: str, budget: int, draws: Draws, held: LanguageStates, states: LayerStates | None
    ) -> Iterator[OutsideRow]:
        """Shots of a set; with ``states`` they joined the readout."""
        cuts = []
        try:
            for seed in self.seeds:
                harmful, harmless = draws.shots(self.language, seed, budget)
                wanted = case_of(budget, seed)
                case = wanted if states is not None and states.has(wanted) else SOURCE
                scores = self.method.score(held, case)
                cuts.append((case, self.method.cut(scores[harmful], scores[harmless], case)))
        except TooFewPrompts as refused:
            yield self._row(name, budget, [], str(refused))
            return
        yield self._row(name, budget, cuts, "")

    def _row(self, calibrated_on: str, budget: int, cuts: Sequence[tuple[Case, float]], reason: str) -> OutsideRow:
        tests = [self._tests(kind) for kind in Kind]
        every = np.array([self.method.score(self.own, case) for case, _ in cuts or [(SOURCE, 0.0)]])
        harmful, harmless = (every[:, marks] for marks in tests)
        lacking = [kind.value for kind, marks in zip(Kind, tests, strict=True) if not marks.any()]
        areas = measure_areas(harmful, harmless)
        limits = np.array([cut for _, cut in cuts])
        found = measure_fits(harmful, harmless, limits, areas=areas) if cuts else None
        accuracy = found.balanced_accuracy if found else np.empty(0)
        return OutsideRow(
            prompts=self.prompts,
            language=self.language.tag,
            method=self.method.name,
            calibrated_on=calibrated_on,
            shots=budget,
            n_harmful=harmful.shape[1],
            n_harmless=harmless.shape[1],
            balanced_accuracy=_mean(accuracy),
            balanced_accuracy_interval=percentile_interval(accuracy, confidence=self.confidence),
            auroc=_mean(areas),
            tpr=_mean(found.tpr) if found else None,
            fpr=_mean(found.fpr) if found else None,
            reason=reason or (NO_CLASS.format(kind=" or ".join(lacking)) if lacking else ""),
        )

    def _tests(self, kind: Kind) -> npt.NDArray[np.bool_]:
        """Prompts that are measured: the test split, and everything of a set without splits."""
        return np.array([one.kind == kind and one.split in (Split.TEST, None) for one in self.own.prompts], dtype=bool)


def _fit_methods(states: LayerStates) -> list[_Method]:
    fitted: dict[Case, OurGate] = {}

    def ours(case: Case) -> OurGate:
        if case not in fitted:
            fitted[case] = fit_ours(states, case)
        return fitted[case]

    line = fit_line(states)
    classes = states.source_classes()
    published = np.asarray(pooled_direction(classes), np.float64)
    source = [np.concatenate([both[place] for both in classes.values()]) @ published for place in (0, 1)]
    source_cut = _published_cut(source[0], source[1])
    return [
        _Method(
            DetectionMethod.OURS,
            lambda own, case: ours(case).score(own),
            lambda harmful, harmless, case: ours(case).cut(harmful, harmless),
        ),
        _Method(
            DetectionMethod.OURS_LINE,
            lambda own, _: line.score(own),
            lambda harmful, harmless, _: line.cut(harmful, harmless),
        ),
        _Method(
            DetectionMethod.PUBLISHED_DIRECTION,
            lambda own, _: np.asarray(own.features @ published),
            lambda harmful, harmless, _: _published_cut(harmful, harmless) if len(harmful) else source_cut,
        ),
    ]


def _published_cut(harmful: Floats, harmless: Floats) -> float:
    labels = np.arange(len(harmful) + len(harmless)) < len(harmful)
    return float(fit_f1_thresholds(np.concatenate([harmful, harmless])[None], labels)[0][0])


def _mean(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return round(float(known.mean()), 4) if known.size else None
