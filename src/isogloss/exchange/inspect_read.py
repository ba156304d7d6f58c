"""An Inspect log as a run: anybody's eval under our statistics."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from isogloss.core import Finish, GateReading, Label
from isogloss.core.errors import BrokenInput, MissingExtra, UnknownName, say_unknown
from isogloss.exchange.columns import Columns
from isogloss.exchange.imported import ImportedRun, Record, Scoring, Source, gather_run
from isogloss.models.chat import Decoding

try:
    from inspect_ai.log import EvalLog, EvalSample, read_eval_log
    from inspect_ai.model import ChatMessage
    from inspect_ai.scorer import Score
except ImportError as error:
    raise MissingExtra("This needs Inspect. Install it with: pip install 'isogloss[inspect]'") from error

UNREAD = {"events", "store", "timelines", "error_retries"}
GATE_FACTS = ("score", "threshold", "harmful")
LABELS = {label.value: label for label in Label}
_FINISH = {"stop": Finish.STOP, "max_tokens": Finish.LENGTH, "model_length": Finish.LENGTH}


def read_inspect_log(
    path: Path,
    *,
    columns: Columns | None = None,
    scorer: str | None = None,
    labels: Mapping[str, str] | None = None,
    epoch: int | None = None,
) -> ImportedRun:
    """Read an Inspect log.

    The prompt is the last user message of a sample's input, the reply is the model's output, and language, kind and
    pair id come from the sample's metadata. Scores become verdicts where a scorer's value (or the ``label`` in its
    metadata) is one of our labels, or where ``labels`` says what its values mean; otherwise the run comes without
    verdicts, to be judged.

    Args:
        path: a .eval or .json log.
        columns: which metadata means what; None takes our own names.
        scorer: whose scores to take; None takes the only one whose values are labels.
        labels: a score's value as text to our label: ``{"C": "refused", "I": "complied"}``.
        epoch: which one, for a log of several.

    Raises:
        UnknownName: no such file, scorer or label.
        BrokenInput: the file is no Inspect log, has several epochs and none is chosen, a sample has no text or no
            language, or a score is not among ``labels``.
        NothingToDo: the log holds no samples.
    """
    log = _read(path)
    samples = _choose_epoch(_sort_as_asked(log), epoch, path)
    meaning = _check_labels(labels or {})
    chosen = _choose_scorer(samples, scorer, meaning, path)
    known = columns or Columns()
    records = [_read_sample(sample, path, known, chosen, meaning) for sample in samples]
    return gather_run(_describe(log, path, chosen), records)


def _read(path: Path) -> EvalLog:
    if not path.is_file():
        raise UnknownName(f"No file {path}. Name an Inspect log, such as logs/NAME.eval.")
    try:
        # Long texts of a log are stored once and referred to; without resolving them a prompt would be a reference.
        return read_eval_log(str(path), resolve_attachments="core", exclude_fields=UNREAD)
    except (ValueError, KeyError, OSError, ValidationError) as error:
        first = str(error).strip().splitlines() or [type(error).__name__]
        raise BrokenInput(f"{path} cannot be read as an Inspect log (.eval or .json): {first[0][:200]}") from error


def _sort_as_asked(log: EvalLog) -> list[EvalSample]:
    """The samples in the order of the data set; Inspect's reader sorts them by id."""
    order = {str(sample_id): number for number, sample_id in enumerate(log.eval.dataset.sample_ids or [])}
    return sorted(log.samples or [], key=lambda sample: order.get(str(sample.id), len(order)))


def _choose_epoch(samples: Sequence[EvalSample], epoch: int | None, path: Path) -> list[EvalSample]:
    epochs = sorted({sample.epoch for sample in samples})
    if epoch is None and len(epochs) > 1:
        raise BrokenInput(
            f"{path} holds every prompt {len(epochs)} times (epochs {epochs[0]} to {epochs[-1]}). "
            "A run of ours has one reply a prompt: choose one with --epoch."
        )
    if epoch is not None and epoch not in epochs:
        raise UnknownName(say_unknown("epoch", str(epoch), map(str, epochs)))
    return [sample for sample in samples if epoch in (None, sample.epoch)]


def _check_labels(labels: Mapping[str, str]) -> dict[str, Label]:
    for label in labels.values():
        if label not in LABELS:
            raise UnknownName(say_unknown("label", label, LABELS))
    return {value: LABELS[label] for value, label in labels.items()}


def _choose_scorer(
    samples: Sequence[EvalSample], scorer: str | None, meaning: Mapping[str, Label], path: Path
) -> str | None:
    """The scorer whose scores are verdicts; None where the log has none of that sort."""
    counts = Counter(name for sample in samples for name in sample.scores or {})
    if scorer is not None and scorer not in counts:
        raise UnknownName(f"{path}: " + say_unknown("scorer", scorer, counts))
    candidates = [scorer] if scorer else list(counts)
    if meaning and len(candidates) == 1:
        return candidates[0]
    speaking = [name for name in candidates if _speaks_labels(samples, name, meaning)]
    if len(speaking) > 1:
        raise UnknownName(f"{path} has verdicts of {', '.join(speaking)}. Choose one with --scorer.")
    return speaking[0] if speaking else None


def _speaks_labels(samples: Sequence[EvalSample], scorer: str, meaning: Mapping[str, Label]) -> bool:
    scores = [sample.scores[scorer] for sample in samples if sample.scores and scorer in sample.scores]
    return all(_find_label(score, meaning) is not None for score in scores)


def _find_label(score: Score, meaning: Mapping[str, Label]) -> Label | None:
    value = str(score.value)
    if value in meaning:
        return meaning[value]
    stated = (score.metadata or {}).get("label")
    return LABELS.get(stated if isinstance(stated, str) else value)


def _read_sample(
    sample: EvalSample, path: Path, columns: Columns, scorer: str | None, meaning: Mapping[str, Label]
) -> Record:
    place = f"{path}, sample {sample.id}"
    prompt = columns.read(sample.metadata, place=place, own_id=str(sample.id))
    output = sample.output
    failed = sample.error is not None or not output.choices
    reason = sample.error.message if sample.error else output.error or "the log holds no output"
    usage = output.usage
    return Record(
        place=place,
        prompt={**prompt, "text": _read_prompt(sample, place)},
        reply="" if failed else output.completion,
        finish=Finish.FAILED if failed else _FINISH.get(output.stop_reason, Finish.UNKNOWN),
        prompt_tokens=usage.input_tokens if usage else None,
        reply_tokens=usage.output_tokens if usage else None,
        error=reason if failed else None,
        gate=_read_gate(sample),
        scoring=None if failed or scorer is None else _read_score(sample, scorer, meaning, place),
    )


def _read_gate(sample: EvalSample) -> GateReading | None:
    """The gate's reading, as our export or our model provider left it."""
    facts = (sample.output.metadata or {}).get("gate")
    if facts is None:
        facts = {name: sample.metadata.get(f"gate_{name}") for name in (*GATE_FACTS, "left_alone", "language")}
    if not isinstance(facts, dict) or any(facts.get(name) is None for name in GATE_FACTS):
        return None
    language = facts.get("language")
    return GateReading(
        score=float(facts["score"]),
        threshold=float(facts["threshold"]),
        harmful=bool(facts["harmful"]),
        left_alone=bool(facts.get("left_alone", False)),
        language=None if language is None else str(language),
    )


def _read_prompt(sample: EvalSample, place: str) -> str:
    if isinstance(sample.input, str):
        return str(sample.input)
    asked: list[ChatMessage] = [message for message in sample.input if message.role == "user"]
    if not asked or not asked[-1].text.strip():
        raise BrokenInput(f"{place} has no user message with text.")
    return str(asked[-1].text)


def _read_score(sample: EvalSample, scorer: str, meaning: Mapping[str, Label], place: str) -> Scoring | None:
    score = (sample.scores or {}).get(scorer)
    if score is None:
        return None
    label = _find_label(score, meaning)
    if label is None:
        known = ", ".join(f"{value}={label}" for value, label in meaning.items())
        raise BrokenInput(f"{place}: {scorer} says '{score.value}', which is not among the labels given: {known}.")
    facts: dict[str, Any] = score.metadata or {}
    confidence = facts.get("confidence")
    return Scoring(
        label=label,
        judge=str(facts.get("judge") or f"inspect:{scorer}"),
        evidence=score.explanation or "",
        flags=tuple(str(flag) for flag in facts.get("flags") or ()),
        confidence=confidence if isinstance(confidence, float) else None,
    )


def _describe(log: EvalLog, path: Path, scorer: str | None) -> Source:
    spec = log.eval
    ours = (spec.metadata or {}).get("isogloss") or {}
    repair = ours.get("fingerprints", {}).get("model", {}).get("repair") or spec.model_args.get("repair")
    return Source(
        tool="inspect",
        name=path.name,
        model=spec.model,
        task=str(spec.dataset.name or spec.task),
        decoding=_read_decoding(log),
        identity={"repair": str(repair)} if repair else {},
        notes=tuple(_list_notes(log, scorer)),
    )


def _list_notes(log: EvalLog, scorer: str | None) -> Iterator[str]:
    yield f"Replies of Inspect task {log.eval.task}, made {log.eval.created}."
    if log.status != "success":
        yield f"The eval ended with status '{log.status}': prompts may be missing."
    if scorer is None:
        yield "The log's scores are not verdicts of ours, so the replies were judged anew."
    config = log.plan.config.merge(log.eval.model_generate_config)
    absent = [name for name in ("max_tokens", "temperature") if getattr(config, name) is None]
    if absent:
        yield f"The log does not state {' and '.join(absent)}; the plan shows our defaults in their place."


def _read_decoding(log: EvalLog) -> Decoding:
    config = log.plan.config.merge(log.eval.model_generate_config)
    plain = Decoding()
    return Decoding(
        max_new_tokens=config.max_tokens or plain.max_new_tokens,
        temperature=plain.temperature if config.temperature is None else config.temperature,
        top_p=plain.top_p if config.top_p is None else config.top_p,
        seed=plain.seed if config.seed is None else config.seed,
        system_prompt=config.system_message,
    )
