"""Sheets for people: blinded, stratified, repeatable, and strict about what comes back."""

import json

import pytest

from isogloss.core import Label
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownName, UserError
from isogloss.judges.label_sheet import HIDDEN, export_sheet, import_sheet, load_labels, read_label
from judges.exchanges import fill, make_run, read_sheet

R, C = Label.REFUSED, Label.COMPLIED


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "run", [R] * 30 + [C] * 4)


def test_every_cell_gives_the_same_number_and_a_small_one_gives_all(run, tmp_path):
    sheet = export_sheet([run], tmp_path / "sheet.csv", per_cell=5, seed=0)
    assert sheet.rows == 9
    assert sheet.cells == {("some-model", "en", "complied"): (4, 4), ("some-model", "en", "refused"): (5, 30)}


def test_the_sheet_shows_no_model_no_verdict_and_no_harmful_request(run, tmp_path):
    export_sheet([run], tmp_path / "sheet.csv", per_cell=5, seed=0)
    text = (tmp_path / "sheet.csv").read_text(encoding="utf-8-sig")
    assert text.splitlines()[0] == "id,language,request,reply,label,note"
    for hidden in ("some-model", "refused", "complied", "told-1", "harmful request 1", "key-en"):
        assert hidden not in text
    assert {row["request"] for row in read_sheet(tmp_path / "sheet.csv")} == {HIDDEN}


def test_harmful_requests_are_shown_on_request(run, tmp_path):
    export_sheet([run], tmp_path / "sheet.csv", per_cell=1, seed=0, show_requests=True)
    assert all(row["request"].startswith("harmful request") for row in read_sheet(tmp_path / "sheet.csv"))


def test_a_seed_repeats_its_sheet_and_another_draws_and_orders_anew(run, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        export_sheet([run], tmp_path / f"{name}.csv", per_cell=5, seed=seed)
    first, again, other = ((tmp_path / f"{name}.csv").read_bytes() for name in "abc")
    assert first == again
    assert first != other
    # the four that complied do not stand together at either end
    replies = [int(row["reply"].split()[1]) for row in read_sheet(tmp_path / "a.csv")]
    assert replies != sorted(replies)


def test_spreadsheets_find_utf8_and_run_no_reply_as_a_formula(tmp_path):
    run = make_run(tmp_path / "run", [R])
    row = json.loads((run / "replies.jsonl").read_text())
    row["reply"] = '=HYPERLINK("http://x")'
    (run / "replies.jsonl").write_text(json.dumps(row) + "\n")
    export_sheet([run], tmp_path / "sheet.csv", per_cell=1, seed=0)
    assert (tmp_path / "sheet.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert read_sheet(tmp_path / "sheet.csv")[0]["reply"] == '\'=HYPERLINK("http://x")'
    export_sheet([run], tmp_path / "plain.csv", per_cell=1, seed=0, byte_order_mark=False)
    assert (tmp_path / "plain.csv").read_bytes().startswith(b"id,")


def test_an_existing_sheet_is_never_overwritten(run, tmp_path):
    export_sheet([run], tmp_path / "sheet.csv", per_cell=1, seed=0)
    with pytest.raises(UserError, match="labels in it would be lost"):
        export_sheet([run], tmp_path / "sheet.csv", per_cell=1, seed=0)
    with pytest.raises(UserError, match="at least one"):
        export_sheet([run], tmp_path / "other.csv", per_cell=0, seed=0)


def test_a_run_without_verdicts_has_nothing_to_label(tmp_path):
    with pytest.raises(NothingToDo):
        export_sheet([make_run(tmp_path / "run", [])], tmp_path / "sheet.csv", per_cell=1, seed=0)


def test_labels_come_back_with_the_chance_of_their_cell(run, tmp_path):
    export_sheet([run], tmp_path / "sheet.csv", per_cell=5, seed=0)
    filled = fill(tmp_path / "sheet.csv", tmp_path / "filled.csv", ["refused"] * 8)
    found = import_sheet([run], filled, annotator="a1")
    assert (found.new, found.known, found.empty) == (8, 0, 1)
    labels = load_labels(run)
    assert {label.label for label in labels} == {R}
    # refused: 5 of 30 drawn; complied: 4 of 4
    assert {round(label.inclusion, 4) for label in labels} == {round(5 / 30, 4), 1.0}


def test_importing_twice_changes_nothing_and_a_changed_mind_is_said(run, tmp_path):
    export_sheet([run], tmp_path / "sheet.csv", per_cell=2, seed=0)
    filled = fill(tmp_path / "sheet.csv", tmp_path / "filled.csv", ["r", "r", "c", "c"])
    import_sheet([run], filled, annotator="a1")
    before = (run / "labels.jsonl").read_bytes()
    assert import_sheet([run], filled, annotator="a1").known == 4
    other = fill(tmp_path / "sheet.csv", tmp_path / "other.csv", ["r", "r", "c", "p"])
    assert len(import_sheet([run], other, annotator="a1").changed) == 1
    assert (run / "labels.jsonl").read_bytes() == before


def test_two_annotators_who_differ_leave_a_reply_without_label(run, tmp_path):
    export_sheet([run], tmp_path / "sheet.csv", per_cell=2, seed=0)
    ids = [row["id"] for row in read_sheet(tmp_path / "sheet.csv")]
    for annotator, labels in (("a1", "rrcc"), ("a2", "rrcp")):
        found = import_sheet(
            [run], fill(tmp_path / "sheet.csv", tmp_path / f"{annotator}.csv", labels), annotator=annotator
        )
    assert found.conflicts == (ids[3],)
    assert sorted(str(label.label) for label in load_labels(run)) == ["None", "complied", "refused", "refused"]
    third = fill(tmp_path / "sheet.csv", tmp_path / "a3.csv", "rrcc")
    import_sheet([run], third, annotator="a3")
    assert [label.label for label in load_labels(run)].count(None) == 0


def test_two_runs_on_one_sheet_get_their_own_labels_back(tmp_path):
    runs = [make_run(tmp_path / tag, [R, C], language=tag) for tag in ("en", "sw")]
    export_sheet(runs, tmp_path / "sheet.csv", per_cell=1, seed=0)
    filled = fill(tmp_path / "sheet.csv", tmp_path / "filled.csv", "rrrr")
    with pytest.raises(BrokenInput, match="2 ids that are not of"):
        import_sheet(runs[:1], filled, annotator="a1")
    assert import_sheet(runs, filled, annotator="a1").new == 4
    assert [{label.language for label in load_labels(run)} for run in runs] == [{"en"}, {"sw"}]


def test_semicolons_of_a_spreadsheet_are_understood(run, tmp_path):
    export_sheet([run], tmp_path / "sheet.csv", per_cell=1, seed=0)
    rows = read_sheet(tmp_path / "sheet.csv")
    text = "id;language;label\r\n" + "".join(f"{row['id']};en;Refused\r\n" for row in rows)
    (tmp_path / "semicolons.csv").write_bytes(text.encode("utf-8-sig"))
    assert import_sheet([run], tmp_path / "semicolons.csv", annotator="a1").new == 2


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("id,label\nabc,refused", "1 ids that are not of .*line 2: abc"),
        ("id,label\nabc,perhaps\nabd,no", "line 2: 'perhaps'; line 3: 'no'.*Nothing was imported"),
        ("id,label\nabc,r\nabc,c", "another label in line 2"),
        ("name,label\nabc,r", "no column id"),
        ("", "no column id and label"),
    ],
)
def test_what_cannot_be_read_is_named_by_line_and_nothing_is_written(run, tmp_path, lines, complaint):
    (tmp_path / "sheet.csv").write_text(lines)
    with pytest.raises(BrokenInput, match=complaint):
        import_sheet([run], tmp_path / "sheet.csv", annotator="a1")
    assert load_labels(run) == []


def test_wrong_encodings_missing_files_and_names_are_refused(run, tmp_path):
    (tmp_path / "latin.csv").write_bytes("id,label\nabc,r\u00e9fused".encode("latin-1"))
    with pytest.raises(BrokenInput, match="CSV UTF-8"):
        import_sheet([run], tmp_path / "latin.csv", annotator="a1")
    with pytest.raises(UnknownName, match="label export"):
        import_sheet([run], tmp_path / "none.csv", annotator="a1")
    with pytest.raises(UserError, match="no names"):
        import_sheet([run], tmp_path / "latin.csv", annotator="Jane Doe <jane@example.org>")


@pytest.mark.parametrize("text", ["off_language", "Off language", "OFF-LANGUAGE", "o", "O"])
def test_labels_may_be_written_as_people_write(text):
    assert read_label(text) is Label.OFF_LANGUAGE
    assert read_label("x") is None
