"""Typological distances between languages, looked up in urielplus where it is installed."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import langcodes

from isogloss.core import Language
from isogloss.prompts.extras import import_extra

DISTANCES = ("featural", "genetic", "geographic", "script")
"""Kinds of distance that urielplus has for most languages; each lies between 0 (alike) and 1."""

SOURCE = "URIEL+ through the package urielplus (Khan et al. 2024, arXiv 2409.18472)"

# urielplus keeps its features under individual languages where langcodes answers with the macrolanguage.
_INDIVIDUAL = {
    "ara": "arb",
    "aze": "azj",
    "est": "ekk",
    "fas": "pes",
    "grn": "gug",
    "lav": "lvs",
    "mlg": "plt",
    "mon": "khk",
    "msa": "zsm",
    "nep": "npi",
    "ori": "ory",
    "orm": "gaz",
    "pus": "pbt",
    "sqi": "als",
    "swa": "swh",
    "uzb": "uzn",
    "yid": "ydd",
    "zho": "cmn",
}

Found = tuple[float | None, str]
"""A distance, or None and the reason why there is none."""


def look_up_distances(
    languages: Iterable[Language], reference: Language, kinds: Sequence[str] = DISTANCES
) -> dict[Language, dict[str, Found]]:
    """The distances of languages to a reference.

    URIEL+ knows most languages by few features, and the shares that two languages have in common differ from pair to
    pair: small differences between distances mean nothing. Genetic distance is nearly 0 or 1; prefer the family.

    Args:
        languages: to look up.
        reference: what the distances are measured to.
        kinds: of distance; "featural", "genetic", "geographic", "script", "syntactic", "phonological", "inventory"
            and "morphological" are known.

    Raises:
        MissingExtra: urielplus is not installed.

    Source: Khan et al. 2024 (arXiv 2409.18472); a value that URIEL+ lacks stays unknown, nothing is imputed.
    """
    with _quiet_logging():
        module = import_extra("urielplus.urielplus", extra="typology", purpose="Looking up typological distances")
        base = module.URIELPlus()
        known = {str(code) for code in base.langs[0]}
        return {
            language: {kind: _look_up(base, known, kind, language, reference) for kind in kinds}
            for language in languages
        }


def _look_up(base: Any, known: set[str], kind: str, language: Language, reference: Language) -> Found:
    if language == reference:
        return 0.0, ""
    if kind == "script" and not (_in_usual_script(language) and _in_usual_script(reference)):
        return None, "urielplus knows each language in its usual script alone"
    codes = [_find_code(language), _find_code(reference)]
    for code, asked in zip(codes, (language, reference), strict=True):
        if code not in known:
            return None, f"urielplus has no entry for {asked.name} ({code})"
    if codes[0] == codes[1]:
        return 0.0, ""
    try:
        return float(base.new_distance(kind, codes)), ""
    except ValueError:
        return None, f"urielplus has no {kind} features that both languages share"


def _find_code(language: Language) -> str:
    """ISO 639-3 code of the individual language."""
    code = langcodes.Language.get(language.key.split("-")[0]).to_alpha3()
    return _INDIVIDUAL.get(code, code)


def _in_usual_script(language: Language) -> bool:
    return langcodes.Language.get(language.key.split("-")[0]).maximize().script == language.script


@contextmanager
def _quiet_logging() -> Iterator[None]:
    """urielplus sets up the root logger when it is imported and reports every step: leave the user's as it was."""
    root = logging.getLogger()
    level, handlers, disabled = root.level, list(root.handlers), logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(disabled)
        root.setLevel(level)
        root.handlers[:] = handlers
