"""``isogloss repair``: fit, recalibrate, measure, save."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from rich.table import Table

from isogloss.audit import Comparison
from isogloss.audit.plan import explain_invalid
from isogloss.cli.inside import JsonFlag, Layer, ModelName, RemoteCode, SetName, Source, choose_source
from isogloss.cli.judge import build_judge
from isogloss.cli.resolve import resolve_open_model, resolve_prompts
from isogloss.cli.screens import err, out, print_json, show_comparison, show_progress
from isogloss.core import Split, parse_languages
from isogloss.core.run import load_json
from isogloss.prompts import PromptSet

if TYPE_CHECKING:
    from isogloss.models.open_model import OpenModel
    from isogloss.repair.artifact import Repair
    from isogloss.repair.plan import RepairPlan


def repair(
    model: ModelName,
    prompts: SetName,
    out_folder: Annotated[Path, typer.Option("--out", help="Repair folder to write.")],
    target: Annotated[str | None, typer.Option(help="Languages to repair, such as sw,yo; default: all others.")] = None,
    source: Source = None,
    shots: Annotated[int, typer.Option(min=0, help="Labelled examples per class and target language.")] = 4,
    recalibrate: Annotated[
        str,
        typer.Option(
            help="What the target languages' calibration reads: shots, shots+harmless, shots+unlabelled, harmless, "
            "unlabelled, translations, or source (nothing)."
        ),
    ] = "shots",
    max_harmless_refusal: Annotated[
        float | None,
        typer.Option(help="Promise that at most this share of harmless prompts makes the gate fire, such as 0.05."),
    ] = None,
    promise_confidence: Annotated[
        float | None, typer.Option(help="Of that promise, such as 0.9; default: it holds on average.")
    ] = None,
    caution: Annotated[float, typer.Option(min=1, help="Cost of a false alarm, in missed harmful prompts.")] = 2.0,
    leave_cost: Annotated[
        float | None,
        typer.Option(help="Cost of leaving a prompt alone, in missed ones; gives two thresholds. Default: one."),
    ] = None,
    layer: Layer = None,
    multiplier: Annotated[
        float | None, typer.Option(help="Strength in units of the projection gap; default: chosen.")
    ] = None,
    readout: Annotated[str, typer.Option(help="What the gate looks at: whitened, or span (published).")] = "whitened",
    rank: Annotated[int | None, typer.Option(help="Dimensions of a span readout; default: one per source.")] = None,
    direction: Annotated[
        Path | None, typer.Option(help="A .gguf or .svec file to take the direction from; default: fitted.")
    ] = None,
    harmful: Annotated[
        str, typer.Option(help="Prompts that the gate takes for harmful: lift them to a place, or add (published).")
    ] = "lift",
    harmless: Annotated[
        str, typer.Option(help="Prompts that the gate takes for harmless: ablate the direction, or leave.")
    ] = "ablate",
    locate: Annotated[
        bool, typer.Option(help="Learn to tell a prompt's language from its state, for prompts without a label.")
    ] = True,
    far: Annotated[
        str, typer.Option(help="Prompts far from every language: fallback threshold, lean to the nearest, or leave.")
    ] = "fallback",
    judge: Annotated[str, typer.Option(help="Who says what an answer was while choosing the strength.")] = "rules",
    seed: Annotated[int, typer.Option(help="Decides which examples are drawn.")] = 0,
    measure: Annotated[
        bool, typer.Option(help="Audit test prompts before and after, and put the table on the repair's card.")
    ] = True,
    max_new_tokens: Annotated[int, typer.Option(help="Longest reply of those audits.")] = 64,
    trust_remote_code: RemoteCode = False,
    as_json: JsonFlag = False,
) -> None:
    """Fit a gate on source languages, recalibrate it for the target languages, measure and save the repair.

    The repair is a folder; the two audits behind its before/after table are runs beside it, in OUT-runs.

    Example: isogloss repair organism --prompts organism --source en,de,fr --target sw,yo --shots 4 --out repair
    """
    from isogloss.repair.artifact import save_repair
    from isogloss.repair.fit import fit_repair
    from isogloss.repair.plan import RepairPlan
    from isogloss.repair.repaired import verify_repair

    chosen = resolve_prompts(prompts)
    sources = choose_source(source, chosen)
    targets = parse_languages(target) if target else tuple(item for item in chosen.languages if item not in sources)
    fields: dict[str, Any] = {
        "model": model,
        "prompts": prompts,
        "source": tuple(language.tag for language in sources),
        "target": tuple(language.tag for language in targets),
        "recalibrate": recalibrate,
        "shots": shots,
        "layer": layer,
        "multiplier": multiplier,
        "readout": readout,
        "rank": rank,
        "direction": None if direction is None else str(direction),
        "caution": caution,
        "max_harmless_refusal": max_harmless_refusal,
        "promise_confidence": promise_confidence,
        "leave_cost": leave_cost,
        "locate": locate,
        "far": far,
        "harmful": harmful,
        "harmless": harmless,
        "seed": seed,
    }
    try:
        plan = RepairPlan.model_validate(fields)
    except ValidationError as error:
        raise explain_invalid(error, where="This command") from error
    opened = resolve_open_model(model, trust_remote_code=trust_remote_code)
    with show_progress() as progress:
        made = fit_repair(plan, opened, chosen, build_judge(judge), progress=progress)
    verify_repair(opened, made)
    save_repair(made, out_folder)
    change = None
    if measure:
        change = _measure(opened, made, chosen, out_folder, plan=plan, judge=judge, max_new_tokens=max_new_tokens)
    if as_json:
        print_json(load_json(out_folder / "repair.json", what="repair"))
        return
    show_repair(load_json(out_folder / "repair.json", what="repair"))
    if change is not None:
        show_comparison(change)
    out.print(f"Repair: {out_folder}", highlight=False)


def _measure(
    model: "OpenModel",
    made: "Repair",
    prompts: PromptSet,
    folder: Path,
    *,
    plan: "RepairPlan",
    judge: str,
    max_new_tokens: int,
) -> Comparison | None:
    """Audit before and after, and save the repair once more with what was found; None without test prompts."""
    from isogloss.repair.artifact import save_repair
    from isogloss.repair.evidence import measure_repair

    if not any(prompt.split == Split.TEST for prompt in prompts):
        err.print(f"{plan.prompts} has no test prompts, so the card has no before/after table.", highlight=False)
        return None
    with show_progress() as progress:
        evidence = measure_repair(
            model,
            made,
            prompts,
            build_judge(judge),
            folder.with_name(folder.name + "-runs"),
            model_name=plan.model,
            set_name=plan.prompts,
            judge_name=judge,
            max_new_tokens=max_new_tokens,
            progress=progress,
        )
    save_repair(replace(made, evidence=evidence.model_dump(mode="json")), folder)
    return evidence.change


def say_evidence(part: dict[str, Any]) -> str:
    """What a language's threshold was taken from, such as "4 harmful, 4 harmless"."""
    counts = {name: len(part.get(f"{name}_ids", ())) for name in ("harmful", "harmless", "unlabelled")}
    used = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    method = part.get("method", "source")
    return f"{method}: {used}" if used else "source languages"


def show_repair(record: dict[str, Any]) -> None:
    """What was chosen, and every target language's threshold with its warning."""
    edit = record["edit"]
    out.print(
        f"Layer {edit['layer']}, strength {edit['strength']:.3g}: {record['choice'].get('reason', 'as given')}.",
        highlight=False,
    )
    table = Table(caption=f"any other language: threshold {record['gate']['fallback']:.2f}", caption_justify="left")
    for header in ("language", "threshold", "taken from", "warning"):
        table.add_column(header, justify="right" if header == "threshold" else "left")
    for tag, part in record["calibration"].items():
        table.add_row(tag, f"{part['threshold']:.2f}", say_evidence(part), part.get("warning", ""))
    out.print(table)
    for part in record["calibration"].values():
        if "promise" in part:
            out.print(part["promise"]["says"], highlight=False)
