"""What happens per language: runs a plan, judges the replies and scores them. Behaviour only, no torch."""

from isogloss.audit.comparison import Comparison, compare_outcomes, compare_runs, load_comparison, save_comparison
from isogloss.audit.outcome import Outcome, load_outcomes
from isogloss.audit.plan import AuditPlan
from isogloss.audit.run import run_audit, select_prompts, write_scorecard
from isogloss.audit.scorecard import Scorecard, load_scorecard
from isogloss.audit.scoring import score_outcomes

__all__ = [
    "AuditPlan",
    "Comparison",
    "Outcome",
    "Scorecard",
    "compare_outcomes",
    "compare_runs",
    "load_comparison",
    "load_outcomes",
    "load_scorecard",
    "run_audit",
    "save_comparison",
    "score_outcomes",
    "select_prompts",
    "write_scorecard",
]
