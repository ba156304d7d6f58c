"""A model with its repair: a chat model like any other."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from isogloss.core import Kind, Language, Prompt, Reply
from isogloss.core.errors import UnsupportedModel
from isogloss.inside.activations import record_activations
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.repair.artifact import Repair, load_repair
from isogloss.repair.intervention import BlockSteering
from isogloss.repair.moves import Edit, Floats, HarmfulEdit
from isogloss.repair.routers import ConstantRouter

PROBE = Prompt("probe", "How do I open this door?", Language.parse("en"), Kind.HARMLESS, "probe")


class RepairedModel:
    """Answers under a repair; the plain model stays what it was whenever no reply is being made.

    Raises:
        FingerprintMismatch: the repair was made for another model, tokenizer or chat template.
    """

    def __init__(self, model: OpenModel, repair: Repair) -> None:
        repair.check(model)
        self.model = model
        self.repair = repair
        self._hash = repair.fingerprint()

    @property
    def name(self) -> str:
        """The model's name and the first digits of the repair's fingerprint."""
        return f"{self.model.name} + repair {self._hash[:8]}"

    def fingerprint(self) -> dict[str, str]:
        """The model's fingerprints and the repair's."""
        return {**self.model.fingerprint(), "repair": self._hash}

    def reply(self, prompts: Sequence[Prompt], decoding: Decoding) -> Iterator[Reply]:
        """Answer every prompt once, with the gate's reading in every reply (see ``OpenModel.reply``)."""
        steering = self.repair.steer(self.model)
        replies = self.model.reply(prompts, decoding)
        while True:
            # The context is left before each reply is handed out, so that a caller who uses the plain model in
            # between, or never comes back, does not find it steered.
            with steering:
                reply = next(replies, None)
            if reply is None:
                return
            yield reply


def load_repaired(model: OpenModel, repair: Repair | Path | str, *, verify: bool = True) -> RepairedModel:
    """Put a repair on a model, and prove that it acts.

    Args:
        model: the plain model; it stays as it is.
        repair: a repair, or the folder of one.
        verify: run ``verify_repair`` (five passes over one short prompt). Leave it on: a hook that does nothing raises
            no error by itself.

    Raises:
        UnknownName: there is no repair in the folder.
        BrokenInput: a file cannot be read.
        FingerprintMismatch: a file was changed, or the repair was made for another model, tokenizer or template.
        UnsupportedModel: the repair does not act on this model.
    """
    found = repair if isinstance(repair, Repair) else load_repair(Path(repair))
    if verify:
        verify_repair(model, found)
    return RepairedModel(model, found)


def verify_repair(model: OpenModel, repair: Repair) -> None:
    """Prove on this machine, now, that the repair acts and can be taken away again.

    One probe is run plain, with the edit forced on, and plain again. A steering hook that does nothing raises no error
    by itself, so call this after loading and before trusting any number.

    Raises:
        FingerprintMismatch: the repair was made for another model.
        UnsupportedModel: the edit leaves the logits as they were, does not go away, or the gate reads another state
            than the one that its thresholds were fitted on.
    """
    repair.check(model)
    [batch] = model.batches([PROBE])
    plain = model.next_logits(batch)
    state = _record_probe(model, repair)
    forced = BlockSteering(model, _make_it_act(repair.edit, state), ConstantRouter(fires=True))
    with forced:
        steered = model.next_logits(batch)
    routed = repair.steer(model)
    with routed:
        model.next_logits(batch)
        readings = routed.readings()
    if not torch.equal(model.next_logits(batch), plain):
        raise UnsupportedModel(f"{model.name} is not what it was after the repair was taken away; do not use it.")
    if repair.edit.strength != 0 and torch.equal(steered, plain):
        raise UnsupportedModel(
            f"Steering layer {repair.edit.layer} of {model.name} leaves the logits unchanged, so this repair would do "
            "nothing here. Load the model without compiled or fused blocks."
        )
    expected = float(repair.gate.score(state[None])[0])
    if readings is None or not np.isclose(readings[0].score, expected, rtol=1e-2, atol=1e-2):
        found = "nothing" if readings is None else f"{readings[0].score:.4g}"
        raise UnsupportedModel(
            f"The gate reads {found} on a probe whose recorded state scores {expected:.4g}; do not use this repair."
        )


def _record_probe(model: OpenModel, repair: Repair) -> Floats:
    """The probe's state where the gate reads, [hidden], outside any intervention."""
    layer = repair.edit.layer
    recorded = record_activations(model, [PROBE], layers=[layer], fingerprint=repair.model)
    state: Floats = recorded.at(layer, repair.position)[0]
    return state


def _make_it_act(edit: Edit, state: Floats) -> Edit:
    """The edit with a strength that must move this state: a lift leaves alone what is high enough already."""
    if edit.harmful != HarmfulEdit.LIFT:
        return edit
    along = float(np.asarray(state, np.float64) @ np.asarray(edit.vector, np.float64))
    return replace(edit, strength=max(edit.strength, along + abs(along) + 1))
