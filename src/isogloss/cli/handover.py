"""``isogloss verify`` and ``export-repair``: what happens to a repair after it was made."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from isogloss.cli.inside import JsonFlag, ModelName, RemoteCode
from isogloss.cli.resolve import resolve_open_model
from isogloss.cli.screens import err, out, print_json

RepairFolder = Annotated[Path, typer.Option("--repair", help="Folder that `isogloss repair` wrote.")]


class Target(StrEnum):
    """What a repair can be exported to."""

    GGUF = "gguf"
    CHECKPOINT = "checkpoint"


def verify(
    model: ModelName, repair: RepairFolder, trust_remote_code: RemoteCode = False, as_json: JsonFlag = False
) -> None:
    """Prove that a repair belongs to a model and acts on it, here and now.

    Checks the files' seals and the fingerprints of weights, tokenizer and chat template; then runs one probe plain,
    steered and plain again: the logits must change, change back bit for bit, and the gate must read what it was
    fitted on. Exit code 2 where anything does not hold.

    Example: isogloss verify organism --repair repair
    """
    from isogloss.repair.artifact import load_repair
    from isogloss.repair.repaired import verify_repair

    found = load_repair(repair)
    verify_repair(resolve_open_model(model, trust_remote_code=trust_remote_code), found)
    if as_json:
        print_json({"repair": found.fingerprint(), "model": model, "acts": True})
        return
    out.print(f"Repair {found.fingerprint()[:8]} belongs to {model}, acts on it, and can be taken away again.")


def export_repair(
    model: ModelName,
    repair: RepairFolder,
    to: Annotated[Target, typer.Option(help="gguf: a control vector for llama.cpp; checkpoint: a plain checkpoint.")],
    out_path: Annotated[Path, typer.Option("--out", help="File (gguf) or new folder (checkpoint) to write.")],
    share: Annotated[
        float | None,
        typer.Option(min=0, help="Share of the strength that every token gets; default: what generated tokens get."),
    ] = None,
    trust_remote_code: RemoteCode = False,
) -> None:
    """Write the constant push of a repair in a form that other programs run. The gate is lost.

    Other formats know no gate: what they push, they push on every prompt, harmless ones too. Audit the result before
    anybody uses it, and prefer the repair itself where you can.

    Example: isogloss export-repair organism --repair repair --to gguf --out refusal.gguf
    """
    from isogloss.repair.artifact import load_repair
    from isogloss.repair.folding import fold_push, measure_push
    from isogloss.repair.vectors import save_gguf_vectors

    found = load_repair(repair)
    opened = resolve_open_model(model, trust_remote_code=trust_remote_code)
    found.check(opened)
    if to == Target.CHECKPOINT:
        fold_push(opened, found, out_path, share=share)
    else:
        edit, kind = found.edit, opened.model.config.model_type
        length = measure_push(found, share=share)
        save_gguf_vectors(out_path, {edit.layer: edit.vector * length}, model_type=kind)
    err.print(
        "[bold yellow]The gate is lost.[/bold yellow] This pushes every prompt towards refusal, harmless ones too. "
        "Audit it before use.",
        highlight=False,
    )
    out.print(f"Written: {out_path}", highlight=False)
