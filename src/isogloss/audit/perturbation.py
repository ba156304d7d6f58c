"""What a way of writing does: the perturbed prompts against the plain ones that they were made from."""

from collections.abc import Sequence

from isogloss.audit.change import Pairs, measure_change
from isogloss.audit.outcome import Outcome
from isogloss.audit.scorecard import PerturbationScore
from isogloss.core import Mapping


def score_perturbations(
    outcomes: Sequence[Outcome], *, mapping: Mapping = Mapping.STRICT, confidence: float = 0.95
) -> dict[str, PerturbationScore]:
    """Pair every perturbed prompt with its plain one and estimate the effect per language and on average.

    A romanised prompt is paired with the plain prompt of the same language in its own script. Pairs in which one side
    is unscored are left out, so judge both sides before believing an effect: a judge that cannot read romanised
    replies leaves few pairs.

    Args:
        outcomes: plain and perturbed together.
        mapping: how labels become refusals.
        confidence: of every interval.
    """
    plain = {
        _place(row.prompt_id, row): (row, refusal)
        for row in outcomes
        if row.perturbation is None and (refusal := _refusal(row, mapping)) is not None
    }
    effects: dict[str, Pairs] = {}
    for row in outcomes:
        after = _refusal(row, mapping)
        if row.perturbation is None or after is None:
            continue
        found = plain.get(_place(row.prompt_id.removesuffix(f"+{row.perturbation}"), row))
        if found is not None:
            before, refused = found
            pairs = effects.setdefault(row.perturbation, {})
            pairs.setdefault((before.language, before.kind), []).append((before.cluster, refused, after))
    return {name: _score(pairs, confidence) for name, pairs in effects.items()}


def _score(pairs: Pairs, confidence: float) -> PerturbationScore:
    languages = tuple(dict.fromkeys(language for language, _ in pairs))
    return PerturbationScore(
        average=measure_change(languages, pairs, confidence),
        languages={language.tag: measure_change([language], pairs, confidence) for language in languages},
    )


def _place(prompt_id: str, row: Outcome) -> tuple[str, str]:
    return (prompt_id, row.language.key.split("-")[0])


def _refusal(row: Outcome, mapping: Mapping) -> int | None:
    return mapping.refusal(row.label) if row.label is not None else None
