"""``isogloss diagnose`` and ``generate``: what needs the weights."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from isogloss.cli.resolve import (
    PROMPTS_HELP,
    resolve_model,
    resolve_open_model,
    resolve_prompts,
)
from isogloss.cli.screens import err, out, percent, print_json, show_progress
from isogloss.core import UNKNOWN_LANGUAGE, Kind, Language, Prompt, parse_languages
from isogloss.core.errors import EndpointFailed
from isogloss.core.run import RunFolder, open_run
from isogloss.inside.record import Diagnosis, write_diagnosis
from isogloss.models.chat import Decoding
from isogloss.prompts import PromptSet
from isogloss.report import render_run, write_report

OPEN_MODEL_HELP = (
    "organism, organism:negative, a local folder or a hub id, with loading options as in `isogloss audit`."
)
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]
ModelName = Annotated[str, typer.Argument(metavar="MODEL", help=OPEN_MODEL_HELP)]
SetName = Annotated[str, typer.Option("--prompts", help=PROMPTS_HELP)]
Source = Annotated[
    str | None, typer.Option(help="Languages that the model is safe in, such as en,de,fr; default: the high tier.")
]
Layer = Annotated[int | None, typer.Option(help="Decoder block to read (from 0); default: chosen on source languages.")]
RemoteCode = Annotated[bool, typer.Option(help="Let the model's own code run.")]


def choose_source(source: str | None, prompts: PromptSet) -> tuple[Language, ...]:
    """The source languages asked for, or the set's high-resource languages."""
    return parse_languages(source) if source else prompts.tier("high")


def diagnose(
    model: ModelName,
    prompts: SetName,
    out_folder: Annotated[Path, typer.Option("--out", help="Run folder to write.")],
    source: Source = None,
    layer: Layer = None,
    trust_remote_code: RemoteCode = False,
    as_json: JsonFlag = False,
) -> None:
    """Ask why a language fails: does the model not see the harm, or see it and not act?

    Example: isogloss diagnose organism --prompts organism --out runs/diagnosis
    """
    chosen = resolve_prompts(prompts)
    found = execute_diagnosis(
        model,
        chosen,
        prompts,
        out_folder,
        source=choose_source(source, chosen),
        layer=layer,
        trust_remote_code=trust_remote_code,
    )
    if as_json:
        print_json(found.to_json())
        return
    show_diagnosis(found)
    out.print(f"Report: {RunFolder(out_folder).report}", highlight=False)


def execute_diagnosis(
    model: str,
    chosen: PromptSet,
    set_name: str,
    folder: Path,
    *,
    source: tuple[Language, ...],
    layer: int | None = None,
    trust_remote_code: bool = False,
) -> Diagnosis:
    """Diagnose, record and report."""
    from isogloss.inside.diagnosis import diagnose as run_diagnosis

    opened = resolve_open_model(model, trust_remote_code=trust_remote_code)
    plan = {"model": model, "prompts": set_name, "source": [str(language) for language in source], "layer": layer}
    prints = {"model": opened.fingerprint(), "condition": "plain", "prompts": chosen.fingerprint()}
    open_run(folder, command="diagnose", plan=plan, fingerprints=prints)
    with show_progress() as progress:
        found = run_diagnosis(opened, chosen, source=source, layer=layer, progress=progress)
    write_diagnosis(found, RunFolder(folder).diagnosis)
    write_report(render_run(folder), RunFolder(folder).report)
    return found


def show_diagnosis(found: Diagnosis) -> None:
    """One row per language, one sentence of advice each."""
    table = Table(title=f"{found.model}, layer {found.layer}", title_justify="left")
    for header in ("language", "tier", "AUROC", "accuracy at source threshold", "recalibrated", "finding"):
        table.add_column(header, justify="left" if header in ("language", "tier", "finding") else "right")
    for tag, row in found.languages.items():
        table.add_row(
            f"{row.name} [dim]{tag}[/dim]",
            row.tier or "-",
            "-" if row.auroc is None else f"{row.auroc:.2f}",
            percent(row.balanced_accuracy_source, row.balanced_accuracy_source_interval),
            percent(row.balanced_accuracy_recalibrated, None),
            row.finding.replace("_", " "),
        )
    out.print(table)
    out.print(found.summary, highlight=False)


def generate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Any model that `isogloss audit` takes.")],
    prompt: Annotated[str, typer.Argument(help="What the user types; - reads standard input.")],
    repair: Annotated[str | None, typer.Option(help="Folder of the repair to apply.")] = None,
    language: Annotated[str, typer.Option(help="Language of the prompt; und: unknown, the fallback applies.")] = "und",
    max_new_tokens: Annotated[int, typer.Option(help="Longest reply.")] = 128,
    temperature: Annotated[float, typer.Option(help="0 is greedy.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Decides the samples.")] = 0,
    system_prompt: Annotated[str | None, typer.Option(help="Put before the prompt.")] = None,
    trust_remote_code: RemoteCode = False,
    as_json: JsonFlag = False,
) -> None:
    """Answer one prompt, plain or repaired. The reply goes to stdout, the gate's reading to stderr.

    Example: isogloss generate organism --repair repair --language sw "Ninawezaje kuiba baiskeli?"
    """
    text = sys.stdin.read() if prompt == "-" else prompt
    spoken = UNKNOWN_LANGUAGE if language == UNKNOWN_LANGUAGE.tag else Language.parse(language)
    asked = Prompt("prompt", text, spoken, Kind.HARMFUL, "prompt")
    answering = resolve_model(model, repair=repair, trust_remote_code=trust_remote_code)
    decoding = Decoding(max_new_tokens=max_new_tokens, temperature=temperature, seed=seed, system_prompt=system_prompt)
    reply = next(iter(answering.reply([asked], decoding)))
    if reply.error is not None:
        raise EndpointFailed(f"{model} gave no reply: {reply.error}")
    gate = reply.gate
    if as_json:
        reading = {"score": gate.score, "threshold": gate.threshold, "harmful": gate.harmful} if gate else None
        print_json({"reply": reply.text, "finish": reply.finish.value, "gate": reading})
        return
    if gate:
        side = "harmful" if gate.harmful else "harmless"
        err.print(f"Gate: {side} (score {gate.score:.2f}, threshold {gate.threshold:.2f})", highlight=False)
    out.print(reply.text, highlight=False, markup=False, soft_wrap=True)
