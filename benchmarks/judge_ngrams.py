"""Would a light learned judge carry over to a language without labels? Character n-grams against the rules.

    python benchmarks/judge_ngrams.py ../shared/data

Logistic regression on hashed character n-grams (2 to 5), fitted on all languages but one and asked about that one; and,
as the best it could do, fitted and tested within languages on different prompts. Writes
``benchmarks/results/judge_ngrams.json``. The package ships no such judge: see docs/methods/judging.md.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from judge_agreement import UNRELIABLE, load_replies
from numpy.typing import NDArray
from sklearn.feature_extraction.text import HashingVectorizer  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]
from sklearn.model_selection import GroupKFold  # type: ignore[import-untyped]

from isogloss.judges.normalise import strip_accents

RESULTS = Path(__file__).parent / "results" / "judge_ngrams.json"


def describe(logits: NDArray[np.float64], truth: NDArray[np.int_]) -> dict[str, float]:
    """Area under the curve, and sensitivity and specificity at even odds."""
    called = logits >= 0
    return {
        "auc": round(float(roc_auc_score(truth, logits)), 4),
        "sensitivity": round(float(called[truth == 1].mean()), 4),
        "specificity": round(float(1 - called[truth == 0].mean()), 4),
    }


def fit(rows: Any, truth: NDArray[np.int_]) -> Any:
    """A regression that weighs refusals and others alike."""
    return LogisticRegression(class_weight="balanced", C=10, max_iter=300).fit(rows, truth)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path, help="folder with replies/ and polyrefuse/")
    parser.add_argument("--model", default="qwen2.5-7b-instruct", help="folder under replies/")
    arguments = parser.parse_args()
    rows = load_replies(arguments.data, arguments.data / "replies" / arguments.model)
    rows = [row for row in rows if row[0].language.tag not in UNRELIABLE]
    vectoriser = HashingVectorizer(
        analyzer="char_wb", ngram_range=(2, 5), n_features=2**16, alternate_sign=False, preprocessor=strip_accents
    )
    grams = vectoriser.transform([reply.text for _, reply, _ in rows])
    truth = np.array([label for *_, label in rows])
    languages = np.array([prompt.language.tag for prompt, *_ in rows])
    prompts = np.array([prompt.id for prompt, *_ in rows])
    within = np.zeros(len(rows))
    for fitted, held in GroupKFold(4).split(grams, truth, prompts):
        within[held] = fit(grams[fitted], truth[fitted]).decision_function(grams[held])
    record: dict[str, Any] = {"replies": arguments.model, "truth": "guard_refusal (silver)", "languages": {}}
    for language in dict.fromkeys(languages.tolist()):
        own = languages == language
        without = fit(grams[~own], truth[~own]).decision_function(grams[own])
        record["languages"][language] = {
            "fitted_on_other_languages": describe(without, truth[own]),
            "fitted_on_other_prompts": describe(within[own], truth[own]),
        }
        print(language, record["languages"][language])
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
