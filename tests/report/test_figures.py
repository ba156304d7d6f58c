"""Figures draw what the record says, the same way every time."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from isogloss.audit.scorecard import Scorecard
from isogloss.core import known_languages
from isogloss.core.errors import UnknownName
from isogloss.inside.record import Diagnosis
from isogloss.report.figures import (
    DARK,
    LIGHT,
    draw_ladder,
    draw_layers,
    draw_plane,
    draw_projections,
    embed_figure,
    order_languages,
    write_figure,
)
from isogloss.report.figures.projections import estimate_density


def card(report_records: Any, rates: dict[str, Any], **fields: Any) -> Scorecard:
    return Scorecard.model_validate(report_records.scorecard(rates, **fields))


def marks(figure: Figure, panel: int = 0) -> list[tuple[float, bool]]:
    """Where the round marks stand, and whether they are filled."""
    dots = [line for line in figure.axes[panel].lines if line.get_marker() == "o"]
    return [(float(np.asarray(dot.get_xdata())[0]), dot.get_markerfacecolor() != LIGHT.paper) for dot in dots]


def texts(figure: Figure) -> str:
    return " | ".join(text.get_text() for axes in figure.axes for text in axes.texts)


def test_the_ladder_orders_tiers_then_rates_and_puts_undefined_rates_last(report_records: Any) -> None:
    rates = {"sw": (0.2, 0.0), "de": (0.7, 0.0), "en": (0.9, 0.0), "fr": (None, 0.0), "yo": (0.4, 0.0)}
    assert order_languages(card(report_records, rates)) == [("high", ["en", "de", "fr"]), ("low", ["yo", "sw"])]


def test_the_ladder_marks_harmful_filled_and_harmless_hollow(report_records: Any) -> None:
    figure = draw_ladder(card(report_records, {"en": (0.9, 0.1), "sw": (0.2, None)}))
    assert marks(figure) == [(90.0, True), (10.0, False), (20.0, True)]
    assert "English, the reference" in texts(figure)


def test_the_ladder_says_where_a_rate_is_undefined(report_records: Any) -> None:
    assert "no decided reply" in texts(draw_ladder(card(report_records, {"en": (None, None)})))


def test_a_compared_ladder_has_a_ring_before_and_a_dot_after_in_each_panel(report_records: Any) -> None:
    before, after = card(report_records, {"sw": (0.2, 0.0)}), card(report_records, {"sw": (0.9, 0.05)})
    figure = draw_ladder(before, after)
    assert marks(figure, 0) == [(20.0, False), (90.0, True)]
    assert marks(figure, 1) == [(0.0, False), (5.0, True)]


def test_a_language_that_only_one_run_has_is_still_shown(report_records: Any) -> None:
    figure = draw_ladder(card(report_records, {"sw": (0.2, 0.0)}), card(report_records, {"yo": (0.9, 0.0)}))
    assert marks(figure, 0) == [(90.0, True), (20.0, False)] or marks(figure, 0) == [(20.0, False), (90.0, True)]


def test_the_plane_leaves_out_languages_without_both_rates(report_records: Any) -> None:
    figure = draw_plane(card(report_records, {"en": (0.9, 0.1), "sw": (0.2, None)}))
    assert marks(figure) == [(10.0, True)]


def test_the_plane_labels_close_languages_together(report_records: Any) -> None:
    rates = {"en": (1.0, 0.0), "de": (0.99, 0.0), "sw": (0.2, 0.0)}
    assert "en de" in texts(draw_plane(card(report_records, rates)))


def test_the_plane_draws_arrows_for_languages_that_moved(report_records: Any) -> None:
    before = card(report_records, {"en": (0.9, 0.0), "sw": (0.2, 0.0)})
    after = card(report_records, {"en": (0.9, 0.0), "sw": (0.9, 0.0)})
    arrows = [text for text in draw_plane(before, after).axes[0].texts if getattr(text, "arrow_patch", None)]
    assert len(arrows) == 1


def test_projections_show_both_thresholds(report_records: Any) -> None:
    figure = draw_projections(Diagnosis.model_validate(report_records.diagnosis(["en"])))
    lines = [np.asarray(line.get_xdata()) for line in figure.axes[0].lines]
    verticals = [xs for xs in lines if len(set(xs)) == 1]
    # The source threshold of the fixture is 0.5, the recalibrated one 0.1.
    assert {float(xs[0]) for xs in verticals} >= {0.5, 0.1}


def test_a_density_integrates_to_one_and_survives_equal_values() -> None:
    grid = np.linspace(-10, 10, 2001)
    step = grid[1] - grid[0]
    spread = np.random.default_rng(0).normal(size=50)
    assert float(estimate_density(spread, grid).sum() * step) == pytest.approx(1.0, abs=0.01)
    assert float(estimate_density(np.full(5, 2.0), grid).sum() * step) == pytest.approx(1.0, abs=0.01)
    assert float(estimate_density(np.array([]), grid).sum()) == 0.0


def test_the_heat_map_writes_every_number_and_a_dash_where_there_is_none(report_records: Any) -> None:
    fields = report_records.diagnosis(["en"], layers=4)
    fields["languages"]["en"]["auroc_by_layer"] = [0.5, 0.876, None, 1.0]
    figure = draw_layers(Diagnosis.model_validate(fields))
    assert texts(figure) == ".50 | .88 | – | 1"


def test_names_with_markup_or_mathematics_stay_text(report_records: Any) -> None:
    fields = report_records.scorecard({"en": (0.9, 0.0)})
    fields["languages"]["en"]["name"] = "<b>$x^2$</b>\u202e"
    svg = embed_figure(draw_ladder(Scorecard.model_validate(fields)), "f", title="<t>", description="<d>")
    assert "&lt;b&gt;$x^2$" in svg
    assert "<b>" not in svg
    assert "<t>" not in svg
    assert "\u202e" not in svg


def test_embedded_figures_use_the_variables_of_the_page_and_prefixed_ids(report_records: Any) -> None:
    svg = embed_figure(draw_ladder(card(report_records, {"en": (0.9, 0.1)})), "one", title="t", description="d")
    assert "var(--high)" in svg
    assert not re.search(r"#[0-9a-f]{6}", svg)
    assert all(found.startswith("one-") for found in re.findall(r'\bid="([^"]+)"', svg))
    assert "http" not in svg


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_same_figure_is_written_as_the_same_bytes(tmp_path: Path, report_records: Any, ending: str) -> None:
    paths = [tmp_path / f"{name}.{ending}" for name in "ab"]
    for path in paths:
        write_figure(draw_ladder(card(report_records, {"en": (0.9, 0.1), "sw": (0.3, 0.0)})), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_dark_figure_has_the_dark_paper(tmp_path: Path, report_records: Any) -> None:
    path = tmp_path / "dark.svg"
    write_figure(draw_ladder(card(report_records, {"en": (0.9, 0.1)}), palette=DARK), path, palette=DARK)
    assert DARK.paper in path.read_text()
    assert LIGHT.ink not in path.read_text()


def test_an_unknown_format_is_refused(tmp_path: Path, report_records: Any) -> None:
    with pytest.raises(UnknownName, match=r"\.gif"):
        write_figure(draw_ladder(card(report_records, {"en": (0.9, 0.1)})), tmp_path / "figure.gif")


def test_thirty_languages_and_forty_layers_fit(report_records: Any) -> None:
    tags = [language.tag for language in known_languages()][:30]
    assert len(tags) == 30
    rates = dict.fromkeys(tags, (0.5, 0.1))
    assert draw_ladder(card(report_records, rates), width_inches=3.6).get_figheight() > 8
    fields = report_records.diagnosis(tags, layers=40)
    assert draw_layers(Diagnosis.model_validate(fields), width_inches=3.6).get_figwidth() > 13
