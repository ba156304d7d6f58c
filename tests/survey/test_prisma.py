import re
from dataclasses import replace

import pytest

from isogloss.core.errors import BrokenInput
from isogloss.survey.counts import PrismaCounts, read_counts
from isogloss.survey.prisma import draw_prisma, render_prisma

pytest.importorskip("prismaflow", reason="prisma-flow is not installed (isogloss[survey])")

# 100 + 20 identified; 60 + 2 + 8 removed, 50 screened; 5 set aside, 45 included.
COUNTS = PrismaCounts(
    identified={"anthology": 100, "more.bib": 20},
    removed_automatically={"terms not found": 55, "year outside": 5},
    removed_otherwise={"retracted or removed": 2},
    duplicates={"same doi": 8},
    excluded={"about <boats>": 5},
)


def test_the_diagram_shows_every_count():
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", draw_prisma(COUNTS, title="A & B")))
    for text in (
        "(n = 120)",
        "anthology (n = 100)",
        "(n = 8)",
        "(n = 60)",
        "(n = 2)",
        "(n = 50)",
        "(n = 5)",
        "(n = 45)",
    ):
        assert text in words
    assert "A &amp; B" in words


def test_the_page_names_the_reasons_and_escapes_them():
    page = render_prisma(COUNTS, title="<script>")
    assert "about &lt;boats&gt;" in page
    assert "<script>" not in page


def test_counts_come_back_as_they_were():
    assert read_counts(COUNTS.as_json()) == COUNTS


def test_counts_that_lack_a_part_are_refused():
    with pytest.raises(BrokenInput, match="duplicates"):
        read_counts({**COUNTS.as_json(), "duplicates": None})


def test_an_empty_review_can_be_drawn():
    empty = replace(COUNTS, identified={}, removed_automatically={}, removed_otherwise={}, duplicates={}, excluded={})
    assert "(n = 0)" in draw_prisma(empty, title="Nothing")
