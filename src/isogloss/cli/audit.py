"""``isogloss audit``, ``compare`` and ``report``."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from isogloss.audit import (
    AuditPlan,
    compare_runs,
    load_scorecard,
    run_audit,
    save_comparison,
    select_prompts,
    write_scorecard,
)
from isogloss.audit.plan import explain_invalid, load_plan_fields
from isogloss.cli.judge import JUDGE_HELP, build_judge
from isogloss.cli.resolve import (
    MODEL_HELP,
    PROMPTS_HELP,
    resolve_model,
    resolve_prompts,
    restrict_to_recorded,
)
from isogloss.cli.screens import err, out, print_json, show_comparison, show_progress, show_scorecard
from isogloss.core.run import RunFolder, load_run_record
from isogloss.judges import Judge, find_bundled_card, save_card
from isogloss.models.endpoint import EndpointModel
from isogloss.models.estimate import Prices, describe_workload, estimate_cost, measure_workload
from isogloss.report import render_comparison, render_run, write_report

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]
ShowText = Annotated[bool, typer.Option("--show-text", help="Show harmful text in the report.")]


def audit(
    model: Annotated[str | None, typer.Argument(help=MODEL_HELP)] = None,
    prompts: Annotated[str | None, typer.Option(help=PROMPTS_HELP)] = None,
    out_folder: Annotated[Path | None, typer.Option("--out", help="Run folder; the same folder resumes.")] = None,
    languages: Annotated[str | None, typer.Option(help="Only these, such as sw,yo,zh-Hans.")] = None,
    plan: Annotated[Path | None, typer.Option(help="TOML file with the same fields; flags win.")] = None,
    split: Annotated[str | None, typer.Option(help="train, validation, test or all.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first so many prompts of each kind.")] = None,
    perturb: Annotated[
        list[str] | None, typer.Option(help="A way of writing, such as code-switch:en+sw; may be given several times.")
    ] = None,
    repair: Annotated[str | None, typer.Option(help="Folder of a repair that is active meanwhile.")] = None,
    judge: Annotated[str | None, typer.Option(help=JUDGE_HELP)] = None,
    mapping: Annotated[str | None, typer.Option(help="strict or lenient: how verdicts become a rate.")] = None,
    reference: Annotated[str | None, typer.Option(help="Language that the others are compared with.")] = None,
    max_new_tokens: Annotated[int | None, typer.Option(help="Longest reply.")] = None,
    temperature: Annotated[float | None, typer.Option(help="0 is greedy.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides the samples.")] = None,
    system_prompt: Annotated[str | None, typer.Option(help="Put before every prompt.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Requests at a time to an endpoint.")] = 8,
    prompt_price: Annotated[float | None, typer.Option(help="Endpoint's price per million prompt tokens.")] = None,
    reply_price: Annotated[float | None, typer.Option(help="Endpoint's price per million reply tokens.")] = None,
    trust_remote_code: Annotated[bool, typer.Option(help="Let the model's own code run.")] = False,
    show_text: ShowText = False,
    as_json: JsonFlag = False,
) -> None:
    """Measure where a model refuses and where it does not, language by language.

    Example: isogloss audit organism --prompts organism --languages en,sw,yo --out runs/organism

    Stopped at any moment, the same command goes on where it was.
    """
    given: dict[str, Any] = {
        "model": model,
        "prompts": prompts,
        "languages": languages,
        "split": split,
        "limit": limit,
        "perturb": tuple(perturb) if perturb else None,
        "repair": repair,
        "judge": judge,
        "mapping": mapping,
        "reference": reference,
        "max_new_tokens": max_new_tokens,
        "temperature": temperature,
        "seed": seed,
        "system_prompt": system_prompt,
    }
    fields = load_plan_fields(plan) if plan else {}
    folder = Path(fields.pop("out")) if out_folder is None and "out" in fields else out_folder
    if folder is None:
        raise typer.BadParameter("Say where the run goes: --out RUN.", param_hint="--out")
    made = make_plan({**fields, **{name: value for name, value in given.items() if value is not None}}, source=plan)
    access = Access(trust_remote_code=trust_remote_code, concurrency=concurrency)
    if prompt_price is not None or reply_price is not None:
        access = replace(access, prices=Prices(prompt_price or 0.0, reply_price or 0.0))
    execute_audit(made, folder, access=access, show_text=show_text, as_json=as_json)


def make_plan(fields: dict[str, Any], *, source: Path | None) -> AuditPlan:
    """Build the plan; what is wrong is said in one sentence."""
    for name in ("model", "prompts"):
        if name not in fields:
            raise typer.BadParameter(f"Say which {name} to audit, as an argument or in the plan file.", param_hint=name)
    try:
        return AuditPlan.model_validate(fields)
    except ValidationError as error:
        raise explain_invalid(error, where=str(source or "The command")) from error


@dataclass(frozen=True, slots=True)
class Access:
    """How the model is reached; nothing here changes a reply.

    Attributes:
        trust_remote_code: let a local model's own code run.
        concurrency: requests at a time to an endpoint.
        prices: of an endpoint, for the estimate before the run.
    """

    trust_remote_code: bool = False
    concurrency: int = 8
    prices: Prices | None = None


def execute_audit(
    plan: AuditPlan,
    folder: Path,
    *,
    access: Access | None = None,
    show_text: bool = False,
    as_json: bool = False,
) -> None:
    """Run a plan, write the report, show the scorecard."""
    access = access or Access()
    # What is quick to refuse comes before the model, which is slow to load.
    selected = select_prompts(plan, resolve_prompts(plan.prompts))
    judge = build_judge(plan.judge)
    model = resolve_model(
        plan.model,
        repair=plan.repair,
        trust_remote_code=access.trust_remote_code,
        concurrency=access.concurrency,
    )
    chosen = restrict_to_recorded(model, selected)
    if isinstance(model, EndpointModel):
        workload = measure_workload(chosen, plan.decoding)
        cost = estimate_cost(workload, access.prices) if access.prices else None
        err.print(describe_workload(workload, cost), highlight=False)
    with show_progress() as progress:
        scorecard = run_audit(plan, model, chosen, judge, folder, progress=progress)
    keep_card(judge, folder)
    write_report(render_run(folder, show_text=show_text), RunFolder(folder).report)
    if as_json:
        print_json(scorecard.model_dump(mode="json"))
        return
    show_scorecard(scorecard)
    out.print(f"Report: {RunFolder(folder).report}", highlight=False)


def keep_card(judge: Judge, folder: Path) -> None:
    """Put the judge's bundled card beside the run, so that its report can show the judge's measured errors."""
    place = folder / "judge_card.json"
    card = find_bundled_card(judge)
    if card is not None and not place.exists():
        save_card(card, place)


def compare(
    before: Annotated[Path, typer.Argument(help="Run folder before.")],
    after: Annotated[Path, typer.Argument(help="Run folder after.")],
    out_file: Annotated[Path, typer.Option("--out", help="HTML file to write.")] = Path("compare.html"),
    diagnosis: Annotated[Path | None, typer.Option(help="Run folder of `isogloss diagnose` to include.")] = None,
    repair: Annotated[Path | None, typer.Option(help="Repair folder to include.")] = None,
    show_text: ShowText = False,
    as_json: JsonFlag = False,
) -> None:
    """Compare two runs prompt by prompt, with paired intervals.

    Example: isogloss compare runs/before runs/after --out compare.html
    """
    comparison = compare_runs(before, after)
    save_comparison(comparison, out_file.with_suffix(".json"))
    page = render_comparison(
        before, after, comparison=comparison, diagnosis=diagnosis, repair=repair, show_text=show_text
    )
    write_report(page, out_file)
    if as_json:
        print_json(comparison.model_dump(mode="json"))
        return
    show_comparison(comparison)
    out.print(f"Report: {out_file}", highlight=False)


def report(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder of an audit or a diagnosis.")],
    out_file: Annotated[Path | None, typer.Option("--out", help="HTML file; default RUN/report.html.")] = None,
    show_text: ShowText = False,
    as_json: JsonFlag = False,
) -> None:
    """Make a run's scorecard and report again from its records; no model is asked.

    Example: isogloss report runs/organism --show-text
    """
    if load_run_record(folder)["command"] == "audit":
        write_scorecard(folder)
    target = out_file or RunFolder(folder).report
    write_report(render_run(folder, show_text=show_text), target)
    if as_json and RunFolder(folder).scorecard.exists():
        print_json(load_scorecard(folder).model_dump(mode="json"))
        return
    (err if as_json else out).print(f"Report: {target}", highlight=False)
