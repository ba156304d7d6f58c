"""Tables in three forms, letter by letter."""

import pytest

from isogloss.core.errors import BrokenInput, UnknownName
from isogloss.experiment.record import (
    DetectionRecord,
    LanguageFacts,
    MethodRow,
    StudyRecord,
    part_path,
    require_part,
    write_part,
)
from isogloss.experiment.summary import DetectionTable, hardest_group
from isogloss.report.experiment.formats import Table, Value, escape_latex, to_csv, to_latex
from isogloss.report.experiment.study import load_study
from isogloss.report.experiment.tables import label_method

TABLE = Table(
    "small",
    "50% of A & B_1",
    ("method", "shots", "selectivity"),
    (
        ("ours {x}", 4, Value(54.46, (50.04, 58.0), decimals=1, signed=True)),
        ("a\\b #1", "", Value(None, reason="nothing asked")),
    ),
)


def test_csv_gives_limits_columns_of_their_own():
    assert to_csv(TABLE) == (
        "method,shots,selectivity,selectivity low,selectivity high\nours {x},4,54.46,50.04,58\na\\b #1,,,,\n"
    )


def test_latex_is_booktabs_and_escaped():
    assert to_latex(TABLE) == "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            r"\caption{50\% of A \& B\_1}",
            r"\label{tab:small}",
            r"\begin{tabular}{lrr}",
            r"\toprule",
            r"method & shots & selectivity \\",
            r"\midrule",
            r"ours \{x\} & 4 & +54.5 {\scriptsize [+50.0, +58.0]} \\",
            r"a\textbackslash{}b \#1 &  & -- \\",
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def test_latex_keeps_other_scripts_and_shows_what_would_act_on_the_page():
    assert escape_latex("עברית ~^") == r"עברית \textasciitilde{}\textasciicircum{}"
    assert "U+202E" in escape_latex("a\u202eb")
    assert escape_latex("\u22121") == "$-$1"


@pytest.mark.parametrize(
    ("name", "variant", "shots", "label"),
    [
        ("unsteered", "", None, "unsteered"),
        ("ours", "", 0, "ours, 0 shots"),
        ("ours", "harmless", 0, "ours (harmless)"),
        ("ours", "shots+harmless", 1, "ours (shots+harmless), 1 shot"),
        ("ours", "shots+harmless", 4, "ours (shots+harmless), 4 shots"),
        ("cast", "published", 4, "cast (published), 4 shots"),
    ],
)
def test_no_two_methods_are_called_the_same(name, variant, shots, label):
    row = MethodRow.model_construct(name=name, variant=variant, shots=shots)
    assert label_method(row) == label


def detection() -> DetectionRecord:
    # Two languages, two draws: means over languages are (0.6 + 0.8) / 2 = 0.7 and (0.8 + 1.0) / 2 = 0.9.
    values = [0.6, 0.8, 0.8, 1.0]
    return DetectionRecord(
        layer=0,
        shots_split="train",
        method=["gate"] * 4,
        language=["sw", "ar", "sw", "ar"],
        shots=[4] * 4,
        rank=[2] * 4,
        seed=[0, 0, 1, 1],
        balanced_accuracy=values,
        f1=values,
        auroc=values,
        tpr=values,
        fpr=values,
        threshold=values,
        refused=(),
        counts={"sw": (1, 1), "ar": (1, 1)},
        seconds=0.0,
    )


def test_averages_are_over_languages_first_and_draws_second():
    point = DetectionTable(detection(), confidence=0.5).average("gate", 4, ["sw", "ar"])
    # Mean of 0.7 and 0.9; the middle half of two draws runs from 0.75 to 0.85.
    assert point.value == pytest.approx(0.8)
    assert point.interval == pytest.approx((0.75, 0.85))
    assert (point.rank, point.languages) == (2, 2)


def test_what_was_not_fitted_has_no_average():
    point = DetectionTable(detection(), confidence=0.95).average("gate", 8, ["sw"])
    assert (point.value, point.interval, point.languages) == (None, None, 0)


def test_headlines_are_over_low_resource_targets_or_all_targets():
    facts = {
        tag: LanguageFacts(name=tag, tier=tier, source=tag == "en", right_to_left=False)
        for tag, tier in (("en", "high"), ("ar", "mid"), ("sw", "low"))
    }
    study = StudyRecord(model="m", prompts="p", source=("en",), target=("ar", "sw"), languages=facts, confidence=0.95)
    assert hardest_group(study)[1] == ("sw",)
    assert hardest_group(study.model_copy(update={"target": ("ar",)}))[1] == ("ar",)


def test_a_part_that_is_missing_or_broken_is_named(tmp_path):
    with pytest.raises(UnknownName, match="holds no StudyRecord"):
        load_study(tmp_path)
    write_part(tmp_path, "detection", detection())
    assert require_part(tmp_path, DetectionRecord) == detection()
    path = part_path(tmp_path, "detection")
    path.write_text(path.read_text().replace('"layer": 0', '"layer": "x"'))
    with pytest.raises(BrokenInput, match="layer"):
        require_part(tmp_path, DetectionRecord)
