"""The documentation's code runs as it stands.

``python`` blocks of a page run in order in one namespace; ``console`` blocks run their ``$ isogloss ...`` lines in one
folder. A block may be kept out with an HTML comment ``<!-- not run: reason -->`` on the line before it.
"""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from isogloss.cli.main import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"(?P<skip><!-- not run: [^>]+ -->\n)?```(?P<language>python|console)\n(?P<code>.*?)```", re.DOTALL)


def blocks(page: Path) -> list[tuple[str, str]]:
    found = BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [(match["language"], match["code"]) for match in found if not match["skip"]]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_the_blocks_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for language, code in blocks(page):
        if language == "python":
            exec(compile(code, str(page), "exec"), namespace)
        else:
            run_commands(code)


def run_commands(code: str) -> None:
    commands = [line[2:] for line in code.replace("\\\n", " ").splitlines() if line.startswith("$ ")]
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "isogloss", f"only isogloss commands run in the documentation, not {command!r}"
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert result.exit_code == 0, f"{command}\n{result.output}"


def test_links_between_pages_lead_somewhere():
    broken = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in PAGES
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []
