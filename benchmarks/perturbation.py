"""Ways of writing on the bundled set: alignment against hand-made pairs, realised rates, coverage, time.

    python benchmarks/perturbation.py [../shared/data/polyrefuse]

Writes benchmarks/results/perturbation.json. With PolyRefuse, alignment is also measured after learning from its
prompts beside ours, which shows what a larger parallel set gives. The hand-made pairs are ours and unreviewed; the
aligner's settings were chosen on them, so read its figures as an upper end.
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import mean

from isogloss.core import Language, parse_languages
from isogloss.core.errors import MissingExtra, NothingToDo
from isogloss.prompts import PromptSet, load_mini, load_polyrefuse
from isogloss.prompts.perturb import list_perturbations, parse_perturbation, perturb_each
from isogloss.prompts.perturb.lexicon import fit_bitext
from isogloss.prompts.perturb.measure import LinkScore, measure_script_shares, score_links
from isogloss.prompts.perturb.romanise import Romanise

ROOT = Path(__file__).parents[1]
GOLD = ROOT / "tests" / "prompts" / "perturb" / "gold_alignments.json"
RESULTS = ROOT / "benchmarks" / "results" / "perturbation.json"
ENGLISH = Language.parse("en")
MIXES = ("en+sw", "sw+en", "en+zh", "zh+en", "en+th", "th+en", "ar+fr", "yo+en", "en+sw+yo+ar")


def main(polyrefuse: Path | None) -> None:
    mini = load_mini()
    record = {
        "alignment": measure_alignment(mini, mini),
        "alignment_with_polyrefuse": measure_alignment(mini, join(mini, polyrefuse)) if polyrefuse else None,
        "code_switching": [measure_switching(mini, mix, level) for mix in MIXES for level in levels()],
        "perturbations": [measure_writing(mini, name) for name in list_perturbations() if "code-switch" not in name],
        "romanised_latin_share": measure_romanisation(mini),
    }
    for name, rows in record.items():
        print(name)
        for row in rows or ():
            print("  ", "  ".join(f"{key} {value}" for key, value in row.items()))
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def levels() -> tuple[str, ...]:
    return ("sentence", "phrase", "keyword")


def join(mini: PromptSet, folder: Path) -> PromptSet:
    return replace(mini, prompts=(*mini.prompts, *load_polyrefuse(folder).prompts))


def measure_alignment(mini: PromptSet, learn: PromptSet) -> list[dict]:
    gold = json.loads(GOLD.read_text(encoding="utf-8"))
    english = {prompt.seed_id: prompt.text for prompt in mini.select(languages=(ENGLISH,))}
    sizes = {language: len(learn.select(languages=(language,))) for language in learn.languages}
    rows = []
    for tag, sentences in gold.items():
        language = None if tag == "about" else Language.parse(tag)
        if language is None or (learn is not mini and sizes[language] == sizes[Language.parse("sw")]):
            continue
        started = time.perf_counter()
        bitext = fit_bitext(learn, ENGLISH, language)
        seconds = time.perf_counter() - started
        total = LinkScore(0, 0, 0, 0)
        for seed, pairs in sentences.items():
            other = bitext.counterparts[seed]
            first = (english[seed], bitext.split(english[seed]))
            second = (other, bitext.split_embedded(other))
            total += score_links(first, second, bitext.links[seed], [(one, two) for one, two in pairs])
        rows.append(
            {
                "language": tag,
                "sentence_pairs": len(bitext.counterparts),
                "precision": round(total.precision, 3),
                "recall": round(total.recall, 3),
                "hand_made_pairs": total.pairs,
                "fit_seconds": round(seconds, 2),
            }
        )
    return rows


def measure_switching(mini: PromptSet, mix: str, level: str) -> dict:
    part = mini.select(languages=parse_languages(mix.split("+")))
    return measure_writing(part, f"code-switch:{mix}:{level}")


def measure_writing(prompts: PromptSet, name: str) -> dict:
    started = time.perf_counter()
    try:
        entries = [entry.perturbed for entry in perturb_each(prompts, parse_perturbation(name), seed=0)]
    except (MissingExtra, NothingToDo) as error:
        return {"perturbation": name, "left_out": str(error)}
    rates = [entry.realised_rate for entry in entries if entry.changed and entry.realised_rate is not None]
    return {
        "perturbation": name,
        "prompts": len(entries),
        "changed": sum(entry.changed for entry in entries),
        "realised_mean": round(mean(rates), 3) if rates else None,
        "realised_least": round(min(rates), 3) if rates else None,
        "realised_most": round(max(rates), 3) if rates else None,
        "seconds": round(time.perf_counter() - started, 2),
    }


def measure_romanisation(mini: PromptSet) -> list[dict]:
    rows = []
    for language in mini.languages:
        if not Romanise().takes(language):
            continue
        try:
            texts = [e.prompt.text for e in perturb_each(mini.select(languages=(language,)), Romanise(), seed=0)]
        except MissingExtra:
            return []
        share = measure_script_shares("".join(texts)).get("LATIN", 0.0)
        rows.append({"language": language.tag, "latin_share": round(share, 4), "example": texts[0][:60]})
    return rows


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
