"""One table in three forms: CSV with limits in columns of their own, LaTeX for a paper, cells for the page."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from isogloss.report.cells import Number
from isogloss.report.text import interval, make_visible, number, points

Limits = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Value:
    """A number with its limits, as it is stored.

    Attributes:
        value: None where undefined.
        limits: two-sided.
        decimals: digits after the point, where people read it.
        signed: a difference, shown with its sign.
        reason: why it is undefined.
    """

    value: float | None
    limits: Limits | None = None
    decimals: int = 2
    signed: bool = False
    reason: str = ""

    def show(self) -> str:
        """As people read it, without limits."""
        return points(self.value, decimals=self.decimals) if self.signed else number(self.value, decimals=self.decimals)

    def bounds(self) -> str:
        """The limits as ``[12, 38]``; empty where there are none."""
        return interval(self.limits, signed=self.signed, decimals=self.decimals)

    def cell(self) -> Number:
        """As a cell of the page."""
        return Number(self.show(), self.bounds(), self.value, self.reason or "not measured")


Entry = str | int | Value


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with a heading.

    Attributes:
        name: of its files.
        caption: one or two sentences: what is averaged over what, and what the limits are.
        headers: one per column.
        rows: text, whole numbers, or values with limits.
    """

    name: str
    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]


def to_csv(table: Table) -> str:
    """Comma-separated values; a column of values with limits is followed by ``... low`` and ``... high``."""
    wide = [
        any(isinstance(row[place], Value) and _limits(row[place]) for row in table.rows) for place in _places(table)
    ]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    header: list[str] = []
    for name, spread in zip(table.headers, wide, strict=True):
        header += [name, f"{name} low", f"{name} high"] if spread else [name]
    writer.writerow(header)
    for row in table.rows:
        cells: list[str] = []
        for entry, spread in zip(row, wide, strict=True):
            cells += _csv_cells(entry, spread)
        writer.writerow(cells)
    return stream.getvalue()


def to_latex(table: Table) -> str:
    """A ``booktabs`` table; names and captions are escaped, limits stand small behind their value.

    It needs ``\\usepackage{booktabs}`` and a Unicode engine where language names are not Latin.
    """
    numeric = [any(not isinstance(row[place], str) for row in table.rows) for place in _places(table)]
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape_latex(table.caption)}}}",
        rf"\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{{''.join('r' if each else 'l' for each in numeric)}}}",
        r"\toprule",
        " & ".join(escape_latex(name) for name in table.headers) + r" \\",
        r"\midrule",
        *(" & ".join(_latex_cell(entry) for entry in row) + r" \\" for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "\u2212": "$-$",
    "\u2014": "--",
    "\u202f": r"\,",
}


def escape_latex(text: str) -> str:
    """Text that LaTeX prints as it stands; control characters are made visible first."""
    return "".join(_LATEX.get(letter, letter) for letter in " ".join(make_visible(text).split()))


def _latex_cell(entry: Entry) -> str:
    if not isinstance(entry, Value):
        return escape_latex(str(entry))
    bounds = entry.bounds()
    # A bracket right after the row's \\ would be read as its optional argument.
    shown = escape_latex(entry.show())
    return f"{shown} {{\\scriptsize {escape_latex(bounds)}}}" if bounds else shown


def _csv_cells(entry: Entry, spread: bool) -> list[str]:
    if not isinstance(entry, Value):
        return [str(entry), "", ""] if spread else [str(entry)]
    value = "" if entry.value is None else f"{entry.value:.6g}"
    if not spread:
        return [value]
    low, high = _limits(entry) or (None, None)
    return [value, *("" if end is None else f"{end:.6g}" for end in (low, high))]


def _limits(entry: Entry) -> Limits | None:
    return entry.limits if isinstance(entry, Value) else None


def _places(table: Table) -> Sequence[int]:
    return range(len(table.headers))
