"""``isogloss export``, ``import`` and ``export-tasks``: run folders and prompt sets in other projects' formats."""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from isogloss.cli.judge import build_judge
from isogloss.cli.resolve import PROMPTS_HELP, resolve_prompts
from isogloss.cli.screens import out, print_json, show_scorecard
from isogloss.core import Mapping
from isogloss.core.run import RunFolder, load_run_record
from isogloss.exchange import Columns, ImportedRun, write_imported, write_tables
from isogloss.exchange.columns import parse_pairs
from isogloss.exchange.selection import choose_prompts
from isogloss.report import render_run, write_report


class Target(StrEnum):
    """What a run can become."""

    INSPECT = "inspect"
    CSV = "csv"
    PARQUET = "parquet"
    FIGURES = "figures"


class Source(StrEnum):
    """What can become a run."""

    INSPECT = "inspect"
    LM_EVAL = "lm-eval"


class Harness(StrEnum):
    """Who can ask our prompts."""

    LM_EVAL = "lm-eval"


def export_run(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder of an audit or a diagnosis.")],
    to: Annotated[Target, typer.Option(help="An Inspect log, tables, or the report's figures as SVG and PNG.")],
    out_path: Annotated[Path, typer.Option("--out", help="For inspect a file (.eval or .json), else a folder.")],
    show_text: Annotated[bool, typer.Option("--show-text", help="Put prompts and replies into the tables.")] = False,
) -> None:
    """Write a run for other programs: Inspect, spreadsheets, data frames, papers.

    Example: isogloss export runs/organism --to csv --out tables

    An Inspect log holds every prompt and reply; tables do only with --show-text.
    """
    match to:
        case Target.INSPECT:
            from isogloss.exchange.inspect_write import write_inspect_log

            count = write_inspect_log(folder, out_path, created=_date_run(folder))
            _say(f"{out_path} ({count} samples). Look at it with: inspect view --log-dir {out_path.parent}")
        case Target.FIGURES:
            from isogloss.exchange.figures import write_figures

            _list(write_figures(folder, out_path))
        case Target.CSV:
            _list(write_tables(folder, out_path, file_format="csv", show_text=show_text))
        case Target.PARQUET:
            _list(write_tables(folder, out_path, file_format="parquet", show_text=show_text))


def import_log(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A log file; for lm-eval also the folder of samples.")],
    source: Annotated[Source, typer.Option("--from", help="Who wrote it.")],
    out_folder: Annotated[Path, typer.Option("--out", help="Run folder to write.")],
    column: Annotated[list[str] | None, typer.Option(help="FIELD=NAME: language=lang, seed_id=pair, ...")] = None,
    value: Annotated[list[str] | None, typer.Option(help="FIELD=VALUE for every prompt: kind=harmful.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="What the log calls a kind: unsafe=harmful.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="What a score means: C=refused.")] = None,
    scorer: Annotated[str | None, typer.Option(help="Whose scores of an Inspect log to take.")] = None,
    epoch: Annotated[int | None, typer.Option(help="Which epoch of an Inspect log to take.")] = None,
    model: Annotated[str | None, typer.Option(help="What to call the model of an lm-eval run.")] = None,
    judge: Annotated[str | None, typer.Option(help="Judge the replies anew; default only without verdicts.")] = None,
    mapping: Annotated[Mapping, typer.Option(help="How verdicts become a rate.")] = Mapping.STRICT,
    reference: Annotated[str, typer.Option(help="Language that the others are compared with.")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")] = False,
) -> None:
    """Make a run of somebody else's log, with our statistics and report.

    Example: isogloss import logs/eval.json --from inspect --column language=lang --out runs/imported

    Verdicts are taken over where the log's scores are our labels or --label says what they mean; else the rule judge
    reads the replies.
    """
    columns = Columns.parse(column or [], values=value or [], kinds=kind or [])
    labels = parse_pairs(label or [], option="--label")
    if source is Source.INSPECT:
        _reject(model, "--model", source)
        from isogloss.exchange.inspect_read import read_inspect_log

        run = read_inspect_log(path, columns=columns, scorer=scorer, labels=labels, epoch=epoch)
    else:
        for given, option in ((scorer, "--scorer"), (epoch, "--epoch"), (label, "--label")):
            _reject(given, option, source)
        from isogloss.exchange.lm_eval import read_lm_eval_samples

        run = read_lm_eval_samples(path, columns=columns, model=model)
    _finish_import(run, out_folder, judge, mapping, reference, as_json=as_json)


def export_tasks(
    prompts: Annotated[str, typer.Argument(metavar="SET", help=PROMPTS_HELP)],
    to: Annotated[Harness, typer.Option(help="Whose task files to write.")],
    out_folder: Annotated[Path, typer.Option("--out", help="Folder for the task files.")],
    languages: Annotated[str | None, typer.Option(help="Only these, such as sw,yo,zh-Hans.")] = None,
    split: Annotated[str | None, typer.Option(help="train, validation, test or all; absent: the set's choice.")] = None,
    max_new_tokens: Annotated[int, typer.Option(help="Longest reply.")] = 128,
) -> None:
    """Write a prompt set as tasks of another harness: one task a language, and a group.

    Example: isogloss export-tasks mini --to lm-eval --languages en,sw --out tasks

    Then: lm_eval --include_path tasks --tasks isogloss_mini --log_samples --output_path results ...
    """
    from isogloss.exchange.lm_eval import write_lm_eval_tasks

    chosen = choose_prompts(resolve_prompts(prompts), languages=languages, split=split)
    written = write_lm_eval_tasks(chosen, out_folder, max_new_tokens=max_new_tokens)
    _say(f"{len(written)} files in {out_folder} for {to}; the group is {written[-1].stem}.")


def _finish_import(
    run: ImportedRun, folder: Path, judge: str | None, mapping: Mapping, reference: str, *, as_json: bool
) -> None:
    """Write the run with the log's verdicts where it has them, else with the rule judge's."""
    chosen = build_judge(judge or "rules") if judge or not run.scorings else None
    card = write_imported(run, folder, chosen, mapping=mapping, reference=reference)
    write_report(render_run(folder), RunFolder(folder).report)
    if as_json:
        print_json(card.model_dump(mode="json"))
        return
    show_scorecard(card)
    for note in run.source.notes:
        _say(note)
    _say(f"Judge: {card.judge}. Report: {RunFolder(folder).report}")


def _date_run(folder: Path) -> datetime:
    """When the run was started, as its record's file tells."""
    load_run_record(folder)
    return datetime.fromtimestamp(RunFolder(folder).record.stat().st_mtime, UTC)


def _reject(given: object, option: str, source: Source) -> None:
    if given is not None:
        raise typer.BadParameter(f"{option} does not apply to {source} logs.", param_hint=option)


def _say(text: str) -> None:
    out.print(text, highlight=False, markup=False)


def _list(paths: list[Path]) -> None:
    for path in paths:
        _say(str(path))
