"""Guard checkpoints on this machine. Imports torch; `isogloss.judges` does not import this module."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import TemplateError

from isogloss.core.errors import UnknownName, UnsupportedModel, say_unknown
from isogloss.judges.guard_formats import FORMATS, GuardFormat, Turn
from isogloss.judges.guard_judge import GuardJudge
from isogloss.models.batches import make_batches
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel


class OpenGuard:
    """A guard whose weights we hold, run greedily in batches of similar length.

    Args:
        model: the guard, loaded like any open model.
    """

    def __init__(self, model: OpenModel) -> None:
        self._model = model
        self.name = model.name
        tokenizer = model.tokenizer
        marks = {*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()}
        # Longest first: one mark may be the beginning of another.
        self._marks = sorted((mark for mark in marks if len(mark) > 1), key=len, reverse=True)

    def fingerprint(self) -> dict[str, str]:
        """Configuration, weights, tokenizer and chat template."""
        return self._model.fingerprint()

    def complete(self, exchanges: Sequence[list[Turn]], style: GuardFormat) -> list[str | None]:
        """The guard's text for each exchange, in order; None where one does not fit into its context.

        What looks like a control token in a request or reply is broken up first: a reply must not end its own turn.

        Raises:
            UnsupportedModel: the checkpoint's chat template cannot render the exchange; is it this guard?
        """
        model = self._model
        rendered = [self._render(turns, style) for turns in exchanges]
        rows: list[list[int]] = model.tokenizer(rendered, add_special_tokens=False)["input_ids"]
        room = None if model.context_tokens is None else model.context_tokens - style.max_new_tokens
        fitting = [number for number, row in enumerate(rows) if room is None or len(row) <= room]
        texts: list[str | None] = [None] * len(rows)
        decoding = Decoding(max_new_tokens=style.max_new_tokens)
        batches = make_batches(
            [rows[number] for number in fitting],
            pad_id=model.pad_id,
            batch_tokens=model.batch_tokens,
            reply_tokens=style.max_new_tokens,
            device=model.device,
        )
        for batch in batches:
            for index, continuation in zip(batch.indices, model.generate(batch, decoding), strict=True):
                texts[fitting[index]] = model.tokenizer.decode(continuation.ids, skip_special_tokens=True)
        return texts

    def _render(self, turns: list[Turn], style: GuardFormat) -> str:
        quoted = [{"role": turn["role"], "content": self._break_marks(turn["content"])} for turn in turns]
        try:
            return str(
                self._model.tokenizer.apply_chat_template(
                    quoted,
                    chat_template=style.chat_template or self._model.chat_template,
                    tokenize=False,
                    add_generation_prompt=style.opens_turn,
                )
            )
        except TemplateError as error:
            raise UnsupportedModel(
                f"The chat template of {self.name} cannot render a {style.name} exchange: {error}. "
                f"Is this checkpoint a guard of that family? Known families: {', '.join(FORMATS)}."
            ) from error

    def _break_marks(self, text: str) -> str:
        for mark in self._marks:
            text = text.replace(mark, f"{mark[0]} {mark[1:]}")
        return text


def load_guard(
    path_or_id: str | Path,
    family: str,
    *,
    device: str | None = None,
    dtype: str | None = None,
    revision: str | None = None,
    offline: bool = True,
) -> GuardJudge:
    """Load a guard checkpoint as a judge.

    Args:
        path_or_id: a local folder or a hub id.
        family: qwen3guard, polyguard, wildguard or llamaguard.
        device: as torch names it; None takes a CUDA device where there is one.
        dtype: float32, bfloat16 or float16; None keeps the checkpoint's.
        revision: branch, tag or commit of a hub model.
        offline: only look at local files and the local hub cache.

    Raises:
        UnknownName: no such family, folder or hub model.
        UnsupportedModel, BrokenInput: see `OpenModel.load`.
    """
    if family not in FORMATS:
        raise UnknownName(say_unknown("guard family", family, FORMATS))
    style = FORMATS[family]
    model = OpenModel.load(
        path_or_id,
        device=device,
        dtype=dtype,
        revision=revision,
        offline=offline,
        chat_template=style.chat_template,
    )
    return GuardJudge(OpenGuard(model), style)
