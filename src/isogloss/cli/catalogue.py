"""``isogloss languages`` and ``isogloss prompts``: what there is."""

from typing import Annotated

import typer
from rich.table import Table

from isogloss.cli.resolve import PROMPTS_HELP, resolve_prompts
from isogloss.cli.screens import out, print_json
from isogloss.core import Language, known_languages, parse_languages
from isogloss.judges.phrases import listed_languages
from isogloss.prompts import load_mini

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]


def languages(as_json: JsonFlag = False) -> None:
    """List the languages with script, family, resource tier, and whether the rule judge reads them.

    Example: isogloss languages --json

    Any other BCP-47 tag works too; it then has no tier, and the rule judge leaves its replies undecided.
    """
    judged = set(parse_languages(listed_languages()))
    mini = set(load_mini().languages)
    known = sorted({*known_languages(), *judged, *mini}, key=lambda language: language.tag)
    if as_json:
        print_json({language.tag: _facts(language, judged, mini) for language in known})
        return
    table = Table(caption="rules: the rule judge reads it; mini: the bundled prompt set has it")
    for header in ("tag", "language", "script", "family", "tier", "rules", "mini"):
        table.add_column(header)
    for language in known:
        table.add_row(
            language.tag,
            language.name,
            language.script,
            language.family or "-",
            language.tier or "-",
            "yes" if language in judged else "-",
            "yes" if language in mini else "-",
        )
    out.print(table)


def _facts(language: Language, judged: set[Language], mini: set[Language]) -> dict[str, object]:
    return {
        "name": language.name,
        "autonym": language.autonym,
        "script": language.script,
        "right_to_left": language.right_to_left,
        "family": language.family,
        "tier": language.tier,
        "tier_source": language.tier_source,
        "rule_judge": language in judged,
        "mini": language in mini,
    }


def prompts(
    name: Annotated[str, typer.Argument(metavar="SET", help=PROMPTS_HELP)],
    as_json: JsonFlag = False,
) -> None:
    """Describe a prompt set: its card, and how many prompts of which kind in which language.

    Example: isogloss prompts mini
    """
    chosen = resolve_prompts(name)
    card, facts = chosen.card, chosen.describe()
    if as_json:
        fields = ("name", "title", "source", "licence", "citation", "made", "notes", "checksums")
        print_json({"card": {field: getattr(card, field) for field in fields}, **facts})
        return
    out.print(f"[bold]{card.title}[/bold] ({card.name})", highlight=False)
    for label, text in (("Source", card.source), ("Licence", card.licence), ("Cite", card.citation)):
        out.print(f"{label}: {text}", highlight=False, markup=False)
    out.print(f"How it was made: {card.made}", highlight=False, markup=False)
    for note in card.notes:
        out.print(f"Note: {note}", highlight=False, markup=False)
    splits = f", splits {', '.join(facts['splits'])}" if facts["splits"] else ""
    out.print(f"{facts['prompts']} prompts, {facts['seeds']} ideas, fingerprint {facts['fingerprint']}{splits}.")
    table = Table()
    for header in ("tag", "language", "tier", "harmful", "harmless"):
        table.add_column(header, justify="right" if header.startswith("harm") else "left")
    for language in chosen.languages:
        row = facts["languages"][language.tag]
        table.add_row(
            language.tag, language.name, language.tier or "-", str(row["harmful"] or "-"), str(row["harmless"] or "-")
        )
    out.print(table)
