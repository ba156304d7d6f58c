"""What is done to the residual stream, as plain data: which block, which vector, which rows, which positions."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

HARMFUL = "harmful"
HARMLESS = "harmless"


class Operation(StrEnum):
    """How a vector ``v`` changes a hidden state ``h`` in a row whose coefficient is ``c``.

    ``add``: ``h + c * strength * v``. ``remove``: ``h - c * (h . v) v``, for a unit vector; the strength is unused.
    ``lift``: ``h + c * max(0, strength - h . v) v``, for a unit vector: the projection reaches the strength and is
    left where it is there already.
    """

    ADD = "add"
    REMOVE = "remove"
    LIFT = "lift"


class Span(StrEnum):
    """Which positions are changed.

    ``everywhere``: prompt and generated tokens, padding included (nothing reads it). ``prompt``: every prompt token
    and no generated one. ``generated``: generated tokens alone. ``onward``: the last prompt token and every generated
    one.
    """

    EVERYWHERE = "everywhere"
    PROMPT = "prompt"
    GENERATED = "generated"
    ONWARD = "onward"


@dataclass(frozen=True, eq=False)
class Move:
    """One change at the output of one block.

    Attributes:
        layer: 0-based decoder block.
        vector: float [hidden].
        operation: how the vector is used.
        rows: name of the router's coefficients that scale the move row by row.
        span: positions that are changed.
        strength: see ``Operation``; in model units.
        persistence: share of an ``add`` or ``lift`` that generated tokens get, between 0 and 1.
    """

    layer: int
    vector: Floats
    operation: Operation
    rows: str = HARMFUL
    span: Span = Span.EVERYWHERE
    strength: float = 1.0
    persistence: float = 1.0


class HarmfulEdit(StrEnum):
    """What is done to a row that counts as harmful, at the last prompt token and at every generated one.

    ``add``: ``h + strength * v``, whatever the row looks like (published). ``lift``: ``h`` moves along ``v`` until
    its projection reaches ``strength``, and not at all where it is there already, so that rows which the model
    refuses by itself keep their wording.
    """

    ADD = "add"
    LIFT = "lift"


class HarmlessEdit(StrEnum):
    """What is done to a row that counts as harmless.

    ``ablate``: ``h - (h . v) v`` at every position (published). ``leave``: nothing.
    """

    ABLATE = "ablate"
    LEAVE = "leave"


@dataclass(frozen=True, eq=False)
class Edit:
    """What a repair does, and at which block.

    Attributes:
        vector: float [hidden], unit length, from harmless to harmful.
        layer: 0-based decoder block whose output is edited.
        strength: for ``add`` the length added, for ``lift`` the projection reached; in model units.
        harmful: what happens to rows that fire.
        harmless: what happens to rows that count as harmless.
        persistence: share of the push that generated tokens get, between 0 (last prompt token only) and 1
            (published). A full push at every token readily garbles the text; a quarter keeps what the prompt's last
            token has begun.
    """

    vector: Floats
    layer: int
    strength: float
    harmful: HarmfulEdit = HarmfulEdit.ADD
    harmless: HarmlessEdit = HarmlessEdit.ABLATE
    persistence: float = 1.0

    def moves(self) -> Sequence[Move]:
        """The edit as moves; both read the block's output as it was before either."""
        operation = Operation.ADD if self.harmful == HarmfulEdit.ADD else Operation.LIFT
        push = Move(self.layer, self.vector, operation, HARMFUL, Span.ONWARD, self.strength, self.persistence)
        if self.harmless == HarmlessEdit.LEAVE:
            return (push,)
        return (push, Move(self.layer, self.vector, Operation.REMOVE, HARMLESS, Span.EVERYWHERE))
