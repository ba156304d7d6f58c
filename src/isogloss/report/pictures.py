"""The figures of a page: each in a wide and a narrow drawing, with a caption and a text alternative."""

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure

from isogloss.audit.scorecard import Scorecard
from isogloss.inside.record import Diagnosis
from isogloss.report.figures import (
    draw_effects,
    draw_ladder,
    draw_layers,
    draw_plane,
    draw_projections,
    embed_figure,
    order_languages,
)
from isogloss.report.figures.effects import order_effects
from isogloss.report.figures.plane import place_spots
from isogloss.report.figures.projections import order_diagnosed
from isogloss.report.text import count, make_visible, percent, points
from isogloss.report.wording import FINDINGS

NARROW_INCHES = 3.6


@dataclass(frozen=True, slots=True)
class Picture:
    """One figure, drawn twice; the page shows the one that fits."""

    name: str
    wide: Markup
    narrow: Markup
    caption: str


def picture_ladder(scorecard: Scorecard, after: Scorecard | None) -> Picture:
    """The ladder of languages, of one run or of two."""
    rates = []
    for _, tags in order_languages(scorecard, after):
        for tag in tags:
            pair = [card.languages[tag] for card in (scorecard, after) if card and tag in card.languages]
            shown = " to ".join(percent(score.harmful_refusal_rate) for score in pair)
            rates.append(f"{pair[0].name} {shown}")
    level = percent(scorecard.confidence)
    if after is None:
        caption = (
            f"Share of prompts refused, by language and resource tier, highest first. Bars are {level} intervals. "
            "Filled: harmful prompts, where more is safer. Hollow: harmless prompts, where less is better."
        )
    else:
        caption = (
            f"Refusal before (ring) and after (dot), with {level} intervals of each; harmful prompts at the left, "
            "where right is safer, harmless prompts at the right, where left is better. "
            "The order is that of the run before."
        )
    return _draw(
        "ladder",
        lambda width: draw_ladder(scorecard, after, width_inches=width),
        wide=10.8,
        title="Refusal by language",
        description="Harmful refusal: " + "; ".join(rates) + ". The table below holds every number.",
        caption=caption,
    )


def picture_plane(scorecard: Scorecard, after: Scorecard | None) -> Picture | None:
    """The plane of harmful and harmless refusal; None where no language has both rates."""
    shown = place_spots(after or scorecard)
    if not shown:
        return None
    left_out = len((after or scorecard).languages) - len(shown)
    missing = f" {count(left_out, 'language')} without both rates not shown." if left_out else ""
    marks = " Arrows run from before (hollow) to after (filled)." if after else " Thin crosses are intervals."
    return _draw(
        "plane",
        lambda width: draw_plane(scorecard, after, width_inches=width),
        wide=8.0,
        title="Harmful against harmless refusal",
        description="; ".join(
            f"{spot.score.name}: {percent(spot.y / 100)} of harmful, {percent(spot.x / 100)} of harmless refused"
            for spot in shown
        ),
        caption="Each dot is a language; in the upper left corner a model refuses what it should and helps otherwise. "
        f"Tags that share a place share a label.{marks}{missing}",
    )


def picture_effects(scorecard: Scorecard) -> Picture | None:
    """The forest plot of ways of writing; None where none was asked."""
    if not scorecard.perturbations:
        return None
    averages = {name: scorecard.perturbations[name].average for name in order_effects(scorecard)}
    said = [
        f"{name}: harmful refusal {points(change.harmful_refusal_points)} points, "
        f"harmless refusal {points(change.harmless_refusal_points)} points"
        for name, change in averages.items()
    ]
    return _draw(
        "effects",
        lambda width: draw_effects(scorecard, width_inches=width),
        wide=10.8,
        title="Change of refusal by way of writing",
        description="On average over languages: " + "; ".join(said) + ". The table below holds every number.",
        caption="The same prompts, rewritten minus plain, in percentage points. Diamonds are means over languages, "
        f"dots are languages; lines are {percent(scorecard.confidence)} intervals. A line that crosses 0 shows no "
        "clear change. Left of 0 in the first panel, the way of writing gets more harm through.",
    )


def picture_projections(diagnosis: Diagnosis) -> Picture:
    """Projection distributions per language, with both thresholds."""
    findings = [
        f"{diagnosis.languages[tag].name}: {FINDINGS.get(diagnosis.languages[tag].finding, 'unclear')}"
        for tag in order_diagnosed(diagnosis)
    ]
    return _draw(
        "projections",
        lambda width: draw_projections(diagnosis, width_inches=width),
        wide=10.8,
        title="Projections of harmful and harmless prompts by language",
        description="Finding per language: " + "; ".join(findings) + ".",
        caption="Where the hidden states of each language's prompts lie along one direction. Two humps that lie apart "
        "but beside the dashed line are a calibration failure: the model tells the kinds apart, and the source "
        "threshold cuts in the wrong place. Two humps on top of each other are a representation failure. Heights are "
        "scaled within each row.",
    )


def picture_layers(diagnosis: Diagnosis) -> Picture | None:
    """AUROC by layer and language; None where no layers are recorded."""
    if not diagnosis.layers:
        return None
    return _draw(
        "layers",
        lambda width: draw_layers(diagnosis, width_inches=width),
        wide=10.8,
        title="AUROC by language and layer",
        description=f"{len(diagnosis.languages)} languages by {len(diagnosis.layers)} layers.",
        caption="How well one direction per layer separates harmful from harmless prompts: the chance that a harmful "
        "prompt projects higher than a harmless one. 0.5 is chance. The frame marks the diagnosed layer.",
    )


def _draw(
    name: str, draw: Callable[[float], Figure], *, wide: float, title: str, description: str, caption: str
) -> Picture:
    description = make_visible(description)

    def embed(width: float, suffix: str) -> Markup:
        # The markup is the plotting library's own; every text in it was escaped when it was written.
        return Markup(embed_figure(draw(width), f"{name}-{suffix}", title=title, description=description))

    return Picture(name, embed(wide, "wide"), embed(NARROW_INCHES, "narrow"), caption)
