import json
from pathlib import Path

import pytest

from isogloss.core.errors import UnknownName
from isogloss.exchange.figures import write_figures


def test_an_audit_gives_ladder_and_plane_as_svg_and_png(run_folder: Path, tmp_path: Path):
    written = write_figures(run_folder, tmp_path / "figures")
    assert [path.name for path in written] == ["ladder.svg", "ladder.png", "plane.svg", "plane.png"]
    assert written[0].read_text(encoding="utf-8").lstrip().startswith("<?xml")
    assert written[1].read_bytes().startswith(b"\x89PNG")


def test_a_plane_without_any_language_in_it_is_left_out(run_folder: Path, tmp_path: Path):
    path = run_folder / "scorecard.json"
    record = json.loads(path.read_text())
    for language in record["languages"].values():
        language["harmless_refusal_rate"] = None
    path.write_text(json.dumps(record))
    assert [path.name for path in write_figures(run_folder, tmp_path, formats=["svg"])] == ["ladder.svg"]


def test_a_folder_without_records_is_an_error(tmp_path: Path):
    with pytest.raises(UnknownName, match="Nothing to report"):
        write_figures(tmp_path, tmp_path)
