"""How fast and in how much memory the survey reads and queries: synthetic Anthologies of 100,000 and a million papers.

    python benchmarks/survey_stream.py [--papers 100000 1000000] [--out benchmarks/results/survey_stream.json]

Each size is generated in a temporary folder, file by file in the layout of the Anthology, then read by a fresh process
that runs the bundled query over it; the process reports its own time and peak memory. The answer is known: every
hundredth paper of the query's years and venues says "safety". No real data are used.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PAPERS_PER_VOLUME = 90
VENUES = ("acl", "emnlp", "woah", "trustnlp", "tacl", "lrec", "coling", "findings")
FAMILY = ("acl", "emnlp", "woah", "trustnlp", "tacl", "findings")
YEARS = tuple(range(2000, 2025))
SAFE_EVERY = 100
ENDINGS = ("A shortcut is avoided.", "An unsafe shortcut is avoided.")
SENTENCE = (
    "We study how <i>models</i> of <fixed-case>E</fixed-case>nglish and other languages behave under "
    "<tex-math>n</tex-math> tests. "
)


def write_corpus(folder: Path, papers: int) -> int:
    """Write a corpus and return how many papers the bundled query must find."""
    xml = folder / "data" / "xml"
    xml.mkdir(parents=True)
    found = number = volume = 0
    while number < papers:
        venue, year = VENUES[volume % len(VENUES)], YEARS[volume // len(VENUES) % len(YEARS)]
        # Several collections of one venue and year get a tag of their own kind of id, as real ids allow.
        name = f"{year}.{venue}x{volume}"
        rows = []
        for index in range(min(PAPERS_PER_VOLUME, papers - number)):
            safe = number % SAFE_EVERY == 0
            found += safe and venue in FAMILY and 2020 <= year <= 2024
            rows.append(make_paper(name, index + 1, number, safe=safe))
            number += 1
        text = (
            f"<?xml version='1.0' encoding='UTF-8'?>\n<collection id=\"{name}\">\n"
            f' <volume id="1" type="proceedings">\n  <meta><booktitle>Volume {volume}</booktitle><year>{year}</year>'
            f"<venue>{venue}</venue></meta>\n  <frontmatter><url>{name}-1.0</url></frontmatter>\n{''.join(rows)}"
            " </volume>\n</collection>\n"
        )
        (xml / f"{name}.xml").write_text(text, "utf-8")
        volume += 1
    return found


def make_paper(name: str, index: int, number: int, *, safe: bool) -> str:
    """One paper, as long as real ones are: about 1,100 characters of abstract and three authors."""
    abstract = SENTENCE * 9 + ("Safety-critical use is discussed." if safe else ENDINGS[number % 50 == 7])
    people = "".join(
        f"<author><first>Ada{(number + shift) % 997}</first><last>Lovelace</last></author>" for shift in range(3)
    )
    return (
        f'  <paper id="{index}"><title>Paper <fixed-case>N</fixed-case>umber {number}</title>{people}'
        f'<pages>1-9</pages><abstract>{abstract}</abstract><url hash="00000000">{name}-1.{index}</url>'
        f"<doi>10.0000/{number}</doi><bibkey>key-{number}</bibkey></paper>\n"
    )


def measure(folder: Path) -> dict[str, float | int]:
    """Read and query in this process; seconds, peak memory, counts."""
    from isogloss.survey.loading import LoadReport
    from isogloss.survey.query import default_query
    from isogloss.survey.selection import run_query
    from isogloss.survey.sources import load_source

    began, cpu = time.perf_counter(), time.process_time()
    read = sum(1 for _ in load_source(folder, report=LoadReport()))
    reading, reading_cpu = time.perf_counter() - began, time.process_time() - cpu
    after_reading = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, cpu = time.perf_counter(), time.process_time()
    report = LoadReport()
    run = run_query(load_source(folder, report=report), default_query(), report=report)
    return {
        "papers": read,
        "included": run.counts.included,
        "reading_seconds": round(reading, 2),
        "reading_cpu_seconds": round(reading_cpu, 2),
        "reading_and_querying_seconds": round(time.perf_counter() - began, 2),
        "reading_and_querying_cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_memory_reading_mib": round(after_reading / 1024, 1),
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def run_size(papers: int) -> dict[str, float | int]:
    """Generate one size and measure it in a fresh process."""
    with tempfile.TemporaryDirectory() as place:
        expected = write_corpus(Path(place), papers)
        files = list(Path(place).rglob("*.xml"))
        size = sum(file.stat().st_size for file in files)
        command = [sys.executable, __file__, "--measure", place]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, float | int] = json.loads(done.stdout)
    if result["included"] != expected or result["papers"] != papers:
        raise SystemExit(f"expected {expected} of {papers} papers, found {result['included']} of {result['papers']}")
    return {**result, "volumes": len(files), "xml_mib": round(size / 2**20)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--papers", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "survey_stream.json")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    sizes = []
    for papers in options.papers:
        sizes.append(run_size(papers))
        print(sizes[-1], flush=True)
    record = {
        "what": "synthetic Anthology, bundled query, one process",
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "sizes": sizes,
    }
    options.out.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
