"""What a repair did, measured: the same audit before and after, kept with the artifact."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from isogloss.audit import AuditPlan, Comparison, Scorecard, compare_runs, load_scorecard, run_audit, select_prompts
from isogloss.core import Split
from isogloss.core.progress import Progress, silent
from isogloss.core.run import load_run_record
from isogloss.judges.judge import Judge
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.artifact import Repair
from isogloss.repair.repaired import RepairedModel


class Evidence(BaseModel):
    """Scorecards of the same prompts without and with the repair, and the paired change between them.

    Attributes:
        prompts: name of the prompt set.
        split: which of its splits was asked; None means all of it.
        judge: who said what an answer was.
        max_new_tokens: longest reply.
        before: of the plain model.
        after: of the repaired model.
        change: after minus before, paired by prompt, with intervals clustered by idea.
    """

    model_config = ConfigDict(frozen=True)

    prompts: str
    split: str | None
    judge: str
    max_new_tokens: int
    before: Scorecard
    after: Scorecard
    change: Comparison

    @classmethod
    def of_runs(cls, before: Path, after: Path) -> Self:
        """Read two run folders of the same audit.

        Raises:
            PlanMismatch: the runs were judged differently.
            NothingToDo: they share no scored prompt.
        """
        plan = load_run_record(after)["plan"]
        return cls(
            prompts=plan["prompts"],
            split=plan["split"],
            judge=plan["judge"],
            max_new_tokens=plan["max_new_tokens"],
            before=load_scorecard(before),
            after=load_scorecard(after),
            change=compare_runs(before, after),
        )


def measure_repair(
    model: OpenModel,
    repair: Repair,
    prompts: PromptSet,
    judge: Judge,
    folder: Path,
    *,
    model_name: str,
    set_name: str,
    judge_name: str = "rules",
    max_new_tokens: int = 64,
    progress: Progress = silent,
) -> Evidence:
    """Audit the plain and the repaired model on test prompts of every language that the repair names.

    Both audits are runs like any other, ``folder/plain`` and ``folder/repair-XXXXXXXX``: stopped, they go on where
    they were, and the plain one serves every further repair of the same model.

    Args:
        model: the plain model.
        repair: made for it.
        prompts: with test prompts; those that the repair was fitted on are never asked.
        judge: who says what an answer was.
        folder: where the two runs go.
        model_name: the model as on the command line.
        set_name: the prompt set as on the command line.
        judge_name: the judge as on the command line.
        max_new_tokens: longest reply.
        progress: told after every reply.

    Raises:
        FingerprintMismatch: the repair was made for another model.
        NothingToDo: the set has no test prompts in these languages.
        PlanMismatch: the folder holds other runs.
    """
    plan = AuditPlan(
        model=model_name,
        prompts=set_name,
        languages=tuple(dict.fromkeys([*repair.source, *repair.target])),
        split=Split.TEST,
        judge=judge_name,
        max_new_tokens=max_new_tokens,
    )
    name = repair.fingerprint()[:8]
    chosen = select_prompts(plan, prompts)
    before, after = folder / "plain", folder / f"repair-{name}"
    run_audit(plan, model, chosen, judge, before, progress=progress)
    repaired = plan.model_copy(update={"repair": name})
    run_audit(repaired, RepairedModel(model, repair), chosen, judge, after, progress=progress)
    return Evidence.of_runs(before, after)
