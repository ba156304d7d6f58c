"""What every way of writing has in common, and how a whole set is written in one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from statistics import mean
from typing import Protocol

from isogloss.core import Language, Prompt
from isogloss.core.errors import NothingToDo
from isogloss.core.seeds import derive_seed
from isogloss.prompts.failure_modes import FailureMode
from isogloss.prompts.perturb.perturbed import Perturbed
from isogloss.prompts.promptset import PromptSet

Writer = Callable[[Prompt, int], Perturbed]
"""Writes one prompt anew; the same prompt and seed give the same text."""


class Perturbation(Protocol):
    """One way of writing.

    Attributes:
        name: as ``parse_perturbation`` reads it; ends the ids of the prompts written so.
        failure_mode: what such a prompt belongs to, or None where the plain prompt's mode stays.
    """

    @property
    def name(self) -> str: ...

    @property
    def failure_mode(self) -> FailureMode | None: ...

    def takes(self, language: Language) -> bool:
        """Whether prompts in this language can be written so; others are left out and counted."""

    def fit(self, prompts: PromptSet, /) -> Writer:
        """Learn what is needed from a parallel set and give the writer."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A prompt in another way of writing, beside the map to the plain one."""

    prompt: Prompt
    perturbed: Perturbed


def perturb_each(
    prompts: PromptSet, perturbation: Perturbation, *, seed: int, learn_from: PromptSet | None = None
) -> Iterator[Rewritten]:
    """Write each prompt of a set anew, where its language allows it; unchanged texts are given too.

    Every prompt draws from a seed of its own, so leaving prompts out changes none of the others, provided that
    the perturbation learns from the same set.

    Args:
        prompts: what is written anew.
        perturbation: the way of writing.
        seed: of all that is drawn.
        learn_from: the whole parallel set, where ``prompts`` are a part of it; code-switching finds its words there.
    """
    writer = perturbation.fit(prompts if learn_from is None else learn_from)
    for prompt in prompts:
        if perturbation.takes(prompt.language):
            own_seed = derive_seed(seed, perturbation.name, prompt.seed_id, prompt.language.tag)
            perturbed = writer(prompt, own_seed)
            yield Rewritten(_describe(prompt, perturbed, perturbation), perturbed)


def perturb_set(
    prompts: PromptSet, perturbation: Perturbation, *, seed: int, learn_from: PromptSet | None = None
) -> PromptSet:
    """The same seeds in another way of writing, ready to be audited beside the plain ones.

    Seeds and clusters stay, so that plain and perturbed prompts are paired; ids end in ``+`` and the perturbation's
    name. Prompts whose text did not change are left out, because a pair without a difference would only dilute the
    effect; the card counts them and states the rate that was realised.

    Args:
        prompts: what is written anew.
        perturbation: the way of writing.
        seed: of all that is drawn.
        learn_from: the whole parallel set, where ``prompts`` are a part of it; code-switching finds its words there.

    Raises:
        NothingToDo: no prompt can be written so, or none came out changed.
        UnknownLanguage: the perturbation needs a language that the set does not hold.
        MissingExtra: the perturbation needs a package that is not installed.
    """
    rewritten = list(perturb_each(prompts, perturbation, seed=seed, learn_from=learn_from))
    changed = [entry for entry in rewritten if entry.perturbed.changed]
    if not changed:
        held = ", ".join(language.tag for language in prompts.languages) or "no languages"
        raise NothingToDo(
            f"{perturbation.name} changes none of the {len(prompts)} prompts of {prompts.card.name} ({held}). "
            "Choose languages that can be written so, or another perturbation."
        )
    notes = _write_notes(prompts, rewritten, perturbation, seed)
    card = replace(prompts.card, notes=(*prompts.card.notes, *notes))
    return replace(prompts, card=card, prompts=tuple(entry.prompt for entry in changed))


def _describe(prompt: Prompt, perturbed: Perturbed, perturbation: Perturbation) -> Prompt:
    made = f"{prompt.provenance}; " if prompt.provenance else ""
    return replace(
        prompt,
        id=f"{prompt.id}+{perturbation.name}",
        text=perturbed.text,
        language=perturbed.languages[0],
        failure_mode=perturbation.failure_mode or prompt.failure_mode,
        source_text=prompt.source_text or prompt.text,
        provenance=f"{made}rewritten by a program ({perturbation.name})",
        perturbation=perturbation.name,
    )


def _write_notes(
    prompts: PromptSet, rewritten: list[Rewritten], perturbation: Perturbation, seed: int
) -> Iterator[str]:
    rates = [entry.perturbed.realised_rate for entry in rewritten if entry.perturbed.changed]
    known = [rate for rate in rates if rate is not None]
    realised = f"; mean realised rate {mean(known):.2f}, from {min(known):.2f} to {max(known):.2f}" if known else ""
    yield f"Rewritten by {perturbation.name} with seed {seed}{realised}."
    left_out = [language.tag for language in prompts.languages if not perturbation.takes(language)]
    if left_out:
        yield f"Languages that {perturbation.name} does not apply to, left out: {', '.join(left_out)}."
    same = sum(not entry.perturbed.changed for entry in rewritten)
    if same:
        yield f"Prompts that {perturbation.name} did not change, left out: {same} of {len(rewritten)}."
