"""Colours, axes and output shared by the figures: the same bytes for the same record, in light and in dark.

A figure is drawn in the hex colours of a palette. Inside a page each hex becomes a CSS variable, so that the picture
follows the page's theme; in a file the hex stays.
"""

import html
import io
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isogloss.core.errors import UnknownName, WriteFailed
from isogloss.core.language import TIERS
from isogloss.report.text import make_visible

# Any: the stubs type each rc key by itself, which no merged dict can satisfy.
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.linewidth": 0.8,
    "text.parse_math": False,
    "svg.hashsalt": "isogloss",
    "svg.fonttype": "none",
    "path.simplify": False,
}
TIER_WORDS: dict[str | None, str] = {
    "high": "high-resource",
    "mid": "mid-resource",
    "low": "low-resource",
    None: "resource tier unknown",
}
TIER_ORDER: tuple[str | None, ...] = (*TIERS, None)
NARROW_INCHES = 5.0


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours by role. Blue, ochre and vermilion stay apart under the common colour-vision deficiencies."""

    paper: str
    ink: str
    muted: str
    grid: str
    high: str
    mid: str
    low: str
    unknown: str
    harmful: str
    harmless: str
    accent: str

    def tier(self, tier: str | None) -> str:
        """The colour of a resource tier."""
        return str(getattr(self, known_tier(tier) or "unknown"))


def known_tier(tier: str | None) -> str | None:
    """The tier, or None where it is none of ours: a record of another version may name others."""
    return tier if tier in TIERS else None


LIGHT = Palette(
    paper="#fdfcf9",
    ink="#1d2329",
    muted="#626b74",
    grid="#dcd9d1",
    high="#1f66ad",
    mid="#a87600",
    low="#c2410c",
    unknown="#6b7280",
    harmful="#9b2257",
    harmless="#0f7f79",
    accent="#3f4650",
)
DARK = Palette(
    paper="#14181d",
    ink="#e8e6e1",
    muted="#9aa3ad",
    grid="#343b44",
    high="#7db4f0",
    mid="#e3b341",
    low="#f58b5c",
    unknown="#a0a8b3",
    harmful="#f08ab4",
    harmless="#5cc7bf",
    accent="#c9ced6",
)


def make_figure(
    width_inches: float,
    height_inches: float,
    *,
    left: float,
    right: float,
    top: float,
    bottom: float,
    shares: Sequence[float] = (1.0,),
    gap: float = 0.3,
) -> tuple[Figure, list[Axes]]:
    """A figure with axes side by side, margins and gaps in inches, widths in the given shares."""
    figure = Figure(figsize=(width_inches, height_inches))
    figure.patch.set_alpha(0.0)
    room = width_inches - left - right - gap * (len(shares) - 1)
    axes: list[Axes] = []
    start = left
    for share in shares:
        width = room * share / sum(shares)
        box = (
            start / width_inches,
            bottom / height_inches,
            width / width_inches,
            (height_inches - top - bottom) / height_inches,
        )
        axes.append(figure.add_axes(box))
        start += width + gap
    return figure, axes


def dress_axes(axes: Axes, palette: Palette, *, grid: str | None = "x") -> None:
    """Quiet axes: no box, thin grid lines behind the marks, muted tick labels."""
    axes.patch.set_alpha(0.0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, colors=palette.muted, labelcolor=palette.muted, labelsize=8)
    axes.xaxis.label.set_color(palette.muted)
    axes.yaxis.label.set_color(palette.muted)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(visible=True, axis=grid, color=palette.grid, linewidth=0.8)  # type: ignore[arg-type]


def shorten(text: str, length: int) -> str:
    """A label that fits: control characters made visible, the end cut to an ellipsis."""
    text = " ".join(make_visible(text).split())
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def label_language(tag: str, name: str, width_inches: float) -> str:
    """A language's row label: its name, or its tag where a narrow figure has no room for the name."""
    if width_inches >= NARROW_INCHES:
        return shorten(name, 24)
    return name if len(name) <= 11 and name == make_visible(name) else shorten(tag, 11)


def embed_figure(figure: Figure, name: str, *, title: str, description: str) -> str:
    """The figure as an ``<svg>`` element for a page, coloured by the page's CSS variables.

    Args:
        figure: drawn with the ``LIGHT`` palette.
        name: unique inside the page; prefixes every id.
        title: short text alternative.
        description: what the picture shows, for readers who do not see it.
    """
    svg = _save_svg(figure, fonttype="none")
    svg = svg[svg.index("<svg") :]
    # The library's own <style> would apply to the whole page; the page's style sheet says the same for figures.
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r"url\(#", f"url(#{name}-", svg)
    svg = re.sub(r'href="#', f'href="#{name}-', svg)
    svg = re.sub(r"(?<=\sd=\")[^\"]*", lambda path: _round_path(path.group()), svg)
    svg = re.sub(r"\s*\n\s*", " ", re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL))
    svg = svg.replace("'DejaVu Sans'", "var(--sans)")
    for field in fields(LIGHT):
        svg = svg.replace(str(getattr(LIGHT, field.name)), f"var(--{field.name})")
    head = (
        f'<svg role="img" aria-labelledby="{name}-title {name}-description">'
        f'<title id="{name}-title">{html.escape(title)}</title>'
        f'<desc id="{name}-description">{html.escape(description)}</desc>'
    )
    width, height = (round(inches * 96) for inches in figure.get_size_inches())
    head = head.replace("<svg ", f'<svg width="{width}" height="{height}" ', 1)
    viewbox = re.search(r'viewBox="[^"]*"', svg)
    if viewbox:
        head = head.replace("<svg ", f"<svg {viewbox.group()} ", 1)
    return head + svg[svg.index(">") + 1 :].strip()


def write_figure(figure: Figure, path: Path, *, palette: Palette = LIGHT) -> None:
    """Write a figure to a file on the palette's paper colour; equal figures give equal bytes.

    Args:
        figure: as drawn by one of the ``draw_`` functions.
        path: ends in ``.svg`` (text as outlines, so it looks the same everywhere) or ``.png`` (200 dots an inch).
        palette: the one that the figure was drawn with.

    Raises:
        UnknownName: the ending is another one.
        WriteFailed: the file cannot be written.
    """
    ending = path.suffix.lower()
    if ending not in {".svg", ".png"}:
        raise UnknownName(f"No figure format '{ending}' for {path}. Known: .png, .svg.")
    paper = {"facecolor": palette.paper}
    figure.patch.set_alpha(1.0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if ending == ".svg":
            path.write_text(_save_svg(figure, fonttype="path", **paper), encoding="utf-8")
        else:
            path.write_bytes(_save(figure, "png", {"Software": None}, {}, dpi=200, **paper))
    except OSError as error:
        raise WriteFailed(f"Cannot write {path}: {error.strerror}. Make room or choose another folder.") from error
    finally:
        figure.patch.set_alpha(0.0)


def _round_path(path: str) -> str:
    """Coordinates to a hundredth of a point: no eye sees the rest, and it is most of a page's bytes."""
    path = re.sub(r"-?\d+\.\d+", lambda digits: f"{float(digits.group()):.2f}".rstrip("0").rstrip("."), path)
    return " ".join(path.split())


def _save_svg(figure: Figure, *, fonttype: str, **options: Any) -> str:
    metadata = {"Date": None, "Creator": "isogloss"}
    return _save(figure, "svg", metadata, {"svg.fonttype": fonttype}, **options).decode("utf-8")


def _save(figure: Figure, kind: str, metadata: dict[str, str | None], style: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    with rc_context({**STYLE, **style}), warnings.catch_warnings():
        # A script that the bundled font lacks is drawn by the reader's browser from the reader's own fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(stream, format=kind, metadata=metadata, **options)
    return stream.getvalue()


def add_legend(figure: Figure, handles: Sequence[Line2D], labels: Sequence[str], palette: Palette) -> None:
    """One row of marks with their words at the upper left of the figure, without a frame."""
    figure.legend(
        list(handles),
        list(labels),
        loc="upper left",
        ncols=len(labels),
        frameon=False,
        fontsize=8.5,
        labelcolor=palette.ink,
        handletextpad=0.2,
        columnspacing=1.2,
        borderaxespad=0.2,
        borderpad=0.1,
    )
