"""What people read: figures and one-file HTML pages, made from the records of a run. Nothing is run here."""

from isogloss.report.page import render_comparison, render_run, write_report

__all__ = ["render_comparison", "render_run", "write_report"]
