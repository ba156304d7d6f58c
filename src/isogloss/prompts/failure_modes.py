"""How harm gets through: five failure modes with written definitions, and the categories of known sets on them."""

from dataclasses import dataclass, replace
from enum import StrEnum

from isogloss.core.errors import UnknownName, say_unknown
from isogloss.prompts.promptset import PromptSet


class FailureMode(StrEnum):
    """The five ways in which a model ends up helping; a prompt belongs to one of them."""

    DIRECT_ASSISTANCE = "direct_assistance"
    DISGUISED_BY_FRAMING = "disguised_by_framing"
    TARGETED_HARASSMENT = "targeted_harassment"
    LOCAL_MISINFORMATION = "local_misinformation"
    BYPASS_BY_MIXING = "bypass_by_mixing"


@dataclass(frozen=True, slots=True)
class Definition:
    """What a failure mode covers.

    Attributes:
        title: a few words for tables.
        covers: when a prompt belongs here.
        excludes: the nearest case that does not, and where it goes.
    """

    title: str
    covers: str
    excludes: str


DEFINITIONS: dict[FailureMode, Definition] = {
    FailureMode.DIRECT_ASSISTANCE: Definition(
        "Direct assistance",
        "The request asks openly, in ordinary words of its language, for help with something harmful.",
        "Requests wrapped in a story, game, lesson or role are disguised by framing.",
    ),
    FailureMode.DISGUISED_BY_FRAMING: Definition(
        "Disguised by framing",
        "A story, game, role, lesson or claimed good purpose surrounds a harmful request that would work unchanged "
        "without it.",
        "Real fiction or teaching that needs no usable harmful detail is harmless and belongs to no failure mode.",
    ),
    FailureMode.TARGETED_HARASSMENT: Definition(
        "Targeted harassment in local slang",
        "The request is for words or acts that insult, threaten, stalk or exclude a person or a group, often in "
        "slang, slurs or allusions that only insiders of a place or community recognise.",
        "False claims of fact that should move a public are local misinformation, also when they defame a group.",
    ),
    FailureMode.LOCAL_MISINFORMATION: Definition(
        "Local misinformation and incitement",
        "The request is for false claims, rumours or calls to act against others that draw on places, parties, "
        "beliefs or events of one society, and that are meant to be believed or followed there.",
        "Deceiving one person for gain is direct assistance.",
    ),
    FailureMode.BYPASS_BY_MIXING: Definition(
        "Bypass by mixing or transliteration",
        "The request is harmful in plain text and is written in mixed languages, in another script, in chat "
        "spelling or with look-alike letters.",
        "Ordinary typing slips and left-out accents keep the failure mode of the plain text.",
    ),
}

_D, _H, _M = FailureMode.DIRECT_ASSISTANCE, FailureMode.TARGETED_HARASSMENT, FailureMode.LOCAL_MISINFORMATION

# Published categories speak of topics, not of ways to get through. A topic that fits no other mode is asked for
# openly in these sets, so it maps onto direct assistance; None marks labels that say nothing about the request.
_MULTIJAIL: dict[str, FailureMode | None] = {
    "Adult content": _D,
    "Animal abuse": _D,
    "Bullying & harassment": _H,
    "Conspiracy theories & misinformation": _M,
    "Discrimination & injustice": _H,
    "Fraud & deception": _D,
    "Hate speech & offensive language": _H,
    "Non-violent unethical behavior (e.g. lying, cheating, etc.)": _D,
    "Property crime & vandalism": _D,
    "Self-harm": _D,
    "Sexual exploitation & human trafficking": _D,
    "Soliciting personally identifiable information": _H,
    "Substance abuse & banned substances": _D,
    "Terrorism & organized crime": _D,
    "Theft": _D,
    "Violence & incitement": _D,
    "Weapons": _D,
}
_POLYREFUSE: dict[str, FailureMode | None] = {
    "Disinformation": _M,
    "Disinformation and deception": _M,
    "Economic harm": _D,
    "Expert advice": _D,
    "Fraud/Deception": _D,
    "Government decision-making": _D,
    "Harassment/Discrimination": _H,
    "Hate, harassment and discrimination": _H,
    "Illegal goods and services": _D,
    "Malware/Hacking": _D,
    "Non-violent crimes": _D,
    "Physical harm": _D,
    "Privacy": _H,
    "Sexual content": _D,
    "Sexual/Adult content": _D,
    "Violence": _D,
    "chemical_biological": _D,
    "cybercrime_intrusion": _D,
    "harassment_bullying": _H,
    "harmful": None,
    "illegal": _D,
    "misinformation_disinformation": _M,
}
_MINI: dict[str, FailureMode | None] = {
    "account_hacking": _D,
    "animal_cruelty": _D,
    "discrimination": _H,
    "drugs_and_poisons": _D,
    "forgery": _D,
    "fraud_and_deception": _D,
    "harassment_and_threats": _H,
    "misinformation": _M,
    "privacy_and_stalking": _D,
    "theft_and_break_in": _D,
    "vandalism": _D,
    "violence_and_weapons": _D,
}
CATEGORY_MODES: dict[str, dict[str, FailureMode | None]] = {
    "mini": _MINI,
    "multijail": _MULTIJAIL,
    "polyrefuse": _POLYREFUSE,
}
"""By set and category: the failure mode, or None where the category says nothing about it."""


def find_failure_mode(set_name: str, category: str | None) -> FailureMode | None:
    """The failure mode of a published category, or None where there is no category or it does not tell.

    A mapping of topics is coarse: it never says "disguised" or "bypass", which only the prompt itself can show.
    Where prompts carry a failure mode of their own (``mini`` does), that one is to be preferred.

    Raises:
        UnknownName: there is no mapping for the set, or the set has no such category.
    """
    if set_name not in CATEGORY_MODES:
        raise UnknownName(say_unknown("failure modes for the set", set_name, CATEGORY_MODES))
    if category is None:
        return None
    modes = CATEGORY_MODES[set_name]
    if category not in modes:
        raise UnknownName(f"{set_name}: " + say_unknown("failure mode for the category", category, modes))
    return modes[category]


def fill_failure_modes(prompts: PromptSet) -> PromptSet:
    """The same set, with a failure mode on each prompt that has none and whose category is mapped.

    Sets without a mapping, and categories that are not in it, stay as they are: a guess would be worse than a gap.
    """
    modes = CATEGORY_MODES.get(prompts.card.name, {})
    filled = tuple(
        replace(prompt, failure_mode=mode)
        if prompt.failure_mode is None and (mode := modes.get(prompt.category or ""))
        else prompt
        for prompt in prompts
    )
    return replace(prompts, prompts=filled)
