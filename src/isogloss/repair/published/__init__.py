"""The recalibrated gate of arXiv 2606.01196, formula by formula: a reference to compare with, not our repair.

Read ``docs/methods/published-gate.md`` for the formulas, their known defects, and what Isogloss does instead.
"""
