"""All baselines from the same calibration data, so that one loop can run them."""

from isogloss.core.progress import Progress, silent
from isogloss.inside.layer_choice import choose_layer
from isogloss.judges.judge import Judge
from isogloss.models.chat import Decoding
from isogloss.models.open_model import OpenModel
from isogloss.repair.baselines.adasteer import (
    PUBLISHED_CONSTANTS,
    find_architecture,
    fit_adasteer_corrected,
    fit_adasteer_published,
)
from isogloss.repair.baselines.calibration import Calibration
from isogloss.repair.baselines.cast import fit_cast_corrected, fit_cast_published, measure_gap
from isogloss.repair.baselines.constant import (
    ablation_methods,
    addition_methods,
    fit_source_vector,
    random_method,
    target_only_method,
)
from isogloss.repair.baselines.guard_router import guard_method
from isogloss.repair.baselines.safety_prompt import safety_prompt_method
from isogloss.repair.baselines.tuning import MOST_PROMPTS, Bench, pick_prompts
from isogloss.repair.method import Method, Predicts, plain_method

FALLBACK_ARCHITECTURE = "qwen2"


def fit_baselines(
    model: OpenModel,
    calibration: Calibration,
    judge: Judge,
    *,
    seed: int,
    layer: int | None = None,
    guard: Predicts | None = None,
    most_prompts: int = MOST_PROMPTS,
    decoding: Decoding | None = None,
    progress: Progress = silent,
) -> list[Method]:
    """Fit every baseline on the same prompts, and name the plain model first.

    In order: plain, ablation (one layer, range) and constant addition, CAST and AdaSteer, each published and
    corrected; the target-only direction (with at least one shot) and a random one, as long as the published addition;
    safety prompts in English and in the prompt's language; the guard router where a guard is given.

    Args:
        model: the plain model.
        calibration: what may be fitted and chosen on (``record_calibration``).
        judge: reads replies while strengths are chosen.
        seed: of the random direction.
        layer: of ablation at one layer and of the additions; None chooses it on the source languages.
        guard: a prompt classifier; None leaves the guard router out.
        most_prompts: source validation prompts per kind that strengths are chosen on, at most.
        decoding: while choosing; None is greedy with 32 tokens.
        progress: told while strengths are tried.

    Raises:
        TooFewPrompts, DegenerateDirection: as the single fits.
    """
    single = choose_layer(calibration.activations, calibration.source).layer if layer is None else layer
    plain_bench = Bench(model, judge, pick_prompts(calibration, shots=False, most=most_prompts), decoding, progress)
    shots_bench = Bench(model, judge, pick_prompts(calibration, shots=True, most=most_prompts), decoding, progress)
    gap = measure_gap(calibration, single, fit_source_vector(calibration, single))
    known = find_architecture(model)
    architecture = known if known in PUBLISHED_CONSTANTS else FALLBACK_ARCHITECTURE
    languages = (*calibration.source, *calibration.target)
    methods = [
        plain_method(model),
        *ablation_methods(model, calibration, single),
        *addition_methods(model, calibration, single, shots_bench),
        fit_cast_published(calibration).method(model),
        fit_cast_corrected(calibration, model, plain_bench).method(model),
        fit_adasteer_published(calibration, model, architecture=architecture).method(model),
        fit_adasteer_corrected(calibration, model, plain_bench).method(model),
        random_method(model, layer=single, strength=gap, seed=seed),
    ]
    if calibration.calibrated:
        methods.append(target_only_method(model, calibration, layer=single, strength=gap))
    methods += [
        safety_prompt_method(model, languages=languages, own_language=False),
        safety_prompt_method(model, languages=languages, own_language=True),
    ]
    if guard is not None:
        methods.append(guard_method(model, guard, languages=languages))
    return methods
