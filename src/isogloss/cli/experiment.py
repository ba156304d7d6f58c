"""``isogloss experiment gate``: the whole study of gates in one command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isogloss.cli.inside import ModelName, RemoteCode, SetName, Source, choose_source
from isogloss.cli.judge import build_judge
from isogloss.cli.resolve import resolve_open_model, resolve_prompts
from isogloss.cli.screens import out, show_progress
from isogloss.core import Language, parse_languages
from isogloss.core.errors import BrokenInput, UnknownName
from isogloss.prompts import PromptSet

if TYPE_CHECKING:
    from isogloss.experiment.plan import GatePlan

app = typer.Typer(help="Studies that compare methods.", no_args_is_help=True)


@app.callback()
def experiment() -> None:
    """Studies that compare methods."""


@app.command()
def gate(
    model: ModelName,
    prompts: SetName,
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="Folder of the study; run again into it and it goes on.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", hidden=True)] = None,
    source: Source = None,
    target: Annotated[str | None, typer.Option(help="Languages to carry the gate to; default: all others.")] = None,
    outside: Annotated[
        list[str] | None, typer.Option(help="Another prompt set to measure on; may be given several times.")
    ] = None,
    layer: Annotated[
        int | None, typer.Option(help="Decoder block (from 0); default: chosen on source languages.")
    ] = None,
    layers: Annotated[str | None, typer.Option(help="Blocks of the sweep, such as 8,12,16; default: all.")] = None,
    shots: Annotated[str | None, typer.Option(help="Budgets of the detection grid, such as 0,1,4,16.")] = None,
    draws: Annotated[int, typer.Option(min=1, help="How often the examples are drawn.")] = 10,
    behaviour: Annotated[bool, typer.Option(help="Ask the model under every method, or only fit on states.")] = True,
    baselines: Annotated[bool, typer.Option(help="Baselines beside the gates.")] = True,
    label_free: Annotated[bool, typer.Option(help="Ask under our repairs without labelled examples, too.")] = True,
    probes: Annotated[bool, typer.Option(help="Fit an MLP and other probes of whole states, too; slow.")] = False,
    max_prompts: Annotated[int | None, typer.Option(min=1, help="Prompts of each kind to ask, at most.")] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest reply.")] = 128,
    judge: Annotated[str, typer.Option(help="Who says what an answer was.")] = "rules",
    store_dtype: Annotated[str, typer.Option(help="Of stored states: float32, bfloat16 or float16.")] = "float32",
    seed: Annotated[int, typer.Option(help="Decides the draws.")] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="A small study of the same shape, for a first look.")] = False,
    trust_remote_code: RemoteCode = False,
) -> None:
    """Compare gates: detection, layers, transfer and behaviour, with tables and figures.

    Example: isogloss experiment gate organism --prompts organism --out study --quick
    """
    from pydantic import ValidationError

    from isogloss.audit.plan import explain_invalid
    from isogloss.experiment.plan import SHOTS, GatePlan

    folder = out_folder or output
    if folder is None:
        raise typer.BadParameter("Say where the study goes: --out STUDY.", param_hint="--out")
    chosen = resolve_prompts(prompts)
    sources = choose_source(source, chosen)
    try:
        plan = GatePlan(
            model=model,
            prompts=prompts,
            source=tuple(language.tag for language in sources),
            target=tuple(language.tag for language in _choose_target(target, chosen, sources)),
            shots=_parse_numbers(shots, "--shots") if shots else SHOTS,
            draws=draws,
            seed=seed,
            layer=layer,
            layers=_parse_numbers(layers, "--layers") if layers else None,
            store_dtype=store_dtype,
            out_of_distribution=tuple(outside or ()),
            behaviour=behaviour,
            baselines=baselines,
            label_free=label_free,
            probes=probes,
            max_prompts=max_prompts,
            max_new_tokens=max_new_tokens,
        )
    except ValidationError as error:
        raise explain_invalid(error, where="The command") from error
    execute_study(plan.quick() if quick else plan, chosen, judge, folder, trust_remote_code=trust_remote_code)


def execute_study(plan: "GatePlan", chosen: PromptSet, judge: str, folder: Path, *, trust_remote_code: bool) -> None:
    """Run, then write tables, figures and the page."""
    from isogloss.experiment.run import run_gate_experiment
    from isogloss.report.experiment import write_experiment_report
    from isogloss.report.experiment.study import load_study
    from isogloss.report.experiment.words import describe_study

    others = {name: resolve_prompts(name) for name in plan.out_of_distribution}
    opened = resolve_open_model(plan.model, trust_remote_code=trust_remote_code)
    with show_progress() as progress:
        run_gate_experiment(
            plan,
            opened,
            chosen,
            build_judge(judge) if plan.behaviour else None,
            folder,
            others=others,
            progress=progress,
        )
    write_experiment_report(folder)
    for sentence in describe_study(load_study(folder)):
        out.print(sentence, highlight=False)
    out.print(f"Report: {folder / 'report.html'}; tables and figures beside it.", highlight=False)


def _choose_target(target: str | None, prompts: PromptSet, source: tuple[Language, ...]) -> tuple[Language, ...]:
    if target:
        return parse_languages(target)
    return tuple(language for language in prompts.languages if language not in source)


def _parse_numbers(text: str, option: str) -> tuple[int, ...]:
    try:
        found = tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise BrokenInput(f"{option} {text}: expected whole numbers with commas, such as 0,1,4.") from error
    if not found:
        raise UnknownName(f"{option} names nothing; expected whole numbers with commas, such as 0,1,4.")
    return found
