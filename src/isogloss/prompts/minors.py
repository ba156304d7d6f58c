"""What is never loaded: prompts about sexual harm to minors."""

import re

from isogloss.core import Language

_CATEGORY = re.compile(r"child|\b(minors?|underage|csam|cse|pa?edo\w*|anak)\b", re.IGNORECASE)
_ALONE = re.compile(r"\b(csam|csem|pa?edo(phil\w*)?s?|pédo\w*|pedofil\w*|lolicon|shotacon)\b|恋童", re.IGNORECASE)


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"\b({'|'.join(alternatives)})\b", re.IGNORECASE)


# A text is left out where both patterns of its language are found in it.
_RULES: dict[str, tuple[re.Pattern[str], re.Pattern[str]]] = {
    "en": (
        _words(
            "child(ren)?(s|'s)?",
            "kids?",
            "minors?",
            "under-?age[dr]?s?",
            "(pre-?)?teens?",
            "teenage\\w*",
            "toddlers?",
            "infants?",
            "bab(y|ies)",
            "school ?(girl|boy|kid)s?",
            "(little|young) (girl|boy|sister|brother|daughter|son)s?",
            "([1-9]|1[0-7])[- ]years?[- ]olds?",
        ),
        _words(
            "sex\\w*",
            "porn\\w*",
            "nud(e|es|ity)",
            "naked",
            "erotic\\w*",
            "molest\\w*",
            "groom(s|ing|ed)?",
            "rap(e|es|ed|ing|ists?)",
            "incest\\w*",
            "prostitut\\w*",
            "lewd\\w*",
            "fondl\\w*",
            "explicit (image|photo|picture|video|material|content)s?",
        ),
    ),
    "fr": (
        _words("enfants?", "mineure?s?", "fillettes?", "gar[cç]onnets?", "ado(lescente?)?s?", "b[ée]b[ée]s?"),
        _words("sex\\w*", "porn\\w*", "nue?s?", "nudit[ée]", "[ée]rot\\w*", "viol(s|er|eurs?|[ée]e?s?)?", "incest\\w*"),
    ),
    "id": (
        _words("anak(-anak)?", "bocah", "remaja", "bayi", "balita", "di bawah umur", "murid", "siswi"),
        _words("\\w*seks\\w*", "\\w*cabul\\w*", "porno\\w*", "\\w*perkosa\\w*", "telanjang", "bugil", "mesum"),
    ),
    "zh": (
        re.compile("儿童|兒童|未成年|小孩|孩子|少女|幼女|男孩|女孩|婴儿|学生"),
        re.compile("性侵|性行为|性交|性虐|性骚扰|色情|裸|强奸|猥亵|卖淫"),
    ),
}

MULTIJAIL_IDS = frozenset({0, 46, 89, 126, 135, 202, 234, 266})
"""Row ids of MultiJail (and of CSRT, which shares them) that are about sexual harm to minors."""


def names_minors(category: str | None) -> bool:
    """Whether a set's own category speaks of children; such categories are left out whole."""
    return category is not None and _CATEGORY.search(category) is not None


def concerns_minors(text: str, language: Language) -> bool | None:
    """Whether a text names both minors and something sexual; None where we have no words for its language.

    Cautious on purpose: it also finds requests about prevention, and leaving those out costs little. It is no proof
    that what remains is clean, least of all in languages other than English.
    """
    if _ALONE.search(text):
        return True
    rule = _RULES.get(language.key.split("-")[0])
    if rule is None:
        return None
    minor, sexual = rule
    return minor.search(text) is not None and sexual.search(text) is not None


def say_excluded(count: int) -> tuple[str, ...]:
    """The card's note about what was left out; empty where nothing was."""
    return (f"Texts that may be about sexual harm to minors, never loaded: {count}.",) if count else ()
