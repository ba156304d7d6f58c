"""The page escapes what it did not write, hides harmful text, loads nothing, and is the same for the same records."""

import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from isogloss.core import known_languages
from isogloss.report.page import render_comparison, render_run, write_report

VOID = {"meta", "br", "link", "img", "input", "hr", "base", "source", "wbr", "col", "area", "embed", "track"}
HOSTILE = "<script>alert(1)</script></style></title><img src=x onerror=alert(2)>\"' onmouseover='x' \u202e{{7*7}}$_$"
FIXED = {"tier", "mapping", "kind", "verdict", "finding", "reference", "key", "script", "command"}
FIXED |= {"truth_kind", "measured_on"}


class Page(HTMLParser):
    """Collects tags and attributes; ``broken`` lists tags that do not balance."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.broken: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        self.broken += self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.broken.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def poison(value: Any, key: str = "") -> Any:
    """The record with every free text replaced by hostile text."""
    if isinstance(value, dict):
        return {name: poison(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [poison(item, key) for item in value]
    return HOSTILE if isinstance(value, str) and key not in FIXED else value


def poison_names(value: dict[str, Any]) -> dict[str, Any]:
    """The record with a hostile suffix on every name: of categories, ways of writing, languages."""
    return {f"{name} {HOSTILE}": item for name, item in value.items()}


@pytest.fixture
def compared(make_run: Any, report_records: Any) -> dict[str, Any]:
    """Arguments of a comparison with everything: diagnosis, repair, gate readings, paired changes."""
    before = make_run("before", {"en": (1.0, 0.0), "ar": (0.75, 0.0), "sw": (0.25, 0.0)})
    after = make_run(
        "after", {"en": (1.0, 0.0), "ar": (1.0, 0.0), "sw": (0.75, 0.25)}, gate=True, condition="repair 3fa"
    )
    repair = before.parent / "repair"
    repair.mkdir()
    (repair / "repair.json").write_text(json.dumps(report_records.repair()))
    (before / "diagnosis.json").write_text(json.dumps(report_records.diagnosis(["en", "sw"])))
    return {
        "before": before,
        "after": after,
        "comparison": report_records.comparison(["en", "ar", "sw"]),
        "diagnosis": before / "diagnosis.json",
        "repair": repair,
    }


def break_everything_down(report_records: Any, tags: list[str], groups: int = 12) -> dict[str, Any]:
    """The parts of a scorecard that go beyond rates."""
    modes = ["direct_assistance", "bypass_by_mixing", "a mode of another version"]
    return {
        "failure_modes": report_records.breakdown(modes, tags),
        "categories": report_records.breakdown([f"category {index}" for index in range(groups)], tags),
        "perturbations": report_records.effects(["frame:story", "noise:keyboard"], tags),
    }


def check_form(html: str) -> Page:
    page = Page(html)
    assert page.broken == []
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert [name for name, times in Counter(ids).items() if times > 1] == []
    for tag, attributes in page.tags:
        for name in ("src", "href", "srcset", "action", "poster", "data", "xlink:href"):
            value = attributes.get(name)
            assert value is None or value.startswith("#"), f"<{tag} {name}={value}> would be loaded"
        assert not [name for name in attributes if name.startswith("on")]
        for target in (attributes.get("aria-labelledby") or "").split():
            assert target in ids
        if (attributes.get("href") or "").startswith("#"):
            assert attributes["href"][1:] in ids  # type: ignore[index]
    assert not re.search(r"url\((?!#)|@import", html)
    return page


def test_the_page_of_a_run_is_well_formed_and_loads_nothing(make_run: Any) -> None:
    page = check_form(render_run(make_run()))
    tags = Counter(tag for tag, _ in page.tags)
    assert tags["script"] == tags["style"] == tags["h1"] == tags["main"] == 1
    assert tags["table"] == tags["caption"]
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")


def test_the_page_of_a_comparison_is_well_formed_and_has_every_section(compared: dict[str, Any]) -> None:
    page = check_form(render_comparison(**compared))
    ids = {attributes.get("id") for _, attributes in page.tags}
    wanted = {"verdict", "languages", "changes", "worst", "selectivity", "numbers", "why", "repair", "examples"}
    assert ids >= wanted | {"trust", "repeat", "figure-ladder", "figure-plane", "figure-projections", "figure-layers"}
    assert "edit.strength 4.5" in page.text
    assert "Swahili sw 1.25 2 too few examples" in page.text  # threshold, examples a class, note
    assert "sha256" not in page.text.split("The repair", 1)[1].split("How to repeat", 1)[0]
    assert "4 of 4" in page.text  # the gate took every harmful prompt of a language for harmful


@pytest.mark.parametrize("show_text", [False, True])
def test_hostile_text_in_every_field_stays_text(
    tmp_path: Path, make_run: Any, report_records: Any, show_text: bool
) -> None:
    rates = {"en": (0.98, 0.02), "sw": (0.25, 0.05)}
    rows = [poison(row) | {"language": row["language"], "prompt_id": HOSTILE + row["prompt_id"]}
            for row in report_records.rows(rates)]  # fmt: skip
    for row in rows:
        row["reply"] += "\ud800"
    before, after = (make_run(name, rates, rows=rows, record=poison(report_records.record())) for name in "ab")
    for folder in (before, after):
        content = poison(json.loads((folder / "scorecard.json").read_text()))
        content["languages"][HOSTILE] = dict(content["languages"]["sw"], tier=HOSTILE)
        content["worst"]["may_be_worst"] = ["sw", HOSTILE]
        content |= poison(break_everything_down(report_records, ["en", "sw", HOSTILE]))
        for part in ("failure_modes", "categories"):
            content[part]["cells"] = poison_names(content[part]["cells"])
        content["perturbations"] = poison_names(content["perturbations"])
        content["languages"]["sw"]["paired"] = report_records.paired(1, 20, 2, 3)
        (folder / "policy.json").write_text(json.dumps(poison(report_records.policy())))
        card = poison(report_records.judge_card(["sw"]))
        (folder / "judge_card.json").write_text(json.dumps(card | {"languages": {"sw": card["languages"]["sw"]}}))
        (folder / "scorecard.json").write_text(json.dumps(content))
    diagnosis = poison(report_records.diagnosis(["sw"]))
    diagnosis["languages"][HOSTILE] = diagnosis["languages"]["sw"]
    (tmp_path / "diagnosis.json").write_text(json.dumps(diagnosis))
    (tmp_path / "repair.json").write_text(json.dumps(poison(report_records.repair()) | {HOSTILE: HOSTILE}))
    html = render_comparison(
        before,
        after,
        comparison=poison(report_records.comparison(["sw", HOSTILE])),
        diagnosis=tmp_path,
        repair=tmp_path,
        show_text=show_text,
    )
    page = check_form(html)
    assert "alert(1)" in page.text
    assert "<script>alert" not in html
    assert "<img" not in html
    assert "\u202e" not in html
    assert html.count("</style>") == html.count("</script>") == html.count("</title>") - 10 == 1
    html.encode("utf-8")


def test_harmful_text_is_withheld_by_default_and_shown_when_asked(make_run: Any) -> None:
    folder = make_run()
    hidden, shown = render_run(folder), render_run(folder, show_text=True)
    for marker in ("PROMPT harmful", "REPLY harmful", "EVIDENCE harmful"):
        assert marker not in hidden
        assert marker in shown
    for page in (hidden, shown):
        assert "PROMPT harmless" in page
        assert "REPLY harmless" in page
        assert "mini-harmful-0000" in page
    assert "withheld" in hidden
    assert "This page shows harmful prompts" in shown


def test_a_comparison_withholds_harmful_text_of_both_runs(compared: dict[str, Any]) -> None:
    assert "PROMPT harmful" not in render_comparison(**compared)
    assert "REPLY harmful" not in render_comparison(**compared)
    assert "REPLY harmful" in render_comparison(**compared, show_text=True)


def test_the_same_records_give_the_same_bytes(compared: dict[str, Any]) -> None:
    assert render_comparison(**compared) == render_comparison(**compared)
    assert render_run(compared["after"]) == render_run(compared["after"])


def test_an_undefined_value_is_an_em_dash_with_its_reason(make_run: Any) -> None:
    html = render_run(make_run(rates={"en": (0.9, None), "sw": (None, None)}))
    page = check_form(html)
    assert "— undefined: no harmless prompts were asked" in page.text
    assert "— undefined: none of the 40 answers to harmful prompts could be scored" in page.text
    assert "Selectivity, harmful minus harmless refusal, is undefined" in page.text
    assert "undefined: not scored in every language" in page.text
    assert 'id="figure-plane"' not in html


def test_a_run_in_which_nothing_could_be_decided_still_gives_a_page(make_run: Any) -> None:
    html = render_run(make_run(rates={"en": (None, None), "sw": (None, None)}, rows=[]))
    assert "this run says nothing about refusal" in check_form(html).text
    # Of five key figures only the number of prompts asked is defined.
    assert html.count('<span class="value">—</span>') == 4


def test_one_language_gives_a_page(make_run: Any) -> None:
    page = check_form(render_run(make_run(rates={"sw": (0.6, 0.1)})))
    assert "1 language " in page.text


def test_thirty_languages_with_very_long_names_give_a_page(make_run: Any, report_records: Any) -> None:
    tags = [language.tag for language in known_languages()][:30]
    folder = make_run(rates=dict.fromkeys(tags, (0.5, 0.1)), rows=[])
    content = json.loads((folder / "scorecard.json").read_text())
    for score in content["languages"].values():
        score["name"] = score["name"] + " with a name that goes on and on" * 5
    (folder / "scorecard.json").write_text(json.dumps(content))
    page = check_form(render_run(folder))
    assert [score["name"] for score in content["languages"].values() if score["name"] not in page.text] == []


def test_everything_that_a_scorecard_holds_is_on_the_page(showcase: Path) -> None:
    page = check_form(render_run(showcase))
    ids = {attributes.get("id") for _, attributes in page.tags}
    assert ids >= {"policy", "worst", "pairs", "slips", "writing", "numbers", "trust", "figure-effects"}
    assert "Passes on average, fails in sw, yo." in page.text
    assert "Written as arabizi:egyptian, harmful refusal falls in Arabic" in page.text
    assert "In Yoruba the judge itself was measured and found weak" in page.text
    assert "No measured error for this judge in Amharic" in page.text
    assert "not in the intervals" in page.text
    assert "Without the luck of the search" in page.text
    assert "of 64 cells may be the worst" in page.text
    assert re.search(r"Refused in English , not in Swahili : \d+ of \d+", page.text)


def test_every_table_that_scrolls_can_be_reached_by_keyboard(showcase: Path) -> None:
    page = check_form(render_run(showcase))
    scrolling = [attributes for _, attributes in page.tags if (attributes.get("class") or "").split()[:1] == ["table"]]
    assert scrolling
    assert all(item.get("tabindex") == "0" and item.get("role") == "region" for item in scrolling)
    assert all("aria-labelledby" in item for item in scrolling)
    skip = next(attributes for tag, attributes in page.tags if tag == "a")
    assert (skip["class"], skip["href"]) == ("skip", "#verdict")


def test_harmful_texts_of_rewritten_prompts_are_withheld_too(showcase: Path) -> None:
    hidden, shown = render_run(showcase), render_run(showcase, show_text=True)
    assert "[harmful request" not in hidden
    assert "[harmful request" in shown
    assert "Arabic (Latin)" in hidden
    assert hidden == render_run(showcase)


def test_the_parts_of_both_runs_are_compared(showcase: Path) -> None:
    page = check_form(render_comparison(showcase, showcase))
    assert page.text.count("The same tables before the repair") == 3


def test_a_scorecard_without_the_later_fields_still_gives_a_page(make_run: Any) -> None:
    page = check_form(render_run(make_run()))
    ids = {attributes.get("id") for _, attributes in page.tags}
    assert not ids & {"slips", "writing", "policy"}
    assert "This scorecard records no tables of pairs." in page.text
    assert "undefined: needs two languages and enough prompts" in page.text


def test_thirty_languages_with_every_breakdown_give_a_page_of_bearable_size(make_run: Any, report_records: Any) -> None:
    tags = [language.tag for language in known_languages()][:30]
    fields = break_everything_down(report_records, tags, groups=20)
    folder = make_run(rates=dict.fromkeys(tags, (0.5, 0.1)), rows=[], reference=tags[0], **fields)
    content = json.loads((folder / "scorecard.json").read_text())
    for tag in tags[1:]:
        content["languages"][tag]["paired"] = report_records.paired(10, 9, 8, 7)
    (folder / "scorecard.json").write_text(json.dumps(content))
    html = render_run(folder)
    assert len(html) < 1_000_000
    assert "All 600 cells" in check_form(html).text


def test_one_language_with_every_breakdown_gives_a_page(make_run: Any, report_records: Any) -> None:
    html = render_run(make_run(rates={"sw": (0.6, 0.1)}, **break_everything_down(report_records, ["sw"], groups=1)))
    ids = {attributes.get("id") for _, attributes in check_form(html).tags}
    assert "pairs" not in ids
    assert "slips" in ids


def test_a_folder_with_a_scorecard_alone_gives_a_page(make_run: Any) -> None:
    folder = make_run()
    for name in ("run.json", "replies.jsonl", "verdicts.jsonl"):
        (folder / name).unlink()
    page = check_form(render_run(folder))
    assert "holds no run.json" in page.text
    assert "no card of the prompt set" in page.text


def test_a_diagnosis_alone_gives_a_page_that_leads_with_its_summary(tmp_path: Path, report_records: Any) -> None:
    (tmp_path / "diagnosis.json").write_text(json.dumps(report_records.diagnosis()))
    page = check_form(render_run(tmp_path))
    assert "The model sees the harm and misses the line." in page.text
    assert "output of layer 1 at the last prompt token" in page.text
    assert "Language by language" not in page.text


def test_a_comparison_without_paired_changes_says_so(compared: dict[str, Any]) -> None:
    page = check_form(render_comparison(compared["before"], compared["after"]))
    assert "No paired comparison of the two runs is recorded" in page.text


@pytest.mark.parametrize(
    ("model", "planned", "noticed"),
    [("organism", "x", True), ("organism-negative", "x", True), ("x", "organism", True), ("microorganism", "x", False)],
)
def test_the_bundled_model_is_announced_as_an_organism(
    make_run: Any, report_records: Any, model: str, planned: str, noticed: bool
) -> None:
    record = report_records.record()
    record["plan"]["model"] = planned
    html = render_run(make_run(model=model, record=record))
    assert ("says nothing about real models" in html) == noticed


def test_right_to_left_text_is_marked_with_direction_and_language(make_run: Any) -> None:
    page = check_form(render_run(make_run(rates={"ar": (0.5, 0.0)})))
    quotes = [attributes for tag, attributes in page.tags if tag == "blockquote"]
    assert {"dir": "rtl", "lang": "ar"} in quotes
    assert any(quote.get("dir") == "auto" for quote in quotes)


def test_the_run_can_be_repeated_from_the_page(make_run: Any) -> None:
    page = check_form(render_run(make_run()))
    assert "isogloss audit 'tiny 7b' --prompts mini --plan plan.toml --out RUN" in page.text
    assert 'languages = ["en", "sw"] seed = 0' in page.text
    assert "fingerprints.model.weights 8fa1" in page.text


def test_only_the_script_of_the_page_may_run(make_run: Any) -> None:
    page = check_form(render_run(make_run()))
    policy = next(a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")


def test_a_hundred_thousand_verdicts_leave_a_small_page(make_run: Any, report_records: Any) -> None:
    rates = {"en": (0.9, 0.1), "sw": (0.3, 0.0)}
    folder = make_run(rates=rates, rows=report_records.rows(rates, n=25_000))
    assert len(render_run(folder)) < 400_000


def test_a_page_is_written_whole(tmp_path: Path, make_run: Any) -> None:
    html = render_run(make_run())
    write_report(html, tmp_path / "new" / "report.html")
    assert (tmp_path / "new" / "report.html").read_text(encoding="utf-8") == html
