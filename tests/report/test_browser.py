"""The page in a real browser: nothing sticks out at the side, in a wide and in a narrow window."""

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from isogloss.core import known_languages
from isogloss.report.page import render_comparison, render_run

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
# The page measures itself and tells the frame around it, which writes the answer where --dump-dom shows it.
PROBE = """<script>addEventListener("load", () => {
  const root = document.documentElement;
  const out = [...document.querySelectorAll("body *")].filter((item) => {
    const box = item.getBoundingClientRect();
    const inside = item.closest(".table, .scroll, svg, pre, .hidden-visually, .skip");
    return !inside && box.width > 0 && (box.right > innerWidth + 1 || box.left < -1);
  });
  parent.postMessage({
    width: innerWidth, scroll: root.scrollWidth, sorts: document.querySelectorAll("th button").length,
    shown: [...document.querySelectorAll("figure .wide")].filter((item) => item.offsetWidth > 0).length,
    out: out.slice(0, 5).map((item) => item.tagName + "." + item.className) }, "*");
});</script>"""
FRAME = """<!DOCTYPE html><body style="margin:0"><pre id="told"></pre>
<iframe src="page.html" style="width:{width}px;height:3000px;border:0"></iframe>
<script>addEventListener("message", (event) => {{
  document.getElementById("told").textContent = "TOLD" + JSON.stringify(event.data) + "END"; }});</script>"""


@pytest.fixture(scope="module")
def browser() -> str:
    for name in BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("no Chromium installed; install chromium to check the page in a browser")


def browse(browser: str, address: Path, *options: str) -> str:
    with tempfile.TemporaryDirectory() as profile:
        command = [browser, *FLAGS, f"--user-data-dir={profile}", *options, address.as_uri()]
        return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout


def measure(browser: str, html: str, folder: Path, width: int) -> dict[str, Any]:
    """What a page of some width says about itself, with every part unfolded."""
    # The page's own policy would stop the probe; its own script, allowed by hash, runs in both cases.
    loose = re.sub(r"<meta http-equiv[^>]*>", "", html).replace("<details>", "<details open>")
    (folder / "page.html").write_text(loose.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    (folder / "frame.html").write_text(FRAME.format(width=width), encoding="utf-8")
    told = browse(browser, folder / "frame.html", "--virtual-time-budget=8000", "--dump-dom")
    found = re.search(r"TOLD(.*?)END", told)
    assert found, "the page did not load"
    told_by_page: dict[str, Any] = json.loads(found.group(1))
    return told_by_page


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
def test_no_part_of_a_full_report_sticks_out(tmp_path: Path, browser: str, showcase: Path, width: int) -> None:
    measured = measure(browser, render_run(showcase), tmp_path, width)
    assert measured["out"] == []
    assert measured["scroll"] <= width


@pytest.mark.browser
@pytest.mark.parametrize(("width", "figures"), [(1280, 4), (400, 0)])
def test_nothing_sticks_out_at_the_side(
    tmp_path: Path, browser: str, make_run: Any, report_records: Any, width: int, figures: int
) -> None:
    tags = [language.tag for language in known_languages()][:20]
    rates = dict.fromkeys(tags, (0.5, 0.1))
    before = make_run("before", rates, model="a-model-with-a-name-" + "without-end-" * 12)
    after = make_run("after", rates, gate=True, condition="repair " + "3fa2" * 30)
    (tmp_path / "diagnosis.json").write_text(json.dumps(report_records.diagnosis(tags, layers=32)))
    html = render_comparison(
        before, after, comparison=report_records.comparison(tags), diagnosis=tmp_path, show_text=True
    )
    measured = measure(browser, html, tmp_path, width)
    assert measured["width"] == width
    assert measured["out"] == []
    assert measured["scroll"] <= width
    assert measured["shown"] == figures
    assert measured["sorts"] > 0


@pytest.mark.browser
def test_the_script_of_the_page_runs_under_the_policy_of_the_page(tmp_path: Path, browser: str, make_run: Any) -> None:
    (tmp_path / "page.html").write_text(render_comparison(make_run("a"), make_run("b")), encoding="utf-8")
    dump = browse(browser, tmp_path / "page.html", "--virtual-time-budget=3000", "--dump-dom")
    assert '<button type="button">Language</button>' in dump


@pytest.mark.browser
def test_the_page_can_be_photographed_wide_and_narrow(tmp_path: Path, browser: str, make_run: Any) -> None:
    (tmp_path / "page.html").write_text(render_comparison(make_run("a"), make_run("b")), encoding="utf-8")
    for width in (1280, 500):
        picture = tmp_path / f"{width}.png"
        browse(browser, tmp_path / "page.html", f"--window-size={width},2000", f"--screenshot={picture}")
        assert picture.stat().st_size > 20_000
