"""What a study of gates will do, as one frozen object: the same fields from Python, from a TOML file and from flags."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from isogloss.core import Language, Split, parse_languages
from isogloss.core.errors import NothingToDo, TooFewPrompts

Count = Annotated[int, Field(ge=0)]


class DetectionMethod(StrEnum):
    """How harmful prompts are told from harmless ones on stored states.

    ``ours`` is the gate that `isogloss repair` makes by default: one whitened readout for all target languages, with
    their shots in it, and thresholds held near the source threshold while shots are few. ``ours (span)`` and ``ours
    (1-D)`` are the readouts of the source span and of the one pooled direction, fitted once on source languages. Three
    more forms of ours take thresholds from other evidence than shots: prompts without labels, harmless prompts alone,
    and translations, whose labels are those of their source prompts.

    The published gate is refitted for every target language and takes its threshold from the shots alone; the
    published direction does the latter on the pooled direction. ``target direction`` knows the shots and nothing else;
    ``random direction`` is what a threshold alone can do. The last three are other probes of the same states.
    """

    OURS = "ours"
    OURS_SPAN = "ours (span)"
    OURS_LINE = "ours (1-D)"
    OURS_UNLABELLED = "ours (unlabelled)"
    OURS_HARMLESS = "ours (harmless)"
    OURS_TRANSLATIONS = "ours (translations)"
    PUBLISHED_GATE = "published gate"
    PUBLISHED_DIRECTION = "published direction"
    TARGET_DIRECTION = "target direction"
    RANDOM_DIRECTION = "random direction"
    MLP = "MLP probe"
    OMNIGUARD = "OMNIGuard-style probe"
    PERMUTED = "permuted labels"


RANKED = (DetectionMethod.OURS_SPAN, DetectionMethod.PUBLISHED_GATE)
"""Methods that have a rank; the others live in one dimension."""
LABEL_FREE = (
    DetectionMethod.OURS_UNLABELLED,
    DetectionMethod.OURS_HARMLESS,
    DetectionMethod.OURS_TRANSLATIONS,
)
"""Methods without a budget: they use every training and validation prompt of their sort."""
PROBES = (DetectionMethod.MLP, DetectionMethod.OMNIGUARD, DetectionMethod.PERMUTED)
"""Probes of whole states, fitted one after the other."""
SHOTS = (0, 1, 2, 4, 8, 16, 32, 64)
RANKS = (1, 2, 3, 5, 8, 10)
MULTIPLIERS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)


class GatePlan(BaseModel):
    """The fields of ``isogloss experiment gate``.

    Attributes:
        model: what the model is called on the command line.
        prompts: what the prompt set is called.
        source: tags of the languages in which the model is trusted.
        target: tags of the languages that the gate is carried to.
        methods: of the detection grid; those of ``PROBES`` only count with ``probes``.
        probes: fit the probes of whole states, too, without shots and with ``sweep_shots``, for up to three draws. On a
            wide model this takes longer than all the rest.
        shots: labelled examples per class and target language; 0 is the source threshold.
        ranks: dimensions of the source span; those above the number of source languages are left out.
        draws: how often the shots are drawn; a draw of fewer shots is part of the draw of more.
        seed: of the first draw; the others follow from it.
        shots_split: where shots come from; never ``test``.
        layer: of everything but the sweep; None chooses one on validation prompts of the source languages.
        layers: of the sweep; None takes all.
        sweep_shots: shots of the layer sweep, the transfer and the out-of-distribution tables, beside 0.
        store_dtype: of the stored states.
        caution: what a false alarm costs in misses, in our repair; None takes the default of `isogloss repair`. The
            detection grid weighs both classes alike.
        transfer: fill the matrix of languages by languages.
        out_of_distribution: names of further prompt sets.
        multipliers: strengths of the sweep in units of the distance between the source classes; none for no sweep.
        behaviour: ask the model under every method; the detection grid needs no replies.
        behaviour_shots: shots of the steered methods; ours takes those up to four.
        label_free: ask the model under our repairs from text without labels, too, alone and beside the shots.
        baselines: the baselines beside the gates, where behaviour is measured.
        max_prompts: seeds of each kind that are asked, at most; None asks the whole test split.
        max_new_tokens: longest reply.
        confidence: of every interval.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    prompts: str
    source: tuple[str, ...]
    target: tuple[str, ...]
    methods: tuple[DetectionMethod, ...] = tuple(DetectionMethod)
    probes: bool = False
    shots: tuple[Count, ...] = SHOTS
    ranks: tuple[Annotated[int, Field(ge=1)], ...] = RANKS
    draws: Annotated[int, Field(ge=1)] = 10
    seed: int = 0
    shots_split: Literal[Split.TRAIN, Split.VALIDATION] = Split.TRAIN
    layer: Count | None = None
    layers: tuple[Count, ...] | None = None
    sweep_shots: Annotated[int, Field(ge=1)] = 4
    store_dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    caution: Annotated[float, Field(ge=1)] | None = None
    transfer: bool = True
    out_of_distribution: tuple[str, ...] = ()
    multipliers: tuple[Annotated[float, Field(ge=0)], ...] = MULTIPLIERS
    behaviour: bool = True
    behaviour_shots: tuple[Count, ...] = (0, 1, 4, 32)
    label_free: bool = True
    baselines: bool = True
    max_prompts: Annotated[int, Field(ge=1)] | None = None
    max_new_tokens: Annotated[int, Field(ge=1)] = 128
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95

    @model_validator(mode="after")
    def _check(self) -> "GatePlan":
        if not self.source_languages:
            raise NothingToDo("A study of gates needs source languages: name those in which the model is trusted.")
        if not self.target_languages:
            raise NothingToDo("A study of gates needs target languages that are not source languages.")
        if not self.rank_list:
            raise TooFewPrompts(
                f"Every rank of {list(self.ranks)} is above the number of source languages, {len(self.source)}."
            )
        return self

    @property
    def source_languages(self) -> tuple[Language, ...]:
        """The source languages, parsed."""
        return parse_languages(self.source)

    @property
    def target_languages(self) -> tuple[Language, ...]:
        """The target languages, parsed, without those that are source languages."""
        source = self.source_languages
        return tuple(language for language in parse_languages(self.target) if language not in source)

    @property
    def languages(self) -> tuple[Language, ...]:
        """Source languages, then target languages."""
        return (*self.source_languages, *self.target_languages)

    @property
    def rank_list(self) -> tuple[int, ...]:
        """The ranks that the source languages can carry, ascending."""
        return tuple(sorted({rank for rank in self.ranks if rank <= len(self.source_languages)}))

    @property
    def shot_list(self) -> tuple[int, ...]:
        """Shots, ascending, each once."""
        return tuple(sorted(set(self.shots)))

    @property
    def method_list(self) -> tuple[DetectionMethod, ...]:
        """Methods of the detection grid."""
        return tuple(method for method in self.methods if self.probes or method not in PROBES)

    @property
    def seeds(self) -> tuple[int, ...]:
        """One per draw."""
        return tuple(range(self.seed, self.seed + self.draws))

    def quick(self) -> "GatePlan":
        """A smaller study of the same shape, for a first look."""
        return self.model_copy(
            update={
                "shots": tuple(shots for shots in self.shot_list if shots <= 8),
                "ranks": (self.rank_list[0], self.rank_list[-1]),
                "draws": min(self.draws, 3),
                "multipliers": tuple(value for value in self.multipliers if value in (0.0, 0.5, 1.0, 2.0)),
                "behaviour_shots": tuple(shots for shots in self.behaviour_shots if shots <= 4),
                "max_prompts": min(self.max_prompts or 8, 8),
                "max_new_tokens": min(self.max_new_tokens, 32),
            }
        )

    def to_json(self) -> dict[str, Any]:
        """The plan as plain JSON values."""
        return self.model_dump(mode="json")
