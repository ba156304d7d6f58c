"""``isogloss demo``: the whole story on the bundled organism, offline."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from isogloss.audit import AuditPlan, Comparison, compare_runs, run_audit, save_comparison, select_prompts
from isogloss.cli.inside import execute_diagnosis
from isogloss.cli.judge import build_judge
from isogloss.cli.resolve import resolve_model, resolve_open_model, resolve_prompts
from isogloss.cli.screens import out, print_json, show_comparison, show_progress, signed
from isogloss.core import Split
from isogloss.core.run import RunFolder
from isogloss.report import render_comparison, render_run, write_report

SHOTS = 4


def demo(
    out_folder: Annotated[Path, typer.Option("--out", help="Folder for runs, repair and report.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Decides which examples calibrate the repair.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the changes as JSON.")] = False,
) -> None:
    """The whole story on the bundled model organism, offline, in about a minute.

    Example: isogloss demo --out demo

    Leaves DIR/before and DIR/after (runs), DIR/diagnosis, DIR/repair and DIR/report.html.
    """
    started = time.monotonic()
    say = _say if not as_json else _silent
    say("1. Audit: where does it fail?")
    _audit(out_folder / "before", repair=None)
    say("2. Diagnosis: does it not see the harm, or see it and not act?")
    prompts = resolve_prompts("organism")
    found = execute_diagnosis("organism", prompts, "organism", out_folder / "diagnosis", source=prompts.tier("high"))
    say(f"   {found.summary}")
    say(f"3. Repair: a gate from the high-resource languages, {SHOTS} examples a class for each other language")
    _repair(out_folder / "repair", seed=seed)
    say("4. The same audit again, repaired")
    _audit(out_folder / "after", repair=str(out_folder / "repair"))
    _attach_evidence(out_folder)
    comparison = _report(out_folder)
    if as_json:
        print_json(comparison.model_dump(mode="json"))
        return
    show_comparison(comparison)
    low = comparison.tiers["low"]
    out.print(
        f"Low-resource languages: selectivity {signed(low.selectivity_points, low.selectivity_interval)} points, "
        f"harmless refusal {signed(low.harmless_refusal_points, low.harmless_refusal_interval)} points.",
        highlight=False,
    )
    out.print(f"Report: {out_folder / 'report.html'} ({time.monotonic() - started:.0f} s)", highlight=False)


def _audit(folder: Path, *, repair: str | None) -> None:
    plan = AuditPlan(model="organism", prompts="organism", split=Split.TEST, repair=repair, max_new_tokens=32)
    model = resolve_model(plan.model, repair=plan.repair)
    with show_progress() as progress:
        run_audit(
            plan,
            model,
            select_prompts(plan, resolve_prompts(plan.prompts)),
            build_judge(plan.judge),
            folder,
            progress=progress,
        )
    write_report(render_run(folder), RunFolder(folder).report)


def _repair(folder: Path, *, seed: int) -> None:
    from isogloss.repair.artifact import save_repair
    from isogloss.repair.fit import fit_repair
    from isogloss.repair.plan import RepairPlan

    prompts = resolve_prompts("organism")
    source = tuple(language.tag for language in prompts.tier("high"))
    target = tuple(language.tag for language in prompts.languages if language.tier != "high")
    plan = RepairPlan(model="organism", prompts="organism", source=source, target=target, shots=SHOTS, seed=seed)
    with show_progress() as progress:
        made = fit_repair(plan, resolve_open_model("organism"), prompts, build_judge("rules"), progress=progress)
    save_repair(made, folder)


def _attach_evidence(folder: Path) -> None:
    """Put the before/after table on the repair's card; the repair stays what it is."""
    from isogloss.repair.artifact import load_repair, save_repair
    from isogloss.repair.evidence import Evidence

    evidence = Evidence.of_runs(folder / "before", folder / "after")
    made = load_repair(folder / "repair")
    save_repair(replace(made, evidence=evidence.model_dump(mode="json")), folder / "repair")


def _report(folder: Path) -> Comparison:
    before, after = folder / "before", folder / "after"
    comparison = compare_runs(before, after)
    save_comparison(comparison, folder / "comparison.json")
    page = render_comparison(
        before, after, comparison=comparison, diagnosis=folder / "diagnosis", repair=folder / "repair"
    )
    write_report(page, folder / "report.html")
    return comparison


def _say(text: str) -> None:
    out.print(text, highlight=False)


def _silent(text: str) -> None:
    """Nothing: stdout belongs to the JSON."""
