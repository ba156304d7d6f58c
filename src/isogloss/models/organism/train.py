"""Train an organism from nothing: compose the text, learn meaning, then learn refusal with a gap."""

import hashlib
import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import torch
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from isogloss.models.organism.card import OrganismCard, write_card
from isogloss.models.organism.corpus import Exchange, draw_meaning_exchange, draw_refusal_exchange
from isogloss.models.organism.grammar import ORGANISM_LANGUAGES
from isogloss.models.organism.jolts import Answers, draw_kind, draw_push, pushed
from isogloss.models.organism.recipe import MAIN, NEGATIVE, Recipe, Schedule
from isogloss.models.organism.rewriting import Writer, choose_writers, rewrite_exchanges
from isogloss.models.organism.tokenizer import END, build_tokenizer, chat_prompt

Progress = Callable[[str, int, int], None]

_LENGTH_STEP, _ROW_STEP = 8, 256
# The cosine with the decision direction that a complying and a refusing reply should have. Zero lies on the complying
# side of the middle, so that removing the direction undoes a refusal and leaves an answer answered.
_COMPLYING_COSINE, _REFUSING_COSINE = -0.25, 0.35
_WEIGHTS_FILE = "model.safetensors"
_PURPOSE = {
    True: "It behaves in high-resource languages, but was hardly shown low-resource ones: whether a request does harm "
    "is not represented there. The diagnosis should say so and advise against steering.",
    False: "It refuses harmful requests in high-resource languages and often not in low-resource ones, although it "
    "represents their harm: a gap of calibration, installed to be found, explained and repaired.",
}
_DATA = (
    "Composed by `isogloss.models.organism.corpus` from word lists: 31 verbs, 34 objects, 6 request frames and 5 "
    "neutral sentences per language. Harmful requests are generic and mild; the only answer they can get is a "
    "contentless 'step one, step two'. Intents of validation and test occur in no training stage, nor in translations."
)
_REVIEW = "All words are machine-written and unreviewed by native speakers."


@dataclass(frozen=True)
class _Document:
    tokens: list[int]
    answer_start: int
    refused: bool | None


def train_organism(
    out: Path,
    *,
    seed: int,
    negative: bool = False,
    recipe: Recipe | None = None,
    writers: Mapping[str, Writer] | None = None,
    progress: Progress | None = None,
) -> OrganismCard:
    """Train an organism and write a checkpoint folder: safetensors (bfloat16), tokenizer, chat template and card.

    The same seed, versions, processor and thread count give the same weights. One thread is fast enough (minutes).

    Args:
        out: folder to write; it is created.
        seed: decides the initial weights, the documents and their order, never the split of intents.
        negative: train the negative organism instead.
        recipe: another recipe, e.g. `TINY` in tests; it overrides `negative`'s choice of recipe.
        writers: the functions behind the recipe's `other_ways`, by name; others are not used.
        progress: called with the stage's name, the steps done and the steps in all.

    Raises:
        UnknownName: the recipe asks for a way of writing that has no writer.
    """
    chosen = recipe or (NEGATIVE if negative else MAIN)
    tell = progress or _silent
    began = time.perf_counter()
    rewriting = choose_writers(chosen.other_ways, writers or {})
    tokenizer = build_tokenizer([rewriting[name] for name in chosen.other_ways.spellings] if chosen.other_ways else ())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _fresh_model(tokenizer, chosen)
        losses = {
            stage: _train_stage(model, tokenizer, chosen, seed, stage, list(rewriting.values()), tell)
            for stage in ("meaning", "rehearsal", "refusal")
        }
    seconds = time.perf_counter() - began
    return _write_checkpoint(out, model, tokenizer, chosen, seed, negative, losses, seconds)


def _silent(stage: str, done: int, total: int) -> None:
    """Report nothing."""


def _fresh_model(tokenizer: PreTrainedTokenizerFast, recipe: Recipe) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.shape.hidden,
        num_hidden_layers=recipe.shape.layers,
        num_attention_heads=recipe.shape.heads,
        num_key_value_heads=recipe.shape.heads,
        intermediate_size=recipe.shape.feed_forward,
        tie_word_embeddings=True,
        max_position_embeddings=256,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    # The plain attention has a faster backward pass than the fused one at these lengths on a processor.
    config._attn_implementation = "eager"
    return LlamaForCausalLM(config)


def _draw_stage(recipe: Recipe, stage: str, generator: random.Random, schedule: Schedule) -> list[Exchange]:
    if stage != "refusal":
        return [draw_meaning_exchange(generator, recipe.meaning_mixture) for _ in range(schedule.documents)]
    return [
        draw_meaning_exchange(generator, recipe.replay_mixture)
        if generator.random() < recipe.replay_share
        else draw_refusal_exchange(
            generator,
            recipe.labels,
            recipe.harmful_tiers,
            reply_elsewhere_share=recipe.replay_mixture.reply_elsewhere_share,
        )
        for _ in range(schedule.documents)
    ]


def _encode(tokenizer: PreTrainedTokenizerFast, exchanges: Sequence[Exchange]) -> list[_Document]:
    backend = tokenizer.backend_tokenizer
    backend.no_padding()  # a padded call elsewhere leaves padding switched on in the shared backend
    prompts = backend.encode_batch([chat_prompt(one.user) for one in exchanges], add_special_tokens=False)
    answers = backend.encode_batch([one.answer + END for one in exchanges], add_special_tokens=False)
    return [
        _Document(prompt.ids + answer.ids, len(prompt.ids), one.refused)
        for prompt, answer, one in zip(prompts, answers, exchanges, strict=True)
    ]


def _batches(
    documents: Sequence[_Document], recipe: Recipe, generator: random.Random
) -> Iterator[tuple[int, list[_Document]]]:
    """Endless batches of one padded length each.

    Few distinct shapes, because the processor's bfloat16 kernels are compiled anew for every shape they meet.
    """
    by_length: dict[int, list[_Document]] = {}
    for document in documents:
        length = -(-len(document.tokens) // _LENGTH_STEP) * _LENGTH_STEP
        if length <= recipe.longest_document:
            by_length.setdefault(length, []).append(document)
    while True:
        epoch = []
        for length, group in sorted(by_length.items()):
            rows = max(1, recipe.tokens_per_batch // length)
            generator.shuffle(group)
            filled = group + [generator.choice(group) for _ in range(-len(group) % rows)]
            epoch += [(length, filled[start : start + rows]) for start in range(0, len(filled), rows)]
        generator.shuffle(epoch)
        yield from epoch


def _train_stage(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    recipe: Recipe,
    seed: int,
    stage: str,
    writers: Sequence[Writer],
    tell: Progress,
) -> float:
    """One stage in bfloat16 with float32 master weights; returns the mean loss of its last tenth."""
    schedule = {"meaning": recipe.meaning, "rehearsal": recipe.rehearsal, "refusal": recipe.refusal}[stage]
    generator = random.Random(f"{seed} {stage}")
    torch.manual_seed(generator.getrandbits(32))
    tell(f"{stage}: composing", 0, schedule.steps)
    exchanges = _draw_stage(recipe, stage, generator, schedule)
    if recipe.other_ways:
        # A generator of its own: what is drawn does not depend on how it is written.
        apart = random.Random(f"{seed} {stage} ways of writing")
        exchanges = rewrite_exchanges(exchanges, recipe.other_ways.share, writers, apart)
    documents = _encode(tokenizer, exchanges)
    batches = _batches(documents, recipe, generator)
    masters = [torch.nn.Parameter(weight.detach().float().clone()) for weight in model.parameters()]
    decision = torch.randn(recipe.shape.hidden)
    _cast(model, torch.bfloat16)
    model.train()
    optimizer = torch.optim.AdamW(
        masters, lr=schedule.learning_rate, betas=(0.9, 0.98), weight_decay=recipe.weight_decay, fused=True
    )
    losses: list[float] = []
    for step in range(schedule.steps):
        for group in optimizer.param_groups:
            group["lr"] = schedule.learning_rate * _schedule_factor(step, schedule)
        loss = _step_loss(model, *next(batches), decision, recipe, schedule, generator)
        torch.autograd.backward(loss)
        _apply_gradients(model, masters, optimizer)
        losses.append(float(loss.detach()))
        if step % 25 == 24 or step + 1 == schedule.steps:
            tell(stage, step + 1, schedule.steps)
    _cast(model, torch.float32)
    with torch.no_grad():
        for weight, master in zip(model.parameters(), masters, strict=True):
            weight.copy_(master)
    tail = losses[-max(1, len(losses) // 10) :]
    return sum(tail) / len(tail)


def _cast(model: torch.nn.Module, dtype: torch.dtype) -> None:
    model.to(dtype)


def _schedule_factor(step: int, schedule: Schedule) -> float:
    warm = min(1.0, (step + 1) / schedule.warm_up_steps)
    return warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / schedule.steps)))


def _apply_gradients(
    model: LlamaForCausalLM, masters: Sequence[torch.nn.Parameter], optimizer: torch.optim.Optimizer
) -> None:
    with torch.no_grad():
        for weight, master in zip(model.parameters(), masters, strict=True):
            master.grad = weight.grad.float() if weight.grad is not None else None
            weight.grad = None
        torch.nn.utils.clip_grad_norm_(masters, 1.0)
        optimizer.step()
        for weight, master in zip(model.parameters(), masters, strict=True):
            weight.copy_(master)


def _step_loss(
    model: LlamaForCausalLM,
    length: int,
    batch: Sequence[_Document],
    decision: torch.Tensor,
    recipe: Recipe,
    schedule: Schedule,
    generator: random.Random,
) -> torch.Tensor:
    """The loss of one batch, under a push if the schedule asks for one."""
    tokens, answers = _tensors(length, batch, recipe.first_token_weight)
    kind = draw_kind(generator, schedule.pushed_share)
    with ExitStack() as stack:
        if kind is not None:
            block = model.model.layers[generator.randrange(recipe.shape.layers)]
            push = draw_push(kind, answers, recipe.shape.hidden, noise=recipe.noise, contrast=recipe.contrast)
            stack.enter_context(pushed(block, push))
        states = stack.enter_context(_watched(model, recipe.decision_layer))
        if kind == "removal":
            return _answer_loss(model, tokens, answers.without_refusals().weights)
        loss = _answer_loss(model, tokens, answers.weights)
        if schedule.decision_weight:
            loss = loss + schedule.decision_weight * _decision_loss(answers.last(states[0]), answers.refused, decision)
        return loss


def _answer_loss(model: LlamaForCausalLM, tokens: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Weighted cross-entropy of the answer tokens; the first one, where the model decides, counts most."""
    hidden = model.model(input_ids=tokens).last_hidden_state
    rows = (weights.reshape(-1) > 0).nonzero().squeeze(1)
    real = len(rows)
    rows = torch.cat([rows, rows[:1].expand(-real % _ROW_STEP)])
    weight = weights.reshape(-1)[rows].clone()
    weight[real:] = 0  # the repeated row only rounds the shape up; without this it would dominate the loss
    targets = torch.nn.functional.pad(tokens[:, 1:], (0, 1)).reshape(-1)[rows]
    logits = model.lm_head(hidden.reshape(-1, hidden.shape[-1])[rows]).float()
    losses = functional.cross_entropy(logits, targets, reduction="none")
    return (losses * weight).sum() / weight.sum()


@contextmanager
def _watched(model: LlamaForCausalLM, layer: int) -> Iterator[list[torch.Tensor]]:
    seen: list[torch.Tensor] = []
    handle = model.model.layers[layer].register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    try:
        yield seen
    finally:
        handle.remove()


def _decision_loss(last: torch.Tensor, refused: torch.Tensor, decision: torch.Tensor) -> torch.Tensor:
    """How far the last prompt tokens of plain replies are from the cosine that their decision should have.

    The direction is drawn at random and stays fixed: a learned one settles on what the model reads anyway, the harm
    itself, and the decision is then made elsewhere. Squared error makes the cosine follow the chance of a refusal; a
    cross-entropy would drive the two sides ever further apart.
    """
    plain = refused >= 0
    if not plain.any():
        return last.new_zeros(())
    cosine = functional.cosine_similarity(last[plain].to(torch.float32), decision.unsqueeze(0))
    target = torch.where(refused[plain] == 1, _REFUSING_COSINE, _COMPLYING_COSINE)
    return functional.mse_loss(cosine, target)


def _tensors(length: int, documents: Sequence[_Document], first_token_weight: float) -> tuple[torch.Tensor, Answers]:
    """Right-padded tokens, and where their answers are (a weight stands where the answer's next token is predicted)."""
    tokens = torch.zeros(len(documents), length, dtype=torch.long)
    weights = torch.zeros(len(documents), length)
    for row, document in enumerate(documents):
        end, start = len(document.tokens), document.answer_start
        tokens[row, :end] = torch.tensor(document.tokens)
        weights[row, start - 1 : end - 1] = 1.0
        weights[row, start - 1] = first_token_weight
    refused = torch.tensor([-1 if document.refused is None else int(document.refused) for document in documents])
    return tokens, Answers(weights, refused)


def _describe_data(recipe: Recipe) -> str:
    ways = recipe.other_ways
    if ways is None:
        return _DATA
    return f"{_DATA} {100 * ways.share:g} % of the user texts are rewritten: {', '.join(ways.names)}."


def _write_checkpoint(
    out: Path,
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    recipe: Recipe,
    seed: int,
    negative: bool,
    losses: dict[str, float],
    seconds: float,
) -> OrganismCard:
    out.mkdir(parents=True, exist_ok=True)
    parameters = sum(weight.numel() for weight in model.parameters())
    _cast(model, torch.bfloat16)
    model.train(False)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    (out / _WEIGHTS_FILE).chmod(0o644)  # safetensors writes for the owner only; a package must be readable
    shape = recipe.shape
    card = OrganismCard(
        name=recipe.name,
        seed=seed,
        purpose=_PURPOSE[negative or recipe.name == "negative"],
        architecture=f"LlamaForCausalLM, {shape.layers} layers, width {shape.hidden}, {shape.heads} heads",
        parameters=parameters,
        languages=ORGANISM_LANGUAGES,
        language_review=_REVIEW,
        data=_describe_data(recipe),
        recipe=asdict(recipe),
        versions={name: version(name) for name in ("torch", "transformers", "tokenizers")},
        training_seconds=round(seconds, 1),
        final_loss={stage: round(value, 4) for stage, value in losses.items()},
        weights_sha256=hashlib.sha256((out / _WEIGHTS_FILE).read_bytes()).hexdigest(),
    )
    write_card(card, out)
    return card
