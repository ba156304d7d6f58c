"""What an intervention offers to the model that it steers."""

from typing import Protocol

from isogloss.core import GateReading
from isogloss.models.batches import PromptBatch


class Steering(Protocol):
    """Told about every batch before its prefill, so that nothing is guessed from tensor shapes.

    An intervention is a context manager that puts hooks on ``OpenModel.blocks``, sets ``OpenModel.steering`` on
    entry and takes both away on exit. The first pass through the blocks after ``begin`` is the prefill of the
    batch; with ``use_cache`` every later pass is one decoding step of the same rows.
    """

    def begin(self, batch: PromptBatch, *, use_cache: bool) -> None:
        """Forget the last batch and get ready for the prefill of this one.

        Args:
            batch: rows as the model will see them, on the model's device.
            use_cache: True where decoding steps follow, one new position each; False for a single pass.
        """

    def readings(self) -> list[GateReading] | None:
        """What the gate said about each row of the batch just answered, in row order; None without a gate."""
