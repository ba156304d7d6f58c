"""The report: one self-contained HTML page made from the records of a run, or of two."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from isogloss.audit.comparison import Comparison
from isogloss.audit.scorecard import Scorecard
from isogloss.core.errors import UnknownLanguage
from isogloss.core.language import Language
from isogloss.core.run import write_text
from isogloss.core.verdict import Label
from isogloss.core.verdict import Mapping as LabelMapping
from isogloss.inside.record import Diagnosis
from isogloss.report import tables, wording
from isogloss.report.asked import describe_asked, describe_prompts, describe_repeat, list_ways, name_model
from isogloss.report.breakdowns import list_slips
from isogloss.report.effects import describe_effects, list_effects
from isogloss.report.figures import DARK, LIGHT, Palette, order_languages
from isogloss.report.judging import JudgeTrust, assess_judge, describe_judge
from isogloss.report.pairs import list_pairs
from isogloss.report.pictures import (
    Picture,
    picture_effects,
    picture_ladder,
    picture_layers,
    picture_plane,
    picture_projections,
)
from isogloss.report.policies import box_policy
from isogloss.report.records import (
    RunRecords,
    load_run,
    read_comparison,
    read_diagnosis,
    read_repair,
    require_scorecard,
)
from isogloss.report.rows import Digest, Example, digest_rows
from isogloss.report.text import THIN, make_visible, percent
from isogloss.report.tiles import Tile, list_comparison_tiles, list_run_tiles, list_worst_tiles

ORGANISM = re.compile(r"organism\b", re.IGNORECASE)
LABEL_WORDS = {label: label.value.replace("_", " ") for label in Label}


@dataclass(frozen=True)
class ExampleGroup:
    """The example rows of one language."""

    tag: str
    name: str
    direction: str
    rows: tuple[Example, ...]


def render_run(folder: Path, *, show_text: bool = False) -> str:
    """Make the report of one run: an audit, a diagnosis, or both in one folder.

    Args:
        folder: the run folder.
        show_text: show harmful prompts and the replies to them; by default only their ids are in the page.

    Raises:
        UnknownName: the folder holds no result.
        BrokenInput: a record or a journal cannot be read.
    """
    records = load_run(folder)
    scorecard = records.scorecard
    digest = _digest(records, None, show_text=show_text)
    sentences = _describe_audit(records, scorecard) if scorecard else _sentences_of(records.diagnosis)
    return _render(
        records,
        kind="Audit" if scorecard else "Diagnosis",
        sentences=sentences,
        tiles=list_run_tiles(scorecard) if scorecard else [],
        ladder=picture_ladder(scorecard, None) if scorecard else None,
        plane=picture_plane(scorecard, None) if scorecard else None,
        diagnosis=records.diagnosis,
        digest=digest,
        show_text=show_text,
    )


def render_comparison(
    before: Path,
    after: Path,
    *,
    comparison: Comparison | Mapping[str, Any] | None = None,
    diagnosis: Path | None = None,
    repair: Path | None = None,
    show_text: bool = False,
) -> str:
    """Make the report of two audits of the same prompts, before and after a repair or any other change.

    Args:
        before: run folder of the first audit.
        after: run folder of the second audit.
        comparison: the paired changes; by default ``comparison.json`` of the folder after. Without either, the page
            shows no changes and says so.
        diagnosis: a diagnosis file or folder; by default that of the folder before, where it holds one.
        repair: the repair's folder, for its facts.
        show_text: show harmful prompts and the replies to them; by default only their ids are in the page.

    Raises:
        UnknownName: a folder holds no scorecard, or a stated file does not exist.
        BrokenInput: a record or a journal cannot be read.
    """
    first, second = load_run(before), load_run(after)
    old, new = require_scorecard(first), require_scorecard(second)
    changes = read_comparison(comparison, second.folder)
    digest = _digest(second, first, show_text=show_text)
    found = read_diagnosis(diagnosis) if diagnosis else first.diagnosis or second.diagnosis
    return _render(
        second,
        kind="Before and after",
        sentences=[*wording.describe_comparison(old, new, changes), *describe_judge(_assess(second, new))],
        tiles=list_comparison_tiles(old, new, changes),
        ladder=picture_ladder(old, new),
        plane=picture_plane(old, new),
        diagnosis=found,
        digest=digest,
        show_text=show_text,
        before=first,
        changes=changes,
        repair=read_repair(repair) if repair else None,
    )


def write_report(html: str, path: Path) -> None:
    """Write a page so that a crash leaves the old file or the new one.

    Raises:
        WriteFailed: the disk is full or the folder cannot be written.
    """
    write_text(path, html)


def _render(
    records: RunRecords,
    *,
    kind: str,
    sentences: list[str],
    tiles: list[Tile],
    ladder: Picture | None,
    plane: Picture | None,
    diagnosis: Diagnosis | None,
    digest: Digest,
    show_text: bool,
    before: RunRecords | None = None,
    changes: Comparison | None = None,
    repair: Mapping[str, Any] | None = None,
) -> str:
    scorecard, earlier = records.scorecard, before.scorecard if before else None
    runs = [(before, "before"), (records, "after" if before else "")]
    page = {
        "kind": kind,
        "model": name_model(records.model),
        "scorecard": scorecard,
        "earlier": earlier,
        "sentences": sentences,
        "organism": _is_organism(records),
        "tiles": tiles,
        "ladder": ladder,
        "plane": plane,
        "asked": describe_asked(records),
        "policy": box_policy(records.policy, scorecard) if records.policy else None,
        "tables_of_runs": _list_run_tables(scorecard, earlier),
        "gates": tables.list_gates(digest, scorecard) if scorecard else [],
        "repair": tables.list_repair(repair) if repair else [],
        "calibration": tables.list_calibration(repair, scorecard) if repair and scorecard else [],
        "examples": _group_examples(digest, scorecard),
        "show_text": show_text,
        "prompts": describe_prompts(records),
        "judge": tables.flatten({"judge": (records.run.get("fingerprints") or {}).get("judge") or {}}),
        "repeats": [describe_repeat(run, name) for run, name in runs if run],
        "level": percent(scorecard.confidence if scorecard else 0.95),
    }
    parts = (
        page,
        _drill_context(records, before),
        _change_context(earlier, scorecard, changes, digest),
        _diagnosis_context(diagnosis),
        fixed_context(),
    )
    return make_environment().get_template("report.html.j2").render({key: part[key] for part in parts for key in part})


def _drill_context(records: RunRecords, before: RunRecords | None) -> dict[str, Any]:
    """What the scorecard holds beyond rates: pairs, breakdowns, ways of writing, the worst, the judge."""
    scorecard = records.scorecard
    if scorecard is None:
        return dict.fromkeys(("worst", "pairs", "slips", "effects"))
    earlier = before.scorecard if before else None
    return {
        "worst": wording.describe_worst(scorecard),
        "worst_tiles": list_worst_tiles(scorecard),
        "pairs": list_pairs(scorecard),
        "slips": list_slips(scorecard),
        "effects": list_effects(scorecard),
        "effects_said": describe_effects(scorecard),
        "effects_picture": picture_effects(scorecard),
        "trust": _assess(records, scorecard),
        "before_pairs": list_pairs(earlier) if earlier else None,
        "before_slips": list_slips(earlier) if earlier else None,
        "before_effects": list_effects(earlier) if earlier else [],
    }


def _assess(records: RunRecords, scorecard: Scorecard) -> JudgeTrust:
    fingerprints = records.run.get("fingerprints")
    found = fingerprints.get("judge") if isinstance(fingerprints, Mapping) else None
    return assess_judge(scorecard, records.judge_cards, found if isinstance(found, Mapping) else None)


def _describe_audit(records: RunRecords, scorecard: Scorecard) -> list[str]:
    said = describe_effects(scorecard)
    return [*wording.describe_run(scorecard), *said, *describe_judge(_assess(records, scorecard))]


def _change_context(
    earlier: Scorecard | None, scorecard: Scorecard | None, changes: Comparison | None, digest: Digest
) -> dict[str, Any]:
    if earlier is None or scorecard is None or changes is None:
        return {"compared": False, "groups": [], "changes": [], "comparison": None}
    groups, languages = tables.list_changes(earlier, scorecard, changes, digest)
    return {"compared": True, "groups": groups, "changes": languages, "comparison": changes}


def _diagnosis_context(diagnosis: Diagnosis | None) -> dict[str, Any]:
    drawn = diagnosis if diagnosis and diagnosis.languages else None
    return {
        "diagnosis": diagnosis,
        "diagnosis_made": wording.describe_diagnosis(diagnosis) if diagnosis else "",
        "findings": tables.list_findings(diagnosis) if diagnosis else [],
        "projections": picture_projections(drawn) if drawn else None,
        "layers": picture_layers(drawn) if drawn else None,
    }


def fixed_context() -> dict[str, Any]:
    """What is the same on every page."""
    return {
        "label_words": LABEL_WORDS,
        "finding_meanings": wording.FINDING_MEANINGS,
        "finding_words": wording.FINDINGS,
        "css": _style(),
        "script": _script(),
        "script_hash": _script_hash(),
    }


def _digest(records: RunRecords, before: RunRecords | None, *, show_text: bool) -> Digest:
    scorecard = records.scorecard
    if scorecard is None:
        return Digest()
    return digest_rows(
        records.folder,
        before.folder if before else None,
        mapping=LabelMapping(scorecard.mapping),
        perturbations=list_ways(records),
        show_text=show_text,
    )


def _list_run_tables(
    scorecard: Scorecard | None, earlier: Scorecard | None
) -> list[tuple[str, Scorecard, list[tables.LanguageRow], tuple[str, ...]]]:
    """The full table of each run: name, scorecard, rows, notes that hold for every row."""
    runs = [("before", earlier), ("after" if earlier else "", scorecard)]
    return [(name, card, tables.list_languages(card), tables.list_shared_notes(card)) for name, card in runs if card]


def _sentences_of(diagnosis: Diagnosis | None) -> list[str]:
    return (
        [diagnosis.summary] if diagnosis and diagnosis.summary else ["This run holds a diagnosis; nothing was asked."]
    )


def _group_examples(digest: Digest, scorecard: Scorecard | None) -> list[ExampleGroup]:
    """Examples by language: those of the ladder, then those that only rewritten prompts have."""
    by_language: dict[str, list[Example]] = {}
    for example in digest.examples:
        by_language.setdefault(example.language, []).append(example)
    known = [tag for _, tags in order_languages(scorecard) for tag in tags] if scorecard else []
    order = [*(tag for tag in known if tag in by_language), *sorted(by_language.keys() - set(known))]
    return [ExampleGroup(tag, *_name_and_direction(tag, scorecard), tuple(by_language[tag])) for tag in order]


def _name_and_direction(tag: str, scorecard: Scorecard | None) -> tuple[str, str]:
    score = scorecard.languages.get(tag) if scorecard else None
    if score:
        return score.name, "rtl" if score.right_to_left else "ltr"
    try:
        language = Language.parse(tag)
    except UnknownLanguage:
        return tag, "auto"
    return language.name, "rtl" if language.right_to_left else "ltr"


def _is_organism(records: RunRecords) -> bool:
    """Whether the bundled model was audited, by name or by the plan's model."""
    planned = str((records.run.get("plan") or {}).get("model", ""))
    return bool(ORGANISM.match(records.model) or ORGANISM.match(planned))


@cache
def make_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("isogloss.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: make_visible(value) if type(value) is str else value,
    )
    environment.filters["figures"] = emphasise_figures
    return environment


def emphasise_figures(text: str) -> Markup:
    """Escape a sentence, then set its percentages in bold and its intervals in a quieter colour."""
    safe = str(escape(make_visible(text)))
    safe = re.sub(rf"\d[\d.]*{THIN}%", lambda match: f"<b>{match.group()}</b>", safe)
    return Markup(re.sub(r"\[[+\d.−]+, [+\d.−]+\]", lambda match: f'<span class="ci">{match.group()}</span>', safe))


@cache
def _style() -> Markup:
    """The style sheet with the figures' palettes as variables. Our own file: nothing from a record goes in."""
    text = files("isogloss.report").joinpath("templates/report.css").read_text(encoding="utf-8")
    return Markup(text.replace("/* light */", _variables(LIGHT)).replace("/* dark */", _variables(DARK)))


def _variables(palette: Palette) -> str:
    return " ".join(f"--{name}: {value};" for name, value in asdict(palette).items())


@cache
def _script() -> Markup:
    return Markup(files("isogloss.report").joinpath("templates/report.js").read_text(encoding="utf-8"))


def _script_hash() -> str:
    """What the page's own policy allows to run: this script and nothing else."""
    return base64.b64encode(hashlib.sha256(_script().encode()).digest()).decode()
