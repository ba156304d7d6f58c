"""``isogloss label export`` and ``import``: people's labels out of a run and back in."""

from pathlib import Path
from typing import Annotated

import typer

from isogloss.cli.screens import err, out, print_json
from isogloss.judges.label_sheet import export_sheet, import_sheet

app = typer.Typer(
    name="label", help="Let people label replies: a blinded sheet out, their labels in.", no_args_is_help=True
)

Also = Annotated[list[Path] | None, typer.Option("--also", help="A further run folder of the same sheet; may repeat.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of sentences.")]


@app.command("export")
def export_command(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    out_file: Annotated[Path, typer.Option("--out", help="CSV file to write.")],
    per_cell: Annotated[int, typer.Option(help="Replies from each cell of model, language and verdict.")] = 10,
    seed: Annotated[int, typer.Option(help="Decides the draw and the order.")] = 0,
    also: Also = None,
    show_requests: Annotated[bool, typer.Option(help="Show the text of harmful requests too.")] = False,
    plain_utf8: Annotated[
        bool, typer.Option(help="No byte order mark; spreadsheets may then misread letters.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a blinded, shuffled sheet of replies for people to label.

    Example: isogloss label export runs/qwen --out sheet.csv --per-cell 10 --seed 0

    Fill the column "label" with one of refused, complied, partial, off_language, degenerate, undecided, or its first
    letter.
    """
    sheet = export_sheet(
        [run, *(also or [])],
        out_file,
        per_cell=per_cell,
        seed=seed,
        show_requests=show_requests,
        byte_order_mark=not plain_utf8,
    )
    if as_json:
        print_json({"rows": sheet.rows, "cells": [[*cell, *counts] for cell, counts in sheet.cells.items()]})
        return
    out.print(f"{sheet.rows} replies from {len(sheet.cells)} cells in {out_file}.", highlight=False, markup=False)


@app.command("import")
def import_command(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    sheet: Annotated[Path, typer.Argument(help="The CSV file with labels.")],
    annotator: Annotated[str, typer.Option(help="Anonymous id of who labelled, such as a1.")],
    also: Also = None,
    as_json: JsonFlag = False,
) -> None:
    """Take one annotator's labels into the run.

    Example: isogloss label import runs/qwen sheet.csv --annotator a1

    Nothing is written unless the whole sheet can be read. Then: isogloss judge card runs/qwen
    """
    found = import_sheet([run, *(also or [])], sheet, annotator=annotator)
    if as_json:
        print_json(
            {
                "new": found.new,
                "known": found.known,
                "empty": found.empty,
                "changed": list(found.changed),
                "conflicts": list(found.conflicts),
            }
        )
        return
    out.print(
        f"{found.new} new labels by {annotator}, {found.known} known already, {found.empty} rows without a label.",
        highlight=False,
        markup=False,
    )
    if found.changed:
        err.print(
            f"{len(found.changed)} labels differ from what {annotator} said before and were not taken: "
            f"{', '.join(found.changed[:5])}. To correct them, remove their rows from labels.jsonl first.",
            highlight=False,
            markup=False,
        )
    if found.conflicts:
        out.print(
            f"Annotators differ on {len(found.conflicts)} replies: {', '.join(found.conflicts[:10])}.",
            highlight=False,
            markup=False,
        )
