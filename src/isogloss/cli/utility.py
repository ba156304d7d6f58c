"""``isogloss utility``: proof that a repair broke nothing else, or what it broke."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from isogloss.cli.resolve import PROMPTS_HELP, resolve_open_model, resolve_prompts
from isogloss.cli.screens import out, print_json, show_progress
from isogloss.core import Language, Split, parse_languages
from isogloss.core.errors import NothingToDo, UnknownName, say_unknown
from isogloss.prompts.hub import fetch_from_hub
from isogloss.prompts.promptset import PromptSet
from isogloss.prompts.questions import QuestionSet, load_global_mmlu, load_mgsm
from isogloss.prompts.questions.global_mmlu import GLOBAL_MMLU_LITE_ON_HUB, GLOBAL_MMLU_ON_HUB, hub_source
from isogloss.repair.utility.record import Effect, Measure, Utility, write_utility

QUESTIONS_HELP = (
    "global-mmlu:PATH, mgsm:FOLDER, or organism; global-mmlu:hub and global-mmlu-lite:hub fetch from the hub. May be "
    "repeated. Default for the bundled organism: its own questions."
)
_BY_PATH = {"global-mmlu": load_global_mmlu, "global-mmlu-lite": load_global_mmlu, "mgsm": load_mgsm}
_ON_HUB = {"global-mmlu": GLOBAL_MMLU_ON_HUB, "global-mmlu-lite": GLOBAL_MMLU_LITE_ON_HUB}


def utility(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="organism, a local folder or a hub id.")],
    repair: Annotated[Path, typer.Option(help="Folder of the repair.")],
    out_folder: Annotated[Path, typer.Option("--out", "--output", help="Folder for utility.json.")],
    questions: Annotated[list[str] | None, typer.Option(help=QUESTIONS_HELP)] = None,
    prompts: Annotated[str | None, typer.Option(help=f"Whose harmless prompts to answer. {PROMPTS_HELP}")] = None,
    languages: Annotated[str | None, typer.Option(help="Only these, such as en,sw,yo; default: all there are.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Questions per set and language; default: all.")] = None,
    margin: Annotated[float, typer.Option(help="Tolerable loss in points, stated before looking.")] = 2.0,
    kl_margin: Annotated[float, typer.Option(help="Tolerable distance on harmless replies, nats per token.")] = 0.1,
    loss_margin: Annotated[float, typer.Option(help="Tolerable rise of log-perplexity, nats per token.")] = 0.05,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest reply to a harmless prompt.")] = 64,
    max_sum_tokens: Annotated[int, typer.Option(min=1, help="Longest reply to a sum.")] = 256,
    trust_remote_code: Annotated[bool, typer.Option(help="Let the model's own code run.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")] = False,
) -> None:
    """Measure what a repair costs outside safety: questions and harmless prompts, plain against repaired.

    Example: isogloss utility organism --repair repair --prompts organism --out utility

    "Not worse" means: the whole interval stays inside the margin. "Undecided" asks for more questions.
    """
    from isogloss.repair.artifact import load_repair
    from isogloss.repair.repaired import verify_repair
    from isogloss.repair.utility.measure import Lengths, Margins, measure_utility

    _refuse_margins(margin, kl_margin, loss_margin)
    chosen = parse_languages(languages) if languages else None
    names = questions or (["organism"] if model == "organism" else [])
    sets = [resolve_questions(name, chosen).limit(limit) for name in names]
    harmless = _select_harmless(resolve_prompts(prompts), chosen) if prompts else None
    if not sets and harmless is None:
        raise NothingToDo("There is nothing to measure. Name questions (--questions) or a prompt set (--prompts).")
    loaded = load_repair(repair)
    opened = resolve_open_model(model, trust_remote_code=trust_remote_code)
    verify_repair(opened, loaded)
    with show_progress() as progress:
        found = measure_utility(
            opened,
            loaded.steer(opened),
            repair=loaded.fingerprint(),
            questions=sets,
            prompts=harmless,
            margins=Margins(points=margin, kl=kl_margin, loss=loss_margin),
            lengths=Lengths(harmless=max_new_tokens, sums=max_sum_tokens),
            progress=progress,
        )
    path = write_utility(found, out_folder)
    if as_json:
        print_json(found.to_json())
        return
    show_utility(found)
    out.print(f"Record: {path}", highlight=False)


def resolve_questions(name: str, languages: tuple[Language, ...] | None) -> QuestionSet:
    """The set of questions that a name stands for, in some languages or all.

    Raises:
        UnknownName: no set has this name, or the file is missing.
        UnknownLanguage: the set lacks a language.
        EndpointFailed: a set on the hub cannot be fetched.
    """
    if name == "organism":
        from isogloss.repair.utility.bundled import load_organism_questions

        return load_organism_questions().select(languages)
    scheme, _, place = name.partition(":")
    if scheme not in _BY_PATH or not place:
        known = ["organism", *(f"{scheme}:PATH" for scheme in _BY_PATH), *(f"{scheme}:hub" for scheme in _ON_HUB)]
        raise UnknownName(say_unknown("set of questions", name, known))
    if place == "hub" and scheme in _ON_HUB:
        folder = fetch_from_hub(hub_source(_ON_HUB[scheme], languages), network=True)
        return load_global_mmlu(folder, languages)
    return _BY_PATH[scheme](Path(place).expanduser(), languages)


def show_utility(found: Utility) -> None:
    """One table per measure, tiers and average below the languages; then what was shown to be worse."""
    for measure in found.measures:
        out.print(_make_table(measure, found.confidence))
        for note in measure.notes:
            out.print(f"Note: {note}", highlight=False)
    for name, cells in found.firing.items():
        fired, asked = sum(cell.fired for cell in cells.values()), sum(cell.n for cell in cells.values())
        worst = max(cells, key=lambda tag: cells[tag].share)
        where = f"; most often in {worst} ({100 * cells[worst].share:.1f} %)" if fired else ""
        out.print(f"Gate on {name}: fired on {fired} of {asked}{where}.", highlight=False)
    out.print(conclude(found), highlight=False)


def conclude(found: Utility) -> str:
    """The averages in one sentence, and every language that was shown to be worse."""
    groups: dict[str, list[str]] = {"not worse": [], "undecided": [], "worse": []}
    for measure in found.measures:
        groups[measure.average.decision].append(measure.name)
    parts = [f"{decision}: {', '.join(names)}" for decision, names in groups.items() if names]
    worse = [name for name in found.worse if not name.endswith("(average)")]
    single = f" Worse by more than the margin in single languages: {', '.join(worse)}." if worse else ""
    return f"On average, {'; '.join(parts)}.{single}"


def _make_table(measure: Measure, confidence: float) -> Table:
    unit = "points" if measure.unit == "points" else "nats a token"
    table = Table(
        title=f"{measure.name}, margin {measure.margin:g} {unit}",
        caption=f"change with its {100 * confidence:g} % interval, {unit}",
        title_justify="left",
        caption_justify="left",
    )
    for header in ("language", "plain", "repaired", "change", "n", "decision"):
        table.add_column(header, justify="left" if header in ("language", "decision") else "right")
    for tag, effect in measure.languages.items():
        table.add_row(tag, *_cells(measure, effect))
    table.add_section()
    for tier, effect in measure.tiers.items():
        table.add_row(f"[bold]{tier} tier[/bold]", *_cells(measure, effect))
    table.add_row("[bold]average[/bold]", *_cells(measure, measure.average))
    return table


def _cells(measure: Measure, effect: Effect) -> Sequence[str]:
    digits = 1 if measure.unit == "points" else 4
    perplexity = measure.name.startswith("log-perplexity")
    levels = [
        "-" if level is None else f"{math.exp(level):.3f} (ppl)" if perplexity else f"{level:.{digits}f}"
        for level in (effect.before, effect.after)
    ]
    change = "-" if effect.change is None else f"{effect.change:+.{digits}f}"
    if effect.interval is not None:
        change += f" ({effect.interval[0]:+.{digits}f} to {effect.interval[1]:+.{digits}f})"
    return (*levels, change, str(effect.n), effect.decision)


def _select_harmless(prompts: PromptSet, languages: tuple[Language, ...] | None) -> PromptSet:
    """The test split wherever the set has one: the repair was fitted and chosen on the others."""
    chosen = prompts.select(languages=languages)
    splits = {prompt.split for prompt in chosen}
    return chosen.select(split=Split.TEST) if Split.TEST in splits else chosen


def _refuse_margins(*margins: float) -> None:
    if min(margins) <= 0:
        raise NothingToDo(
            f"A margin of {min(margins):g} can never be shown to hold; state the largest loss that would not matter."
        )
