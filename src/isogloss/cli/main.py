"""The command line: ``isogloss COMMAND``. Parses, resolves names to objects, calls one function, prints."""

import sys

import typer

from isogloss import __version__
from isogloss.cli import (
    audit,
    catalogue,
    demo,
    exchange,
    experiment,
    handover,
    inside,
    judge,
    label,
    organism,
    policy,
    predictors,
    repair,
    survey,
    utility,
)
from isogloss.cli.screens import err
from isogloss.core.errors import IsoglossError

app = typer.Typer(
    name="isogloss",
    help="Find, explain and move the line where a language model's safety stops, language by language.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(demo.demo)
app.command()(audit.audit)
app.command()(audit.compare)
app.command()(audit.report)
app.command()(policy.check)
app.command()(policy.plan)
app.command()(predictors.predictors)
app.command()(inside.diagnose)
app.command()(repair.repair)
app.command()(inside.generate)
app.command()(utility.utility)
app.command()(handover.verify)
app.command()(handover.export_repair)
app.command()(catalogue.languages)
app.command()(catalogue.prompts)
app.command("export")(exchange.export_run)
app.command("import")(exchange.import_log)
app.command("export-tasks")(exchange.export_tasks)
app.add_typer(judge.app, name="judge")
app.add_typer(label.app, name="label")
app.add_typer(experiment.app, name="experiment")
app.add_typer(organism.app, name="organism")
app.add_typer(survey.app, name="survey")


@app.callback(invoke_without_command=True)
def main(version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def run() -> None:
    """Entry point: errors made on purpose become one paragraph and an exit code; bugs keep their traceback."""
    try:
        app()
    except IsoglossError as error:
        err.print(f"[bold red]{type(error).__name__}[/bold red]: ", end="")
        err.print(str(error), markup=False, highlight=False)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        err.print("Stopped. What was done is on disk; the same command goes on from there.")
        sys.exit(130)


if __name__ == "__main__":
    run()
