"""A model whose weights we hold: it answers, and it may be looked into and steered."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor, nn
from transformers import GenerationConfig, LogitsProcessorList

from isogloss.core import Finish, Prompt, Reply
from isogloss.core.errors import BrokenInput, UnsupportedModel
from isogloss.models.adapters import fingerprint_adapters, look_through
from isogloss.models.batches import PromptBatch, make_batches
from isogloss.models.chat import Decoding
from isogloss.models.choices import find_first_tokens
from isogloss.models.identity import (
    fingerprint_config,
    fingerprint_template,
    fingerprint_tokenizer,
    fingerprint_weights,
    keep_weights_readable,
)
from isogloss.models.layers import StopForwardError, device_of, find_blocks, hooked, keep_hooks_visible, verify_blocks
from isogloss.models.loading import DeviceMap, load_pretrained
from isogloss.models.sampling import make_sampler
from isogloss.models.steering import Steering
from isogloss.models.template import read_template, render_turn

# The largest batch, in tokens of prompts and replies together.
BATCH_TOKENS = 8192
# How much padding may move a logit, in standard deviations of the logits: far above the noise of bfloat16, far below
# what a model does that reads its padding.
PADDING_TOLERANCE = 0.25


class Continuation(NamedTuple):
    """What the model wrote after one row, as token ids without the end token, and why it ended."""

    ids: list[int]
    finish: Finish


class OpenModel:
    """A decoder-only chat model of `transformers`, with its decoder blocks laid open.

    Text becomes tokens in one place, ``encode``, for calibration, generation and serving alike. Rows are computed
    in batches of similar length, padded on the left; no row depends on its neighbours, up to float noise.
    The checkpoint's own sampling habits (repetition penalty, top_k, ...) are dropped: ``Decoding`` alone decides.

    Attributes:
        name: what people call it.
        model: the module of `transformers`, in evaluation mode and without gradients.
        tokenizer: its tokenizer.
        chat_template: the template that renders every prompt.
        template_arguments: what is always passed to the template, such as ``{"enable_thinking": False}``.
        base: the part of the model below the language-model head: embeddings, blocks and final norm.
        blocks: decoder blocks in order; layer l is ``blocks[l]``, its output the residual stream.
        layer_count: how many.
        hidden_size: width of the residual stream.
        context_tokens: the most tokens of prompt and reply, or None where the configuration does not tell.
        end_ids: tokens that end a reply.
        batch_tokens: the most tokens of prompts and replies in one batch of ``reply``; lower it if memory is short.
        steering: the intervention in force; set and unset by its context manager.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str,
        chat_template: str | None = None,
        template_arguments: Mapping[str, Any] | None = None,
        batch_tokens: int = BATCH_TOKENS,
    ) -> None:
        """Open up a model that is already in memory. See ``load`` for one on disk.

        A model that PEFT has wrapped is looked through; the adapter stays in force.

        Raises:
            UnsupportedModel: there is no chat template, or no decoder blocks on which hooks work.
        """
        model = look_through(model)
        keep_weights_readable(model)
        text_config = model.config.get_text_config()
        self.name = name
        self.model = model
        self.tokenizer = tokenizer
        self.chat_template = read_template(tokenizer, chat_template, name)
        self.template_arguments: dict[str, Any] = dict(template_arguments or {})
        self.batch_tokens = batch_tokens
        self.layer_count = int(text_config.num_hidden_layers)
        self.hidden_size = int(text_config.hidden_size)
        self.context_tokens: int | None = getattr(text_config, "max_position_embeddings", None)
        self.end_ids = _collect_end_ids(model, text_config, tokenizer)
        self.pad_id = int(tokenizer.pad_token_id if tokenizer.pad_token_id is not None else self.end_ids[0])
        self.steering: Steering | None = None
        self.base, self.blocks = find_blocks(model, self.layer_count)
        model.generation_config = self._greedy(None)
        self._verify()
        keep_hooks_visible(self.blocks)

    @classmethod
    def load(
        cls,
        path_or_id: str | Path,
        *,
        name: str | None = None,
        device: str | None = None,
        dtype: str | None = None,
        device_map: DeviceMap | None = None,
        quantisation: Any = None,
        adapter: str | Path | None = None,
        revision: str | None = None,
        trust_remote_code: bool = False,
        offline: bool = True,
        chat_template: str | None = None,
        template_arguments: Mapping[str, Any] | None = None,
        batch_tokens: int = BATCH_TOKENS,
    ) -> Self:
        """Load a checkpoint and try out its decoder blocks.

        Args:
            path_or_id: a local folder or a hub id.
            name: what to call it; the path or id as given where left out.
            device: as torch names it; None takes a CUDA device where there is one.
            dtype: float32, bfloat16 or float16; None keeps the checkpoint's, but float32 for a model of less
                than 1e9 parameters on a CPU.
            device_map: "auto" or a mapping from modules to devices, which spreads the layers; instead of ``device``.
            quantisation: "8bit" or "4bit" (bitsandbytes), or any quantisation configuration of transformers.
            adapter: folder of a PEFT adapter, such as LoRA, to put on the model.
            revision: branch, tag or commit of a hub model.
            trust_remote_code: run Python code that the checkpoint brings along. Leave it off for strangers' models.
            offline: only look at local files and the local hub cache.
            chat_template: Jinja text to use instead of the tokenizer's own template.
            template_arguments: always passed to the template.
            batch_tokens: the most tokens of prompts and replies in one batch.

        Raises:
            UnknownName: no such folder, hub model, device or dtype.
            UnsupportedModel: not a decoder-only chat checkpoint in safetensors whose blocks can be hooked.
            BrokenInput: weights are missing or damaged.
            MissingExtra: a package that the device map, the quantisation or the adapter needs is not installed.
        """
        model, tokenizer = load_pretrained(
            str(path_or_id),
            device=device,
            dtype=dtype,
            revision=revision,
            trust_remote_code=trust_remote_code,
            offline=offline,
            device_map=device_map,
            quantisation=quantisation,
            adapter=None if adapter is None else str(adapter),
        )
        return cls(
            model,
            tokenizer,
            name=name or str(path_or_id),
            chat_template=chat_template,
            template_arguments=template_arguments,
            batch_tokens=batch_tokens,
        )

    @property
    def device(self) -> torch.device:
        """Where the input embeddings are."""
        return device_of(self.model.get_input_embeddings())

    def fingerprint(self) -> dict[str, str]:
        """Short hashes of configuration, weights, tokenizer and chat template, taken from what is in memory now."""
        adapters = fingerprint_adapters(self.model)
        return {
            "config": fingerprint_config(self.model.config),
            "weights": fingerprint_weights(self.model),
            "tokenizer": fingerprint_tokenizer(self.tokenizer),
            "chat_template": fingerprint_template(self.chat_template, self.template_arguments),
            **({} if adapters is None else {"adapters": adapters}),
        }

    # ---- from text to batches

    def render(self, text: str, system_prompt: str | None = None) -> str:
        """The prompt as the model sees it: chat template, user turn and the opening of the model's turn."""
        return render_turn(self.tokenizer, self.chat_template, text, system_prompt, self.template_arguments)

    def encode(self, texts: Sequence[str], system_prompt: str | None = None) -> list[list[int]]:
        """Token ids of rendered prompts: the one way from text to tokens.

        No special tokens are added while tokenising, because the template has already written them: a tokenizer
        that adds a second BOS would shift every hidden state.
        """
        if not texts:
            return []
        rendered = [self.render(text, system_prompt) for text in texts]
        ids: list[list[int]] = self.tokenizer(rendered, add_special_tokens=False)["input_ids"]
        return ids

    def batches(
        self, prompts: Sequence[Prompt], *, batch_tokens: int = BATCH_TOKENS, system_prompt: str | None = None
    ) -> Iterator[PromptBatch]:
        """Prompts as batches, longest first; ``indices`` says which prompt each row is.

        Raises:
            BrokenInput: a prompt is longer than the model's context.
        """
        rows = self.encode([prompt.text for prompt in prompts], system_prompt)
        for prompt, row in zip(prompts, rows, strict=True):
            if not self._fits(row):
                raise BrokenInput(f"Prompt {prompt.id} ({prompt.language}): {self._too_long(row)}")
        languages = [prompt.language for prompt in prompts]
        yield from make_batches(
            rows, languages=languages, pad_id=self.pad_id, batch_tokens=batch_tokens, device=self.device
        )

    # ---- one pass

    def forward_hidden(self, batch: PromptBatch, *, last_layer: int | None = None) -> None:
        """Run the blocks over a batch for the sake of hooks: no language-model head, no cache, nothing returned.

        Args:
            batch: the rows.
            last_layer: stop after this block (its hooks still run); None runs all.
        """
        if self.steering is not None:
            self.steering.begin(batch, use_cache=False)
        self.run_blocks(batch, last_layer=last_layer)

    def run_blocks(self, batch: PromptBatch, *, last_layer: int | None = None) -> None:
        """What ``forward_hidden`` does, without telling the intervention in force: for what reads on its behalf."""
        with torch.inference_mode(), ExitStack() as stack:
            if last_layer is not None:
                stack.enter_context(hooked(self.blocks[last_layer], _stop))
            try:
                self.base(**self._inputs(self.base, batch))
            except StopForwardError:
                return

    def next_logits(self, batch: PromptBatch) -> Tensor:
        """Logits of the first reply token, [row, vocabulary], with the steering in force."""
        if self.steering is not None:
            self.steering.begin(batch, use_cache=False)
        inputs = self._inputs(self.model, batch)
        if "logits_to_keep" in _parameters(self.model):
            inputs["logits_to_keep"] = 1
        with torch.inference_mode():
            logits: Tensor = self.model(**inputs).logits[:, -1]
        return logits

    def choice_log_probabilities(self, prompts: Sequence[Prompt], labels: Sequence[str]) -> np.ndarray:
        """How likely each answer label is as the first token of the reply, for multiple-choice questions.

        A label counts with the better of its two spellings, with and without a space before it.

        Args:
            prompts: questions that ask for one label.
            labels: such as ("A", "B", "C").

        Returns:
            Natural log-probabilities over the whole vocabulary, float64 [prompt, label]; they need not sum to one.

        Raises:
            UnsupportedModel: two labels start with the same token, so that the first token cannot tell them apart.
        """
        spellings = find_first_tokens(self.tokenizer, labels, self.name)
        scores = np.zeros((len(prompts), len(labels)))
        for batch in self.batches(prompts, batch_tokens=self.batch_tokens):
            chances = self.next_logits(batch).float().log_softmax(dim=-1)
            for column, tokens in enumerate(spellings):
                scores[batch.indices, column] = chances[:, tokens].amax(dim=-1).double().cpu().numpy()
        return scores

    # ---- replies

    def reply(self, prompts: Sequence[Prompt], decoding: Decoding) -> Iterator[Reply]:
        """Answer every prompt once, yielding the replies of a batch as soon as it is done.

        Greedy replies do not depend on the other prompts or on their order. Sampled ones do not either: each row's
        luck comes from ``decoding.seed`` and its own tokens, so an interrupted run that goes on gives the same
        replies, and equal prompts under one seed get equal replies. A prompt longer than the model's context yields a
        failed reply.
        """
        rows = self.encode([prompt.text for prompt in prompts], decoding.system_prompt)
        roomy, tight = self._sort_by_room(rows, decoding.max_new_tokens)
        for numbers, batch_tokens in ((roomy, self.batch_tokens), (tight, 1)):
            batches = make_batches(
                [rows[number] for number in numbers],
                languages=[prompts[number].language for number in numbers],
                pad_id=self.pad_id,
                batch_tokens=batch_tokens,
                reply_tokens=decoding.max_new_tokens,
                device=self.device,
            )
            for batch in batches:
                yield from self._reply_batch(batch, [prompts[numbers[index]] for index in batch.indices], decoding)
        for number, row in enumerate(rows):
            if not self._fits(row):
                yield self._failed(prompts[number], row)

    def generate(self, batch: PromptBatch, decoding: Decoding) -> list[Continuation]:
        """Continue every row of a batch until an end token, ``max_new_tokens`` or the end of the context.

        The context is counted from the widest row; ``reply`` gives rows that come near its end a batch of their own.

        Args:
            batch: rows on the model's device; rendered with the system prompt already.
            decoding: greedy at temperature 0, else sampled row by row (see ``sampling``).

        Returns:
            One continuation per row, in row order.
        """
        count = decoding.max_new_tokens
        if self.context_tokens is not None:
            count = max(1, min(count, self.context_tokens - batch.width))
        if self.steering is not None:
            self.steering.begin(batch, use_cache=True)
        with torch.inference_mode():
            out = self.model.generate(
                input_ids=batch.input_ids,
                attention_mask=batch.attention_mask,
                generation_config=self._greedy(count),
                logits_processor=LogitsProcessorList(make_sampler(batch, decoding, count)),
            )
        return [self._cut(row) for row in out[:, batch.width :].tolist()]

    # ---- inside

    def _reply_batch(self, batch: PromptBatch, prompts: list[Prompt], decoding: Decoding) -> Iterator[Reply]:
        continuations = self.generate(batch, decoding)
        readings = self.steering.readings() if self.steering is not None else None
        texts = self.tokenizer.batch_decode([one.ids for one in continuations], skip_special_tokens=True)
        lengths = batch.lengths
        for row, prompt in enumerate(prompts):
            yield Reply(
                prompt_id=prompt.id,
                language=prompt.language.tag,
                text=texts[row],
                finish=continuations[row].finish,
                prompt_tokens=lengths[row],
                reply_tokens=len(continuations[row].ids),
                gate=readings[row] if readings is not None else None,
            )

    def _greedy(self, max_new_tokens: int | None) -> Any:
        make: Any = GenerationConfig  # unannotated
        return make(max_new_tokens=max_new_tokens, do_sample=False, eos_token_id=self.end_ids, pad_token_id=self.pad_id)

    def _cut(self, ids: list[int]) -> Continuation:
        for place, token in enumerate(ids):
            if token in self.end_ids:
                return Continuation(ids[:place], Finish.STOP)
        return Continuation(ids, Finish.LENGTH)

    def _sort_by_room(self, rows: Sequence[list[int]], reply_tokens: int) -> tuple[list[int], list[int]]:
        """Rows with room for a whole reply, and rows whose reply the context may cut; too long ones are in neither."""
        fitting = [number for number, row in enumerate(rows) if self._fits(row)]
        most = None if self.context_tokens is None else self.context_tokens - reply_tokens
        tight = [number for number in fitting if most is not None and len(rows[number]) > most]
        return sorted(set(fitting) - set(tight)), tight

    def _fits(self, row: list[int]) -> bool:
        return self.context_tokens is None or len(row) < self.context_tokens

    def _too_long(self, row: list[int]) -> str:
        return f"{len(row)} tokens, and {self.name} takes at most {self.context_tokens} with the reply. Shorten it."

    def _failed(self, prompt: Prompt, row: list[int]) -> Reply:
        return Reply(
            prompt_id=prompt.id,
            language=prompt.language.tag,
            text="",
            finish=Finish.FAILED,
            prompt_tokens=len(row),
            error=f"The prompt has {self._too_long(row)}",
        )

    def _inputs(self, module: nn.Module, batch: PromptBatch) -> dict[str, Any]:
        inputs: dict[str, Any] = {
            "input_ids": batch.input_ids,
            "attention_mask": batch.attention_mask,
            "use_cache": False,
        }
        if "position_ids" in _parameters(module):
            inputs["position_ids"] = batch.position_ids
        return inputs

    def _verify(self) -> None:
        """Try out the blocks on one short prompt, with the head and without it."""
        [ids] = self.encode(["a"])
        [batch] = make_batches([ids], pad_id=self.pad_id, batch_tokens=len(ids), device=self.device)
        inputs = self._inputs(self.model, batch)
        verify_blocks(
            self.blocks,
            self.hidden_size,
            lambda states: self.model(**inputs, output_hidden_states=states, return_dict=True),
        )
        reached: list[int] = []
        with hooked(self.blocks[-1], lambda _module, _inputs, _output: reached.append(1)):
            self.forward_hidden(batch)
        if reached != [1]:
            raise UnsupportedModel(f"{self.name}: its blocks do not run without the language-model head.")
        self._verify_padding(batch)

    def _verify_padding(self, batch: PromptBatch) -> None:
        """Make sure that padding on the left is invisible to a row, beyond the noise of half precision."""
        padded = PromptBatch(
            indices=batch.indices,
            languages=None,
            input_ids=nn.functional.pad(batch.input_ids, (5, 0), value=self.pad_id),
            attention_mask=nn.functional.pad(batch.attention_mask, (5, 0)),
        )
        plain = self.next_logits(batch).float()
        if (self.next_logits(padded).float() - plain).abs().max() > PADDING_TOLERANCE * plain.std():
            raise UnsupportedModel(f"{self.name} is disturbed by padding on the left, so its rows cannot be batched.")


def _stop(_module: nn.Module, _inputs: Any, _output: Any) -> None:
    raise StopForwardError


def _parameters(module: nn.Module) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(module.forward).parameters


def _collect_end_ids(model: Any, text_config: Any, tokenizer: Any) -> list[int]:
    """End tokens named anywhere: checkpoints often list the end of a turn in one place and of a text in another."""
    found: set[int] = set()
    for source in (getattr(model, "generation_config", None), model.config, text_config, tokenizer):
        ids = getattr(source, "eos_token_id", None)
        found |= {int(token) for token in (ids if isinstance(ids, list | tuple) else [ids]) if token is not None}
    if not found:
        raise UnsupportedModel("Neither the model nor its tokenizer names an end token, so replies would not end.")
    return sorted(found)
