"""What recording activations and routed generation cost, as ratios to the same engine without them.

    python benchmarks/extraction_and_generation.py [--turns 7] [--large-turns 5] [--without compiled large]

Extraction: all layers at the last prompt token, against a bare prefill of the same length-sorted batches without
language-model head; and the gate's layer alone, against a bare prefill that stops there. Generation: gate and edit in
one prefill, per row of a mixed batch, against the plain model on the same prompts, with a growing cache, a static
cache, and a static cache with compiled decoding; on 55 million parameters, and on 500 million (in about two minutes).
Every row gets the same number of new tokens. Methods take turns, every other turn backwards. Each figure is a median
over the turns of process CPU time on one thread, so that other work on the machine matters little. Random weights:
the ratios are about cost alone. Goals: 1.05 for extraction and generation, 1.02 for generation of the large model.
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, CompileConfig, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.run import write_json
from isogloss.inside.activations import record_activations
from isogloss.inside.directions import fit_source_direction, split_classes
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.repair.gate import Gate, fit_gate
from isogloss.repair.intervention import RoutedSteering, routed_steering
from isogloss.repair.moves import HARMFUL, Edit, HarmfulEdit, HarmlessEdit, Move, Operation, Span
from isogloss.repair.routers import GateRouter

LANGUAGE = Language.parse("en")
LAYER = 5
NEW_TOKENS = 24
LARGE_NEW_TOKENS = 8
TEMPLATE = "<|user|>{{ messages[0]['content'] }}<|end|><|model|>"
RESULT = Path(__file__).parent / "results" / "extraction_and_generation.json"
SMALL = {
    "vocab_size": 32_000,
    "hidden_size": 512,
    "intermediate_size": 1408,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "num_key_value_heads": 8,
}
LARGE = {
    "vocab_size": 151_936,
    "hidden_size": 896,
    "intermediate_size": 4864,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
}
Methods = dict[str, Callable[[], object]]


def make_tokenizer() -> Any:
    """One token a byte, with the four special tokens that the template needs."""
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
    tokenizer.padding_side = "left"
    return tokenizer


def make_transformer(sizes: dict[str, int]) -> Any:
    """A Qwen2 with random weights, float32."""
    config = AutoConfig.for_model("qwen2", tie_word_embeddings=True, eos_token_id=1, pad_token_id=0, **sizes)
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config).eval().requires_grad_(False)


def make_model(folder: Path) -> OpenModel:
    """A random Qwen2 of about 50 million parameters: 12 layers, width 512, vocabulary 32,000; saved and loaded."""
    make_tokenizer().save_pretrained(folder)
    make_transformer(SMALL).save_pretrained(folder)
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


def take_turns(methods: Methods, turns: int) -> dict[str, float]:
    """Median CPU seconds of each method; one untimed turn first, and every other turn in the opposite order."""
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for turn in range(turns + 1):
        for name in list(methods)[:: -1 if turn % 2 else 1]:
            start = time.process_time()
            methods[name]()
            if turn:
                seconds[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def time_extraction(model: OpenModel, turns: int) -> dict[str, dict[str, float]]:
    """Seconds of a bare prefill and of recording every layer; the same up to the gate's layer."""
    prompts, fingerprint = make_prompts(24, 8, 128), {"weights": "random"}

    def prefill(last_layer: int | None) -> None:
        for batch in model.batches(prompts, batch_tokens=1024):
            model.forward_hidden(batch, last_layer=last_layer)

    def record(layers: list[int] | None) -> None:
        record_activations(model, prompts, layers=layers, batch_tokens=1024, fingerprint=fingerprint)

    methods: Methods = {
        "bare prefill": lambda: prefill(None),
        "record all layers": lambda: record(None),
        f"bare prefill to layer {LAYER}": lambda: prefill(LAYER),
        f"record layer {LAYER} alone": lambda: record([LAYER]),
    }
    return {"extraction": take_turns(methods, turns)}


def fit(model: OpenModel, prompts: list[Prompt]) -> tuple[np.ndarray, Gate]:
    """A direction and a gate, so that some rows fire and some do not."""
    recorded = record_activations(model, prompts, layers=[LAYER], fingerprint={"weights": "random"})
    direction = fit_source_direction(recorded, (LANGUAGE,), LAYER)
    return direction.vector, fit_gate(split_classes(recorded, (LANGUAGE,), LAYER))


def steer_softly(model: OpenModel, vector: np.ndarray, gate: Gate, harmless: HarmlessEdit) -> RoutedSteering:
    """A gate with so weak a push that the text stays the same: only the cost differs."""
    return routed_steering(model, Edit(vector, LAYER, 1e-6, HarmfulEdit.ADD, harmless, 0.25), gate)


def steer_many(model: OpenModel, vector: np.ndarray, gate: Gate, first: int) -> RoutedSteering:
    """A gate, and pushes on every block from ``first`` on; below the gate's layer it takes a pass of its own."""
    moves = [
        Move(layer, vector, Operation.ADD, HARMFUL, Span.ONWARD, 1e-6, 0.25)
        for layer in range(first, model.layer_count)
    ]
    return RoutedSteering(model, moves, GateRouter(gate, LAYER))


def time_generation(model: OpenModel, turns: int) -> dict[str, dict[str, float]]:
    """Seconds of plain generation, of a gate on a mixed batch with several edits, and of two passes."""
    prompts, decoding = make_prompts(8, 6, 20), Decoding(max_new_tokens=NEW_TOKENS)
    vector, gate = fit(model, prompts)
    # No row ends early, so that every method computes the same number of tokens.
    model.end_ids = [model.model.config.vocab_size - 1]

    def answer(steering: RoutedSteering | None) -> None:
        with steering or nullcontext():
            list(model.reply(prompts, decoding))

    def split_by_verdict() -> None:
        states = record_activations(model, prompts, layers=[LAYER], fingerprint={"weights": "random"})
        fires = gate.score(states.at(LAYER)) >= gate.fallback
        for wanted in (True, False):
            list(model.reply([prompt for prompt, fire in zip(prompts, fires, strict=True) if fire == wanted], decoding))

    methods: Methods = {
        "unsteered": lambda: answer(None),
        "routed, harmless left alone": lambda: answer(steer_softly(model, vector, gate, HarmlessEdit.LEAVE)),
        "routed, harmless ablated": lambda: answer(steer_softly(model, vector, gate, HarmlessEdit.ABLATE)),
        f"routed, {model.layer_count - LAYER} blocks moved": lambda: answer(steer_many(model, vector, gate, LAYER)),
        f"routed, {model.layer_count} blocks moved, read in a pass of its own": lambda: answer(
            steer_many(model, vector, gate, 0)
        ),
        "two passes, split batch": split_by_verdict,
    }
    return {"generation": take_turns(methods, turns)}


def time_static(model: OpenModel, turns: int, *, compiled: bool) -> dict[str, dict[str, float]]:
    """Seconds of generation by ``transformers`` itself with a static cache, plain and announced to a steering."""
    prompts = make_prompts(8, 6, 20)
    vector, gate = fit(model, prompts)
    [batch] = model.batches(prompts)
    options: dict[str, Any] = {"cache_implementation": "static"}
    if compiled:
        options["compile_config"] = config = CompileConfig(fullgraph=True, mode="default")
        config._compile_all_devices = True  # transformers leaves processors out otherwise

    def answer(steering: RoutedSteering | None) -> None:
        with steering or nullcontext(), torch.inference_mode():
            if steering is not None:
                steering.begin(batch, use_cache=True)
            model.model.generate(
                batch.input_ids,
                attention_mask=batch.attention_mask,
                max_new_tokens=NEW_TOKENS,
                do_sample=False,
                eos_token_id=None,
                pad_token_id=0,
                **options,
            )

    methods: Methods = {"unsteered": lambda: answer(None)}
    for harmless in HarmlessEdit:
        methods[f"routed, harmless {'ablated' if harmless == HarmlessEdit.ABLATE else 'left alone'}"] = (
            lambda harmless=harmless: answer(steer_softly(model, vector, gate, harmless))
        )
    name = "generation, static cache, compiled" if compiled else "generation, static cache"
    return {name: take_turns(methods, turns)}


def time_large(turns: int) -> dict[str, dict[str, float]]:
    """Seconds of plain and of routed generation with the shape of a model of half a billion parameters."""
    model = OpenModel(make_transformer(LARGE), make_tokenizer(), name="large random qwen2")
    prompts, decoding = make_prompts(4, 6, 20), Decoding(max_new_tokens=LARGE_NEW_TOKENS)
    vector, gate = fit(model, prompts)
    model.end_ids = [model.model.config.vocab_size - 1]

    def answer(steering: RoutedSteering | None) -> None:
        with steering or nullcontext():
            list(model.reply(prompts, decoding))

    methods: Methods = {
        "unsteered": lambda: answer(None),
        "routed, harmless left alone": lambda: answer(steer_softly(model, vector, gate, HarmlessEdit.LEAVE)),
        "routed, harmless ablated": lambda: answer(steer_softly(model, vector, gate, HarmlessEdit.ABLATE)),
    }
    return {"generation, large": take_turns(methods, turns)}


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
        "transformers": transformers.__version__,
    }


def describe_shape(sizes: dict[str, int]) -> str:
    """Parameters, layers and width in words."""
    with torch.device("meta"):
        parameters = make_transformer(sizes).num_parameters()
    return (
        f"random Qwen2, {parameters / 1e6:.0f} million parameters, {sizes['num_hidden_layers']} layers, "
        f"width {sizes['hidden_size']}, float32"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--large-turns", type=int, default=5)
    parser.add_argument("--without", nargs="*", choices=("compiled", "large"), default=())
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    disable_progress_bar()
    set_verbosity_error()
    with tempfile.TemporaryDirectory() as folder:
        model = make_model(Path(folder))
    groups = time_extraction(model, options.turns) | time_generation(model, options.turns)
    groups |= time_static(model, options.turns, compiled=False)
    if "compiled" not in options.without:
        groups |= time_static(model, options.turns, compiled=True)
    if "large" not in options.without:
        groups |= time_large(options.large_turns)
    result = {
        "schema": 2,
        "machine": describe_machine(),
        "model": describe_shape(SMALL),
        "large_model": describe_shape(LARGE),
        "turns": {"small": options.turns, "large": options.large_turns},
        "new_tokens": {"small": NEW_TOKENS, "large": LARGE_NEW_TOKENS},
        "seconds": groups,
        "ratios": {
            name: {method: value / next(iter(group.values())) for method, value in group.items()}
            for name, group in groups.items()
        },
    }
    write_json(options.out, result)
    print(json.dumps(result["machine"]), result["model"], result["large_model"], sep="\n")
    for name, group in groups.items():
        first = next(iter(group))
        for method, value in group.items():
            print(f"{name:34s} {method:50s} {value:7.3f} s  {value / group[first]:5.2f} x {first}")


if __name__ == "__main__":
    main()
