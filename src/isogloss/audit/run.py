"""Run an audit: ask, write down, judge, score. Stopped at any moment, it goes on where it was."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from isogloss.audit.outcome import load_outcomes
from isogloss.audit.plan import AuditPlan
from isogloss.audit.scorecard import Scorecard, save_scorecard
from isogloss.audit.scoring import score_outcomes
from isogloss.core import Finish, Prompt, Reply, Split, Verdict
from isogloss.core.errors import EndpointFailed
from isogloss.core.fingerprint import fingerprint
from isogloss.core.journal import Journal, Row
from isogloss.core.progress import Progress, silent
from isogloss.core.run import RunFolder, load_run_record, open_run
from isogloss.judges.judge import Judge
from isogloss.models.chat import ChatModel
from isogloss.prompts.perturb import parse_perturbation, perturb_set
from isogloss.prompts.promptset import PromptSet

JUDGED_AT_ONCE = 64


def run_audit(
    plan: AuditPlan,
    model: ChatModel,
    prompts: PromptSet,
    judge: Judge,
    folder: Path,
    *,
    progress: Progress = silent,
) -> Scorecard:
    """Ask every prompt once, judge every reply and score each language.

    The folder fills while the model answers: ``replies.jsonl`` and ``verdicts.jsonl`` grow by one row per answer,
    under a key made from everything that decides it. Called again with the same plan it asks only what is missing.

    Args:
        plan: what to do; recorded, and compared when the folder already holds a run.
        model: who answers.
        prompts: exactly the prompts to ask (see `select_prompts`).
        judge: who says what an answer was.
        folder: the run folder.
        progress: told after every reply.

    Raises:
        PlanMismatch: the folder holds a run with another plan, model, prompt set or judge.
        EndpointFailed: no prompt at all could be answered.
        WriteFailed: the disk is full; the rows before are kept.
    """
    run = _open(plan, model, prompts, judge, folder)
    answer_prompts(plan, model, prompts, judge, run, progress=progress)
    return write_scorecard(folder)


def select_prompts(plan: AuditPlan, prompts: PromptSet) -> PromptSet:
    """The prompts that a plan asks: its languages, its split, its limit, and the same once more in every perturbation.

    Without a split in the plan, the set's own audit split is taken; with a repair, the test split wherever the
    set has one, because the repair was fitted on the others.

    Raises:
        UnknownLanguage: a language is asked for that the set does not hold.
        UnknownName: no perturbation has that name.
        NothingToDo: no prompt is left, or a perturbation changes none.
    """
    chosen = prompts.select(languages=plan.language_list)
    splits = {prompt.split for prompt in chosen}
    split = prompts.audit_split if plan.split is None else None if plan.split == "all" else plan.split
    if plan.split is None and plan.repair and Split.TEST in splits:
        split = Split.TEST
    plain = chosen.select(split=split).limit(plan.limit)
    written = [
        perturb_set(plain, parse_perturbation(name), seed=plan.perturb_seed, learn_from=prompts)
        for name in plan.perturb
    ]
    if not written:
        return plain
    notes = dict.fromkeys(note for part in (plain, *written) for note in part.card.notes)
    return replace(
        plain,
        card=replace(plain.card, notes=tuple(notes)),
        prompts=tuple(prompt for part in (plain, *written) for prompt in part),
    )


def answer_prompts(
    plan: AuditPlan,
    model: ChatModel,
    prompts: PromptSet,
    judge: Judge,
    run: RunFolder,
    *,
    progress: Progress = silent,
) -> None:
    """Fill the run's journals with a reply and a verdict for every prompt that has none yet."""
    context = fingerprint([model.fingerprint(), plan.decoding.to_json()])
    keyed = {reply_key(prompt, context): prompt for prompt in prompts}
    with (
        Journal(run.replies) as replies,
        Journal(run.verdicts) as verdicts,
        Journal(run.failures) as failures,
    ):
        waiting = [row for key, row in replies.rows.items() if key not in verdicts]
        missing = [prompt for key, prompt in keyed.items() if key not in replies]
        done = len(keyed) - len(missing)
        progress("replies", done, len(keyed))
        for row in _journal_replies(model.reply(missing, plan.decoding), keyed, replies, failures):
            done += 1
            waiting += [row] if row else []
            if len(waiting) >= JUDGED_AT_ONCE:
                _judge_rows(waiting, keyed, judge, verdicts)
                waiting = []
            progress("replies", done, len(keyed))
        _judge_rows(waiting, keyed, judge, verdicts)
        if keyed and not len(replies):
            reason = next((row["error"] for row in failures.rows.values()), "the model gave no reply")
            raise EndpointFailed(f"None of the {len(keyed)} prompts could be answered. The first failure: {reason}")


def write_scorecard(folder: Path) -> Scorecard:
    """Score the verdicts of a run folder and write ``scorecard.json``.

    Raises:
        NothingToDo: the run holds no verdicts.
    """
    record = load_run_record(folder)
    plan = AuditPlan.model_validate(record["plan"])
    scorecard = score_outcomes(
        load_outcomes(folder),
        model=plan.model,
        condition=record["fingerprints"]["condition"],
        prompts=plan.prompts,
        judge=record["fingerprints"]["judge"]["name"],
        mapping=plan.mapping,
        reference=plan.reference_language,
        confidence=plan.confidence,
    )
    save_scorecard(scorecard, folder)
    return scorecard


def reply_key(prompt: Prompt, context: str) -> str:
    """The content hash that names a reply: the prompt, who answers, and how."""
    return fingerprint([prompt.id, prompt.language.key, prompt.kind, prompt.text, context])


def _open(plan: AuditPlan, model: ChatModel, prompts: PromptSet, judge: Judge, folder: Path) -> RunFolder:
    identity = model.fingerprint()
    return open_run(
        folder,
        command="audit",
        plan=plan.model_dump(mode="json"),
        fingerprints={
            "model": identity,
            "condition": f"repair {identity['repair']}" if "repair" in identity else "plain",
            "prompts": prompts.fingerprint(),
            "judge": {"name": judge.name, **judge.fingerprint()},
        },
        details={"prompt_card": asdict(prompts.card), "prompt_counts": prompts.describe()},
    )


def _journal_replies(
    answers: Iterator[Reply], keyed: dict[str, Prompt], replies: Journal, failures: Journal
) -> Iterator[Row | None]:
    """Write each reply down as it comes; yields its row, or None for a failure."""
    keys = {prompt.key: key for key, prompt in keyed.items()}
    for reply in answers:
        key = keys[reply.prompt_id, reply.language]
        prompt = keyed[key]
        if reply.finish == Finish.FAILED:
            attempt = sum(row["prompt_key"] == key for row in failures.rows.values()) + 1
            failures.append(f"{key}:{attempt}", {"prompt_key": key, **_prompt_fields(prompt), "error": reply.error})
            yield None
        else:
            yield replies.append(key, {**_prompt_fields(prompt), **_reply_fields(reply)})


def _judge_rows(rows: Sequence[Row], keyed: dict[str, Prompt], judge: Judge, verdicts: Journal) -> None:
    known = [row for row in rows if row["key"] in keyed]
    found = judge.judge([(keyed[row["key"]], _reply_of(row)) for row in known])
    for row, verdict in zip(known, found, strict=True):
        verdicts.append(row["key"], _verdict_fields(verdict))


def _prompt_fields(prompt: Prompt) -> dict[str, Any]:
    return {
        "prompt_id": prompt.id,
        "language": prompt.language.tag,
        "kind": prompt.kind.value,
        "seed_id": prompt.seed_id,
        "cluster": prompt.cluster,
        "category": prompt.category,
        "failure_mode": prompt.failure_mode,
        "perturbation": prompt.perturbation,
        "split": prompt.split.value if prompt.split else None,
        "prompt": prompt.text,
    }


def _reply_fields(reply: Reply) -> dict[str, Any]:
    return {
        "reply": reply.text,
        "finish": reply.finish.value,
        "prompt_tokens": reply.prompt_tokens,
        "reply_tokens": reply.reply_tokens,
        "gate": asdict(reply.gate) if reply.gate else None,
    }


def _reply_of(row: Row) -> Reply:
    return Reply(row["prompt_id"], row["language"], row["reply"], Finish(row["finish"]))


def _verdict_fields(verdict: Verdict) -> dict[str, Any]:
    return {
        "prompt_id": verdict.prompt_id,
        "language": verdict.language,
        "kind": verdict.kind,
        "verdict": verdict.label.value,
        "judge": verdict.judge,
        "confidence": verdict.confidence,
        "evidence": verdict.evidence,
        "flags": list(verdict.flags),
    }
