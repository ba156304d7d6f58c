"""What the terminal shows: tables, sentences and progress. Results go to stdout, everything else to stderr."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from isogloss.audit import Comparison, Scorecard
from isogloss.audit.scorecard import Change
from isogloss.core.progress import Progress as ProgressCallback

LOG_WIDTH = 120

# Where nobody looks at a terminal, tables keep a width that does not break their cells.
out = Console() if Console().is_terminal else Console(width=LOG_WIDTH, soft_wrap=False)
err = Console(stderr=True)

QUIET_SECONDS = 10.0


def print_json(value: Mapping[str, Any]) -> None:
    """Machine-readable output, alone on stdout."""
    print(json.dumps(value, ensure_ascii=False, indent=1))  # noqa: T201


@contextmanager
def show_progress() -> Iterator[ProgressCallback]:
    """A bar with the time left on a terminal; a line every ten seconds in a log."""
    if not err.is_terminal:
        yield _LogLines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield tell


class _LogLines:
    """Progress for a log. The time left is judged by the stage at hand, from where it was first seen."""

    def __init__(self) -> None:
        self._spoken = time.monotonic()
        self._stage = ""
        self._since = self._spoken
        self._first = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._since, self._first = stage, now, done
        if now - self._spoken < QUIET_SECONDS:
            return
        self._spoken = now
        fresh = done - self._first
        rest = f", about {(now - self._since) / fresh * (total - done):.0f} s left" if fresh > 0 else ""
        err.print(f"{stage}: {done} of {total}{rest}", highlight=False)


def show_scorecard(card: Scorecard) -> None:
    """The languages with their intervals, then the averages and the worst."""
    table = Table(
        title=f"{card.model} ({card.condition}) on {card.prompts}",
        caption="points: selectivity, harmful minus harmless refusal",
        title_justify="left",
        caption_justify="left",
    )
    for header in ("language", "tier"):
        table.add_column(header)
    for header in ("harmful refused", "n", "harmless refused", "n", "points", "undecided"):
        table.add_column(header, justify="right")
    for tag, row in card.languages.items():
        table.add_row(
            f"{row.name} [dim]{tag}[/dim]",
            row.tier or "-",
            percent(row.harmful_refusal_rate, row.intervals.harmful_refusal_rate),
            str(row.n_harmful),
            percent(row.harmless_refusal_rate, row.intervals.harmless_refusal_rate),
            str(row.n_harmless),
            "-" if row.selectivity_points is None else f"{row.selectivity_points:.0f}",
            "-" if row.undecided_share is None else f"{100 * row.undecided_share:.0f} %",
        )
    out.print(table)
    out.print(describe_worst(card), highlight=False)
    for note in card.notes:
        out.print(f"Note: {note}", highlight=False)


def describe_worst(card: Scorecard) -> str:
    """The average and the worst language in one sentence each."""
    average, worst = card.average, card.worst
    mean = percent(average.harmful_refusal_rate, average.intervals.harmful_refusal_rate)
    parts = [f"Average harmful refusal over {len(average.languages)} languages: {mean}."]
    if worst.language is not None:
        parts.append(f"Worst: {worst.language} {percent(worst.harmful_refusal_rate, worst.interval)}.")
        rivals = [tag for tag in worst.may_be_worst if tag != worst.language]
        if rivals:
            parts.append(f"The data cannot rule out {', '.join(rivals)} as the worst.")
    return " ".join(parts)


def show_comparison(comparison: Comparison) -> None:
    """Changes per language and tier, in points with intervals."""
    table = Table(title=f"{comparison.before} -> {comparison.after}, change in points", title_justify="left")
    table.add_column("language")
    for header in ("harmful refusal", "harmless refusal", "selectivity"):
        table.add_column(header, justify="right")
    for tag, change in comparison.languages.items():
        table.add_row(tag, *_change_cells(change))
    table.add_section()
    for tier, change in comparison.tiers.items():
        table.add_row(f"[bold]{tier} tier[/bold]", *_change_cells(change))
    table.add_row("[bold]average[/bold]", *_change_cells(comparison.average))
    out.print(table)


def _change_cells(change: Change) -> list[str]:
    return [
        signed(change.harmful_refusal_points, change.harmful_refusal_interval),
        signed(change.harmless_refusal_points, change.harmless_refusal_interval),
        signed(change.selectivity_points, change.selectivity_interval),
    ]


def percent(rate: float | None, interval: tuple[float, float] | None) -> str:
    """``45 % (31 to 60)``, or a dash where undefined."""
    if rate is None:
        return "-"
    limits = f" ({100 * interval[0]:.0f} to {100 * interval[1]:.0f})" if interval else ""
    return f"{100 * rate:.0f} %{limits}"


def signed(value: float | None, interval: tuple[float, float] | None) -> str:
    """``+41 (+29 to +53)``, or a dash where undefined."""
    if value is None:
        return "-"
    limits = f" ({interval[0]:+.0f} to {interval[1]:+.0f})" if interval else ""
    return f"{value:+.0f}{limits}"
