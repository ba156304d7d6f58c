"""What a survey's record says, in sentences and key figures."""

from isogloss.report.text import DASH, count, interval, join, number, percent
from isogloss.report.tiles import Tile
from isogloss.survey.coverage_record import CoverageRecord, Statistic

NEVER_NAMED = 4


def describe_coverage(record: CoverageRecord) -> list[str]:
    """The findings in sentences; the first is the headline."""
    english = record.find_statistic("share_english_only")
    if english.value is None:
        return ["No relevant paper carries a label of languages, so that nothing can be said about coverage."]
    said = [
        f"{percent(english.value)} {_bounds(english)} of {english.n} relevant papers with a class study English alone."
    ]
    documented = record.find_statistic("documented_english_only")
    if documented.value is not None:
        said.append(
            f"Of English-only papers, {percent(documented.value)} {_bounds(documented)} say that they study "
            f"English; n {documented.n}."
        )
    said += [*_describe_languages(record), *_describe_trend(record)]
    return said


def list_coverage_tiles(record: CoverageRecord) -> list[Tile]:
    """The key figures at the top of the page."""
    return [
        Tile(
            "Relevant papers", f"{record.papers.get('relevant', 0):,}", "", f"of {record.papers['screened']:,} screened"
        ),
        _share_tile(record, "share_english_only", "English only"),
        _share_tile(record, "share_one_non_english", "One other language"),
        _share_tile(record, "share_multilingual", "Multilingual"),
        _share_tile(record, "documented_english_only", "English named", "of English-only papers"),
        _plain_tile(record, "languages", "Languages studied", "languages_never_alone", "never alone"),
    ]


def show_value(statistic: Statistic) -> str:
    """A statistic's value in its unit, or a dash."""
    if statistic.value is None:
        return DASH
    if statistic.kind == "share":
        return percent(statistic.value, decimals=1)
    return number(statistic.value, decimals=0 if statistic.kind == "count" else 2)


def show_bounds(statistic: Statistic) -> str:
    """A statistic's interval in its unit, or nothing."""
    if statistic.kind == "share":
        return interval(statistic.interval, scale=100, decimals=1)
    return interval(statistic.interval, decimals=2)


def _describe_languages(record: CoverageRecord) -> list[str]:
    rows = [row for row in record.find_table("languages").rows if row["tag"] != "en"]
    if not rows:
        return ["No language other than English is studied."]
    never = [str(row["language"]) for row in rows if row["alone"] == 0]
    second = rows[0]
    said = f"After English, {second['language']} is studied most: {count(int(second['papers'] or 0), 'paper')}"
    if not never:
        return [said + ". Every language has a paper of its own."]
    listed = join([*never[:NEVER_NAMED], *([f"{len(never) - NEVER_NAMED} more"] if len(never) > NEVER_NAMED else [])])
    own = "has no paper of its own" if len(never) == 1 else "have no paper of their own"
    return [f"{said}. {count(len(never), 'language')} {own}: {listed}."]


def _describe_trend(record: CoverageRecord) -> list[str]:
    gap = record.find_statistic("trend_gap")
    if gap.value is None or gap.interval is None:
        return []
    factor = f"{number(gap.value, decimals=2)} times that of all others {show_bounds(gap)}"
    clear = "" if gap.interval[0] > 1 or gap.interval[1] < 1 else "; the interval includes 1, so no clear difference"
    return [f"Beside all papers published, the yearly growth factor of English-only papers is {factor}{clear}."]


def _bounds(statistic: Statistic) -> str:
    return interval(statistic.interval, scale=100)


def _share_tile(record: CoverageRecord, name: str, title: str, note: str = "") -> Tile:
    found = record.find_statistic(name)
    explained = note or f"of {found.n} with a class"
    return Tile(title, percent(found.value), _bounds(found), explained if found.value is not None else found.reason)


def _plain_tile(record: CoverageRecord, name: str, title: str, other: str, words: str) -> Tile:
    found, second = record.find_statistic(name), record.find_statistic(other)
    return Tile(title, show_value(found), "", f"{show_value(second)} {words}")
