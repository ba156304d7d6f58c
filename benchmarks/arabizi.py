"""How close the Arabizi writer comes to a published chat spelling, and how much of it can be read back.

    python benchmarks/arabizi.py ../shared/data/arabizi/arabizi_aligned.csv [../shared/data/polyrefuse]

The reader learns Arabic from the bundled prompts, and from PolyRefuse's harmless prompts where given (the harmful
ones share sources with the chat-spelling set). Writes benchmarks/results/arabizi.json. The published spelling is
one convention (letter by letter, apostrophes, no digits, few vowels); a regional profile that differs from it is not
therefore wrong.
"""

import csv
import json
import sys
from pathlib import Path

from isogloss.core import Kind, Language, Prompt
from isogloss.prompts import load_mini, load_polyrefuse
from isogloss.prompts.perturb import PROFILES, Arabizi
from isogloss.prompts.perturb.arabizi_reader import fit_reader, fold_arabic
from isogloss.prompts.perturb.measure import measure_character_error_rate

RESULTS = Path(__file__).parent / "results" / "arabizi.json"
ARABIC = Language.parse("ar")
SEEN = 31  # the tables were written with the first rows in view


def main(path: Path, polyrefuse: Path | None) -> None:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    sources = [row["Behavior_Ar"] for row in rows]
    published = [row["Behavior_Ar_chatspeak"] for row in rows]
    learn = [prompt.text for prompt in load_mini() if prompt.language == ARABIC]
    if polyrefuse:
        more = load_polyrefuse(polyrefuse).select(languages=(ARABIC,), kind=Kind.HARMLESS)
        learn += [prompt.text for prompt in more]
    table = [
        measure(name, vowels, variation, sources, published, learn)
        for name in PROFILES
        for vowels in (False, True)
        for variation in (0.0, 0.2)
    ]
    for row in table:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    best = min(table, key=lambda row: row["character_error_rate"])
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    record = {"prompts": len(rows), "best": best["profile"], "reader_learned_from": len(learn), "profiles": table}
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def measure(
    name: str, vowels: bool, variation: float, sources: list[str], published: list[str], learn: list[str]
) -> dict:
    writer = Arabizi(PROFILES[name], vowels, variation)
    written = [writer.write(as_prompt(text), seed=number).text for number, text in enumerate(sources)]
    reader = fit_reader(PROFILES[name], learn)
    back = [reader.read(text) for text in written]
    pairs = list(zip(written, published, strict=True))
    return {
        "profile": writer.name,
        "vowels": vowels,
        "variation": variation,
        "character_error_rate": round(measure_character_error_rate(pairs), 4),
        "character_error_rate_rows_not_seen": round(measure_character_error_rate(pairs[SEEN:]), 4),
        "round_trip_character_error_rate": round(
            measure_character_error_rate(zip(back, map(fold, sources), strict=True)), 4
        ),
    }


def fold(text: str) -> str:
    return fold_arabic(text).translate(str.maketrans("،؟؛", ",?;"))


def as_prompt(text: str) -> Prompt:
    return Prompt(id="row", text=text, language=ARABIC, kind=Kind.HARMFUL, seed_id="row")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
