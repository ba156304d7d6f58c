"""The whole study of gates in one call: every part a file, so that what is done is never done again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import TooFewPrompts, UnknownLanguage, say_unknown
from isogloss.core.fingerprint import fingerprint
from isogloss.core.progress import Progress, silent
from isogloss.core.run import open_run
from isogloss.experiment import outside, record, strength, sweep, transfer
from isogloss.experiment.behaviour import run_methods
from isogloss.experiment.cases import Case, CaseRows, language_cases, shot_cases
from isogloss.experiment.detection import run_detection
from isogloss.experiment.draws import Draws, draw_all
from isogloss.experiment.fits import Grid
from isogloss.experiment.label_free import label_free_cases
from isogloss.experiment.methods import Bench, fit_methods, repair_plan
from isogloss.experiment.plan import GatePlan
from isogloss.experiment.states import LayerStates, group_prompts, iterate_layers, read_layer
from isogloss.inside.activations import Activations, check_layers
from isogloss.inside.diagnosis import check_prompts
from isogloss.inside.store import StoreReader, record_to_store
from isogloss.judges.judge import Judge
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.choose import choose_intervention

Floats = npt.NDArray[np.floating[Any]]
Part = TypeVar("Part", bound=record.PartRecord)


def run_gate_experiment(
    plan: GatePlan,
    model: OpenModel,
    prompts: PromptSet,
    judge: Judge | None,
    folder: Path,
    *,
    others: Mapping[str, PromptSet] | None = None,
    progress: Progress = silent,
) -> None:
    """Run the study and leave its records in a folder; the same call goes on with what is missing.

    States are recorded once into ``store/`` and projected once. Detection, layer sweep, projections, transfer and
    out-of-distribution tables are fits on them; strength sweep and behaviour ask the model. Directions and readouts
    come from source training prompts, the layer and strength from source validation prompts, shots from training or
    validation prompts of a target language; test prompts are measured and never used for anything else.

    Args:
        plan: what to do; recorded, and compared when the folder already holds a study.
        model: the plain model.
        prompts: with train, validation and test splits.
        judge: reads replies; may be None where the plan asks for no behaviour.
        folder: of the study.
        others: the plan's out-of-distribution sets, by name.
        progress: told as the parts go on.

    Raises:
        PlanMismatch: the folder holds another study, or a study of another model, prompt set or judge.
        UnknownLanguage: the set lacks a language of the plan.
        TooFewPrompts: a split or kind is missing; the message says which.
        FingerprintMismatch: the store in the folder holds other states.
    """
    study = _Study(plan, model, prompts, judge, folder, dict(others or {}), progress)
    study.check()
    study.open()
    study.record_states()
    choice = study.choose_layer()
    states, draws = study.read(choice.layer)
    study.make("draws", record.DrawRecord, lambda key: _record_draws(draws, key))
    study.detect(states, draws)
    study.make("projections", record.ProjectionsRecord, lambda key: sweep.project_tests(states, key=key))
    study.sweep(draws, choice.layer)
    if plan.transfer:
        study.transfer(states)
    if study.others:
        study.measure_outside(states, draws)
    if plan.behaviour and judge is not None:
        study.behave(judge, draws)


@dataclass(frozen=True, eq=False)
class _Study:
    """One study under way."""

    plan: GatePlan
    model: OpenModel
    prompts: PromptSet
    judge: Judge | None
    folder: Path
    others: Mapping[str, PromptSet]
    progress: Progress

    @property
    def layers(self) -> tuple[int, ...]:
        """Layers of the sweep, and the layer of the rest where it is given."""
        swept = check_layers(self.model, self.plan.layers)
        fixed = () if self.plan.layer is None else check_layers(self.model, [self.plan.layer])
        return tuple(sorted({*swept, *fixed}))

    def check(self) -> None:
        check_prompts(self.prompts, self.plan.source_languages, needs_validation=True)
        held = self.prompts.languages
        for language in self.plan.target_languages:
            if language not in held:
                known = [known.tag for known in held]
                raise UnknownLanguage(f"{self.prompts.card.name}: " + say_unknown("prompts for", language.tag, known))
        if self.plan.behaviour and self.judge is None:
            raise TooFewPrompts("Behaviour needs a judge. Give one, or ask for a study without behaviour.")
        lacking = [name for name in self.plan.out_of_distribution if name not in self.others]
        if lacking:
            raise TooFewPrompts(f"The plan names the set {lacking[0]}, which was not given.")

    def open(self) -> None:
        prints = {
            "model": self.model.fingerprint(),
            "prompts": self.prompts.fingerprint(),
            "others": {name: chosen.fingerprint() for name, chosen in self.others.items()},
            "judge": {"name": self.judge.name, **self.judge.fingerprint()} if self.judge else None,
        }
        details = {"layers": list(self.layers), "depth": self.model.layer_count}
        open_run(self.folder, command="experiment gate", plan=self.plan.to_json(), fingerprints=prints, details=details)
        self.make("study", record.StudyRecord, self._describe)

    def make(self, name: str, kind: type[Part], build: Callable[[str], Part]) -> Part:
        """The part as it lies in the folder, or made now. ``open_run`` has made sure that it belongs to this plan."""
        key = fingerprint([name, self.plan.to_json(), self.prompts.fingerprint(), self.model.name])
        found = record.load_part(self.folder, kind)
        if found is not None and found.key == key:
            return found
        made = build(key)
        record.write_part(self.folder, name, made)
        return made

    def _describe(self, key: str) -> record.StudyRecord:
        plan = self.plan
        left_out = [rank for rank in sorted(set(plan.ranks)) if rank not in plan.rank_list]
        words = f"Ranks {left_out} are above the {len(plan.source_languages)} source languages and were left out."
        return record.StudyRecord(
            key=key,
            model=self.model.name,
            prompts=self.prompts.card.name,
            source=tuple(language.tag for language in plan.source_languages),
            target=tuple(language.tag for language in plan.target_languages),
            languages={language.tag: _facts(language, plan) for language in plan.languages},
            confidence=plan.confidence,
            notes=(words,) if left_out else (),
        )

    def record_states(self) -> None:
        """Fill the store; only the layers of the sweep are kept."""
        wanted = [prompt for part in self.groups.values() for prompt in part]
        record_to_store(
            self.model,
            wanted,
            self.folder / "store",
            layers=self.layers,
            dtype=self.plan.store_dtype,
            progress=self.progress,
        )

    @cached_property
    def store(self) -> StoreReader:
        """The recorded states; opened once everything is in it."""
        return StoreReader(self.folder / "store")

    @cached_property
    def groups(self) -> dict[Language, list[Prompt]]:
        """Prompts that have a split, by language, source languages first."""
        return group_prompts([prompt for prompt in self.prompts if prompt.split is not None], self.plan.languages)

    def load(self, chosen: Sequence[Prompt], layer: int) -> Floats:
        """States float32 [prompt, hidden] of some prompts at one layer."""
        return self.store.load(chosen, layers=[layer]).at(layer)

    def _splits(self, *splits: Split) -> dict[Language, list[Prompt]]:
        return {
            language: [prompt for prompt in part if prompt.split in splits] for language, part in self.groups.items()
        }

    def choose_layer(self) -> record.LayerChoiceRecord:
        def build(key: str) -> record.LayerChoiceRecord:
            if self.plan.layer is not None:
                reason = "the layer was given"
                return record.LayerChoiceRecord(
                    key=key, layer=self.plan.layer, layers=self.layers, scores=(), reason=reason
                )
            source = self.plan.source_languages
            seen = self._splits(Split.TRAIN, Split.VALIDATION)
            chosen = {language: seen[language] for language in source}
            states = list(iterate_layers(self.load, chosen, source, self.layers))
            return sweep.choose_from_layers(states, source, {}, key=key)

        return self.make("layer", record.LayerChoiceRecord, build)

    def read(self, layer: int) -> tuple[LayerStates, Draws]:
        plan, groups = self.plan, self.groups
        draws = draw_all(
            groups,
            plan.languages,
            split=plan.shots_split,
            most=max([*plan.shots, *plan.behaviour_shots, plan.sweep_shots]),
            seeds=plan.seeds,
        )
        states = read_layer(
            self.load,
            groups,
            plan.source_languages,
            layer,
            pool_split=plan.shots_split,
            draws=plan.seeds,
            cases=self._cases(draws),
        )
        return states, draws

    def _cases(self, draws: Draws) -> dict[Case, dict[Language, CaseRows]]:
        """Every set of target prompts that a part of the study fits our readout with."""
        plan, targets = self.plan, self.plan.target_languages
        shots = (*plan.shots, plan.sweep_shots, *((1,) if self.others else ()))
        found = shot_cases(draws, targets, shots, plan.seeds)
        found |= label_free_cases(self.groups, plan.source_languages, targets, plan.method_list)
        return found | (language_cases(self.groups, targets) if plan.transfer else {})

    def detect(self, states: LayerStates, draws: Draws) -> None:
        plan = self.plan
        grid = Grid(
            states,
            draws,
            plan.languages,
            plan.shot_list,
            plan.rank_list,
            plan.seeds,
            name=self.model.name,
            read=self.load,
            probe_shots=(0, plan.sweep_shots),
        )
        self.make(
            "detection",
            record.DetectionRecord,
            lambda key: run_detection(grid, plan.method_list, key=key, progress=self.progress),
        )

    def sweep(self, draws: Draws, chosen: int) -> None:
        plan, groups = self.plan, self.groups
        cases = shot_cases(draws, plan.target_languages, (plan.sweep_shots,), plan.seeds)
        self.make(
            "layers",
            record.LayersRecord,
            lambda key: sweep.sweep_layers(
                iterate_layers(self.load, groups, plan.source_languages, self.layers, cases=cases),
                draws,
                chosen=chosen,
                shots=plan.sweep_shots,
                seeds=plan.seeds,
                full_depth=self.model.layer_count,
                confidence=plan.confidence,
                name=self.model.name,
                key=key,
                progress=self.progress,
                total=len(self.layers),
            ),
        )

    def transfer(self, states: LayerStates) -> None:
        self.make(
            "transfer",
            record.TransferRecord,
            lambda key: transfer.measure_transfer(states, seed=self.plan.seed, name=self.model.name, key=key),
        )

    def measure_outside(self, states: LayerStates, draws: Draws) -> None:
        """Record the other sets at the study's layer, and measure them."""
        plan = self.plan

        def build(key: str) -> record.OutsideRecord:
            for name, chosen in self.others.items():
                place = self.folder / "outside" / fingerprint(name)
                record_to_store(
                    self.model,
                    list(chosen),
                    place,
                    layers=[states.layer],
                    dtype=plan.store_dtype,
                    progress=self.progress,
                )
            return outside.measure_outside(
                states,
                draws,
                {name: list(chosen) for name, chosen in self.others.items()},
                self._load_outside,
                shots=(0, 1, plan.sweep_shots),
                seeds=plan.seeds,
                split=plan.shots_split,
                confidence=plan.confidence,
                key=key,
            )

        self.make("outside", record.OutsideRecord, build)

    def _load_outside(self, name: str, chosen: Sequence[Prompt], layer: int) -> Floats:
        return StoreReader(self.folder / "outside" / fingerprint(name)).load(chosen, layers=[layer]).at(layer)

    def behave(self, judge: Judge, draws: Draws) -> None:
        """Choose the strength, sweep it, and ask the test prompts under every method."""
        chosen = self.make("intervention", record.InterventionRecord, lambda key: self._choose(judge, key))
        plan = self.plan
        wanted = [
            prompt
            for language, part in self.groups.items()
            for prompt in part
            if prompt.split in (plan.shots_split, Split.VALIDATION)
            or (prompt.split == Split.TRAIN and language in plan.source_languages)
        ]
        bench = Bench(
            plan=plan,
            model=self.model,
            prompts=self.prompts,
            judge=judge,
            layer=chosen.layer,
            multiplier=chosen.multiplier,
            activations=self.store.load(wanted, layers=[chosen.layer]),
            load_sources=self._load_sources,
            draws=draws,
        )
        if plan.multipliers:
            self.make(
                "strength",
                record.StrengthRecord,
                lambda key: strength.sweep_strengths(
                    bench, self.folder, shots=plan.sweep_shots, key=key, progress=self.progress
                ),
            )
        self.make("behaviour", record.BehaviourRecord, lambda key: self._ask(bench, key))

    def _load_sources(self) -> Activations:
        """Train and validation prompts of the source languages at every recorded layer."""
        seen = self._splits(Split.TRAIN, Split.VALIDATION)
        return self.store.load([prompt for language in self.plan.source_languages for prompt in seen[language]])

    def _choose(self, judge: Judge, key: str) -> record.InterventionRecord:
        source, states = self.plan.source_languages, self._load_sources()
        steered = repair_plan(self.plan)
        found = choose_intervention(
            self.model,
            states,
            source,
            judge,
            layer=self.plan.layer,
            harmful=steered.harmful,
            harmless=steered.harmless,
            persistence=steered.persistence,
            readout=steered.readout,
            rank=steered.rank,
            most_prompts=steered.choice_prompts,
            decoding=Decoding(max_new_tokens=steered.choice_tokens),
            progress=self.progress,
        )
        return record.InterventionRecord(
            key=key, layer=found.layer, multiplier=found.multiplier, reason=found.reason, choice=found.to_json()
        )

    def _ask(self, bench: Bench, key: str) -> record.BehaviourRecord:
        methods, refused = fit_methods(bench, self.progress)
        return run_methods(
            self.plan,
            self.model,
            self.prompts,
            bench.judge,
            methods,
            self.folder,
            layer=bench.layer,
            refused=refused,
            key=key,
            progress=self.progress,
        )


def _record_draws(draws: Draws, key: str) -> record.DrawRecord:
    return record.DrawRecord(
        key=key, split=draws.split.value, harmful=draws.ids(Kind.HARMFUL), harmless=draws.ids(Kind.HARMLESS)
    )


def _facts(language: Language, plan: GatePlan) -> record.LanguageFacts:
    return record.LanguageFacts(
        name=language.name,
        tier=language.tier,
        source=language in plan.source_languages,
        right_to_left=language.right_to_left,
    )
