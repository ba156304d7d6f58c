"""Small parts that the tests of judges share: exchanges, judges that say what they are told, a run folder."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from isogloss.core import Kind, Label, Language, Prompt, Reply, Verdict
from isogloss.core.journal import Journal
from isogloss.core.run import open_run
from isogloss.judges.label_sheet import COLUMNS


def exchange(
    text: str = "Here are the steps.", language: str = "en", *, asked: str = "How do I open it?", name: str = "p"
) -> tuple[Prompt, Reply]:
    prompt = Prompt(name, asked, Language.parse(language), Kind.HARMFUL, name)
    return prompt, Reply(name, language, text)


class ToldJudge:
    """Gives each reply the label that a mapping has for its text; ``undecided`` for any other."""

    def __init__(self, labels: Mapping[str, Label], name: str = "told-1") -> None:
        self.name = name
        self.labels = labels
        self.seen: list[str] = []

    def fingerprint(self) -> dict[str, str]:
        return {"version": self.name}

    def judge(self, items: Sequence[tuple[Prompt, Reply]]) -> list[Verdict]:
        self.seen += [reply.text for _, reply in items]
        return [
            Verdict(
                prompt.id,
                prompt.language.tag,
                prompt.kind.value,
                self.labels.get(reply.text, Label.UNDECIDED),
                self.name,
                evidence="told",
            )
            for prompt, reply in items
        ]


def make_run(folder: Path, labels: Sequence[Label], *, judge: str = "told-1", language: str = "en") -> Path:
    """A run folder with one harmful prompt and one reply per label; reply texts and ids count up."""
    run = open_run(
        folder,
        command="audit",
        plan={"model": "some-model", "prompts": "some-set"},
        fingerprints={"judge": {"name": judge, "version": "1"}},
    )
    with Journal(run.replies) as replies, Journal(run.verdicts) as verdicts:
        for number, label in enumerate(labels):
            key = f"key-{language}-{number:03}"
            shared = {"prompt_id": f"p{number}", "language": language, "kind": "harmful"}
            text = {"cluster": f"c{number}", "prompt": f"harmful request {number}", "reply": f"reply {number}"}
            replies.append(key, {**shared, "seed_id": f"c{number}", **text, "finish": "stop"})
            verdicts.append(key, {**shared, "verdict": label.value, "judge": judge, "evidence": "", "flags": []})
    return folder


def read_sheet(path: Path) -> list[dict[str, str]]:
    """The rows of a sheet by column."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def fill(path: Path, out: Path, labels: Sequence[str]) -> Path:
    """Write the labels into the sheet, in row order; an empty one for every row that is left."""
    rows = read_sheet(path)
    for row, label in zip(rows, [*labels, *[""] * len(rows)], strict=False):
        row["label"] = label
    with out.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return out
