"""How Arabic is typed in Latin letters and digits, by region: our tables, from common usage, not from a standard.

Every entry lists spellings, the most usual first. No native speaker has reviewed them.
"""

from dataclasses import dataclass

from isogloss.core.errors import UnknownName, say_unknown

Spellings = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """One region's habits.

    Attributes:
        name: as in ``arabizi:egyptian``.
        letters: spellings of consonants and hamza carriers.
        words: spellings of whole words.
        article: spellings of the article.
        ta_marbuta: spellings of the feminine ending.
        long_vowels: spellings of waw and yeh where they are vowels.
        short_vowels: what may be put between consonants.
        vowelled: whether short vowels are written unless asked otherwise.
    """

    name: str
    letters: dict[str, Spellings]
    words: dict[str, Spellings]
    article: Spellings
    ta_marbuta: Spellings
    long_vowels: dict[str, Spellings]
    short_vowels: Spellings
    vowelled: bool = True


_SHARED: dict[str, Spellings] = {
    "ا": ("a",), "آ": ("a", "aa"), "أ": ("a", "2a"), "إ": ("e", "i"), "ٱ": ("a",),
    "ب": ("b",), "ت": ("t",), "ث": ("th", "t"), "ج": ("j",), "ح": ("7", "h"), "خ": ("kh", "5", "7'"),
    "د": ("d",), "ذ": ("th", "d", "z"), "ر": ("r",), "ز": ("z",), "س": ("s",), "ش": ("sh", "ch"),
    "ص": ("s", "9"), "ض": ("d", "9'"), "ط": ("t", "6"), "ظ": ("z", "th"), "ع": ("3",), "غ": ("gh", "3'"),
    "ف": ("f",), "ق": ("q",), "ك": ("k",), "ل": ("l",), "م": ("m",), "ن": ("n",), "ه": ("h",),
    "و": ("w",), "ي": ("y",), "ى": ("a",), "ء": ("2", "'"), "ئ": ("2", "'"), "ؤ": ("2", "o2"),
    "پ": ("p",), "چ": ("ch",), "ڤ": ("v",), "گ": ("g",), "ک": ("k",), "ی": ("y",),
}  # fmt: skip

_GULF = Profile(
    name="gulf",
    letters=_SHARED
    | {"خ": ("5", "kh"), "ص": ("9", "s"), "ض": ("th", "9'", "dh"), "ط": ("6", "t"), "ظ": ("th", "6'"), "ق": ("q", "g")},
    words={"في": ("fe", "fi"), "على": ("3ala",), "من": ("min", "mn"), "إلى": ("ela", "ila"), "كيف": ("kaif", "kef"),
           "هل": ("hal",), "ما": ("ma",), "لا": ("la",), "أن": ("an",), "عن": ("3an",), "مع": ("ma3",)},
    article=("al", "il"),
    ta_marbuta=("a", "ah"),
    long_vowels={"و": ("oo", "o", "u"), "ي": ("ee", "i")},
    short_vowels=("a", "i", "u"),
)  # fmt: skip
_LEVANTINE = Profile(
    name="levantine",
    letters=_SHARED
    | {"ث": ("t", "s", "th"), "ذ": ("z", "d"), "ش": ("sh", "ch"), "ق": ("2", "q"), "غ": ("gh", "8"), "خ": ("kh", "5")},
    words={"في": ("fi", "b"), "على": ("3ala", "3a"), "من": ("men", "mn"), "إلى": ("ila", "la"), "كيف": ("kif", "keef"),
           "هل": ("hal",), "ما": ("ma", "shu"), "لا": ("la",), "أن": ("enno", "an"), "عن": ("3an",), "مع": ("ma3",)},
    article=("el", "l"),
    ta_marbuta=("e", "eh", "a"),
    long_vowels={"و": ("ou", "o", "u"), "ي": ("i", "ee")},
    short_vowels=("a", "e", "i"),
)  # fmt: skip
_EGYPTIAN = Profile(
    name="egyptian",
    letters=_SHARED
    | {"ث": ("s", "th"), "ج": ("g",), "ذ": ("z",), "ق": ("2", "q"), "غ": ("gh", "3'"), "خ": ("kh", "5"),
       "ى": ("a", "y")},
    words={"في": ("fi", "f"), "على": ("3ala", "3la"), "من": ("men", "mn"), "إلى": ("ela", "l"), "كيف": ("keef", "kif"),
           "هل": ("hal",), "ما": ("ma",), "لا": ("la",), "أن": ("en", "an"), "عن": ("3an",), "مع": ("ma3",)},
    article=("el", "il"),
    ta_marbuta=("a", "ah"),
    long_vowels={"و": ("o", "oo", "u"), "ي": ("i", "ee")},
    short_vowels=("a", "e", "o"),
)  # fmt: skip
_MAGHREBI = Profile(
    name="maghrebi",
    letters=_SHARED
    | {"ث": ("t", "th"), "ج": ("j", "dj"), "ذ": ("d",), "ش": ("ch",), "ق": ("9", "q", "k"), "غ": ("gh", "8"),
       "خ": ("kh", "5"), "و": ("w", "ou"), "ح": ("7", "h")},
    words={"في": ("fi", "f"), "على": ("3la", "3ala"), "من": ("men", "mn"), "إلى": ("ila", "l"),
           "كيف": ("kif", "kifach"), "هل": ("wach", "hal"), "ما": ("ma",), "لا": ("la",), "أن": ("an", "bli"),
           "عن": ("3la", "3an"), "مع": ("m3a", "ma3")},
    article=("l", "el"),
    ta_marbuta=("a",),
    long_vowels={"و": ("ou", "o"), "ي": ("i",)},
    short_vowels=("e", "a"),
)  # fmt: skip
_PLAIN = Profile(
    name="plain",
    letters=_SHARED
    | {"ح": ("h",), "خ": ("kh",), "ذ": ("z", "th"), "ص": ("s",), "ض": ("dh", "d"), "ط": ("t",), "ظ": ("z", "dh"),
       "ع": ("'", "a"), "غ": ("gh", "g"), "أ": ("a",), "ء": ("'",), "ئ": ("'",), "ؤ": ("o'", "'"), "ش": ("sh",)},
    words={"في": ("fi", "fy"), "إلى": ("ela", "ila")},
    article=("al",),
    ta_marbuta=("t", "h"),
    long_vowels={"و": ("w",), "ي": ("y",)},
    short_vowels=("a",),
    vowelled=False,
)  # fmt: skip

PROFILES: dict[str, Profile] = {profile.name: profile for profile in (_GULF, _LEVANTINE, _EGYPTIAN, _MAGHREBI, _PLAIN)}
"""Four regions, and ``plain``: letter by letter with apostrophes in place of digits, without vowels."""


def find_profile(name: str) -> Profile:
    """The profile of that name.

    Raises:
        UnknownName: there is none.
    """
    if name not in PROFILES:
        raise UnknownName(say_unknown("Arabizi profile", name, PROFILES))
    return PROFILES[name]
