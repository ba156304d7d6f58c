"""Which prompts of a set another harness asks: the same as an audit would."""

from collections.abc import Sequence

from pydantic import ValidationError

from isogloss.audit import AuditPlan, select_prompts
from isogloss.audit.plan import explain_invalid
from isogloss.prompts.promptset import PromptSet


def choose_prompts(
    prompts: PromptSet,
    *,
    languages: str | Sequence[str] | None = None,
    split: str | None = None,
    limit: int | None = None,
) -> PromptSet:
    """The prompts of a set that an audit with the same options would ask.

    Args:
        prompts: the whole set.
        languages: tags, or tags with commas between them; None takes all.
        split: train, validation, test or all; None takes the set's own choice.
        limit: only the first so many prompts of each kind.

    Raises:
        BrokenInput: a value is of the wrong sort, such as an unknown split.
        UnknownLanguage: the set does not hold a language.
        NothingToDo: no prompt is left.
    """
    # The plan wants a model's name and does not use it to select.
    fields = {"model": "any", "prompts": prompts.card.name, "languages": languages, "split": split, "limit": limit}
    try:
        plan = AuditPlan.model_validate(fields)
    except ValidationError as error:
        raise explain_invalid(error, where="The selection") from error
    return select_prompts(plan, prompts)
