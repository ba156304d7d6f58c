"""The detection grid: languages by methods by shots by ranks by draws, measured on test prompts."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from isogloss.core import Kind
from isogloss.core.progress import Progress, silent
from isogloss.experiment.fits import Block, Grid, iterate_blocks
from isogloss.experiment.plan import LABEL_FREE, PROBES, RANKED, DetectionMethod
from isogloss.experiment.probes import MOST_DRAWS
from isogloss.experiment.record import DetectionRecord, Refusal
from isogloss.experiment.scoring import measure_areas, measure_fits

DIGITS = 6
_MEASURES = ("balanced_accuracy", "f1", "auroc", "tpr", "fpr")


def run_detection(
    grid: Grid, methods: Sequence[DetectionMethod], *, key: str = "", progress: Progress = silent
) -> DetectionRecord:
    """Fit and measure everything.

    Languages that lack test prompts of a kind are left out of the rows and named in ``refused``; so are budgets that a
    language cannot fill. A test prompt is never used for anything but measuring.

    Args:
        grid: states at one layer, draws and budgets.
        methods: to fit.
        key: of the record.
        progress: told after every block.
    """
    start = time.monotonic()
    counts = {
        language.tag: (
            len(grid.of(language).rows(Kind.HARMFUL, grid.split)),
            len(grid.of(language).rows(Kind.HARMLESS, grid.split)),
        )
        for language in grid.languages
    }
    rows: dict[str, list[Any]] = {
        name: [] for name in ("method", "language", "shots", "rank", "seed", *_MEASURES, "threshold")
    }
    expected = _expected(grid, methods)
    for done, block in enumerate(_measurable(iterate_blocks(grid, methods), counts), start=1):
        _append(rows, block)
        progress("fits", done, max(done, expected))
    return DetectionRecord(
        key=key,
        layer=grid.states.layer,
        shots_split=grid.draws.split.value,
        refused=tuple(_refusals(grid, counts)),
        counts=counts,
        seconds=time.monotonic() - start,
        **rows,
    )


def _measurable(blocks: Iterator[Block], counts: dict[str, tuple[int, int]]) -> Iterator[Block]:
    return (block for block in blocks if min(counts[block.language.tag]))


def _append(rows: dict[str, list[Any]], block: Block) -> None:
    areas = None
    if block.shared:
        areas = np.repeat(measure_areas(block.harmful[:1], block.harmless[:1]), len(block.seeds))
    found = measure_fits(block.harmful, block.harmless, block.thresholds, areas=areas)
    count = len(block.seeds)
    for name, value in (("method", block.method.value), ("language", block.language.tag), ("shots", block.shots)):
        rows[name] += [value] * count
    rows["rank"] += [block.rank] * count
    rows["seed"] += block.seeds
    for name in _MEASURES:
        rows[name] += np.round(getattr(found, name), DIGITS).tolist()
    rows["threshold"] += np.round(block.thresholds, DIGITS).tolist()


def _refusals(grid: Grid, counts: dict[str, tuple[int, int]]) -> Iterator[Refusal]:
    for language in grid.languages:
        if not min(counts[language.tag]):
            reason = f"{language} has no {_missing(counts[language.tag])} {grid.split} prompts, so nothing is measured"
            yield Refusal(language=language.tag, shots=0, reason=reason)
            continue
        for shots in grid.shots:
            if shots > grid.draws.available[language]:
                yield Refusal(language=language.tag, shots=shots, reason=grid.draws.explain(language, shots))


def _missing(count: tuple[int, int]) -> str:
    return " and ".join(kind.value for kind, held in zip(Kind, count, strict=True) if not held)


def _expected(grid: Grid, methods: Sequence[DetectionMethod]) -> int:
    """Blocks in all, for progress."""
    budgets = sum(len(grid.feasible(shots)) for shots in grid.shots)
    count = 0
    for method in methods:
        if method in LABEL_FREE:
            count += len(grid.targets)
        elif method in PROBES:
            draws = min(len(grid.seeds), MOST_DRAWS)
            count += len(grid.targets) * len(grid.probe_shots) * draws if grid.read else 0
        elif method == DetectionMethod.TARGET_DIRECTION:
            count += budgets - len(grid.languages) * (0 in grid.shots)
        else:
            count += budgets * (len(grid.ranks) if method in RANKED else 1)
    return count
