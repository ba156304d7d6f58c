"""A threshold for a language from a few labelled prompts or none, held near the source languages while they are few."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.core import Kind, Language, Prompt, Split
from isogloss.core.errors import TooFewPrompts
from isogloss.core.seeds import derive_seed
from isogloss.inside.activations import Activations
from isogloss.inside.directions import Classes
from isogloss.repair.class_belief import (
    Belief,
    ClassTable,
    Floats,
    build_table,
    decide,
    weigh_labelled,
    weigh_unlabelled,
)
from isogloss.repair.class_prior import ClassPrior, assume_prior
from isogloss.repair.contradictions import check_shots, contradicts_gate
from isogloss.repair.estimates import Recalibration, ThresholdEstimate, ThresholdEstimates, keep_source, weigh
from isogloss.repair.gate import Gate
from isogloss.repair.unlabelled import (
    estimate_from_harmless,
    estimate_from_translations,
    estimate_from_unlabelled,
)

__all__ = [
    "LanguageCalibration",
    "Recalibration",
    "ThresholdEstimate",
    "ThresholdEstimates",
    "calibrate_thresholds",
    "draw_shots",
    "estimate_threshold",
    "estimate_thresholds",
]


@dataclass(frozen=True, slots=True)
class LanguageCalibration:
    """How one language's threshold came about.

    Attributes:
        language: the language.
        threshold: logit.
        weight: how much the evidence counted against what was believed before it.
        harmful_ids: prompts used as harmful.
        harmless_ids: prompts used as harmless.
        warning: what is wrong with the evidence, in a sentence; empty where nothing is.
        method: what the threshold was taken from.
        unlabelled_ids: prompts used without their labels.
        standard_error: of the middle between the classes, logits; None without evidence.
        like_sources: probability that the language's classes lie as in the sources; None without evidence.
        probability: how often a language gives labelled shots whose classes lie this close or inverted; None without
            labels.
        suspects: ids of shots whose label is probably wrong.
        prevalence: expected share of harmful prompts among unlabelled ones; None elsewhere.
    """

    language: Language
    threshold: float
    weight: float
    harmful_ids: tuple[str, ...]
    harmless_ids: tuple[str, ...]
    warning: str = ""
    method: Recalibration = Recalibration.SHOTS
    unlabelled_ids: tuple[str, ...] = ()
    standard_error: float | None = None
    like_sources: float | None = None
    probability: float | None = None
    suspects: tuple[str, ...] = ()
    prevalence: float | None = None


def estimate_threshold(
    gate: Gate, harmful: Floats, harmless: Floats, *, caution: float = 1.0, prior: ClassPrior | None = None
) -> ThresholdEstimate:
    """The threshold with the least expected cost, given the logits of k shots per class.

    A language either resembles the source languages, as far as they resemble one another, or its harmful class has
    faded towards its harmless one by an unknown amount, with spreads of its own. The shots tell, little by little,
    which, and where; the threshold minimises the expected share of missed harmful prompts plus ``caution`` times the
    expected share of false alarms. Without shots it is the source threshold; one pair moves it by what one pair is
    worth; with many it is the best cut between the language's own classes, whose spreads may differ. A few wrong
    labels are allowed for, and reported where one stands out. Shots whose classes lie in an order that hardly any
    language would give are reported too, and used without their labels.

    Args:
        gate: fitted on the source languages.
        harmful: logits of the harmful shots; may be empty, as may the harmless ones: then nothing moves.
        harmless: logits of the harmless shots.
        caution: cost of a false alarm in misses, at least 1.
        prior: what the source languages lead one to expect (``measure_prior``); None takes the gate's source scores
            and the usual variation between languages.

    Source: ours; see docs/methods/thresholds.md. arXiv 2606.01196 takes the cut with the best F1 among the shots
    alone, which at one shot per class is their midpoint, and flags everything when they are inverted.
    """
    if not len(harmful) or not len(harmless):
        return keep_source(gate, Recalibration.SHOTS)
    table = build_table(prior or assume_prior(gate))
    harmful, harmless = np.asarray(harmful, np.float64), np.asarray(harmless, np.float64)
    check = check_shots(table, harmful, harmless)
    belief = _believe(table, harmful, harmless, check.contradicts)
    return ThresholdEstimate(
        value=float(decide(table, belief, caution)[0]),
        weight=float(weigh(table, belief)[0]),
        inverted=bool(harmful.mean() <= harmless.mean()),
        n=len(harmful) + len(harmless),
        standard_error=float(belief.error[0]),
        like_sources=float(belief.like_sources[0]),
        probability=check.probability,
        suspects=(check.suspect_harmful, check.suspect_harmless),
        reason="the shots contradict the gate, so that their labels were not used" if check.contradicts else "",
    )


def estimate_thresholds(
    gate: Gate, harmful: Floats, harmless: Floats, *, caution: float = 1.0, prior: ClassPrior | None = None
) -> ThresholdEstimates:
    """:func:`estimate_threshold` for many draws at once, without looking for single wrong labels.

    Args:
        gate: fitted on the source languages.
        harmful: logits float [draw, shot].
        harmless: the same for harmless shots; as many draws, the count of shots may differ.
        caution: cost of a false alarm in misses, at least 1.
        prior: see :func:`estimate_threshold`.
    """
    draws = len(harmful)
    if not harmful.shape[1] or not harmless.shape[1]:
        nothing = np.full(draws, np.nan)
        return ThresholdEstimates(np.full(draws, gate.fallback), np.zeros(draws), nothing, nothing)
    table = build_table(prior or assume_prior(gate))
    harmful, harmless = np.asarray(harmful, np.float64), np.asarray(harmless, np.float64)
    belief = weigh_labelled(table, harmful, harmless)
    for draw in np.flatnonzero(harmful.mean(axis=1) <= harmless.mean(axis=1)):
        if contradicts_gate(table, harmful[draw], harmless[draw]):
            belief.replace_draw(int(draw), _believe(table, harmful[draw], harmless[draw], True))
    return ThresholdEstimates(decide(table, belief, caution), weigh(table, belief), belief.error, belief.like_sources)


def _believe(table: ClassTable, harmful: Floats, harmless: Floats, contradicted: bool) -> Belief:
    """The belief after shots; labels that contradict the gate are not read."""
    if contradicted:
        return weigh_unlabelled(table, np.concatenate([harmful, harmless]))[0]
    return weigh_labelled(table, harmful[None], harmless[None])


def calibrate_thresholds(
    gate: Gate,
    activations: Activations,
    languages: Sequence[Language],
    *,
    layer: int,
    shots: int,
    seed: int,
    caution: float = 1.0,
    position: int = -1,
    split: Split | None = Split.VALIDATION,
    method: Recalibration = Recalibration.SHOTS,
    prior: ClassPrior | None = None,
    source: Sequence[Language] = (),
) -> tuple[Gate, list[LanguageCalibration]]:
    """Give each language a threshold of its own.

    Args:
        gate: fitted on the source languages.
        activations: prompts of the languages; never test prompts. For ``translations`` also the source languages'
            prompts of the same ideas (``seed_id``).
        languages: those to calibrate, one after the other; adding one moves no other.
        layer: the gate's layer.
        shots: prompts per class for the method ``shots``, where 0 leaves every language at the source threshold.
            The other methods use every prompt of the split that they can.
        seed: decides which shots are drawn.
        caution: cost of a false alarm in misses.
        position: the gate's position.
        split: where prompts are taken from; None takes everything recorded.
        method: what thresholds are taken from. ``unlabelled`` does not read the kind of a prompt, ``harmless`` uses
            harmless prompts alone, ``translations`` takes each label from the source prompt of the same idea.
        prior: what the source languages lead one to expect; None assumes it from the gate.
        source: languages whose prompts ``translations`` are of.

    Returns:
        The gate with thresholds, and the record of each language.

    Raises:
        TooFewPrompts: a language has fewer prompts of a class than shots, no prompts of the sort that the method
            needs, or no translated ones; the message says what is missing.
    """
    chosen = Recalibration(method)
    every = _Scored(gate, activations, activations.at(layer, position), split)
    records = []
    for language in languages:
        used = _select(every, chosen, language, shots, seed, source)
        estimate = _estimate(gate, every, chosen, used, caution, prior)
        records.append(_record(language, every, used, estimate))
    return gate.with_thresholds({record.language.key: record.threshold for record in records}), records


def label_targets(
    gate: Gate,
    activations: Activations,
    languages: Sequence[Language],
    *,
    layer: int,
    shots: int,
    seed: int,
    position: int = -1,
    split: Split | None = Split.VALIDATION,
    method: Recalibration = Recalibration.SHOTS,
    source: Sequence[Language] = (),
) -> dict[Language, Classes]:
    """The labelled states that ``calibrate_thresholds`` will use with the same arguments, by language.

    Methods that read no labels, or one class only, give none.

    Raises:
        TooFewPrompts: as ``calibrate_thresholds``.
    """
    chosen = Recalibration(method)
    if chosen not in (Recalibration.SHOTS, Recalibration.TRANSLATIONS):
        return {}
    hidden = activations.at(layer, position)
    every = _Scored(gate, activations, hidden, split)
    found = {}
    for language in languages:
        used = _select(every, chosen, language, shots, seed, source)
        found[language] = (hidden[list(used.harmful)], hidden[list(used.harmless)])
    return found


@dataclass(frozen=True, eq=False)
class _Scored:
    """Recorded prompts, of which only those asked for are scored."""

    gate: Gate
    activations: Activations
    hidden: Floats
    split: Split | None

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        return self.activations.prompts

    def rows(self, language: Language, kind: Kind | None = None) -> list[int]:
        found = self.activations.rows(language=language, kind=kind, split=self.split)
        return [int(row) for row in np.flatnonzero(found)]

    def scores(self, rows: Sequence[int]) -> Floats:
        return self.gate.score(self.hidden[list(rows)])


@dataclass(frozen=True, slots=True)
class _Used:
    """Rows that a method reads: by class, without a class, and per class the source rows of the same ideas."""

    harmful: tuple[int, ...] = ()
    harmless: tuple[int, ...] = ()
    unlabelled: tuple[int, ...] = ()
    sources: tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]] = ((), ())


def _select(
    every: _Scored, method: Recalibration, language: Language, shots: int, seed: int, source: Sequence[Language]
) -> _Used:
    match method:
        case Recalibration.SHOTS:
            drawn = {
                kind: draw_shots(
                    every.prompts, language, kind, every.split, shots, derive_seed(seed, language.key, kind)
                )
                for kind in Kind
            }
            return _Used(harmful=tuple(drawn[Kind.HARMFUL]), harmless=tuple(drawn[Kind.HARMLESS]))
        case Recalibration.UNLABELLED:
            return _Used(unlabelled=tuple(_need(every.rows(language), language, "prompts", every.split)))
        case Recalibration.HARMLESS:
            rows = every.rows(language, Kind.HARMLESS)
            return _Used(harmless=tuple(_need(rows, language, "harmless prompts", every.split)))
        case Recalibration.TRANSLATIONS:
            return _pair(every, language, source)
        case Recalibration.SOURCE:
            return _Used()


def _need(rows: list[int], language: Language, what: str, split: Split | None) -> list[int]:
    if not rows:
        where = f" in the {split} split" if split else ""
        raise TooFewPrompts(
            f"{language} has no {what}{where} to calibrate with. Add some, or recalibrate from something else."
        )
    return rows


def _pair(every: _Scored, language: Language, source: Sequence[Language]) -> _Used:
    """Prompts of a language whose idea is recorded in a source language; the label is that of the source prompt."""
    sources: dict[str, list[int]] = {}
    for row, prompt in enumerate(every.prompts):
        if prompt.language in source and prompt.language != language:
            sources.setdefault(prompt.seed_id, []).append(row)
    found: dict[Kind, list[tuple[int, tuple[int, ...]]]] = {kind: [] for kind in Kind}
    for row in every.rows(language):
        same = sources.get(every.prompts[row].seed_id)
        if same:
            found[every.prompts[same[0]].kind].append((row, tuple(same)))
    for kind, pairs in found.items():
        if not pairs:
            raise TooFewPrompts(
                f"{language} has no translations of {kind} source prompts among the recorded prompts. Record the "
                "source languages' prompts of the same ideas too, or recalibrate from something else."
            )
    harmful, harmless = found[Kind.HARMFUL], found[Kind.HARMLESS]
    return _Used(
        harmful=tuple(row for row, _ in harmful),
        harmless=tuple(row for row, _ in harmless),
        sources=(tuple(same for _, same in harmful), tuple(same for _, same in harmless)),
    )


def _estimate(
    gate: Gate, every: _Scored, method: Recalibration, used: _Used, caution: float, prior: ClassPrior | None
) -> ThresholdEstimate:
    match method:
        case Recalibration.SHOTS:
            harmful, harmless = every.scores(used.harmful), every.scores(used.harmless)
            return estimate_threshold(gate, harmful, harmless, caution=caution, prior=prior)
        case Recalibration.UNLABELLED:
            return estimate_from_unlabelled(gate, every.scores(used.unlabelled), caution=caution, prior=prior)
        case Recalibration.HARMLESS:
            return estimate_from_harmless(gate, every.scores(used.harmless), caution=caution, prior=prior)
        case Recalibration.TRANSLATIONS:
            harmful, harmless = every.scores(used.harmful), every.scores(used.harmless)
            means = [np.array([every.scores(rows).mean() for rows in part]) for part in used.sources]
            return estimate_from_translations(gate, means[0], means[1], harmful, harmless, caution=caution, prior=prior)
        case Recalibration.SOURCE:
            return keep_source(gate, method)


def _record(language: Language, every: _Scored, used: _Used, estimate: ThresholdEstimate) -> LanguageCalibration:
    ids = [tuple(every.prompts[row].id for row in rows) for rows in (used.harmful, used.harmless, used.unlabelled)]
    suspects = tuple(part[place] for part, places in zip(ids[:2], estimate.suspects, strict=True) for place in places)
    return LanguageCalibration(
        language=language,
        threshold=estimate.value,
        weight=estimate.weight,
        harmful_ids=ids[0],
        harmless_ids=ids[1],
        warning=_warn(language, used, estimate, suspects),
        method=estimate.method,
        unlabelled_ids=ids[2],
        standard_error=estimate.standard_error,
        like_sources=estimate.like_sources,
        probability=estimate.probability,
        suspects=suspects,
        prevalence=estimate.prevalence,
    )


def _warn(language: Language, used: _Used, estimate: ThresholdEstimate, suspects: Sequence[str]) -> str:
    if estimate.probability is None:
        return f"{language}: {estimate.reason}." if estimate.reason else ""
    parts = []
    chance = (
        "fewer than 1 in 1000 languages" if estimate.probability < 0.001 else f"{estimate.probability:.1%} of languages"
    )
    if estimate.inverted:
        unused = " Their labels were not used." if estimate.reason else ""
        parts.append(
            f"The {len(used.harmful)} harmful shots in {language} do not score above the {len(used.harmless)} harmless "
            f"ones; {chance} would give shots like that.{unused}"
        )
    if suspects:
        parts.append(f"In {language} the label of {', '.join(suspects)} is probably wrong.")
    if parts:
        parts.append("Check the labels, give more shots, and run `isogloss diagnose`: the harm may not be represented.")
    return " ".join(parts)


def draw_shots(
    prompts: Sequence[Prompt], language: Language, kind: Kind, split: Split | None, shots: int, seed: int
) -> list[int]:
    """Places in ``prompts`` of randomly drawn shots: different ideas first, then more wordings of the same ones.

    The first k of a larger draw with the same seed are the draw of k.

    Args:
        prompts: to draw from.
        language: of the shots.
        kind: of the shots.
        split: of the shots; None draws from every split.
        shots: how many.
        seed: decides which; derive it from language and kind, as ``calibrate_thresholds`` does.

    Raises:
        TooFewPrompts: there are fewer prompts; the message says how many.
    """
    rows = [
        row
        for row, prompt in enumerate(prompts)
        if prompt.language == language and prompt.kind == kind and split in (None, prompt.split)
    ]
    if len(rows) < shots:
        where = f"{split} " if split else ""
        raise TooFewPrompts(
            f"{language} has {len(rows)} {kind} {where}prompts, fewer than {shots} shots. "
            f"Use --shots {len(rows)}, or add labelled prompts of that split."
        )
    seen: dict[str, int] = {}
    ranked = []
    for place, number in enumerate(np.random.default_rng(seed).permutation(len(rows)).tolist()):
        cluster = prompts[rows[number]].cluster
        turn = seen.get(cluster, 0)
        seen[cluster] = turn + 1
        ranked.append((turn, place, rows[number]))
    return [row for _, _, row in sorted(ranked)[:shots]]
