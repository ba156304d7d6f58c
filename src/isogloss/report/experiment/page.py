"""The page of a study: one self-contained HTML file, in the dress of the other reports."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, PackageLoader
from markupsafe import Markup
from matplotlib.figure import Figure

from isogloss.report import page as frame
from isogloss.report.cells import Number
from isogloss.report.experiment import figures
from isogloss.report.experiment.formats import Entry, Table, Value
from isogloss.report.experiment.study import StudyRecords, load_study
from isogloss.report.experiment.tables import list_tables
from isogloss.report.experiment.words import describe_study
from isogloss.report.figures import embed_figure
from isogloss.report.pictures import NARROW_INCHES, Picture
from isogloss.report.tables import flatten

WIDE_INCHES = 9.6
MOST_PAGE_ROWS = 160
"""Longer tables are in the CSV files alone."""
Draw = Callable[..., Figure | None]


@dataclass(frozen=True, slots=True)
class Plot:
    """One figure of a study.

    Attributes:
        name: of its files, and inside the page.
        keep: scrolls sideways rather than shrinks.
    """

    name: str
    heading: str
    draw: Draw
    caption: str
    keep: bool = False


PLOTS = (
    Plot(
        "selectivity",
        "Selectivity by method",
        figures.draw_methods,
        "Harmful minus harmless refusal on test prompts, best first: the mean over languages (filled) and the language "
        "where the method does worst (hollow). Lines are intervals; those of the worst language hold for the lowest "
        "true "
        "selectivity, whichever language has it.",
    ),
    Plot(
        "gap",
        "Refusal gap by tier",
        figures.draw_gap,
        "What the unsteered model refuses, by resource tier: harmful prompts filled, harmless ones hollow, with "
        "intervals.",
    ),
    Plot(
        "projections",
        "Projections by tier",
        figures.draw_tier_projections,
        "Where test prompts lie along the direction of the source languages; every language of a tier counts the "
        "same. Two "
        "humps beside the dashed line rather than on either side of it are a matter of calibration.",
    ),
    Plot(
        "auroc",
        "Recoverability",
        figures.draw_recoverability,
        "How well one direction per layer separates harmful from harmless test prompts of each language. 0.5 is "
        "chance; the "
        "frame marks the study's layer.",
        keep=True,
    ),
    Plot(
        "shots",
        "Labelled examples",
        figures.draw_shots,
        "Balanced accuracy on test prompts by labelled examples per class and target language. Bars hold the middle "
        "of the draws of those examples: what another draw would have given, not what other test prompts would; a "
        "control's may leave the figure. Level lines without marks are ours without labelled examples: from unlabelled "
        "prompts, from harmless prompts alone, or from translations.",
    ),
    Plot(
        "ranks",
        "Rank of the source span",
        figures.draw_ranks,
        "Balanced accuracy by how many axes of the source span the readout sees, at three numbers of examples.",
    ),
    Plot(
        "layers",
        "Layer by layer",
        figures.draw_layer_sweep,
        "Balanced accuracy by layer: our gate with a few examples (solid) and without (dotted), and the published gate "
        "with as many (dashed). The distance between solid and dotted is what recalibration is worth.",
    ),
    Plot(
        "strength",
        "Strength, ours",
        figures.draw_our_strength,
        "Refusal of validation prompts under our repair at rising strength: harmful solid, harmless dashed. What the "
        "gate takes for harmful is lifted to a place; 0 is where the source languages' harmless prompts lie.",
    ),
    Plot(
        "strength_published",
        "Strength, published",
        figures.draw_published_strength,
        "The same under the published gate, which adds a length wherever it fires; 0 leaves what it does to prompts "
        "that it takes for harmless.",
    ),
    Plot(
        "transfer",
        "From language to language",
        figures.draw_transfer,
        "Balanced accuracy on the column's test prompts after everything known of the row's language was used.",
        keep=True,
    ),
)


def render_experiment(folder: Path) -> str:
    """Make the page of a study from its records.

    Raises:
        UnknownName: the folder holds no study.
        BrokenInput: a record cannot be read.
    """
    records = load_study(folder)
    pictures = [(plot, picture) for plot in PLOTS if (picture := _picture(records, plot))]
    study, layer = records.study, records.layer
    page = {
        "model": study.model,
        "prompts": study.prompts,
        "facts": _list_facts(records),
        "sentences": describe_study(records),
        "organism": bool(re.match(r"organism\b", study.model, re.IGNORECASE)),
        "notes": study.notes,
        "layer": layer,
        "intervention": records.intervention,
        "pictures": pictures,
        "tables": [(table, _rows(table)) for table in list_tables(records)],
        "most_rows": MOST_PAGE_ROWS,
        "refused": _list_refused(records),
        "repeat": flatten(
            {key: records.run[key] for key in ("plan", "fingerprints", "versions") if key in records.run}
        ),
        **frame.fixed_context(),
    }
    return _environment().get_template("experiment.html.j2").render(page)


def _picture(records: StudyRecords, plot: Plot) -> Picture | None:
    drawn = [plot.draw(records, width_inches=width) for width in (WIDE_INCHES, NARROW_INCHES)]
    if drawn[0] is None or drawn[1] is None:
        return None
    wide, narrow = (
        # The markup is the plotting library's own; every text in it was escaped when it was written.
        Markup(embed_figure(figure, f"{plot.name}-{name}", title=plot.heading, description=plot.caption))
        for figure, name in ((drawn[0], "wide"), (drawn[1], "narrow"))
    )
    return Picture(plot.name, wide, narrow, plot.caption)


def _list_facts(records: StudyRecords) -> list[tuple[str, str]]:
    study = records.study
    facts = [
        ("prompts", study.prompts),
        ("source", ", ".join(study.source)),
        ("target", ", ".join(study.target)),
    ]
    if records.layer:
        facts.append(("layer", str(records.layer.layer)))
    if records.behaviour:
        facts.append(("judge", records.behaviour.judge))
    return facts


def _list_refused(records: StudyRecords) -> list[str]:
    """What was not computed, each reason once."""
    found = [*(records.detection.refused if records.detection else ())]
    found += [*(records.behaviour.refused if records.behaviour else ())]
    return list(dict.fromkeys(row.reason for row in found))


def _rows(table: Table) -> list[list[Number | str]]:
    return [[_cell(entry) for entry in row] for row in table.rows[:MOST_PAGE_ROWS]]


def _cell(entry: Entry) -> Number | str:
    return entry.cell() if isinstance(entry, Value) else str(entry)


@cache
def _environment() -> Environment:
    loaders = ChoiceLoader([PackageLoader("isogloss.report.experiment"), PackageLoader("isogloss.report")])
    environment = frame.make_environment().overlay(loader=loaders)
    environment.tests["number"] = lambda value: isinstance(value, Number)
    return environment
