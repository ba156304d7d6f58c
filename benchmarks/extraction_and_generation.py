"""What recording activations and routed generation cost, as ratios to the same engine without them.

    python benchmarks/extraction_and_generation.py

Extraction: all layers at the last prompt token, against a bare prefill of the same length-sorted batches without
language-model head. Generation: gate and edit in one prefill, per row of a mixed batch, against the plain model on
the same prompts; every row gets the same number of new tokens. Methods take turns, and each figure is a median over
the turns of process CPU time, so that other work on the machine matters little. Random weights: the ratios are about
cost alone.
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.run import write_json
from isogloss.inside.activations import record_activations
from isogloss.inside.directions import fit_source_direction, split_classes
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.repair.gate import fit_gate
from isogloss.repair.intervention import routed_steering
from isogloss.repair.moves import Edit, HarmfulEdit, HarmlessEdit

LANGUAGE = Language.parse("en")
LAYER = 5
NEW_TOKENS = 24
TEMPLATE = "<|user|>{{ messages[0]['content'] }}<|end|><|model|>"
RESULT = Path(__file__).parent / "results" / "extraction_and_generation.json"


def make_model(folder: Path) -> OpenModel:
    """A random Qwen2 of about 50 million parameters: 12 layers, width 512, vocabulary 32,000."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<pad>", "<|end|>", "<|user|>", "<|model|>"]
    core.train_from_iterator(
        [], trainers.BpeTrainer(special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="<|end|>")
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    config = AutoConfig.for_model(
        "qwen2",
        vocab_size=32_000,
        hidden_size=512,
        intermediate_size=1408,
        num_hidden_layers=12,
        num_attention_heads=8,
        num_key_value_heads=8,
        tie_word_embeddings=True,
        eos_token_id=1,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return OpenModel.load(folder, name="random qwen2")


def make_prompts(count: int, shortest: int, longest: int) -> list[Prompt]:
    """Random ASCII text, one token a letter, half of it called harmful."""
    generator = np.random.default_rng(0)
    prompts = []
    for number, length in enumerate(np.linspace(shortest, longest, count).round().astype(int)):
        kind = Kind.HARMFUL if number % 2 else Kind.HARMLESS
        text = "".join(generator.choice(list("abcdefghijklmnopqrstuvwxyz"), length))
        prompts.append(Prompt(f"p{number}", text, LANGUAGE, kind, f"p{number}", split=Split.TRAIN))
    return prompts


def take_turns(methods: dict[str, Callable[[], object]], turns: int) -> dict[str, float]:
    """Median CPU seconds of each method; one untimed turn first."""
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for turn in range(turns + 1):
        for name, method in methods.items():
            start = time.process_time()
            method()
            if turn:
                seconds[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def time_extraction(model: OpenModel, turns: int) -> dict[str, float]:
    """Seconds of a bare prefill, of recording every layer, and of recording the gate's layer alone."""
    prompts, fingerprint = make_prompts(24, 8, 128), {"weights": "random"}

    def prefill() -> None:
        for batch in model.batches(prompts, batch_tokens=1024):
            model.forward_hidden(batch)

    def record(layers: list[int] | None) -> None:
        record_activations(model, prompts, layers=layers, batch_tokens=1024, fingerprint=fingerprint)

    return take_turns(
        {
            "bare prefill": prefill,
            "record all layers": lambda: record(None),
            f"record layer {LAYER} alone": lambda: record([LAYER]),
        },
        turns,
    )


def time_generation(model: OpenModel, turns: int) -> dict[str, float]:
    """Seconds of plain generation, of a gate on a mixed batch with each harmless edit, and of two passes."""
    prompts = make_prompts(8, 6, 20)
    recorded = record_activations(model, prompts, layers=[LAYER])
    direction = fit_source_direction(recorded, (LANGUAGE,), LAYER)
    gate = fit_gate(split_classes(recorded, (LANGUAGE,), LAYER))
    decoding = Decoding(max_new_tokens=NEW_TOKENS)
    # No row ends early, so that every method computes the same number of tokens.
    model.end_ids = [model.model.config.vocab_size - 1]

    def plain() -> None:
        list(model.reply(prompts, decoding))

    def routed(harmless: HarmlessEdit) -> None:
        # So weak a push that the text stays the same: only the cost differs.
        edit = Edit(direction.vector, LAYER, 1e-6, HarmfulEdit.ADD, harmless, 0.25)
        with routed_steering(model, edit, gate):
            list(model.reply(prompts, decoding))

    def two_passes() -> None:
        states = record_activations(model, prompts, layers=[LAYER], fingerprint={"weights": "random"})
        fires = gate.score(states.at(LAYER)) >= gate.fallback
        for wanted in (True, False):
            list(model.reply([prompt for prompt, fire in zip(prompts, fires, strict=True) if fire == wanted], decoding))

    return take_turns(
        {
            "unsteered": plain,
            "routed, harmless left alone": lambda: routed(HarmlessEdit.LEAVE),
            "routed, harmless ablated": lambda: routed(HarmlessEdit.ABLATE),
            "two passes, split batch": two_passes,
        },
        turns,
    )


def describe_machine() -> dict[str, object]:
    """What the figures were taken on."""
    processor = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            processor = line.split(":", 1)[1].strip()
            break
    return {
        "processor": processor,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        model = make_model(Path(folder))
    groups = {
        "extraction": time_extraction(model, options.turns),
        "generation": time_generation(model, options.turns),
    }
    parameters = sum(parameter.numel() for parameter in model.model.parameters())
    result = {
        "schema": 1,
        "machine": describe_machine(),
        "model": f"random Qwen2, {parameters / 1e6:.0f} million parameters, 12 layers, width 512, float32",
        "turns": options.turns,
        "seconds": groups,
        "ratios": {
            name: {method: value / next(iter(group.values())) for method, value in group.items()}
            for name, group in groups.items()
        },
    }
    write_json(options.out, result)
    print(json.dumps(result["machine"]), result["model"], sep="\n")
    for name, group in groups.items():
        first = next(iter(group))
        for method, value in group.items():
            print(f"{name:11s} {method:30s} {value:7.3f} s  {value / group[first]:5.2f} x {first}")


if __name__ == "__main__":
    main()
