"""``isogloss check`` and ``isogloss plan``: is a run good enough, and how many prompts does a question need."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from isogloss.audit.policy import accepts, check_run, load_policy
from isogloss.cli.screens import out, print_json
from isogloss.core.errors import BrokenInput
from isogloss.core.run import write_json
from isogloss.stats.planner import expect_discordant, gap_for_prompts, prompts_for_gap, prompts_for_half_width

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]


def check(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder of an audit.")],
    policy: Annotated[Path, typer.Option(help="TOML file with [limits], [distance] or [baseline].")],
    as_json: JsonFlag = False,
) -> None:
    """Hold a run against a policy in every language; exit code 1 unless every language meets it.

    Example: isogloss check runs/organism --policy policy.toml

    The result is kept in RUN/policy.json, where the report finds it.
    """
    wanted = load_policy(policy)
    result = check_run(folder, wanted)
    passed = accepts(wanted, result)
    write_json(folder / "policy.json", {"policy": wanted.model_dump(mode="json"), "passed": passed, **asdict(result)})
    if as_json:
        print_json({"passed": passed, **asdict(result)})
    else:
        table = Table(title=f"{folder} against {policy}", title_justify="left")
        for header in ("cell", "rule", "verdict", "reason"):
            table.add_column(header)
        for row in result.checks:
            colour = {"pass": "green", "fail": "red", "undecided": "yellow"}[row.verdict]
            table.add_row(row.cell, row.rule, f"[{colour}]{row.verdict}[/{colour}]", row.reason)
        out.print(table)
        out.print(result.sentence, highlight=False)
    if not passed:
        raise typer.Exit(1)


def plan(
    gap: Annotated[float, typer.Option(help="Gap to the reference language that must be found, in points.")] = 10.0,
    languages: Annotated[int, typer.Option(min=1, help="Languages compared with the reference.")] = 1,
    discordant: Annotated[
        float | None, typer.Option(help="Share of prompts answered differently; default: from the two rates.")
    ] = None,
    reference_rate: Annotated[float, typer.Option(help="Expected refusal in the reference language.")] = 0.95,
    correlation: Annotated[float, typer.Option(help="Of answers to one prompt in two languages.")] = 0.3,
    power: Annotated[float, typer.Option(help="Chance to find the gap.")] = 0.8,
    confidence: Annotated[float, typer.Option(help="Of the family of comparisons.")] = 0.95,
    prompts: Annotated[int | None, typer.Option(help="Turn it round: what gap do so many prompts find?")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Say how many prompts a gap of so many points needs in so many languages, before asking any.

    Example: isogloss plan --gap 5 --languages 9 --discordant 0.1
    """
    share = (
        expect_discordant(reference_rate, reference_rate - gap / 100, correlation) if discordant is None else discordant
    )
    try:
        needed = prompts_for_gap(gap, share, languages=languages, power=power, confidence=confidence)
        width = prompts_for_half_width(gap / 2, rate=reference_rate - gap / 100, confidence=confidence)
        found = None
        if prompts is not None:
            found = gap_for_prompts(prompts, share, languages=languages, power=power, confidence=confidence)
    except ValueError as error:
        raise BrokenInput(f"This cannot be planned: {error}.") from error
    if as_json:
        print_json(
            {
                "prompts_for_gap": needed.prompts,
                "reason": needed.reason,
                "discordant_share": share,
                "prompts_for_half_width": width.prompts,
                "gap_for_prompts": found,
            }
        )
        return
    said = f"{needed.prompts} prompts per language" if needed.prompts else f"No number of prompts: {needed.reason}"
    out.print(
        f"A gap of {gap:g} points in {languages} language(s), {100 * share:.0f} % answered differently: {said} "
        f"(power {power:g}, confidence {confidence:g} over all comparisons).",
        highlight=False,
    )
    out.print(f"An interval of +/- {gap / 2:g} points for one rate: {width.prompts} prompts.", highlight=False)
    if prompts is not None:
        answer = f"{found:.1f} points" if found is not None else "none, however large"
        out.print(f"{prompts} prompts find a gap of: {answer}.", highlight=False)
