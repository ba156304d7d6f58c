"""``isogloss judge card``, ``agreement``, ``states``: how far a judge can be trusted; and what judges are called."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from isogloss.audit.corrected import SENSITIVITY_RANGE, SPECIFICITY_RANGE, correct_run
from isogloss.cli.screens import out, percent, print_json
from isogloss.core import Mapping
from isogloss.core.errors import UnknownName, UserError, say_unknown
from isogloss.judges import Cascade, GuardJudge, HarmCheck, Judge, LlmJudge, Panel, RuleJudge
from isogloss.judges.card import CardShare, JudgeCard, find_bundled_card, save_card
from isogloss.judges.labelled_runs import (
    CARD_FILE,
    RunAgreement,
    compare_judges,
    count_judge_states,
    measure_annotators,
    measure_card_of_run,
)
from isogloss.judges.reliability import Coefficient, Reliability
from isogloss.models.endpoint import EndpointModel

app = typer.Typer(
    name="judge", help="Measure judges: against people's labels, and against each other.", no_args_is_help=True
)

JUDGE_HELP = (
    "rules, llm:NAME@URL, guard:FAMILY:FOLDER, A+guard:FAMILY:FOLDER, cascade:A>B, majority:A,B,C or unanimous:A,B."
)
_FORMS = (
    "rules",
    "llm:NAME@URL",
    "guard:FAMILY:FOLDER",
    "A+guard:FAMILY:FOLDER",
    "cascade:A>B",
    "majority:A,B,C",
    "unanimous:A,B",
)

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]
MappingOption = Annotated[Mapping, typer.Option(help="strict or lenient: how labels become a rate.")]


def build_judge(name: str) -> Judge:
    """Build the judge that a name stands for; panels and cascades are named by their parts.

    Raises:
        UnknownName: no judge has this name.
        UserError: a cascade has a judge before its last of which no card comes with the package.
    """
    scheme, _, rest = name.strip().partition(":")
    if name.strip() == "rules":
        return RuleJudge()
    if scheme == "llm" and rest:
        return LlmJudge(EndpointModel.parse(rest))
    if scheme == "cascade" and ">" in rest:
        return _build_cascade([build_judge(part) for part in rest.split(">")])
    if scheme in ("majority", "unanimous") and "," in rest:
        judges = [build_judge(part) for part in rest.split(",")]
        return Panel(judges, rule="majority" if scheme == "majority" else "unanimous")
    checked, plus, guard = name.strip().partition("+guard:")
    if plus and ":" in guard:
        return HarmCheck(build_judge(checked), _load_guard(guard))
    if scheme == "guard" and ":" in rest:
        return _load_guard(rest)
    raise UnknownName(say_unknown("judge", name, _FORMS))


def _load_guard(spelling: str) -> GuardJudge:
    from isogloss.judges.guards import load_guard

    family, _, place = spelling.partition(":")
    return load_guard(place, family)


def _build_cascade(judges: list[Judge]) -> Cascade:
    cards: list[JudgeCard] = []
    for judge in judges[:-1]:
        found = find_bundled_card(judge)
        if found is None:
            raise UserError(
                f"No judge card of {judge.name} comes with the package, so a cascade cannot tell where to trust it. "
                "Build it in Python with Cascade and load_card."
            )
        cards.append(found)
    return Cascade(judges, cards)


@app.command()
def card(
    run: Annotated[Path, typer.Argument(help="Run folder with labels.")],
    out_file: Annotated[
        Path | None, typer.Option("--out", help="File to write; judge_card.json in the run if absent.")
    ] = None,
    mapping: MappingOption = Mapping.STRICT,
    measured_on: Annotated[str | None, typer.Option("--date", help="ISO date on the card; today if absent.")] = None,
    seed: Annotated[int, typer.Option(help="Decides the interval of the annotators' agreement.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Measure the run's judge against the labels of `isogloss label import`.

    Example: isogloss judge card runs/qwen
    """
    made = measure_card_of_run(run, measured_on=measured_on or date.today().isoformat(), mapping=mapping)
    path = out_file or run / CARD_FILE
    save_card(made, path)
    if as_json:
        print_json(made.model_dump(mode="json", by_alias=True))
        return
    show_card(made)
    annotators = measure_annotators(run, seed=seed)
    if annotators is not None and annotators.units:
        out.print(f"Annotators: alpha {_say(annotators.alpha)} on {annotators.units} replies.", highlight=False)
    out.print(f"Judge card: {path}", highlight=False, markup=False)


@app.command()
def agreement(
    runs: Annotated[list[Path], typer.Argument(help="Two or more runs over the same replies, judged differently.")],
    mapping: MappingOption = Mapping.STRICT,
    seed: Annotated[int, typer.Option(help="Decides the intervals.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Compare how two or more judges read the same replies, language by language.

    Example: isogloss judge agreement runs/by-rules runs/by-guard
    """
    if len(runs) < 2:
        raise typer.BadParameter("Name at least two run folders.", param_hint="RUNS")
    found = compare_judges(runs, seed=seed, mapping=mapping)
    if as_json:
        print_json(
            {
                "judges": list(found.judges),
                "left_out": found.left_out,
                "refusal": {tag: row.to_json() for tag, row in found.languages.items()},
                "labels": {tag: row.to_json() for tag, row in found.labels.items()},
            }
        )
        return
    _show_agreement(found)


@app.command()
def states(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    as_json: JsonFlag = False,
) -> None:
    """Count why the judge left replies undecided: it refused to judge, garbled, failed, or was unsure.

    Example: isogloss judge states runs/llm
    """
    counts = count_judge_states(run)
    if as_json:
        print_json(counts)
        return
    reasons = sorted({reason for row in counts.values() for reason in row})
    table = Table(caption="undecided replies by reason")
    for header in ("language", *reasons):
        table.add_column(header, justify="left" if header == "language" else "right")
    for tag, row in counts.items():
        table.add_row(tag, *(str(row.get(reason, 0)) for reason in reasons))
    out.print(table)


@app.command()
def correct(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    sensitivity: Annotated[
        tuple[float, float], typer.Option(help="Range to assume where neither labels nor a card exist.")
    ] = SENSITIVITY_RANGE,
    specificity: Annotated[tuple[float, float], typer.Option(help="Likewise.")] = SPECIFICITY_RANGE,
    as_json: JsonFlag = False,
) -> None:
    """Put the judge's errors into the rates: from human labels, else from the judge's card, else as a band.

    Example: isogloss judge correct runs/organism

    The result is kept in RUN/corrected.json.
    """
    try:
        found = correct_run(run, sensitivity=sensitivity, specificity=specificity)
    except ValueError as error:
        raise UserError(f"{error}.") from error
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    table = Table(title=f"Harmful refusal with the errors of {found.judge} inside the interval", title_justify="left")
    for header in ("language", "called refusals", "corrected", "method", "what it rests on"):
        table.add_column(header)
    for tag, row in found.languages.items():
        band = f"{100 * row.interval[0]:.0f} to {100 * row.interval[1]:.0f} %" if row.interval else "-"
        value = percent(row.value, row.interval) if row.value is not None else band
        table.add_row(tag, percent(row.judged, None), value, row.method, row.reason)
    out.print(table)


def show_card(made: JudgeCard) -> None:
    """A judge card as a table."""
    table = Table(title=f"{made.judge} against {made.truth}", caption=f"replies of {made.model} to {made.prompts}")
    table.add_column("language")
    for header in ("n", "refusals", "sensitivity", "specificity", "undecided"):
        table.add_column(header, justify="right")
    for tag, row in made.languages.items():
        shares = (row.sensitivity, row.specificity, row.undecided)
        table.add_row(tag, str(row.n), str(row.refusals), *(_say_share(share) for share in shares))
    out.print(table)
    for note in made.notes:
        out.print(f"Note: {note}", highlight=False, markup=False)


def _show_agreement(found: RunAgreement) -> None:
    table = Table(title=" and ".join(found.judges), caption="refusal or not; what a judge left undecided is missing")
    table.add_column("language")
    for header in ("replies", "agree", "kappa", "alpha", "alpha of six labels"):
        table.add_column(header, justify="right")
    for tag, row in found.languages.items():
        table.add_row(tag, str(row.units), *_cells(row), _say(found.labels[tag].alpha))
    out.print(table)
    if found.left_out:
        out.print(f"Note: {found.left_out} replies are not in every run with the same text.", highlight=False)


def _cells(row: Reliability) -> tuple[str, str, str]:
    return percent(row.percent.value, row.percent.interval), _say(row.kappa), _say(row.alpha)


def _say(found: Coefficient) -> str:
    if found.value is None:
        return "-"
    limits = f" ({found.interval[0]:.2f} to {found.interval[1]:.2f})" if found.interval else ""
    return f"{found.value:.2f}{limits}"


def _say_share(share: CardShare) -> str:
    return percent(share.value, share.interval)
