"""What an answer was: judges that read replies, and how well they agree with labels. Needs no torch.

Guard models on this machine are in `isogloss.judges.guards`, which imports torch.
"""

from isogloss.judges.agreement import Agreement, measure_agreement
from isogloss.judges.card import JudgeCard, find_bundled_card, load_card, measure_card, save_card
from isogloss.judges.cascade import Cascade
from isogloss.judges.guard_judge import GuardJudge, HarmCheck
from isogloss.judges.judge import Judge
from isogloss.judges.llm_judge import LlmJudge
from isogloss.judges.panel import Panel
from isogloss.judges.reliability import Reliability, measure_reliability
from isogloss.judges.rules import RuleJudge

__all__ = [
    "Agreement",
    "Cascade",
    "GuardJudge",
    "HarmCheck",
    "Judge",
    "JudgeCard",
    "LlmJudge",
    "Panel",
    "Reliability",
    "RuleJudge",
    "find_bundled_card",
    "load_card",
    "measure_agreement",
    "measure_card",
    "measure_reliability",
    "save_card",
]
