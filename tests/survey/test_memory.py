"""Memory grows with what is selected and with the largest volume, never with what is read."""

import tracemalloc

from isogloss.survey.loading import LoadReport
from isogloss.survey.query import default_query
from isogloss.survey.selection import run_query
from isogloss.survey.sources import load_source

ABSTRACT = "We study models of many languages under many tests. " * 20


def peak_of(clone, report):
    tracemalloc.start()
    run = run_query(load_source(clone.root, report=report), default_query(), report=report)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return run, peak


def test_reading_four_times_as_much_takes_no_more_memory(clone, make_volume, make_paper):
    def add(first, last):
        for number in range(first, last):
            papers = [make_paper(index, f"T{number}-{index}", ABSTRACT) for index in range(1, 51)]
            papers.append(make_paper(99, f"Found {number}", "Safety."))
            clone.add(f"2021.x{number}", make_volume(papers, name="1"))

    add(0, 10)
    peak_of(clone, LoadReport())  # warms caches up
    small, first = peak_of(clone, LoadReport())
    add(10, 40)
    large, second = peak_of(clone, LoadReport())
    # 51 papers a file; one of each says "safety".
    assert (small.counts.records, large.counts.records) == (510, 2040)
    assert (small.counts.included, large.counts.included) == (10, 40)
    # 1,530 further papers hold 1.6 MB of abstracts; what may grow is 30 records and the names of 30 volumes.
    assert second - first < 150_000
