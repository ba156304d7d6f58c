"""A calibration recorded on a tiny model, and a judge that reads what the test says."""

from collections.abc import Callable, Sequence

import pytest

from isogloss.core import Label, Language, Prompt, Reply, Verdict
from isogloss.models.open_model import OpenModel
from isogloss.prompts.promptset import PromptSet
from isogloss.repair.baselines.calibration import Calibration, record_calibration

EN, DE, SW = (Language.parse(tag) for tag in ("en", "de", "sw"))


class FunctionJudge:
    """Labels every pair with a function."""

    name = "function"

    def __init__(self, label: Callable[[Prompt, Reply], Label]) -> None:
        self._label = label

    def fingerprint(self) -> dict[str, str]:
        return {"name": self.name}

    def judge(self, items: Sequence[tuple[Prompt, Reply]]) -> list[Verdict]:
        return [
            Verdict(prompt.id, prompt.language.tag, prompt.kind, self._label(prompt, reply), self.name)
            for prompt, reply in items
        ]


@pytest.fixture
def make_calibration(qwen: OpenModel, prompts: PromptSet) -> Callable[..., Calibration]:
    """A maker of calibrations of the tiny Qwen: sources English and German, target Swahili."""

    def make(*, shots: int = 2, seed: int = 0) -> Calibration:
        return record_calibration(qwen, list(prompts), source=[EN, DE], target=[SW], shots=shots, seed=seed)

    return make


@pytest.fixture
def calibration(make_calibration: Callable[..., Calibration]) -> Calibration:
    return make_calibration()
