"""Somebody else's log as a run of ours: the same files, the same scorecard, the same report.

A log becomes a model that is asked by looking its replies up, and a judge that is asked by looking its verdicts up;
then `isogloss.audit.run_audit` writes the run as for any other model, so nothing about imported runs is special.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from isogloss.audit import AuditPlan, Scorecard, run_audit
from isogloss.core import Finish, GateReading, Label, Language, Mapping, Prompt, Reply, Verdict
from isogloss.core.errors import NothingToDo
from isogloss.core.fingerprint import fingerprint
from isogloss.judges.judge import Judge
from isogloss.models.chat import Decoding
from isogloss.models.mending import mend_surrogates
from isogloss.prompts.promptset import PromptCard, PromptSet
from isogloss.prompts.reading import Row
from isogloss.prompts.table import prompts_from_rows

Place = tuple[str, Language]


@dataclass(frozen=True, slots=True)
class Scoring:
    """What the other tool's scorer said, in our labels."""

    label: Label
    judge: str
    evidence: str = ""
    flags: tuple[str, ...] = ()
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One prompt with its reply, as read from a log.

    Attributes:
        place: where it stands, for messages.
        prompt: fields of a prompt (``id``, ``text``, ``language``, ``kind``, ...), not yet checked.
        reply: the model's text; empty where it failed.
        finish: why it ended.
        prompt_tokens: where the log tells.
        reply_tokens: where the log tells.
        error: why there is no reply.
        gate: what a repair's gate said, where the log has it.
        scoring: the log's own verdict, where it maps onto our labels.
    """

    place: str
    prompt: dict[str, object]
    reply: str
    finish: Finish = Finish.UNKNOWN
    prompt_tokens: int | None = None
    reply_tokens: int | None = None
    error: str | None = None
    gate: GateReading | None = None
    scoring: Scoring | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """What a log says about itself.

    Attributes:
        tool: "inspect" or "lm-eval".
        name: the file or folder.
        model: who answered, in the log's words.
        decoding: how, as far as the log tells.
        task: the prompts' name.
        identity: further fingerprints of the model, such as ``repair``.
        notes: what a reader of the card should know.
    """

    tool: str
    name: str
    model: str
    task: str
    decoding: Decoding = field(default_factory=Decoding)
    identity: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImportedRun:
    """A log, read and checked.

    Attributes:
        source: what it says about itself.
        prompts: what was asked.
        replies: by prompt id and language.
        scorings: by prompt id and language; empty unless every answered prompt has one.
    """

    source: Source
    prompts: PromptSet
    replies: dict[Place, Reply]
    scorings: dict[Place, Scoring]


class ImportedModel:
    """A model that answers what the log says it answered."""

    def __init__(self, run: ImportedRun) -> None:
        self.name = run.source.model
        self._source = run.source
        self._replies = run.replies

    def fingerprint(self) -> dict[str, str]:
        """Hash of every reply, and what the log knows of the model, such as a repair."""
        rows = sorted((id_, language.key, reply.text) for (id_, language), reply in self._replies.items())
        return {**self._source.identity, "source": self._source.tool, "replies": fingerprint(rows)}

    def reply(self, prompts: Sequence[Prompt], decoding: Decoding) -> Iterator[Reply]:
        """Look the replies up; how they were decoded was decided when they were made."""
        del decoding
        for prompt in prompts:
            yield self._replies[prompt.id, prompt.language]


class ImportedJudge:
    """A judge that says what the log's own scorer said."""

    def __init__(self, run: ImportedRun) -> None:
        self._scorings = run.scorings
        self.name = " + ".join(sorted({scoring.judge for scoring in run.scorings.values()}))

    def fingerprint(self) -> dict[str, str]:
        """Hash of every label."""
        rows = sorted((id_, language.key, one.label) for (id_, language), one in self._scorings.items())
        return {"verdicts": fingerprint(rows)}

    def judge(self, items: Sequence[tuple[Prompt, Reply]]) -> list[Verdict]:
        """The recorded verdict of each pair, in order."""
        return [self._verdict(prompt) for prompt, _ in items]

    def _verdict(self, prompt: Prompt) -> Verdict:
        found = self._scorings[prompt.id, prompt.language]
        return Verdict(
            prompt_id=prompt.id,
            language=prompt.language.tag,
            kind=prompt.kind.value,
            label=found.label,
            judge=found.judge,
            confidence=found.confidence,
            evidence=found.evidence,
            flags=found.flags,
        )


def gather_run(source: Source, records: Sequence[Record]) -> ImportedRun:
    """Check the records of a log and put them together.

    The log's verdicts are kept only where every reply has one: half a log judged by one judge and half by
    another would be no measurement.

    Raises:
        NothingToDo: there are no records.
        BrokenInput, UnknownLanguage: a record is no prompt, or two have one id in one language; the message names it.
    """
    if not records:
        raise NothingToDo(f"{source.name} holds no samples to import.")
    rows = [Row(one.place, {**one.prompt, "text": mend_surrogates(str(one.prompt["text"]))}) for one in records]
    prompts = prompts_from_rows(rows, name=source.task)
    pairs = list(zip(prompts, records, strict=True))
    answered = [one for one in records if one.finish != Finish.FAILED]
    complete = bool(answered) and all(one.scoring for one in answered)
    return ImportedRun(
        source=source,
        prompts=PromptSet(_write_card(source), prompts),
        replies={(prompt.id, prompt.language): _reply(prompt, one) for prompt, one in pairs},
        scorings={(prompt.id, prompt.language): one.scoring for prompt, one in pairs if complete and one.scoring},
    )


def write_imported(
    run: ImportedRun,
    folder: Path,
    judge: Judge | None = None,
    *,
    mapping: Mapping = Mapping.STRICT,
    reference: str = "en",
) -> Scorecard:
    """Write a log into a run folder and score it.

    Args:
        run: as read by `inspect_read` or `lm_eval`.
        folder: the run folder; the same log into the same folder again changes nothing.
        judge: judges the replies; None keeps the log's own verdicts.
        mapping: how labels become refusals.
        reference: language of the paired gaps.

    Raises:
        NothingToDo: no judge is given and the log has no verdicts of its own.
        PlanMismatch: the folder holds another run.
        EndpointFailed: no prompt of the log has a reply.
    """
    if judge is None and not run.scorings:
        raise NothingToDo(f"The scores of {run.source.name} are not verdicts of ours. Name a judge for the replies.")
    chosen: Judge = ImportedJudge(run) if judge is None else judge
    decoding = run.source.decoding
    plan = AuditPlan(
        model=run.source.model,
        prompts=run.source.task,
        split="all",
        judge=chosen.name,
        mapping=mapping,
        reference=reference,
        max_new_tokens=decoding.max_new_tokens,
        temperature=decoding.temperature,
        top_p=decoding.top_p,
        seed=decoding.seed,
        system_prompt=decoding.system_prompt,
    )
    return run_audit(plan, ImportedModel(run), run.prompts, chosen, folder)


def _reply(prompt: Prompt, record: Record) -> Reply:
    return Reply(
        prompt_id=prompt.id,
        language=prompt.language.tag,
        text=mend_surrogates(record.reply),
        finish=record.finish,
        prompt_tokens=record.prompt_tokens,
        reply_tokens=record.reply_tokens,
        gate=record.gate,
        error=record.error,
    )


def _write_card(source: Source) -> PromptCard:
    return PromptCard(
        name=source.task,
        title=f"Prompts of {source.task}, from a log of {source.tool}",
        source=source.name,
        licence="not stated",
        citation="not stated",
        made="not stated",
        notes=source.notes,
    )
