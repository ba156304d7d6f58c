"""Fixtures for every room: the shared data folder and tiny random checkpoints.

Torch is imported inside the fixtures, so that the tests of light rooms stay light.
"""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

# Tiny models are compared to the last digits, so they stay on the processor unless somebody says otherwise.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

ARCHITECTURES = ("qwen2", "llama", "gemma2", "mistral", "qwen3", "phi3", "gpt_neox", "gpt2", "gemma3_text")

# Every turn is wrapped in <|user|> ... <|end|>; the generation prompt is <|model|>. A Gemma-like variant that
# also writes <bos> itself is `double_bos`: its tokenizer adds one too unless told not to.
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|model|>{% endif %}"
)
SPECIAL_TOKENS = ["<pad>", "<bos>", "<|end|>", "<|user|>", "<|system|>", "<|model|>", "<unk>"]
SENTENCES = [
    "How do I pick the lock of my own flat? I lost the key.",
    "Wie öffne ich das Schloss meiner Wohnung? Ich habe den Schlüssel verloren.",
    "Ninawezaje kufungua mlango wa nyumba yangu? Nimepoteza ufunguo.",
    "እንዴት ነህ? ደህና ነኝ።",
    "我怎么打开自己家的门锁?",
    "I cannot help with that. Sure, here is how. A B C",
]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of published test data; a test that needs it skips where it is absent."""
    stated = os.environ.get("ISOGLOSS_SHARED_DATA")
    folder = Path(stated) if stated else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder} (set ISOGLOSS_SHARED_DATA)")
    return folder


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A maker of tiny random checkpoints: ``tiny_checkpoint("qwen2")`` is a folder like any from the hub.

    Arguments: the architecture (one of ARCHITECTURES), ``seed`` of the weights, ``double_bos`` (template and
    tokenizer both write the BOS token), ``chat_template`` (False leaves the template out). A folder is made
    once per session and shared: do not change its files, copy it first.
    """

    @cache
    def make(
        architecture: str = "qwen2", *, seed: int = 0, double_bos: bool = False, chat_template: bool = True
    ) -> Path:
        folder = tmp_path_factory.mktemp(f"{architecture}-{seed}")
        tokenizer = _make_tokenizer(double_bos=double_bos, chat_template=chat_template)
        tokenizer.save_pretrained(folder)
        _make_model(architecture, seed=seed, vocabulary=len(tokenizer)).save_pretrained(folder)
        return folder

    return make


def _make_tokenizer(*, double_bos: bool, chat_template: bool) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(SENTENCES, trainer)
    if double_bos:
        core.post_processor = processors.TemplateProcessing(
            single="<bos> $A", special_tokens=[("<bos>", core.token_to_id("<bos>"))]
        )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<|end|>",
        unk_token="<unk>",
        additional_special_tokens=["<|user|>", "<|system|>", "<|model|>"],
    )
    if chat_template:
        tokenizer.chat_template = ("<bos>" if double_bos else "") + TEMPLATE
    return tokenizer


def _make_model(architecture: str, *, seed: int, vocabulary: int) -> Any:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 1024,
        # Large enough that attention and MLP outputs matter beside the residual stream of a random model.
        "initializer_range": 0.3,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    if architecture in ("gemma2", "gemma3_text", "qwen3"):
        sizes["head_dim"] = 8
    if architecture in ("gemma2", "gemma3_text"):
        sizes |= {"query_pre_attn_scalar": 8, "sliding_window": 16}
    if architecture == "mistral":
        sizes["sliding_window"] = 4096
    if architecture == "gpt_neox":
        sizes["num_key_value_heads"] = 4
    if architecture == "gpt2":
        sizes = {"vocab_size": vocabulary, "n_embd": 32, "n_layer": 4, "n_head": 4, "n_positions": 1024} | {
            key: sizes[key] for key in ("initializer_range", "pad_token_id", "bos_token_id", "eos_token_id")
        }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AutoModelForCausalLM.from_config(AutoConfig.for_model(architecture, **sizes)).eval()
