"""Token positions that the published method reads, found per model rather than assumed."""

from collections.abc import Sequence
from dataclasses import dataclass

from isogloss.core import Prompt
from isogloss.core.errors import UnsupportedModel
from isogloss.inside.activations import Activations, record_activations
from isogloss.models.open_model import OpenModel

# Ends as different as user texts have: a letter, a full stop, a question mark, a digit, two other scripts.
PLACEHOLDERS = ("zqxj placeholder", "zqxj end.", "zqxj end?", "zqxj 2024", "zqxj ደህና", "zqxj 你好。")


@dataclass(frozen=True, slots=True)
class PromptPositions:
    """Where to read a rendered prompt, as negative indices from its end.

    Attributes:
        post_instruction: ``t_post_inst``, the last token of all; always -1.
        instruction: ``t_inst``, the last token that holds text of the user.
    """

    post_instruction: int
    instruction: int

    def both(self) -> tuple[int, int]:
        """In the order in which the published store keeps them: instruction first."""
        return (self.instruction, self.post_instruction)


def find_positions(model: OpenModel, placeholders: Sequence[str] = PLACEHOLDERS) -> PromptPositions:
    """Derive the positions from rendered placeholders.

    Not for a model whose template or tokenizer treats the end of the user's text differently from text to text;
    ``find_instruction_positions`` then finds the position of every text by itself.

    Raises:
        UnsupportedModel: the tokenizer has no offsets, the template changes the text, or the tokens after the user's
            text are not the same for every placeholder; the message shows two that differ.

    Source: arXiv 2606.01196; there one placeholder is rendered, and a suffix that varies goes unnoticed.
    """
    found = find_instruction_positions(model, placeholders)
    for text, position in zip(placeholders, found, strict=True):
        if position != found[0]:
            raise UnsupportedModel(
                f"{model.name}: the last token of the user's text is at {found[0]} for {placeholders[0]!r} but at "
                f"{position} for {text!r}, so no one position reads it. Read position -1 instead."
            )
    return PromptPositions(post_instruction=-1, instruction=found[0])


def find_instruction_positions(model: OpenModel, texts: Sequence[str]) -> list[int]:
    """The last token that holds a character of each text, as a negative index, in the order of the texts.

    Raises:
        UnsupportedModel: the tokenizer has no offsets, or the template does not render the text as it is.
    """
    if not getattr(model.tokenizer, "is_fast", False):
        raise UnsupportedModel(f"The tokenizer of {model.name} gives no character offsets; only fast tokenizers do.")
    suffix = _suffix(model)
    found = []
    for text in texts:
        rendered = model.render(text)
        if not rendered.endswith(text.rstrip() + suffix):
            raise UnsupportedModel(
                f"The chat template of {model.name} does not end every prompt with the user's text and {suffix!r}; "
                f"it rendered {text!r} as {rendered[-80:]!r}. Read position -1 instead."
            )
        end = len(rendered) - len(suffix)
        offsets = model.tokenizer(rendered, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        last = max(number for number, (start, stop) in enumerate(offsets) if start < end and stop > start)
        found.append(last - len(offsets))
    return found


def record_positions(
    model: OpenModel, prompts: Sequence[Prompt], *, layers: Sequence[int] | None = None
) -> tuple[Activations, PromptPositions]:
    """States at both positions, by the same path from text to tokens as generation.

    Raises:
        UnsupportedModel: as ``find_positions``, tried on the prompts themselves too.

    Source: arXiv 2606.01196; there states are recorded with a second BOS token on models whose template writes
    one already, and served without it. Here one path does both.
    """
    positions = find_positions(model, [*PLACEHOLDERS, *dict.fromkeys(prompt.text for prompt in prompts)])
    return record_activations(model, prompts, layers=layers, positions=positions.both()), positions


def _suffix(model: OpenModel) -> str:
    """What the template writes after the user's text."""
    before, found, after = model.render(PLACEHOLDERS[0]).rpartition(PLACEHOLDERS[0])
    if not found:
        raise UnsupportedModel(f"The chat template of {model.name} changes the user's text ({before[-80:]!r}{after}).")
    return after
