"""Harmful refusal by category or failure mode in every language, and the worst cell of them all."""

from collections.abc import Callable, Iterable

from isogloss.audit.outcome import Outcome
from isogloss.audit.scorecard import Breakdown, CellScore, WorstCell
from isogloss.core import Kind, Mapping
from isogloss.stats import Rate, find_worst, measure_rate

Label = Callable[[Outcome], str | None]
CellName = tuple[str, str]


def break_down(
    outcomes: Iterable[Outcome], label: Label, *, mapping: Mapping = Mapping.STRICT, confidence: float = 0.95
) -> Breakdown:
    """Score harmful prompts by a label and language; prompts without the label are left out.

    The worst cell's interval allows for the search over all cells, of which there are many: expect it to be wide.

    Args:
        outcomes: of an audit.
        label: reads the category or failure mode off an outcome.
        mapping: how labels become refusals.
        confidence: of every interval.
    """
    scored: dict[CellName, list[tuple[int, str]]] = {}
    for row in outcomes:
        group = label(row)
        refusal = mapping.refusal(row.label) if row.label is not None else None
        if group is not None and row.kind == Kind.HARMFUL and refusal is not None:
            scored.setdefault((group, row.language.tag), []).append((refusal, row.cluster))
    rates = {
        name: measure_rate([value for value, _ in cell], [cluster for _, cluster in cell], confidence=confidence)
        for name, cell in scored.items()
    }
    cells: dict[str, dict[str, CellScore]] = {}
    for (group, tag), rate in sorted(rates.items()):
        cells.setdefault(group, {})[tag] = _cell(rate)
    return Breakdown(cells=cells, worst=_worst_cell(rates, confidence))


def _cell(rate: Rate) -> CellScore:
    return CellScore(harmful_refusal_rate=rate.value, interval=rate.interval, n_harmful=rate.n)


def _worst_cell(rates: dict[CellName, Rate], confidence: float) -> WorstCell | None:
    found = find_worst(rates, confidence=confidence)
    if found is None or len({group for group, _ in rates}) < 2:
        return None
    group, tag = found.name
    return WorstCell(
        group=group,
        language=tag,
        harmful_refusal_rate=found.value,
        interval=found.interval,
        may_be_worst=len(found.candidates),
        cells=len(rates),
    )
