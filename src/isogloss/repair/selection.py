"""Which layer and how many axes the gate should read, decided inside the calibration data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isogloss.core import Language, Split
from isogloss.core.errors import DegenerateDirection, TooFewPrompts
from isogloss.inside.activations import Activations
from isogloss.inside.directions import Classes, split_classes
from isogloss.repair.gate import Floats, fit_gate
from isogloss.stats.separability import auroc

RANKS = (1, 2, 3, 5, 8, 10)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One layer and rank, and how it carried to languages that it had not seen.

    Attributes:
        layer: 0-based decoder block.
        rank: axes of the gate; 1 is the shared direction alone.
        score: mean AUROC over the languages left out (and the target shots' languages, where given).
        standard_error: of that mean, from the spread between languages; None with a single one.
        by_language: AUROC by language tag.
    """

    layer: int
    rank: int
    score: float
    standard_error: float | None
    by_language: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "layer": self.layer,
            "rank": self.rank,
            "score": self.score,
            "standard_error": self.standard_error,
            "by_language": dict(self.by_language),
        }


@dataclass(frozen=True, slots=True)
class ReadoutChoice:
    """The readout chosen, and every candidate.

    Attributes:
        layer: of the choice.
        rank: of the choice.
        best: the candidate with the highest score.
        within: candidates that are no more than one standard error of a paired difference behind the best.
        candidates: all that could be fitted.
        languages: how many languages each score is a mean over.
    """

    layer: int
    rank: int
    best: Candidate
    within: tuple[Candidate, ...]
    candidates: tuple[Candidate, ...]
    languages: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, for the record of a repair."""
        return {
            "layer": self.layer,
            "rank": self.rank,
            "best": self.best.to_json(),
            "within": [[candidate.layer, candidate.rank] for candidate in self.within],
            "candidates": [candidate.to_json() for candidate in self.candidates],
            "languages": self.languages,
        }


def choose_readout(
    activations: Activations,
    source: Sequence[Language],
    shots: Mapping[Language, Sequence[int]] | None = None,
    *,
    layers: Sequence[int] | None = None,
    ranks: Sequence[int] = RANKS,
    position: int = -1,
) -> ReadoutChoice:
    """The simplest readout that is as good as the best, as far as calibration data can tell.

    Every source language in turn is left out: the gate is fitted on the others' training prompts and measured on the
    training and validation prompts of the one left out, by AUROC, since thresholds are calibrated afterwards. Target
    shots are measured with a gate of all source languages, and count as one more language each. Candidates whose
    paired difference from the best one, over languages, is within one standard error count as equal. Of these the
    fewest axes win, then the middle layer: at the edge of a plateau a readout carries within the source languages
    and fails outside them.

    Differences between languages that resemble the sources say little of those that do not. Where every candidate
    is nearly perfect on the sources, the rule alone decides.

    Args:
        activations: train and validation prompts of the source languages; also the shots.
        source: at least two languages.
        shots: rows of ``activations`` for each target language, both kinds; never test prompts.
        layers: candidates; None takes all recorded ones.
        ranks: candidates; those that the languages left cannot span are passed over.
        position: token position.

    Raises:
        TooFewPrompts: fewer than two source languages, too few prompts of a class, or shots of one class only.
        DegenerateDirection: no candidate can be fitted.

    Source: the one-standard-error rule of Breiman et al. 1984, with the standard error of the paired difference,
    because languages differ more than candidates do. Leaving out languages instead of prompts is ours.
    """
    if len(source) < 2:
        raise TooFewPrompts(
            f"Choosing a readout leaves out one source language at a time; {len(source)} given, at least 2 needed. "
            "Name the layer yourself, or give more source languages."
        )
    targets = {language: _split_rows(activations, language, rows) for language, rows in (shots or {}).items()}
    candidates = []
    for layer in activations.layers if layers is None else layers:
        areas = _score_layer(activations, source, targets, layer, ranks, position)
        candidates += [_summarise(layer, rank, found) for rank, found in areas.items()]
    if not candidates:
        raise DegenerateDirection(
            f"No readout of {', '.join(map(str, source))} could be fitted at any layer: harmful and harmless prompts "
            "have the same mean states. Use prompts that differ, or other layers."
        )
    best = max(candidates, key=lambda candidate: candidate.score)
    within = tuple(candidate for candidate in candidates if _is_close(candidate, best))
    simplest = [candidate for candidate in within if candidate.rank == min(other.rank for other in within)]
    chosen = sorted(simplest, key=lambda candidate: candidate.layer)[(len(simplest) - 1) // 2]
    return ReadoutChoice(
        chosen.layer, chosen.rank, best, within, tuple(candidates), languages=len(source) + len(targets)
    )


def _split_rows(activations: Activations, language: Language, rows: Sequence[int]) -> tuple[list[int], list[int]]:
    parts: tuple[list[int], list[int]] = ([], [])
    for row in rows:
        parts[0 if activations.prompts[row].kind == "harmful" else 1].append(row)
    if not parts[0] or not parts[1]:
        raise TooFewPrompts(f"The shots in {language} hold one kind of prompt only; give both kinds, or no shots.")
    return parts


def _score_layer(
    activations: Activations,
    source: Sequence[Language],
    targets: Mapping[Language, tuple[list[int], list[int]]],
    layer: int,
    ranks: Sequence[int],
    position: int,
) -> dict[int, dict[str, float]]:
    """AUROC by rank and language tag; a rank that some fit cannot reach is missing."""
    train = split_classes(activations, source, layer, split=Split.TRAIN, position=position)
    held = split_classes(activations, source, layer, split=Split.VALIDATION, position=position)
    hidden = activations.at(layer, position)
    tests = []
    for language in source:
        both: Classes = tuple(np.concatenate(parts) for parts in zip(train[language], held[language], strict=True))  # type: ignore[assignment]
        tests.append((language, {other: part for other, part in train.items() if other != language}, both))
    for language, rows in targets.items():
        tests.append((language, train, (hidden[rows[0]], hidden[rows[1]])))
    found: dict[int, dict[str, float]] = {}
    for rank in ranks:
        if rank > len(source) - 1:
            continue
        try:
            areas = {language.tag: _measure(fitted, part, rank, layer) for language, fitted, part in tests}
        except DegenerateDirection:
            continue
        found[rank] = areas
    return found


def _measure(fitted: Mapping[Language, Classes], part: Classes, rank: int, layer: int) -> float:
    gate = fit_gate(fitted, rank=rank, label=f"layer {layer}")
    area = auroc(gate.score(part[0]), gate.score(part[1]))
    if area is None:
        raise TooFewPrompts(f"Layer {layer}: a language left out has no prompts of a kind to measure a readout on.")
    return area


def _summarise(layer: int, rank: int, areas: Mapping[str, float]) -> Candidate:
    values = np.array(list(areas.values()))
    error = float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else None
    return Candidate(layer, rank, float(values.mean()), error, dict(areas))


def _is_close(candidate: Candidate, best: Candidate) -> bool:
    behind: Floats = np.array([best.by_language[tag] - area for tag, area in candidate.by_language.items()])
    return bool(behind.mean() <= behind.std(ddof=1) / len(behind) ** 0.5 + 1e-12)
