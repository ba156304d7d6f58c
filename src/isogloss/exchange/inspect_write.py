"""A run as an Inspect log, which ``inspect view`` shows and Inspect's own functions read."""

import math
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from isogloss.audit import Scorecard, load_scorecard
from isogloss.core import Finish, Label, Mapping
from isogloss.core.errors import BrokenInput, MissingExtra, WriteFailed
from isogloss.core.fingerprint import fingerprint
from isogloss.core.journal import Row
from isogloss.core.run import load_run_record
from isogloss.exchange.rows import PROMPT_FIELDS, RunRow, iterate_rows
from isogloss.models.mending import mend_surrogates

try:
    from inspect_ai.event import ModelEvent, ScoreEvent
    from inspect_ai.log import (
        EvalConfig,
        EvalDataset,
        EvalError,
        EvalLog,
        EvalMetric,
        EvalPlan,
        EvalPlanStep,
        EvalResults,
        EvalSample,
        EvalScore,
        EvalSpec,
        EvalStats,
        write_eval_log,
    )
    from inspect_ai.model import (
        ChatCompletionChoice,
        ChatMessageAssistant,
        ChatMessageSystem,
        ChatMessageUser,
        GenerateConfig,
        ModelOutput,
        ModelUsage,
        StopReason,
    )
    from inspect_ai.scorer import Score
except ImportError as error:
    raise MissingExtra("This needs Inspect. Install it with: pip install 'isogloss[inspect]'") from error

TASK = "isogloss/refusal"
SCORER = "refusal"
ENDINGS = (".eval", ".json")
MEASURES = ("harmful_refusal_rate", "harmless_refusal_rate", "selectivity_points")
_STOPS: dict[Finish, StopReason] = {Finish.STOP: "stop", Finish.LENGTH: "max_tokens"}


def write_inspect_log(folder: Path, path: Path, *, created: datetime) -> int:
    """Write a run as an Inspect log: a sample for each prompt, the scorecard as results.

    A sample's score is 1 for a refusal and 0 for none; an unscored answer has no value, as Inspect has it. The label
    stands beside it as the sample's answer. Everything that our own import needs to make the same run again is in
    the metadata. Texts are written as they are, harmful ones too.

    Args:
        folder: the run.
        path: ends in .eval (small, Inspect's own) or .json.
        created: when the run was made; goes into the log, which is otherwise the same for the same run.

    Returns:
        How many samples were written.

    Raises:
        UnknownName: the folder holds no scored run.
        BrokenInput: the path has another ending.
        WriteFailed: the file cannot be written.
    """
    if path.suffix not in ENDINGS:
        raise BrokenInput(f"An Inspect log ends in .eval or .json, not '{path.suffix}' ({path}).")
    record, card = load_run_record(folder), load_scorecard(folder)
    model, mapping = card.model, Mapping(card.mapping)
    system_prompt = record["plan"].get("system_prompt")
    # Journals hold rows in the order in which they were computed; a reader wants the languages one after the other.
    order = {tag: number for number, tag in enumerate(card.languages)}
    rows = sorted(iterate_rows(folder), key=lambda row: order.get(row.fields["language"], len(order)))
    samples = [
        make_sample(row, model=model, mapping=mapping, system_prompt=system_prompt, created=created) for row in rows
    ]
    log = EvalLog(
        status="success",
        eval=_describe_eval(record, card, samples, created),
        plan=EvalPlan(steps=[EvalPlanStep(solver="generate")], config=_config(record["plan"])),
        results=_make_results(card, samples),
        stats=EvalStats(
            started_at=created.isoformat(), completed_at=created.isoformat(), model_usage={model: _usage(samples)}
        ),
        samples=samples,
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_eval_log(log, str(path))
    except OSError as error:
        raise WriteFailed(f"Cannot write {path}: {error}. Make room or choose another folder.") from error
    return len(samples)


def make_sample(
    row: RunRow, *, model: str, mapping: Mapping, system_prompt: str | None, created: datetime
) -> EvalSample:
    """One prompt with its reply and verdict, and the events that the viewer's transcript shows."""
    fields = row.fields
    prompt, reply = mend_surrogates(fields.get("prompt") or ""), mend_surrogates(fields.get("reply") or "")
    key = fields["key"]
    messages: list[Any] = [ChatMessageSystem(id=f"{key}-system", content=system_prompt)] if system_prompt else []
    messages.append(ChatMessageUser(id=f"{key}-user", content=prompt, source="input"))
    answer = ChatMessageAssistant(id=f"{key}-assistant", content=reply, model=model, source="generate")
    failed = row.error is not None
    output = ModelOutput(model=model) if failed else _output(fields, answer, model)
    error = row.error or ""
    target = Label.REFUSED if fields["kind"] == "harmful" else Label.COMPLIED
    score = None if row.verdict is None else make_score(row.verdict, mapping)
    asked = ModelEvent(
        model=model,
        input=messages,
        tools=[],
        tool_choice="none",
        config=GenerateConfig(),
        output=output,
        error=row.error,
        timestamp=created,
        working_start=0.0,
        uuid=f"{key}-model",
    )
    judged = _score_event(score, target, created, f"{key}-score") if score else None
    return EvalSample(
        id=f"{fields['prompt_id']}/{fields['language']}",
        epoch=1,
        input=prompt,
        target=target,
        messages=messages if failed else [*messages, answer],
        output=output,
        scores=None if score is None else {SCORER: score},
        events=[asked, judged] if judged else [asked],
        metadata=_sample_metadata(fields),
        model_usage={} if output.usage is None else {model: output.usage},
        error=EvalError(message=error, traceback=error, traceback_ansi=error) if failed else None,
        uuid=key,
    )


def _score_event(score: Score, target: str, created: datetime, uuid: str) -> ScoreEvent:
    return ScoreEvent(score=score, target=target, timestamp=created, working_start=0.0, uuid=uuid)


def make_score(verdict: Row, mapping: Mapping) -> Score:
    """A verdict as a score: refusal as the value, the label as the answer, what the judge went by as explanation."""
    value = mapping.refusal(Label(verdict["verdict"]))
    return Score(
        value=math.nan if value is None else value,
        answer=verdict["verdict"],
        explanation=verdict.get("evidence") or None,
        metadata={
            "label": verdict["verdict"],
            "judge": verdict["judge"],
            "flags": list(verdict.get("flags") or ()),
            "confidence": verdict.get("confidence"),
        },
    )


def _output(fields: Row, answer: ChatMessageAssistant, model: str) -> ModelOutput:
    finish = Finish(fields.get("finish") or Finish.UNKNOWN)
    choice = ChatCompletionChoice(message=answer, stop_reason=_STOPS.get(finish, "unknown"))
    output = ModelOutput(model=model, choices=[choice])
    asked, answered = fields.get("prompt_tokens"), fields.get("reply_tokens")
    if asked is not None and answered is not None:
        output.usage = ModelUsage(input_tokens=asked, output_tokens=answered, total_tokens=asked + answered)
    return output


def _sample_metadata(fields: Row) -> dict[str, Any]:
    found = {name: fields[name] for name in PROMPT_FIELDS if fields.get(name) is not None}
    return found | {f"gate_{name}": value for name, value in (fields.get("gate") or {}).items()}


def _describe_eval(record: Row, card: Scorecard, samples: list[EvalSample], created: datetime) -> EvalSpec:
    identity = fingerprint([record["plan"], record["fingerprints"]])
    return EvalSpec(
        eval_id=identity,
        run_id=identity,
        task_id=identity,
        created=created.astimezone(UTC).isoformat(),
        task=TASK,
        task_registry_name=TASK,
        task_args={"prompts": card.prompts, "judge": card.judge, "mapping": card.mapping},
        solver="generate",
        dataset=EvalDataset(name=card.prompts, samples=len(samples), sample_ids=[sample.id for sample in samples]),
        model=card.model,
        model_generate_config=_config(record["plan"]),
        config=EvalConfig(epochs=1),
        packages={"isogloss": version("isogloss"), "inspect_ai": version("inspect_ai")},
        metadata={
            "isogloss": {
                name: record.get(name) for name in ("plan", "fingerprints", "versions", "prompt_card") if name in record
            }
        },
    )


def _config(plan: Row) -> GenerateConfig:
    return GenerateConfig(
        max_tokens=plan.get("max_new_tokens"),
        temperature=plan.get("temperature"),
        top_p=plan.get("top_p"),
        seed=plan.get("seed"),
        system_message=plan.get("system_prompt"),
    )


def _make_results(card: Scorecard, samples: list[EvalSample]) -> EvalResults:
    """The scorecard, one block a measure, as the viewer shows tables of scores by metrics."""
    counts = Counter(_state(sample) for sample in samples)
    scores = [
        EvalScore(
            name=measure,
            scorer=SCORER,
            scored_samples=counts["scored"],
            unscored_samples=counts["unscored"],
            params={"judge": card.judge, "mapping": card.mapping},
            metrics={metric.name: metric for metric in _list_metrics(card, measure)},
        )
        for measure in MEASURES
    ]
    return EvalResults(
        total_samples=len(samples),
        completed_samples=len(samples) - counts["failed"],
        scores=scores,
        metadata={"scorecard": card.model_dump(mode="json")},
    )


def _state(sample: EvalSample) -> str:
    if sample.error:
        return "failed"
    value = sample.scores[SCORER].value if sample.scores else math.nan
    return "unscored" if isinstance(value, float) and math.isnan(value) else "scored"


def _list_metrics(card: Scorecard, measure: str) -> Iterator[EvalMetric]:
    """The measure in the worst language (harmful refusal), on average, and in every language; undefined is left out."""
    worst = card.worst
    if measure == "harmful_refusal_rate" and worst.harmful_refusal_rate is not None:
        may = list(worst.may_be_worst)
        yield EvalMetric(
            name="worst_language",
            value=worst.harmful_refusal_rate,
            metadata={"language": worst.language, "interval": worst.interval, "may_be_worst": may},
        )
    for name, group in {"average": card.average, **card.languages}.items():
        value = getattr(group, measure)
        if value is not None:
            interval = getattr(group.intervals, measure)
            yield EvalMetric(name=name, value=value, metadata={"interval": interval, "confidence": card.confidence})


def _usage(samples: list[EvalSample]) -> ModelUsage:
    usages = [sample.output.usage for sample in samples if sample.output.usage]
    asked, answered = sum(one.input_tokens for one in usages), sum(one.output_tokens for one in usages)
    return ModelUsage(input_tokens=asked, output_tokens=answered, total_tokens=asked + answered)
