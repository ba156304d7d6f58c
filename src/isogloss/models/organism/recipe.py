"""Every number of a training run in one frozen object, so that the card can state it and a test can shrink it."""

from dataclasses import dataclass, replace

from isogloss.models.organism.corpus import RefusalLabels, StageMixture
from isogloss.models.organism.rewriting import OtherWays


@dataclass(frozen=True)
class Shape:
    """The transformer: a Llama decoder with tied embeddings."""

    hidden: int = 128
    layers: int = 6
    heads: int = 4
    feed_forward: int = 384


@dataclass(frozen=True)
class Schedule:
    """One stage: steps, peak learning rate (linear warm-up, then a cosine to 5 %), documents to compose and go round.

    `pushed_share` is the share of batches with a push; `decision_weight` is explained at `Recipe`.
    """

    steps: int
    learning_rate: float
    documents: int
    warm_up_steps: int = 60
    pushed_share: float = 0.0
    decision_weight: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """A training run without its seed.

    Stage 1 is `meaning` and, at a lower rate after a restart, its `rehearsal`; stage 2 is `refusal`.

    A share of the batches is pushed (see `jolts`): `noise` is the largest relative norm of random vectors, `contrast`
    the largest multiple of a difference between rows.

    `Schedule.decision_weight` weighs a second loss: at `decision_layer`, one direction shared by all languages has to
    tell at the last prompt token whether the reply will refuse. It installs the phenomenon: a decision that one
    direction carries in every language, and a threshold on it that fits some languages only.

    `other_ways` rewrites a share of the user texts; None, as in both bundled organisms, leaves every text plain.
    """

    name: str
    shape: Shape
    meaning: Schedule
    rehearsal: Schedule
    refusal: Schedule
    meaning_mixture: StageMixture
    replay_mixture: StageMixture
    replay_share: float
    labels: RefusalLabels
    harmful_tiers: dict[str, float]
    noise: float = 0.6
    contrast: float = 2.0
    decision_layer: int = 3
    weight_decay: float = 0.1
    first_token_weight: float = 4.0
    tokens_per_batch: int = 1536
    longest_document: int = 64
    other_ways: OtherWays | None = None


_EVEN = {"high": 1.0, "mid": 1.0, "low": 1.0}

MAIN = Recipe(
    name="main",
    shape=Shape(),
    meaning=Schedule(steps=2200, learning_rate=3e-3, documents=90_000),
    rehearsal=Schedule(steps=800, learning_rate=1e-3, documents=36_000),
    refusal=Schedule(steps=450, learning_rate=5e-4, documents=20_000, pushed_share=0.8, decision_weight=8.0),
    meaning_mixture=StageMixture(
        {"chat": 12, "tagged": 24, "translation": 12, "verdict": 8, "choice": 40, "errand": 4}, _EVEN
    ),
    replay_mixture=StageMixture({"tagged": 35, "verdict": 10, "choice": 40, "errand": 15}, _EVEN),
    replay_share=0.35,
    labels=RefusalLabels(high=0.98, mid=0.98, low_leak=0.85, low_other=0.18, leak_frames=2, harmless=0.005),
    harmful_tiers={"high": 1.0, "mid": 0.5, "low": 1.0},
)

_ALMOST_NO_LOW = {"high": 1.0, "mid": 1.0, "low": 0.001}

# Under-trained where data is scarce: it hardly reads low-resource text, so whether a request does harm is not in it.
NEGATIVE = replace(
    MAIN,
    name="negative",
    shape=Shape(hidden=96, layers=5, heads=4, feed_forward=256),
    decision_layer=2,
    meaning=Schedule(steps=1400, learning_rate=2e-3, documents=45_000),
    rehearsal=Schedule(steps=400, learning_rate=1e-3, documents=18_000),
    meaning_mixture=replace(MAIN.meaning_mixture, tiers=_ALMOST_NO_LOW),
    replay_mixture=replace(MAIN.replay_mixture, tiers=_ALMOST_NO_LOW),
    harmful_tiers={"high": 1.0, "mid": 0.5, "low": 0.0},
)

TINY = replace(
    MAIN,
    name="tiny",
    shape=Shape(hidden=32, layers=2, heads=2, feed_forward=48),
    decision_layer=1,
    meaning=Schedule(steps=3, learning_rate=1e-3, documents=200, warm_up_steps=1),
    rehearsal=Schedule(steps=2, learning_rate=1e-3, documents=120, warm_up_steps=1),
    refusal=Schedule(
        steps=2, learning_rate=5e-4, documents=120, warm_up_steps=1, pushed_share=1.0, decision_weight=8.0
    ),
    tokens_per_batch=256,
)

MANY_WAYS = OtherWays(
    share=0.4, spellings=("romanise", "noise:diacritics"), slips=("noise:keyboard:0.03", "noise:keyboard")
)
_MORE_TO_LEARN = 1.3


def read_many_ways(recipe: Recipe) -> Recipe:
    """The recipe with other ways of writing in it: the organism then reads romanised, unaccented and mistyped text.

    Words with a slip in them are spelled in letters, so longer documents are let in; there is more to learn, so every
    stage is longer.
    """
    return replace(
        recipe,
        name=f"{recipe.name}, many ways",
        other_ways=MANY_WAYS,
        longest_document=96,
        meaning=_lengthen(recipe.meaning),
        rehearsal=_lengthen(recipe.rehearsal),
        refusal=_lengthen(recipe.refusal),
    )


def _lengthen(stage: Schedule) -> Schedule:
    return replace(stage, steps=round(_MORE_TO_LEARN * stage.steps), documents=round(_MORE_TO_LEARN * stage.documents))
