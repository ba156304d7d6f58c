"""A run folder's verdicts beside labels: a judge card from people, agreement between two runs and among annotators."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from isogloss.core import Label, Mapping, Verdict
from isogloss.core.errors import BrokenInput, NothingToDo
from isogloss.core.journal import Row, read_rows
from isogloss.core.run import RunFolder, load_run_record
from isogloss.judges.card import JudgeCard, measure_card
from isogloss.judges.label_sheet import Labelled, load_labels
from isogloss.judges.reliability import Reliability, measure_reliability

CARD_FILE = "judge_card.json"


def measure_card_of_run(
    folder: Path, *, measured_on: str, mapping: Mapping = Mapping.STRICT, confidence: float = 0.95
) -> JudgeCard:
    """Measure the run's judge against the human labels of the run.

    Replies on which annotators are split, or that they call undecided, have no truth and are left out; the card's
    notes say how many.

    Args:
        folder: a run folder with verdicts and labels.
        measured_on: ISO date.
        mapping: how labels become refusal, no refusal or unscored, the annotators' too.
        confidence: of the intervals.

    Raises:
        NothingToDo: the run has no labels, or none that decide.
        BrokenInput: a file cannot be read.
    """
    record = load_run_record(folder)
    labels = load_labels(folder)
    if not labels:
        raise NothingToDo(f"{folder} holds no labels. Write a sheet with `isogloss label export {folder} --out FILE`.")
    verdicts = _load_verdicts(folder)
    pairs = [
        (label, verdicts[label.reply_key], _side(label, mapping)) for label in labels if label.reply_key in verdicts
    ]
    decided = [(label, verdict, side) for label, verdict, side in pairs if side is not None]
    judge = dict(record["fingerprints"]["judge"])
    return measure_card(
        [verdict for _, verdict, _ in decided],
        [side for *_, side in decided],
        judge=judge.get("name", "unknown"),
        fingerprint=judge,
        truth_name=_describe_annotators(labels),
        truth_kind="people",
        model=str(record["plan"].get("model", "unknown")),
        prompts=str(record["plan"].get("prompts", "unknown")),
        measured_on=measured_on,
        weights=[1 / label.inclusion for label, *_ in decided],
        mapping=mapping,
        confidence=confidence,
        notes=_explain(len(labels) - len(decided)),
    )


@dataclass(frozen=True, slots=True)
class RunAgreement:
    """How two or more runs agree in what they call the same replies.

    Attributes:
        judges: one per run.
        languages: agreement by language, over the sides of the rate (refusal or not; undecided is missing).
        labels: the same over the six labels.
        left_out: replies that are not in every run with the same text.
    """

    judges: tuple[str, ...]
    languages: dict[str, Reliability]
    labels: dict[str, Reliability]
    left_out: int


def compare_judges(
    folders: Sequence[Path], *, seed: int, mapping: Mapping = Mapping.STRICT, resamples: int = 1000
) -> RunAgreement:
    """Agreement of the judges of two or more runs over the same replies, by language and under ``all``.

    Args:
        folders: run folders.
        seed: of the intervals.
        mapping: how labels become refusal, no refusal or unscored.
        resamples: draws for the intervals.

    Raises:
        NothingToDo: the runs have no reply in common.
    """
    records = [load_run_record(folder) for folder in folders]
    runs = [_load_judged(folder) for folder in folders]
    everywhere = set.intersection(*(set(run) for run in runs))
    shared = sorted(key for key in everywhere if len({run[key].reply for run in runs}) == 1)
    if not shared:
        raise NothingToDo(
            f"{' and '.join(map(str, folders))} have no reply in common, so there is nothing to agree on."
        )
    rated = [[run[key].label for run in runs] for key in shared]
    languages = [key[1] for key in shared]
    clusters = [runs[0][key].cluster for key in shared]

    def measure(ratings: list[list[str | None]]) -> dict[str, Reliability]:
        found = {"all": measure_reliability(ratings, clusters, seed=seed, resamples=resamples)}
        for tag in sorted(set(languages)):
            own = [number for number, language in enumerate(languages) if language == tag]
            found[tag] = measure_reliability(
                [ratings[n] for n in own], [clusters[n] for n in own], seed=seed, resamples=resamples
            )
        return found

    return RunAgreement(
        judges=tuple(record["fingerprints"]["judge"].get("name", "unknown") for record in records),
        languages=measure([[_side_name(label, mapping) for label in unit] for unit in rated]),
        labels=measure([[None if label is Label.UNDECIDED else label.value for label in unit] for unit in rated]),
        left_out=len(set.union(*(set(run) for run in runs))) - len(shared),
    )


def count_judge_states(folder: Path) -> dict[str, dict[str, int]]:
    """How often the run's judge left a reply undecided, by language and reason.

    Reasons are the flags of the undecided verdicts (``judge_refused``, ``judge_garbled``, ``judge_failed``,
    ``unlisted_language``, ``split``, ...), or ``unsure`` where there is none. Two flags of a verdict both count.

    Raises:
        UnknownName: the folder holds no run.
        BrokenInput: a row of ``verdicts.jsonl`` cannot be read.
    """
    load_run_record(folder)
    counts: dict[str, dict[str, int]] = {}
    try:
        for row in _read(RunFolder(folder).verdicts):
            own = counts.setdefault(row["language"], {})
            if Label(row["verdict"]) is Label.UNDECIDED:
                for flag in row["flags"] or ["unsure"]:
                    own[flag] = own.get(flag, 0) + 1
    except (KeyError, ValueError) as error:
        raise BrokenInput(f"{folder}: a row of verdicts.jsonl cannot be read: {error}.") from error
    return counts


def measure_annotators(folder: Path, *, seed: int, resamples: int = 1000) -> Reliability | None:
    """Agreement among the annotators of a run over the six labels, or None where nobody labelled."""
    labels = load_labels(folder)
    names = sorted({name for label in labels for name in label.annotators})
    ratings: list[list[str | None]] = []
    for label in labels:
        own = {name: vote.value for name, vote in zip(label.annotators, label.votes, strict=True)}
        ratings.append([own.get(name) for name in names])
    clusters = [label.cluster for label in labels]
    return measure_reliability(ratings, clusters, seed=seed, resamples=resamples) if labels else None


@dataclass(frozen=True, slots=True)
class _Judged:
    reply: str
    cluster: str
    label: Label


def _load_judged(folder: Path) -> dict[tuple[str, str, str], _Judged]:
    run = RunFolder(folder)
    verdicts = {row["key"]: row for row in _read(run.verdicts)}
    try:
        return {
            (row["prompt_id"], row["language"], row["kind"]): _Judged(
                row["reply"], row["cluster"], Label(verdicts[row["key"]]["verdict"])
            )
            for row in _read(run.replies)
            if row["key"] in verdicts
        }
    except (KeyError, ValueError) as error:
        raise BrokenInput(f"{folder}: a row of replies.jsonl or verdicts.jsonl cannot be read: {error}.") from error


def _load_verdicts(folder: Path) -> dict[str, Verdict]:
    try:
        return {
            row["key"]: Verdict(row["prompt_id"], row["language"], row["kind"], Label(row["verdict"]), row["judge"])
            for row in _read(RunFolder(folder).verdicts)
        }
    except (KeyError, ValueError) as error:
        raise BrokenInput(f"{folder}: a row of verdicts.jsonl cannot be read: {error}.") from error


def _side(label: Labelled, mapping: Mapping) -> int | None:
    return None if label.label is None else mapping.refusal(label.label)


def _side_name(label: Label, mapping: Mapping) -> str | None:
    side = mapping.refusal(label)
    return None if side is None else ("refused" if side else "not refused")


def _describe_annotators(labels: list[Labelled]) -> str:
    count = len({name for label in labels for name in label.annotators})
    twice = sum(len(label.votes) > 1 for label in labels)
    return f"{count} annotator{'s' if count != 1 else ''}, {twice} of {len(labels)} replies labelled more than once"


def _explain(left_out: int) -> tuple[str, ...]:
    return (f"{left_out} labelled replies are left out: annotators split or undecided.",) if left_out else ()


def _read(path: Path) -> list[Row]:
    return list(read_rows(path)) if path.exists() else []
