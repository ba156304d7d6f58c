"""Who speaks the languages that are studied: speakers from CLDR, resource tiers from our own table."""

from dataclasses import dataclass
from functools import cache

from language_data.population_data import LANGUAGE_SPEAKING_POPULATION

from isogloss.core.errors import UnknownLanguage
from isogloss.core.language import Language, known_languages
from isogloss.survey.codebook import Codebook
from isogloss.survey.codebook_languages import normalise_tag

SPEAKERS_SOURCE = (
    "speakers of first and further languages, Unicode CLDR 40 as shipped by the package language_data (MIT); "
    "people who speak several languages count in each"
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What we know about a language.

    Attributes:
        autonym: its name in itself, or its English name where that is unknown.
        right_to_left: whether it is usually written so.
        tier: resource tier, or None.
        speakers: None where CLDR has no number.
    """

    autonym: str
    right_to_left: bool
    tier: str | None
    speakers: int | None


def describe_language(tag: str, codebook: Codebook) -> Facts:
    """Facts about one language of a survey."""
    try:
        language = Language.parse(tag)
    except UnknownLanguage:
        return Facts(tag, False, None, None)
    speakers = speakers_by_language(codebook).get(tag.split("-")[0])
    return Facts(language.autonym, language.right_to_left, language.tier, speakers)


@cache
def speakers_by_language(codebook: Codebook) -> dict[str, int]:
    """Speakers by tag in the codebook's form, script and region left out; members of one language are added up."""
    found: dict[str, int] = {}
    for tag, speakers in LANGUAGE_SPEAKING_POPULATION.items():
        if "-" in tag or "_" in tag:
            continue
        try:
            normal = normalise_tag(tag, codebook).split("-")[0]
        except UnknownLanguage:
            continue
        found[normal] = found.get(normal, 0) + int(speakers)
    return found


@cache
def tiers_by_language(codebook: Codebook) -> dict[str, str]:
    """Resource tier by tag, for the languages of our table."""
    return {normalise_tag(language.tag, codebook): language.tier for language in known_languages() if language.tier}
