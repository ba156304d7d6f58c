"""XSTest as published: one CSV file of safe prompts and their unsafe contrasts; and the judged replies beside it."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from isogloss.core import Kind, Label, Language, Prompt
from isogloss.core.errors import BrokenInput
from isogloss.core.fingerprint import fingerprint_file
from isogloss.prompts.columnar import read_table_rows
from isogloss.prompts.hub import HubSource
from isogloss.prompts.minors import concerns_minors, say_excluded
from isogloss.prompts.promptset import PromptCard, PromptSet
from isogloss.prompts.published import Places, check_columns, find_one_file, read_cell, read_choice, require_cell
from isogloss.prompts.reading import Row

XSTEST_ON_HUB = HubSource("Paul/XSTest", ("*.csv", "*.parquet"))

_EXPECTED = "XSTest has the columns id, prompt and type, and from its second version label, focus and note."
_PATTERNS = ("xstest_prompts.csv", "xstest_v2_prompts.csv", "*xstest*prompts*.csv", "*.csv", "*.parquet")
_ENGLISH = Language.parse("en")
_LABELS = {"safe": Kind.HARMLESS, "unsafe": Kind.HARMFUL}
_CONTRAST = "contrast_"
_PER_TYPE = 25
# Types whose n-th prompt was written against the n-th of the contrast type; in the others the order tells nothing.
_PAIRED = frozenset(
    {"homonyms", "figurative_language", "safe_targets", "safe_contexts", "definitions", "historical_events"}
)
_PAIRED_AS = {"privacy_fictional": "privacy"}

XSTEST_FINAL_LABELS: dict[str, Label] = {
    "1_full_compliance": Label.COMPLIED,
    "2_full_refusal": Label.REFUSED,
    "3_partial_refusal": Label.PARTIAL,
}
"""What the annotators' labels are among our verdicts. Partial refusal stays partial: the mapping decides, not we."""


@dataclass(frozen=True, slots=True)
class LabelledCompletion:
    """One published reply with its human label.

    Attributes:
        prompt_id: as in ``load_xstest``.
        kind: harmful or harmless.
        text: the reply.
        label: what people said it was.
    """

    prompt_id: str
    kind: Kind
    text: str
    label: Label


def load_xstest(path: Path) -> PromptSet:
    """Load XSTest: 250 harmless English prompts that sound harmful and 200 harmful contrasts.

    The set for over-refusal. Ids keep the file's (``xstest-harmless-1``). A prompt and the contrast that was
    written against it share a cluster, because they differ in a word or two.

    Args:
        path: the CSV file, or a folder that holds it.

    Raises:
        UnknownName, NothingToDo: there is no such file or folder, or nothing in it.
        BrokenInput: a column is missing, an id occurs twice, or label and type contradict each other; names the line.

    Source: Röttger et al. 2024 (arXiv 2308.01263), ``xstest_prompts.csv``.
    """
    file = find_one_file(path, _PATTERNS, expected=_EXPECTED)
    rows = read_table_rows(file)
    check_columns(rows, ("id", "prompt", "type"), path=file, expected=_EXPECTED)
    clusters = _find_clusters(rows)
    places = Places()
    prompts: list[Prompt] = []
    excluded = 0
    for row, cluster in zip(rows, clusters, strict=True):
        number = _read_number(row)
        places.note(number, row)
        text = require_cell(row, "prompt")
        if concerns_minors(text, _ENGLISH):
            excluded += 1
            continue
        kind = _find_kind(row)
        prompt_id = f"xstest-{kind}-{number}"
        prompts.append(
            Prompt(
                id=prompt_id,
                text=text,
                language=_ENGLISH,
                kind=kind,
                seed_id=prompt_id,
                cluster=cluster or prompt_id,
                category=read_cell(row, "type"),
                provenance="original, written by the authors",
            )
        )
    return PromptSet(_write_card(file, any(clusters), excluded), tuple(prompts))


def load_xstest_completions(path: Path) -> tuple[LabelledCompletion, ...]:
    """Load one file of published replies with human labels, to measure a judge against.

    Raises:
        UnknownName: there is no such file.
        BrokenInput: a column is missing or a label is none of the three; names the line.

    Source: as ``load_xstest``, ``model_completions/*.csv``; the README's two-way rule is not applied, partial
    refusals keep a label of their own.
    """
    expected = "A file of XSTest completions has the columns id, type, prompt, completion and final_label."
    rows = read_table_rows(path)
    check_columns(rows, ("id", "type", "completion", "final_label"), path=path, expected=expected)
    return tuple(_read_completion(row) for row in rows)


def _read_completion(row: Row) -> LabelledCompletion:
    kind = _find_kind(row)
    label = require_cell(row, "final_label").casefold()
    if label not in XSTEST_FINAL_LABELS:
        raise BrokenInput(f"{row.place}: final_label '{label}'. Known: {', '.join(XSTEST_FINAL_LABELS)}.")
    text = read_cell(row, "completion") or ""
    return LabelledCompletion(f"xstest-{kind}-{_read_number(row)}", kind, text, XSTEST_FINAL_LABELS[label])


def _read_number(row: Row) -> str:
    """The id without the version that some of the files put before it ("v2-17")."""
    return require_cell(row, "id").removeprefix("v2-")


def _find_kind(row: Row) -> Kind:
    by_type = Kind.HARMFUL if require_cell(row, "type").startswith(_CONTRAST) else Kind.HARMLESS
    by_label = read_choice(row, "label", _LABELS)
    if by_label not in (None, by_type):
        raise BrokenInput(
            f"{row.place}: label '{row.values['label']}' contradicts type '{row.values['type']}'; "
            f"types that begin with {_CONTRAST} are unsafe, the others safe."
        )
    return by_type


def _find_clusters(rows: Sequence[Row]) -> list[str | None]:
    """Per row the pair that it belongs to; None for all where the file is not whole, since order is all we go by."""
    types = [read_cell(row, "type") or "" for row in rows]
    if any(count != _PER_TYPE for count in Counter(types).values()):
        return [None] * len(rows)
    seen: defaultdict[str, int] = defaultdict(int)
    clusters: list[str | None] = []
    for kind in types:
        seen[kind] += 1
        pair = _PAIRED_AS.get(kind, kind.removeprefix(_CONTRAST))
        paired = pair in _PAIRED or kind in _PAIRED_AS or kind == f"{_CONTRAST}privacy"
        clusters.append(f"xstest-{pair}-{seen[kind]:02d}" if paired else None)
    return clusters


def _write_card(path: Path, paired: bool, excluded: int) -> PromptCard:
    notes = (
        "English only: there is no official translation, and translated copies are other sets.",
        "The unsafe prompts are contrasts to the safe ones, not a sample of harmful requests.",
        *say_excluded(excluded),
    )
    unpaired = "The file is not whole, so contrasts could not be paired: treat intervals as too narrow."
    return PromptCard(
        name="xstest",
        title="XSTest: harmless prompts that sound harmful, and harmful contrasts",
        source="https://github.com/paul-rottger/exaggerated-safety",
        licence="CC-BY-4.0 (prompts); completions under the licences of their models",
        citation="Röttger et al. 2024, XSTest: A Test Suite for Identifying Exaggerated Safety Behaviours in Large "
        "Language Models, NAACL 2024, arXiv 2308.01263",
        made="Written in English by the authors.",
        notes=notes if paired else (*notes, unpaired),
        checksums={path.name: fingerprint_file(path)},
    )
