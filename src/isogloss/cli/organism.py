"""``isogloss organism train`` and ``card``: the bundled model organism."""

from pathlib import Path
from typing import Annotated

import typer

from isogloss.cli.screens import out, print_json, show_progress
from isogloss.core import Kind, Language, Prompt, Split
from isogloss.models.organism import load_card, negative_organism_path, organism_path
from isogloss.models.organism.recipe import MAIN, MANY_WAYS, NEGATIVE, read_many_ways
from isogloss.models.organism.rewriting import Writer
from isogloss.prompts import load_organism
from isogloss.prompts.perturb import parse_perturbation

app = typer.Typer(
    help="The bundled model organism: a tiny model that proves the pipeline and says nothing about real models.",
    no_args_is_help=True,
)

Negative = Annotated[bool, typer.Option("--negative", help="The organism without a representation of harm.")]


@app.command()
def train(
    out_folder: Annotated[Path, typer.Option("--out", help="Checkpoint folder to write.")],
    seed: Annotated[int, typer.Option(help="Decides data order and weights.")] = 0,
    negative: Negative = False,
    many_ways: Annotated[
        bool, typer.Option("--many-ways", help="Let it also read romanised, unaccented and mistyped text.")
    ] = False,
) -> None:
    """Train the organism again from its word lists; takes about five minutes.

    Add --many-ways where text will be written in other ways: the bundled organism reads its own spelling alone. It
    needs the extra "romanise".

    Example: isogloss organism train --seed 1 --out organism-1
    """
    import torch

    from isogloss.models.organism.train import train_organism

    # The sums of several threads differ in their last bits: one thread gives the same weights on every machine alike.
    torch.set_num_threads(1)
    plain = NEGATIVE if negative else MAIN
    recipe, writers = (read_many_ways(plain), fit_writers(MANY_WAYS.names)) if many_ways else (plain, {})
    with show_progress() as progress:
        card = train_organism(
            out_folder, seed=seed, negative=negative, recipe=recipe, writers=writers, progress=progress
        )
    out.print(f"Checkpoint: {out_folder} (seed {card.seed})", highlight=False)


@app.command()
def card(
    folder: Annotated[Path | None, typer.Argument(help="A checkpoint folder; default: the bundled one.")] = None,
    negative: Negative = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show how an organism was made, what it shows, and what it must not be used for.

    Example: isogloss organism card --negative
    """
    place = folder or (negative_organism_path() if negative else organism_path())
    found = load_card(place)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    out.print((place / "README.md").read_text(encoding="utf-8"), markup=False, highlight=False)


def fit_writers(names: tuple[str, ...]) -> dict[str, Writer]:
    """The perturbations of these names as functions on training texts.

    Raises:
        MissingExtra: one needs a package that is not installed.
    """
    return {name: _fit_writer(name) for name in names}


def _fit_writer(name: str) -> Writer:
    # The letters of multiple-choice options are what such a question asks for: a slip would change the right answer.
    perturbation = parse_perturbation(name, names=("A)", "B)", "C)"))
    write = perturbation.fit(load_organism().select(split=Split.TRAIN))

    def rewrite(text: str, language: str, seed: int) -> str:
        prompt = Prompt(id=name, text=text, language=Language.parse(language), kind=Kind.HARMLESS, seed_id=name)
        return write(prompt, seed).text if perturbation.takes(prompt.language) else text

    return rewrite
