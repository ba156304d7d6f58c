"""Everything that people take away from a study, written beside its records."""

from pathlib import Path

from isogloss.core.run import RunFolder, write_text
from isogloss.report.experiment.formats import to_csv, to_latex
from isogloss.report.experiment.page import PLOTS, WIDE_INCHES, render_experiment
from isogloss.report.experiment.study import load_study
from isogloss.report.experiment.tables import list_tables
from isogloss.report.figures import write_figure


def write_experiment_report(folder: Path) -> list[Path]:
    """Write ``tables/*.csv`` and ``*.tex``, ``figures/*.svg`` and ``*.png``, and ``report.html`` from the records.

    Returns:
        The files written.

    Raises:
        UnknownName: the folder holds no study.
        BrokenInput: a record cannot be read.
        WriteFailed: a file cannot be written.
    """
    records = load_study(folder)
    written: list[Path] = []
    for table in list_tables(records):
        for ending, render in ((".csv", to_csv), (".tex", to_latex)):
            path = folder / "tables" / f"{table.name}{ending}"
            write_text(path, render(table))
            written.append(path)
    for plot in PLOTS:
        drawn = plot.draw(records, width_inches=WIDE_INCHES)
        if drawn is None:
            continue
        for ending in (".svg", ".png"):
            path = folder / "figures" / f"{plot.name}{ending}"
            write_figure(drawn, path)
            written.append(path)
    report = RunFolder(folder).report
    write_text(report, render_experiment(folder))
    return [*written, report]
