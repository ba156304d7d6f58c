"""The study of gates as people read it: tables, figures and one page, from record files alone. Nothing is run here."""

from isogloss.report.experiment.page import render_experiment
from isogloss.report.experiment.write import write_experiment_report

__all__ = ["render_experiment", "write_experiment_report"]
