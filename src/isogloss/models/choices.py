"""Answer labels of multiple-choice questions as first tokens of a reply."""

from collections.abc import Sequence
from typing import Any

from isogloss.core.errors import UnsupportedModel


def find_first_tokens(tokenizer: Any, labels: Sequence[str], name: str) -> list[list[int]]:
    """Token ids that can start each label, with and without a space before it, where they tell labels apart.

    Args:
        tokenizer: of transformers.
        labels: such as ("A", "B", "C").
        name: of the model, for messages.

    Raises:
        UnsupportedModel: two labels start with the same token, so that the first token cannot tell them apart.
    """
    found: list[list[int]] = []
    for label in labels:
        ids = tokenizer([label, " " + label], add_special_tokens=False)["input_ids"]
        found.append(sorted({spelling[0] for spelling in ids}))
    shared = sorted({token for tokens in found for token in tokens if sum(token in one for one in found) > 1})
    if not shared:
        return found
    # A tokenizer may write the space as a token of its own; then only the spelling without it can be told apart.
    rest = [[token for token in tokens if token not in shared] for tokens in found]
    if not all(rest):
        raise UnsupportedModel(
            f"The labels {', '.join(labels)} do not differ in their first token under the tokenizer of "
            f"{name}. Choose labels such as A, B, C."
        )
    return rest
