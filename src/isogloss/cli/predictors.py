"""``isogloss predictors``: which properties of languages go with refusal."""

from pathlib import Path
from typing import Annotated

import typer

from isogloss.audit import load_outcomes, select_prompts
from isogloss.audit.features import measure_features, write_features
from isogloss.audit.plan import AuditPlan
from isogloss.audit.predictors import explain_refusal, write_predictors
from isogloss.cli.resolve import resolve_open_model, resolve_prompts
from isogloss.cli.screens import out, print_json
from isogloss.core.run import load_run_record


def predictors(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder of an audit.")],
    predictor: Annotated[list[str] | None, typer.Option(help="What to explain refusal by; default: tier.")] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="Local model whose tokenizer gives token_ratio and byte_fallback.")
    ] = None,
    distance: Annotated[
        list[str] | None, typer.Option(help="Typological distance to the reference, such as genetic (needs typology).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Ask which properties of languages go with refusal: a mixed model, with every language left out once.

    Example: isogloss predictors runs/organism --predictor tier

    Leaves features.json and predictors.json in the run folder. Too many predictors for the languages are refused.
    """
    plan = AuditPlan.model_validate(load_run_record(folder)["plan"])
    prompts = select_prompts(plan.model_copy(update={"perturb": ()}), resolve_prompts(plan.prompts))
    tokenize = resolve_open_model(tokenizer).tokenizer.tokenize if tokenizer else None
    features = measure_features(
        prompts,
        reference=plan.reference_language,
        tokenize=tokenize,
        tokenizer_name=tokenizer,
        distances=tuple(distance or ()),
    )
    write_features(folder, features)
    report = explain_refusal(
        load_outcomes(folder),
        features,
        predictors=tuple(predictor or ("tier",)),
        mapping=plan.mapping,
        confidence=plan.confidence,
    )
    write_predictors(folder, report)
    if as_json:
        print_json(report.model_dump(mode="json"))
        return
    for sentence in (*report.findings, *report.limits):
        out.print(f"- {sentence}", highlight=False, markup=False)
