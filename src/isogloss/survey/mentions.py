"""Find where a text names languages, with the evidence: suggestions for people who label, never labels.

A name alone decides little: *Chinese* may be a company, *Even* an adverb, *Latin* an alphabet. Each name is judged by
what stands beside it, and whatever is passed over is returned with the reason. Abstracts rarely say which languages
were studied, and a language that is named may not have been studied: the label needs the paper and a person.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from isogloss.survey.codebook import Codebook
from isogloss.survey.codebook_languages import Name, normalise_tag, sort_tags
from isogloss.survey.mentions_table import (
    dataset_pattern,
    datasets_as_written,
    load_cues,
    name_pattern,
    names_as_written,
)

LOOK_AHEAD = 4
"""So many words after a name may hold the noun that says what it is of."""

_SENTENCE = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]*[A-Z\d])|\n\s*\n")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|cf|vs|etc|al|Fig|Sec|Eq|Dr|Prof)|\b[A-Z])\.\Z")
_LINK = re.compile(r"(?:[-–]to[-–]|[-–/→⇒↔]|->|\s?<->\s?|\s[→⇒↔]\s|\sto\s)\Z")
_LIST = re.compile(r"(?:\s*\([a-z]{2,3}\))?(?:\s*[,;]\s*(?:and\s+|or\s+)?|\s+(?:and|or|as well as|plus|&)\s+)\Z")
_EXCLUDED = re.compile(
    r"\b(?:other than|beyond|besides|except(?: for)?|outside(?: of)?|apart from|rather than)(?: just| only| in)*\s+\Z",
    re.IGNORECASE,
)
_NOT = re.compile(r"\bnon[- ]\Z", re.IGNORECASE)
_WHOSE = re.compile(r"\A[- ](?:speaking|centric\w*|dominant|dominated|born|based|made|trained|heavy|like|style)\b")
_SCRIPT = re.compile(r"\A(?:[- ](?:script|scripts|alphabet|alphabets|keyboard|America\w*)\b)")
_LATIN_LETTERS = re.compile(r"\A\s(?:characters?|letters?|transliteration|transcription)\b")
_CITED = re.compile(r"\A(?:\s+et\s+al\b|(?:\s*[,;]?\s*\(?|\s+)(?:19|20)\d\d[a-z]?\b)")
_WORD = re.compile(r"\A[\s]*([^\W\d_][\w'’]*)((?:-[^\W_]\w*)*)")
_LANGUAGE_AFTER = re.compile(
    r"\A(?:\s+(?:languages?|dialects?)\b(?!\s+(?:model|technolog|generat|process|use|understand|learn|agent|task))"
    r"|\s+speakers?\b|,?\s*(?:a|the)\s+\w+\s+language\b|,?\s+spoken\b|\s+(?:lexicon|translations?|speech corpus)\b)"
)
_LANGUAGE_BEFORE = re.compile(
    r"\b(?:speakers? of|speak|speaks|spoken in|written in|languages? (?:such as|like|including)|the language|"
    r"dialects? of|translat\w+ (?:from |in)?to|translated from)\s+\Z"
)
_IN = re.compile(r"\b(?:[Ii]n|into|from|to)\s+\Z")
_THE = re.compile(r"\b[Tt]he\s+\Z")
_COORDINATORS = ("and", "or")
_ARTICLE = ("the", "a", "an", "our", "your", "their", "each", "this", "these")


@dataclass(frozen=True, slots=True)
class Mention:
    """One place in a text that names, or seems to name, one or more languages.

    Attributes:
        tags: BCP-47, under the codebook's policy; several for a benchmark or a mixed code.
        text: as it stands there: ``source[start:end]``.
        start: offset in characters.
        end: offset after the last character.
        kind: "name" or "dataset".
        because: what speaks for the language, or against it where the mention was passed over.
    """

    tags: tuple[str, ...]
    text: str
    start: int
    end: int
    kind: str
    because: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found in one text.

    Attributes:
        mentions: that suggest a language, in the order of the text.
        passed_over: names that seem to be something else, with the reason.
    """

    mentions: tuple[Mention, ...]
    passed_over: tuple[Mention, ...]

    @property
    def tags(self) -> tuple[str, ...]:
        """The set of languages suggested, benchmarks included."""
        return sort_tags(tag for mention in self.mentions for tag in mention.tags)

    @property
    def named(self) -> tuple[str, ...]:
        """The set of languages that the text itself names: what documentation means."""
        return sort_tags(tag for mention in self.mentions if mention.kind == "name" for tag in mention.tags)


@dataclass(frozen=True, slots=True)
class _Place:
    """A name in its sentence, and the names it forms a run with."""

    name: Name
    start: int
    end: int
    run: tuple[int, int]


def scan_mentions(text: str, codebook: Codebook) -> Scan:
    """Find the languages that a text names, and those that its benchmarks imply.

    Names are matched as written in the table, with capitals; other spellings are not found.

    Args:
        text: a title, an abstract or a body in English.
        codebook: decides the form of tags.
    """
    found: list[Mention] = []
    passed: list[Mention] = []
    datasets = [_imply(match, codebook) for match in dataset_pattern().finditer(text)]
    covered = [(mention.start, mention.end) for mention in datasets]
    for first, last in _split_sentences(text):
        places = [place for place in _place_names(text, first, last) if not _lies_within(place, covered)]
        for place, (accepted, because) in zip(places, _judge_all(text, first, last, places), strict=True):
            tags = tuple(normalise_tag(tag, codebook) for tag in place.name.tags)
            mention = Mention(tags, text[place.start : place.end], place.start, place.end, "name", because)
            if accepted:
                found.append(mention)
            elif place.name.kind != "ambiguous":
                # "To" and "As" begin every other sentence: nobody wants to read why they are no languages.
                passed.append(mention)
    mentions = sorted([*found, *datasets], key=lambda mention: mention.start)
    return Scan(tuple(mentions), tuple(passed))


def _imply(match: re.Match[str], codebook: Codebook) -> Mention:
    dataset = datasets_as_written()[match.group()]
    tags = sort_tags(normalise_tag(tag, codebook) for tag in dataset.tags)
    return Mention(tags, match.group(), match.start(), match.end(), "dataset", f"benchmark ({dataset.source})")


def _lies_within(place: _Place, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= place.start and place.end <= end for start, end in spans)


def _split_sentences(text: str) -> list[tuple[int, int]]:
    ends = [cut.end() for cut in _SENTENCE.finditer(text) if not _ABBREVIATION.search(text, 0, cut.start())]
    return [(start, end) for start, end in pairwise([0, *ends, len(text)]) if end > start]


def _place_names(text: str, first: int, last: int) -> list[_Place]:
    """The names of a sentence; names joined by commas, "and" or hyphens form a run."""
    matches = list(name_pattern().finditer(text, first, last))
    places: list[_Place] = []
    start = 0
    for number, match in enumerate(matches):
        following = matches[number + 1] if number + 1 < len(matches) else None
        between = text[match.end() : following.start()] if following else ""
        if following is None or not (_LIST.match(between) or _LINK.match(between)):
            run = (start, number + 1)
            joined = matches[start : number + 1]
            places += [_Place(names_as_written()[one.group()], one.start(), one.end(), run) for one in joined]
            start = number + 1
    return places


def _judge_all(text: str, first: int, last: int, places: list[_Place]) -> list[tuple[bool, str]]:
    """Judge the clear names first; an ambiguous one may lean on a clear neighbour in its run."""
    verdicts: list[tuple[bool, str]] = []
    for place in places:
        if place.name.kind == "ambiguous":
            verdicts.append((False, "an ambiguous name without a cue"))
            continue
        following = [other for other in places if other.run == place.run and other.start > place.start]
        run = [other for other in places if other.run == place.run]
        linked = any(_are_linked(text, other, place) for other in run)
        verdicts.append(_judge(text, first, last, place, following, leader=run[0], linked=linked))
    for number, place in enumerate(places):
        if place.name.kind == "ambiguous":
            clear = [one for other, (one, _) in zip(places, verdicts, strict=True) if other.run == place.run]
            verdicts[number] = _judge_ambiguous(text, first, last, place, leaning=any(clear))
    return verdicts


def _are_linked(text: str, one: _Place, other: _Place) -> bool:
    """Whether two names make a pair such as English-Hindi or English to Hindi."""
    left, right = (one, other) if one.start < other.start else (other, one)
    return one is not other and bool(_LINK.match(text[left.end : right.start]))


def _judge(
    text: str, first: int, last: int, place: _Place, following: list[_Place], *, leader: _Place, linked: bool
) -> tuple[bool, str]:
    before = text[first : place.start]
    trap = _find_trap(place.name.text, before, text[place.end : last])
    if trap:
        return (False, trap)
    if linked:
        return (True, "a pair of languages")
    end = place.end
    if following:
        # What follows the last name of a list is said of all of them.
        end = following[-1].end
        trap = _find_trap(following[-1].name.text, "", text[end:last])
        if trap:
            return (False, trap)
    before_run = text[first : leader.start]
    return _judge_by_noun(text, first, last, place, before=before, before_run=before_run, end=end)


def _find_trap(name: str, before: str, after: str) -> str | None:
    if _NOT.search(before):
        return "negated: non-"
    if _EXCLUDED.search(before):
        return "named as an exception"
    if _WHOSE.match(after):
        return "says whose or where, not what was studied"
    if _CITED.match(after):
        return "an author who is cited"
    if _SCRIPT.match(after) or (name == "Latin" and _LATIN_LETTERS.match(after)):
        return "a script or a place"
    return None


def _judge_by_noun(
    text: str, first: int, last: int, place: _Place, *, before: str, before_run: str, end: int
) -> tuple[bool, str]:
    cues = load_cues()
    people = place.name.kind == "people"
    words = _next_words(text[end:last])
    if words and words[0] in _COORDINATORS and people and (trap := _find_nationality(words[1:])):
        return (False, f"nationality: {place.name.text} … {trap}")
    if not words or words[0].casefold() in cues.function:
        if not before.strip() and words and words[0] in _ARTICLE:
            return (False, "a verb at the start of a sentence")
        if people and _THE.search(before):
            return (False, "the people")
        return (True, "stands alone as a noun")
    for word in words:
        folded = word.casefold()
        if folded in cues.nationality or (people and folded in cues.raters):
            return (False, f"nationality: {place.name.text} … {word}")
        if folded in cues.linguistic:
            return (True, f"language: {place.name.text} … {word}")
        if folded in cues.function:
            break
    if not people:
        return (True, "a name of languages only")
    if words[0][0].islower() and _IN.search(before_run):
        return (True, "after a preposition of language")
    if words[0][0].isupper():
        return (False, f"part of a proper name: {place.name.text} {words[0]}")
    cue = cues.sentence.search(text, first, last)
    return (True, f"near '{cue.group()}'") if cue else (False, "a nationality without a cue of language")


def _find_nationality(words: list[str]) -> str | None:
    """The noun of people or places in "Dutch and Belgian lawyers", where another adjective stands between."""
    if not words or not words[0][0].isupper():
        return None
    cues = load_cues()
    return next((word for word in words if word.casefold() in cues.nationality | cues.raters), None)


def _next_words(after: str) -> list[str]:
    """Up to four words that follow without punctuation between them; a compound counts by its last part."""
    words: list[str] = []
    while len(words) < LOOK_AHEAD:
        match = _WORD.match(after)
        if match is None:
            break
        words.append((match[2].rpartition("-")[2] or match[1]).removesuffix("'s").removesuffix("’s"))
        after = after[match.end() :]
    return words


def _judge_ambiguous(text: str, first: int, last: int, place: _Place, *, leaning: bool) -> tuple[bool, str]:
    before, after = text[first : place.start], text[place.end : last]
    if _find_trap(place.name.text, before, after) is None and before.strip(" \"'(["):
        if leaning:
            return (True, "in a list with languages")
        if _LANGUAGE_AFTER.match(after) or _LANGUAGE_BEFORE.search(before):
            return (True, "an ambiguous name beside a cue")
        if _IN.search(before) and load_cues().sentence.search(text, first, last):
            return (True, "an ambiguous name beside a cue")
    return (False, "an ambiguous name without a cue")
