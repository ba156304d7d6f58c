"""Isogloss beside other libraries that record and steer: cost as ratios, and rows that come out as they should.

    python benchmarks/peers.py --python VENV/bin/python [--turns 3]

Every library runs in a process of its own, by the interpreter named (of an environment in which the libraries are
installed), on the same random Qwen2 of 55 million parameters and the same token ids. Each process also times its own
references, in turns with the library, and ratios are to these: to a bare prefill of length-sorted batches without
language-model head, and to unsteered generation. A library that cannot be imported is reported as missing.

Extraction: 24 prompts of 8 to 128 letters in random order, the last prompt token at every layer, by the library's own
function where it has one, else by a loop around its usual call. Rows agree where they are equal to plain hooks to
1e-3; the last layer is left out of that, because some libraries return it after the final norm. Generation: one
vector added at each of 12 layers, at every position, in a batch of 8 prompts of different lengths; a row agrees where
its tokens equal those of plain hooks. The routed row is Isogloss's own: a gate in the same prefill, and an edit that
rows get by their verdict; a row agrees where its tokens equal those of the row alone.

Installed with: pip install torch==2.13.0 transformers==5.23.0 nnsight transformer-lens gguf scikit-learn, and
pip install --no-deps repeng==0.4.0 steering-vectors==0.12.2.
"""

import argparse
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from extraction_and_generation import (
    LAYER,
    NEW_TOKENS,
    SMALL,
    describe_machine,
    describe_shape,
    fit,
    make_prompts,
    make_tokenizer,
    make_transformer,
    take_turns,
)
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from isogloss.core.run import write_json
from isogloss.inside.activations import record_activations
from isogloss.models.batches import PromptBatch, make_batches
from isogloss.models.layers import hidden_of, hooked, with_hidden
from isogloss.models.open_model import OpenModel
from isogloss.repair.intervention import RoutedSteering, routed_steering
from isogloss.repair.moves import HARMFUL, Edit, HarmfulEdit, HarmlessEdit, Move, Operation
from isogloss.repair.routers import ConstantRouter

ROOT = Path(__file__).parents[1]
RESULT = Path(__file__).parent / "results" / "peers.json"
LAYERS = list(range(SMALL["num_hidden_layers"]))
BATCH = 8
TOLERANCE = 1e-3
Method = Callable[[], Tensor]


class Bench:
    """One model, the token ids of the prompts, and the references that every library is held against."""

    def __init__(self, folder: Path, turns: int) -> None:
        self.folder, self.turns = folder, turns
        self.tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        self.tokenizer.padding_side = "left"
        self.model = self.fresh()
        self.opened = OpenModel(self.fresh(), self.tokenizer, name="random qwen2")
        # As in the other models: no end token, and so no processor that watches out for it.
        self.opened.model.generation_config.eos_token_id = None
        prompts = make_prompts(24, 8, 128)
        self.prompts = [prompts[place] for place in np.random.default_rng(1).permutation(len(prompts))]
        self.asked = make_prompts(8, 6, 20)
        self.texts = [self.opened.render(prompt.text) for prompt in self.prompts]
        self.asked_texts = [self.opened.render(prompt.text) for prompt in self.asked]
        generator = torch.Generator().manual_seed(7)
        self.vectors = {layer: 0.5 * torch.randn(SMALL["hidden_size"], generator=generator) for layer in LAYERS}

    def fresh(self, attention: str = "sdpa") -> Any:
        """The model once more, for a library that changes what it is given."""
        model: Any = AutoModelForCausalLM.from_pretrained(
            self.folder, dtype=torch.float32, attn_implementation=attention
        )
        model.generation_config.eos_token_id = None
        model.generation_config.pad_token_id = 0
        return model.eval().requires_grad_(False)

    def tokens(self, texts: list[str]) -> Any:
        return self.tokenizer(texts, padding=True, add_special_tokens=False, return_tensors="pt")

    def chunks(self) -> list[list[str]]:
        """The prompts in the order given, as a library gets them that does not sort by length."""
        return [self.texts[start : start + BATCH] for start in range(0, len(self.texts), BATCH)]

    # ---- references

    def prefill(self) -> Tensor:
        with torch.inference_mode():
            for batch in self._sorted():
                self.model.model(**self._inputs(batch), use_cache=False)
        return torch.empty(0)

    def extract_plainly(self) -> Tensor:
        """[layer, prompt, hidden] by one hook a block that keeps the last position."""
        states = torch.empty(len(LAYERS), len(self.texts), SMALL["hidden_size"])
        with torch.inference_mode(), ExitStack() as stack:
            rows: list[int] = []
            for layer, block in enumerate(self.model.model.layers):
                stack.enter_context(hooked(block, _keep(states, layer, rows)))
            for batch in self._sorted():
                rows[:] = batch.indices
                self.model.model(**self._inputs(batch), use_cache=False)
        return states

    def generate(self, model: Any = None, texts: list[str] | None = None) -> Tensor:
        """New tokens [row, step], greedy, of a fixed number."""
        inputs = self.tokens(self.asked_texts if texts is None else texts)
        with torch.inference_mode():
            out = (model or self.model).generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                max_new_tokens=NEW_TOKENS,
                min_new_tokens=NEW_TOKENS,
                do_sample=False,
            )
        new: Tensor = out[:, inputs["input_ids"].shape[1] :]
        return new

    def generate_plainly(self) -> Tensor:
        """Generation with one hook a block that adds its vector."""
        with ExitStack() as stack:
            for layer, block in enumerate(self.model.model.layers):
                stack.enter_context(hooked(block, _add(self.vectors[layer])))
            return self.generate()

    # ---- comparison

    def compare(self, *, extract: Method | None = None, generate: Method | None = None) -> dict[str, Any]:
        """Ratios of a library to the references timed beside it, and how many of its rows agree with plain hooks."""
        found: dict[str, Any] = {}
        if extract is not None:
            found["extraction"] = self._time(
                {"bare prefill": self.prefill, "plain hooks": self.extract_plainly, "library": extract}
            )
            off = (extract() - self.extract_plainly()).abs()[:-1].amax(dim=(0, 2))
            found["extraction"] |= {"rows_equal": int((off < TOLERANCE).sum()), "rows": len(off)}
        if generate is not None:
            found["generation"] = self._time(
                {"unsteered": self.generate, "plain hooks": self.generate_plainly, "library": generate}
            )
            same = (generate() == self.generate_plainly()).all(dim=1)
            found["generation"] |= {"rows_equal": int(same.sum()), "rows": len(same)}
        return found

    def _time(self, methods: dict[str, Method]) -> dict[str, Any]:
        seconds = take_turns(dict(methods), self.turns)
        first = next(iter(seconds))
        return {
            "seconds": seconds,
            "ratio": seconds["library"] / seconds[first],
            "plain_hooks_ratio": seconds["plain hooks"] / seconds[first],
        }

    def _sorted(self) -> list[PromptBatch]:
        rows = self.tokenizer(self.texts, add_special_tokens=False)["input_ids"]
        return list(make_batches(rows, pad_id=0, batch_tokens=1024))

    def _inputs(self, batch: PromptBatch) -> dict[str, Tensor]:
        return {
            "input_ids": batch.input_ids,
            "attention_mask": batch.attention_mask,
            "position_ids": batch.position_ids,
        }


def _keep(states: Tensor, layer: int, rows: list[int]) -> Callable[[Any, Any, Any], None]:
    def hook(_module: Any, _inputs: Any, output: Any) -> None:
        states[layer, rows] = hidden_of(output)[:, -1]

    return hook


def _add(vector: Tensor) -> Callable[[Any, Any, Any], Any]:
    return lambda _module, _inputs, output: with_hidden(output, hidden_of(output) + vector)


# ---- libraries


def run_isogloss(bench: Bench) -> dict[str, Any]:
    """Recording, addition at every layer, and the gate in the same prefill."""
    model = bench.opened

    def extract() -> Tensor:
        recorded = record_activations(model, bench.prompts, batch_tokens=1024, fingerprint={"weights": "random"})
        return torch.from_numpy(recorded.hidden[:, :, 0]).transpose(0, 1)

    moves = [Move(layer, bench.vectors[layer].numpy(), Operation.ADD, HARMFUL) for layer in LAYERS]
    [batch] = make_batches(model.encode([prompt.text for prompt in bench.asked]), pad_id=0, batch_tokens=100_000)

    def generate(steering: RoutedSteering | None = None) -> Tensor:
        with steering or RoutedSteering(model, moves, ConstantRouter(fires=True)) as chosen:
            chosen.begin(batch, use_cache=True)
            # The batch is sorted by length; the comparison is in the order asked.
            texts = [bench.asked_texts[index] for index in batch.indices]
            return bench.generate(model.model, texts)[np.argsort(batch.indices)]

    return bench.compare(extract=extract, generate=generate) | {"routed": _measure_routed(bench)}


def _measure_routed(bench: Bench) -> dict[str, Any]:
    """A gate in the same prefill, in a mixed batch: its cost, and whether every row is as it is alone."""
    model = bench.opened
    vector, gate = fit(model, bench.asked)
    edit = Edit(vector, LAYER, 40.0, HarmfulEdit.ADD, HarmlessEdit.ABLATE, 0.25)
    batches = list(model.batches(bench.asked))

    def answer(batch: PromptBatch, *, steered: bool) -> tuple[Tensor, list[bool]]:
        with routed_steering(model, edit, gate) if steered else nullcontext() as steering:
            if steering is not None:
                steering.begin(batch, use_cache=True)
            texts = [bench.asked_texts[index] for index in batch.indices]
            tokens = bench.generate(model.model, texts)
            return tokens, [one.harmful for one in (steering.readings() if steering else None) or []]

    seconds = take_turns(
        {
            "unsteered": lambda: [answer(batch, steered=False) for batch in batches],
            "routed": lambda: [answer(batch, steered=True) for batch in batches],
        },
        bench.turns,
    )
    [batch] = batches
    together, verdicts = answer(batch, steered=True)
    equal = 0
    for row, index in enumerate(batch.indices):
        [single] = make_batches(model.encode([bench.asked[index].text]), pad_id=0, batch_tokens=1)
        with routed_steering(model, edit, gate) as steering:
            steering.begin(single, use_cache=True)
            alone = bench.generate(model.model, [bench.asked_texts[index]])
        equal += bool(torch.equal(alone[0], together[row]))
    return {
        "seconds": seconds,
        "ratio": seconds["routed"] / seconds["unsteered"],
        "rows_equal": equal,
        "rows": len(batch),
        "rows_that_fire": sum(verdicts),
    }


def run_repeng(bench: Bench) -> dict[str, Any]:
    """Its own extraction function, and its model wrapper."""
    if not hasattr(np, "float_"):
        np.float_ = np.float64  # type: ignore[attr-defined]  # repeng 0.4.0 uses a name that numpy 2 dropped
    from repeng import ControlModel, ControlVector
    from repeng.extract import batched_get_hiddens

    def extract() -> Tensor:
        states = batched_get_hiddens(bench.model, bench.tokenizer, bench.texts, LAYERS, BATCH)
        return torch.from_numpy(np.stack([states[layer] for layer in LAYERS])).float()

    wrapped = ControlModel(bench.fresh(), LAYERS)
    directions = {layer: vector.numpy() for layer, vector in bench.vectors.items()}
    wrapped.set_control(ControlVector(model_type="qwen2", directions=directions), 1.0)
    return bench.compare(extract=extract, generate=lambda: bench.generate(wrapped))


def run_steering_vectors(bench: Bench) -> dict[str, Any]:
    """Its recording context around the usual call, and its patching context."""
    from steering_vectors import SteeringVector
    from steering_vectors import record_activations as record

    def extract() -> Tensor:
        kept = []
        with torch.inference_mode():
            for texts in bench.chunks():
                with record(bench.model, layer_type="decoder_block") as recorded:
                    bench.model(**bench.tokens(texts))
                kept.append(torch.stack([recorded[layer][0][:, -1] for layer in LAYERS]))
        return torch.cat(kept, dim=1)

    vector = SteeringVector(layer_activations=bench.vectors, layer_type="decoder_block")

    def generate() -> Tensor:
        with vector.apply(bench.model):
            return bench.generate()

    return bench.compare(extract=extract, generate=generate)


def run_nnsight(bench: Bench) -> dict[str, Any]:
    """Its traces: one per batch to record, one around the whole of a generation to steer."""
    from nnsight import LanguageModel

    traced: Any = LanguageModel(bench.fresh(), tokenizer=bench.tokenizer)
    vectors = bench.vectors

    def extract() -> Tensor:
        kept = []
        with torch.inference_mode():
            for texts in bench.chunks():
                with traced.trace(texts):
                    states = list().save()  # type: ignore[attr-defined]  # noqa: C408
                    for layer in LAYERS:
                        states.append(traced.model.layers[layer].output[:, -1])
                kept.append(torch.stack(list(states)))
        return torch.cat(kept, dim=1)

    width = bench.tokens(bench.asked_texts)["input_ids"].shape[1]

    def generate() -> Tensor:
        options = {"max_new_tokens": NEW_TOKENS, "min_new_tokens": NEW_TOKENS, "do_sample": False}
        with torch.inference_mode(), traced.generate(bench.asked_texts, **options) as tracer:
            for _step in tracer.iter[:NEW_TOKENS]:
                for layer in LAYERS:
                    traced.model.layers[layer].output += vectors[layer]
            out = tracer.result.save()
        new: Tensor = out[:, width:]
        return new

    return bench.compare(extract=extract, generate=generate)


def run_transformer_lens(bench: Bench) -> dict[str, Any]:
    """Its bridge over a model of transformers, with its cache and its hooks."""
    from transformer_lens.model_bridge import TransformerBridge

    bridge: Any = TransformerBridge.boot_transformers(
        str(bench.folder), hf_model=bench.fresh("eager"), tokenizer=bench.tokenizer, device="cpu", dtype=torch.float32
    )
    names = [f"blocks.{layer}.hook_resid_post" for layer in LAYERS]

    def extract() -> Tensor:
        kept = []
        with torch.inference_mode():
            for texts in bench.chunks():
                inputs = bench.tokens(texts)
                _, cache = bridge.run_with_cache(
                    inputs["input_ids"],
                    attention_mask=inputs["attention_mask"],
                    names_filter=names,
                    return_type=None,
                    return_cache_object=False,
                )
                kept.append(torch.stack([cache[name][:, -1] for name in names]))
        return torch.cat(kept, dim=1)

    inputs = bench.tokens(bench.asked_texts)
    hooks = [(name, _shift(bench.vectors[layer])) for layer, name in enumerate(names)]

    def generate() -> Tensor:
        with torch.inference_mode(), bridge.hooks(fwd_hooks=hooks):
            out = bridge.generate(
                inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                max_new_tokens=NEW_TOKENS,
                stop_at_eos=False,
                do_sample=False,
                verbose=False,
                return_type="tokens",
                prepend_bos=False,
            )
        new: Tensor = out[:, inputs["input_ids"].shape[1] :]
        return new

    return bench.compare(extract=extract, generate=generate)


def _shift(vector: Tensor) -> Callable[..., Tensor]:
    return lambda states, hook: states + vector  # noqa: ARG005  # the library passes it by this name


LIBRARIES: dict[str, tuple[str, Callable[[Bench], dict[str, Any]]]] = {
    "isogloss": ("isogloss", run_isogloss),
    "repeng": ("repeng", run_repeng),
    "steering-vectors": ("steering-vectors", run_steering_vectors),
    "nnsight": ("nnsight", run_nnsight),
    "TransformerLens": ("transformer-lens", run_transformer_lens),
}


# ---- processes


def run_one(name: str, folder: Path, turns: int) -> dict[str, Any]:
    """One library in this process: its figures, or why there are none."""
    package, run = LIBRARIES[name]
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        version = "this repository" if package == "isogloss" else None
    try:
        return {"version": version, **run(Bench(folder, turns))}
    except ImportError as error:
        return {"version": version, "missing": str(error)[:200]}
    except Exception as error:  # noqa: BLE001  # whatever a library raises is its result
        return {"version": version, "failed": f"{type(error).__name__}: {error}"[:300]}


def run_apart(python: str, name: str, folder: Path, turns: int) -> dict[str, Any]:
    """One library in a process of its own."""
    path = os.pathsep.join([str(ROOT / "src"), str(Path(__file__).parent)])
    environment = os.environ | {
        "PYTHONPATH": path,
        "HF_HUB_OFFLINE": "1",
        "TQDM_DISABLE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": "1",
    }
    out = folder / f"{name}.json"
    command = [python, __file__, "--library", name, "--folder", str(folder), "--turns", str(turns), "--out", str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not out.is_file():
        return {"failed": (done.stderr.strip().splitlines() or ["no message"])[-1][:300]}
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--python", default=sys.executable, help="interpreter of the libraries' environment")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--library", choices=tuple(LIBRARIES), help="one library alone, in this process")
    parser.add_argument("--folder", type=Path, help="with --library: where the model is")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.library:
        options.out.write_text(json.dumps(run_one(options.library, options.folder, options.turns)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_tokenizer().save_pretrained(folder)
        make_transformer(SMALL).save_pretrained(folder)
        found = {library: run_apart(options.python, library, folder, options.turns) for library in LIBRARIES}
    machine = describe_machine()
    write_json(
        options.out,
        {"schema": 1, "machine": machine, "model": describe_shape(SMALL), "turns": options.turns, "libraries": found},
    )
    print_table(found)


def print_table(found: dict[str, dict[str, Any]]) -> None:
    """One line a library and task."""
    for library, result in found.items():
        for reason in ("missing", "failed"):
            if reason in result:
                print(f"{library:18s} {reason}: {result[reason]}")
        for task in ("extraction", "generation", "routed"):
            if task in result:
                one = result[task]
                plain = one.get("plain_hooks_ratio")
                beside = "" if plain is None else f" (plain hooks {plain:.2f})"
                print(f"{library:18s} {task:11s} {one['ratio']:5.2f} x{beside}, rows {one['rows_equal']}/{one['rows']}")


if __name__ == "__main__":
    main()
