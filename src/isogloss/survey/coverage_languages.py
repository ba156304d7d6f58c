"""Figures over languages: how often each is studied, alone or in a herd, against its speakers and its resources."""

from collections.abc import Sequence
from statistics import median

from scipy.stats import spearmanr

from isogloss.core.language import TIERS
from isogloss.survey.codebook import Codebook
from isogloss.survey.codebook_languages import name_language
from isogloss.survey.coverage_papers import Labelled, share_cells
from isogloss.survey.coverage_record import Cell, Column, CoverageTable, Definition, Kind, Statistic
from isogloss.survey.coverage_speakers import (
    SPEAKERS_SOURCE,
    describe_language,
    speakers_by_language,
    tiers_by_language,
)

MOST_SPOKEN = 20
FEWEST_FOR_RANKS = 5
_EVERY_PAPER = (
    "Every relevant paper with at least one determined language counts, whether the paper names its languages or the "
    "annotator found them."
)


def list_languages(papers: Sequence[Labelled], codebook: Codebook) -> CoverageTable:
    """Each language with the papers that study it alone and with others, and the size of its herds."""
    herds: dict[str, list[int]] = {}
    for entry in papers:
        for tag in entry.label.languages or ():
            herds.setdefault(tag, []).append(len(entry.label.languages or ()) - 1)
    rows: list[dict[str, Cell]] = []
    for tag, sizes in sorted(herds.items(), key=lambda item: (-len(item[1]), item[0])):
        facts = describe_language(tag, codebook)
        grouped = [size for size in sizes if size]
        rows.append(
            {
                "tag": tag,
                "language": name_language(tag),
                "autonym": facts.autonym,
                "right_to_left": facts.right_to_left,
                "tier": facts.tier,
                "papers": len(sizes),
                "alone": len(sizes) - len(grouped),
                "grouped": len(grouped),
                "herd": float(median(sizes)),
                "herd_in_groups": float(median(grouped)) if grouped else None,
                "speakers": facts.speakers,
            }
        )
    return CoverageTable(
        id="languages",
        title="Languages: alone and in groups",
        definition=Definition(
            numerator="relevant papers that study the language: alone, or with at least one other. Herd: the "
            "median number of other languages over all its papers (0 where it stands alone), and over its "
            "papers with others",
            denominator="none; these are counts and medians",
            unstated=_EVERY_PAPER,
            method=f"Speakers: {SPEAKERS_SOURCE}.",
        ),
        columns=(
            Column(name="language", heading="Language", kind="text"),
            Column(name="papers", heading="Papers", kind="count"),
            Column(name="alone", heading="Alone", kind="count"),
            Column(name="grouped", heading="In groups", kind="count"),
            Column(name="herd", heading="Herd, all papers", kind="number"),
            Column(name="herd_in_groups", heading="Herd, in groups", kind="number"),
            Column(name="speakers", heading="Speakers (millions)", kind="people"),
        ),
        rows=tuple(rows),
    )


def measure_languages(languages: CoverageTable) -> list[Statistic]:
    """The number of languages, of those that no paper studies alone, and of those with a single paper."""
    total = len(languages.rows)
    never = sum(row["alone"] == 0 for row in languages.rows)
    single = sum(row["papers"] == 1 for row in languages.rows)
    ranked = sorted((int(row["papers"] or 0) for row in languages.rows if row["tag"] != "en"), reverse=True)
    english = next((int(row["papers"] or 0) for row in languages.rows if row["tag"] == "en"), 0)

    def make(name: str, title: str, value: float | None, numerator: str, denominator: str, **more: str) -> Statistic:
        definition = Definition(numerator=numerator, denominator=denominator, unstated=_EVERY_PAPER)
        kind: Kind = "ratio" if name == "second_to_english" else "count"
        return Statistic(id=name, title=title, kind=kind, value=value, n=total, definition=definition, **more)

    second = ranked[0] / english if ranked and english else None
    return [
        make("languages", "Languages studied", total, "different languages in relevant papers", "none"),
        make(
            "languages_never_alone",
            "Languages never studied alone",
            never,
            "languages without a paper of their own",
            "none",
        ),
        make("languages_once", "Languages with a single paper", single, "languages in exactly one paper", "none"),
        make(
            "second_to_english",
            "Papers on the second most studied language, by those on English",
            second,
            "papers that study the most frequent language other than English, alone or in groups",
            "papers that study English, alone or in groups",
            reason="" if second is not None else "no paper on English, or on any other language",
        ),
    ]


def list_tiers(languages: CoverageTable, codebook: Codebook, confidence: float) -> CoverageTable:
    """How many languages of each resource tier are studied at all."""
    tiers = tiers_by_language(codebook)
    papers = {str(row["tag"]): int(row["papers"] or 0) for row in languages.rows}
    rows: list[dict[str, Cell]] = []
    for tier in TIERS:
        own = [tag for tag, known in tiers.items() if known == tier]
        studied = [tag for tag in own if tag in papers]
        cells = share_cells("share", len(studied), len(own), confidence)
        total = sum(papers[tag] for tag in studied)
        rows.append({"tier": tier, "known": len(own), "studied": len(studied), **cells, "mentions": total})
    strangers = [tag for tag in papers if tag not in tiers]
    rows.append(
        {
            "tier": "not in the table",
            "known": None,
            "studied": len(strangers),
            "share": None,
            "mentions": sum(papers[tag] for tag in strangers),
        }
    )
    return CoverageTable(
        id="tiers",
        title="Coverage by resource tier",
        definition=Definition(
            numerator="languages of the tier that at least one relevant paper studies",
            denominator=f"languages of the tier in our table of {len(tiers)} languages; all other languages of "
            f"the world are in no denominator",
            unstated=_EVERY_PAPER,
            method="Tiers by share in web crawls (see the documentation of languages). The intervals treat the "
            "table as a sample of languages.",
        ),
        columns=(
            Column(name="tier", heading="Tier", kind="text"),
            Column(name="studied", heading="Languages studied", kind="count"),
            Column(name="known", heading="In the table", kind="count"),
            Column(name="share", heading="Studied (%)", kind="share"),
            Column(name="mentions", heading="Papers, summed", kind="count"),
        ),
        rows=tuple(rows),
    )


def list_speakers(languages: CoverageTable, codebook: Codebook) -> tuple[CoverageTable, list[Statistic]]:
    """The most spoken languages with their papers; the share of speakers reached; do papers follow speakers?"""
    speakers = speakers_by_language(codebook)
    papers: dict[str, int] = {}
    for row in languages.rows:
        base = str(row["tag"]).split("-")[0]
        papers[base] = papers.get(base, 0) + int(row["papers"] or 0)
    ranked = sorted(speakers, key=lambda tag: (-speakers[tag], tag))
    reached = sum(speakers[tag] for tag in papers if tag in speakers)
    total = sum(speakers.values())
    shared = [tag for tag in papers if tag in speakers]
    table = CoverageTable(
        id="speakers",
        title="The most spoken languages",
        definition=Definition(
            numerator="relevant papers that study the language",
            denominator="speakers, in millions, for papers per million",
            unstated=_EVERY_PAPER,
            method=f"Speakers: {SPEAKERS_SOURCE}.",
        ),
        columns=(
            Column(name="language", heading="Language", kind="text"),
            Column(name="speakers", heading="Speakers (millions)", kind="people"),
            Column(name="papers", heading="Papers", kind="count"),
            Column(name="per_million", heading="Papers per million speakers", kind="number"),
        ),
        rows=tuple(_speaker_row(tag, speakers[tag], papers.get(tag, 0), codebook) for tag in ranked[:MOST_SPOKEN]),
    )
    unstudied = sum(tag not in papers for tag in ranked[:MOST_SPOKEN])
    coefficient = _rank_correlation([papers[tag] for tag in shared], [speakers[tag] for tag in shared])
    source = f"Speakers: {SPEAKERS_SOURCE}."
    return table, [
        Statistic(
            id="speakers_reached",
            title="Speakers of studied languages, of all speakers",
            kind="share",
            value=reached / total,
            n=len(shared),
            definition=Definition(
                numerator="speakers of languages with at least one relevant paper, one paper being enough",
                denominator=f"speakers of the {len(speakers)} languages that CLDR has numbers for",
                unstated=_EVERY_PAPER,
                method=source + " A sum over the whole table, no sample: without interval.",
            ),
        ),
        Statistic(
            id="most_spoken_unstudied",
            title=f"Of the {MOST_SPOKEN} most spoken languages, those without a paper",
            kind="count",
            value=unstudied,
            n=MOST_SPOKEN,
            definition=Definition(
                numerator="languages without a relevant paper",
                denominator=f"the {MOST_SPOKEN} languages with most speakers",
                unstated=_EVERY_PAPER,
                method=source,
            ),
        ),
        Statistic(
            id="papers_follow_speakers",
            title="Rank correlation of papers and speakers",
            kind="number",
            value=coefficient,
            n=len(shared),
            reason="" if coefficient is not None else f"fewer than {FEWEST_FOR_RANKS} languages, or all alike",
            definition=Definition(
                numerator="Spearman's coefficient over studied languages; languages without a paper are not in it",
                denominator="none",
                unstated=_EVERY_PAPER,
                method=source,
            ),
        ),
    ]


def _speaker_row(tag: str, speakers: int, papers: int, codebook: Codebook) -> dict[str, Cell]:
    facts = describe_language(tag, codebook)
    return {
        "tag": tag,
        "language": name_language(tag),
        "autonym": facts.autonym,
        "right_to_left": facts.right_to_left,
        "tier": facts.tier,
        "speakers": speakers,
        "papers": papers,
        "per_million": papers / speakers * 1e6 if speakers else None,
    }


def _rank_correlation(first: list[int], second: list[int]) -> float | None:
    if len(first) < FEWEST_FOR_RANKS or len(set(first)) < 2 or len(set(second)) < 2:
        return None
    return float(spearmanr(first, second).statistic)
