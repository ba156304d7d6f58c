"""What an answer was: judges that read replies, and how well they agree with labels. Needs no torch."""

from isogloss.judges.agreement import Agreement, measure_agreement
from isogloss.judges.judge import Judge
from isogloss.judges.rules import RuleJudge

__all__ = ["Agreement", "Judge", "RuleJudge", "measure_agreement"]
