"""Which prompts a target language is calibrated on, by method: shots drawn, text read whole, translations paired."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import TooFewPrompts
from isogloss.core.seeds import derive_seed
from isogloss.repair.estimates import Recalibration

TEXT_SPLITS = (Split.TRAIN, Split.VALIDATION)
"""Splits that text is read from whole, where nothing else needs one of them untouched."""


@dataclass(frozen=True, slots=True)
class CalibrationPlan:
    """What to calibrate on.

    Attributes:
        method: what thresholds are taken from.
        shots: labelled prompts per class, where the method draws some; with 0 it goes on without them.
        seed: decides which shots are drawn.
        split: where shots are drawn from; None draws from everything.
        text: where other prompts are read from; None reads everything.
        source: languages whose prompts ``translations`` are of.
    """

    method: Recalibration = Recalibration.SHOTS
    shots: int = 0
    seed: int = 0
    split: Split | None = Split.VALIDATION
    text: tuple[Split, ...] | None = TEXT_SPLITS
    source: tuple[Language, ...] = ()

    @property
    def effective(self) -> Recalibration:
        """The method with this many shots."""
        return self.method.given(self.shots)

    def reads(self, prompt: Prompt) -> bool:
        """Whether text may come from a prompt's split."""
        return self.text is None or prompt.split in self.text


@dataclass(frozen=True, slots=True)
class CalibrationPrompts:
    """Places of a language's prompts among all, by how they are used.

    Attributes:
        harmful: read with that label.
        harmless: the same.
        unlabelled: read without their labels.
        sources: of translations, per class the places of every source prompt of the same idea, translation by
            translation.
    """

    harmful: tuple[int, ...] = ()
    harmless: tuple[int, ...] = ()
    unlabelled: tuple[int, ...] = ()
    sources: tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]] = ((), ())


def select_calibration(prompts: Sequence[Prompt], language: Language, wanted: CalibrationPlan) -> CalibrationPrompts:
    """The prompts of one language that a calibration reads.

    Raises:
        TooFewPrompts: the language has fewer prompts of a class than shots, no prompts of the sort that the method
            needs, or no translated ones; the message says what is missing.
    """
    method = wanted.effective
    if method == Recalibration.TRANSLATIONS:
        return _pair(prompts, language, wanted)
    harmful, harmless = _draw(prompts, language, wanted) if method.draws_shots else ((), ())
    text = _Text(prompts, language, wanted)
    match method:
        case Recalibration.UNLABELLED | Recalibration.SHOTS_AND_UNLABELLED:
            drawn = {*harmful, *harmless}
            rest = tuple(row for row in text.rows("prompts") if row not in drawn)
            return CalibrationPrompts(harmful, harmless, rest)
        case Recalibration.HARMLESS | Recalibration.SHOTS_AND_HARMLESS:
            every = text.rows("harmless prompts", Kind.HARMLESS)
            return CalibrationPrompts(harmful, tuple(dict.fromkeys([*harmless, *every])))
        case _:
            return CalibrationPrompts(harmful, harmless)


def _draw(
    prompts: Sequence[Prompt], language: Language, wanted: CalibrationPlan
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    harmful, harmless = (
        draw_shots(prompts, language, kind, wanted.split, wanted.shots, derive_seed(wanted.seed, language.key, kind))
        for kind in (Kind.HARMFUL, Kind.HARMLESS)
    )
    return tuple(harmful), tuple(harmless)


@dataclass(frozen=True, slots=True)
class _Text:
    """A language's prompts of the splits that text is read from."""

    prompts: Sequence[Prompt]
    language: Language
    wanted: CalibrationPlan

    def rows(self, what: str, kind: Kind | None = None) -> tuple[int, ...]:
        """Places of all of them, or of one kind."""
        found = [
            row
            for row, prompt in enumerate(self.prompts)
            if prompt.language == self.language and self.wanted.reads(prompt) and kind in (None, prompt.kind)
        ]
        if not found:
            splits = self.wanted.text
            where = f" in the {' or '.join(splits)} split" if splits else ""
            raise TooFewPrompts(
                f"{self.language} has no {what}{where} to calibrate with. Add some, or recalibrate from something else."
            )
        return tuple(found)


def _pair(prompts: Sequence[Prompt], language: Language, wanted: CalibrationPlan) -> CalibrationPrompts:
    """Prompts of a language whose idea is recorded in a source language; the label is that of the source prompt."""
    sources: dict[str, list[int]] = {}
    for row, prompt in enumerate(prompts):
        if prompt.language in wanted.source and prompt.language != language:
            sources.setdefault(prompt.seed_id, []).append(row)
    found: dict[Kind, list[tuple[int, tuple[int, ...]]]] = {kind: [] for kind in Kind}
    for row, prompt in enumerate(prompts):
        same = sources.get(prompt.seed_id)
        if same and prompt.language == language and wanted.reads(prompt):
            found[prompts[same[0]].kind].append((row, tuple(same)))
    for kind, pairs in found.items():
        if not pairs:
            raise TooFewPrompts(
                f"{language} has no translations of {kind} source prompts among the recorded prompts. Record the "
                "source languages' prompts of the same ideas too, or recalibrate from something else."
            )
    harmful, harmless = found[Kind.HARMFUL], found[Kind.HARMLESS]
    return CalibrationPrompts(
        harmful=tuple(row for row, _ in harmful),
        harmless=tuple(row for row, _ in harmless),
        sources=(tuple(same for _, same in harmful), tuple(same for _, same in harmless)),
    )


def draw_shots(
    prompts: Sequence[Prompt], language: Language, kind: Kind, split: Split | None, shots: int, seed: int
) -> list[int]:
    """Places in ``prompts`` of randomly drawn shots: different ideas first, then more wordings of the same ones.

    The first k of a larger draw with the same seed are the draw of k.

    Args:
        prompts: to draw from.
        language: of the shots.
        kind: of the shots.
        split: of the shots; None draws from every split.
        shots: how many.
        seed: decides which; derive it from language and kind, as ``select_calibration`` does.

    Raises:
        TooFewPrompts: there are fewer prompts; the message says how many.
    """
    rows = [
        row
        for row, prompt in enumerate(prompts)
        if prompt.language == language and prompt.kind == kind and split in (None, prompt.split)
    ]
    if len(rows) < shots:
        where = f"{split} " if split else ""
        raise TooFewPrompts(
            f"{language} has {len(rows)} {kind} {where}prompts, fewer than {shots} shots. "
            f"Use --shots {len(rows)}, or add labelled prompts of that split."
        )
    seen: dict[str, int] = {}
    ranked = []
    for place, number in enumerate(np.random.default_rng(seed).permutation(len(rows)).tolist()):
        cluster = prompts[rows[number]].cluster
        turn = seen.get(cluster, 0)
        seen[cluster] = turn + 1
        ranked.append((turn, place, rows[number]))
    return [row for _, _, row in sorted(ranked)[:shots]]
