"""Names to perturbations: ``code-switch:en+sw:phrase``, ``arabizi:egyptian``, ``noise:keyboard:0.2``."""

from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches

from isogloss.core import Language
from isogloss.core.errors import UnknownName, say_unknown
from isogloss.prompts.perturb.arabizi import DEFAULT_VARIATION, Arabizi
from isogloss.prompts.perturb.arabizi_profiles import PROFILES, find_profile
from isogloss.prompts.perturb.code_switch import DEFAULT_RATE, CodeSwitch, Level
from isogloss.prompts.perturb.framing import Framing, load_frames
from isogloss.prompts.perturb.lexicon import Dictionary
from isogloss.prompts.perturb.noise import NOISES, Noise
from isogloss.prompts.perturb.perturbation import Perturbation
from isogloss.prompts.perturb.romanise import Romanise

_STYLES = {"vowels": True, "skeleton": False}
_FORMS = {
    "code-switch": f"code-switch:LANGUAGE+LANGUAGE[:{'|'.join(Level)}]",
    "romanise": "romanise",
    "arabizi": f"arabizi:{'|'.join(PROFILES)}",
    "noise": f"noise:{'|'.join(NOISES)}",
    "frame": f"frame:{'|'.join(load_frames())}",
}


def parse_perturbation(
    text: str, *, dictionaries: Sequence[Dictionary] = (), names: Sequence[str] = ()
) -> Perturbation:
    """Read the name of a perturbation.

    Forms: ``code-switch:en+sw`` (phrases), ``code-switch:en+sw+yo:keyword:0.4`` (level and rate), ``romanise``,
    ``arabizi:egyptian``, ``arabizi:gulf:skeleton:0.2`` (without vowels; how often spelling varies),
    ``noise:keyboard``, ``noise:keyboard:0.2`` (rate), ``frame:story``. What is left out takes its default.

    Args:
        text: the name.
        dictionaries: for code-switching.
        names: stretches that code-switching and noise must leave as they are.

    Raises:
        UnknownName: nothing has this name; the message lists what there is.
        UnknownLanguage: a tag names no language.
        NothingToDo: a rate outside 0 to 1, or fewer than two languages to mix.
    """
    kind, *parts = [part.strip() for part in text.split(":")]
    parts = [part for part in parts if part]
    if kind not in _FORMS:
        raise UnknownName(_say_no_perturbation(text, kind))
    if kind == "code-switch":
        return _read_code_switch(text, parts, tuple(dictionaries), tuple(names))
    if kind == "noise":
        return _read_noise(text, parts, tuple(names))
    if kind == "arabizi":
        return _read_arabizi(text, parts)
    return _read_frame(text, parts) if kind == "frame" else _read_romanise(text, parts)


def list_perturbations() -> tuple[str, ...]:
    """What there is, as it is written; code-switching with example languages."""
    return (
        *(f"code-switch:en+sw:{level}" for level in Level),
        "romanise",
        *(f"arabizi:{profile}" for profile in PROFILES),
        *(f"noise:{kind}" for kind in NOISES),
        *(f"frame:{frame}" for frame in load_frames()),
    )


def _read_code_switch(
    text: str, parts: list[str], dictionaries: tuple[Dictionary, ...], names: tuple[str, ...]
) -> CodeSwitch:
    parts, rate = _take_number(parts)
    if not parts:
        raise UnknownName(f"'{text}' lacks the languages. Write code-switch:en+sw, the matrix language first.")
    languages = tuple(Language.parse(tag) for tag in parts[0].split("+"))
    level = parts[1] if len(parts) > 1 else Level.PHRASE.value
    if level not in set(Level):
        raise UnknownName(say_unknown("level of code-switching", level, Level))
    _refuse_more(text, parts[2:])
    return CodeSwitch(languages, Level(level), DEFAULT_RATE if rate is None else rate, dictionaries, names)


def _read_noise(text: str, parts: list[str], names: tuple[str, ...]) -> Noise:
    parts, rate = _take_number(parts)
    if not parts:
        raise UnknownName(f"'{text}' lacks the kind of noise. Choose one of: {', '.join(NOISES)}.")
    _refuse_more(text, parts[1:])
    return Noise(parts[0], rate, names)


def _read_arabizi(text: str, parts: list[str]) -> Arabizi:
    parts, variation = _take_number(parts)
    if not parts:
        raise UnknownName(f"'{text}' lacks the profile. Choose one of: {', '.join(PROFILES)}.")
    profile = find_profile(parts[0])
    if len(parts) > 1 and parts[1] not in _STYLES:
        raise UnknownName(say_unknown("Arabizi style", parts[1], _STYLES))
    _refuse_more(text, parts[2:])
    vowels = _STYLES[parts[1]] if len(parts) > 1 else None
    return Arabizi(profile, vowels, DEFAULT_VARIATION if variation is None else variation)


def _read_romanise(text: str, parts: list[str]) -> Romanise:
    _refuse_more(text, parts)
    return Romanise()


def _read_frame(text: str, parts: list[str]) -> Framing:
    if not parts:
        raise UnknownName(f"'{text}' lacks the frame. Choose one of: {', '.join(load_frames())}.")
    _refuse_more(text, parts[1:])
    return Framing(parts[0])


def _take_number(parts: list[str]) -> tuple[list[str], float | None]:
    if parts:
        with suppress(ValueError):
            return parts[:-1], float(parts[-1])
    return parts, None


def _refuse_more(text: str, parts: list[str]) -> None:
    if parts:
        raise UnknownName(f"'{text}' says more than can be read: '{':'.join(parts)}'. Leave it out.")


def _say_no_perturbation(text: str, kind: str) -> str:
    close = get_close_matches(kind, _FORMS, n=1)
    hint = f" Did you mean '{close[0]}{text[len(kind) :]}'?" if close else ""
    return f"No perturbation '{text}'. Known: {'; '.join(_FORMS.values())}.{hint}"
