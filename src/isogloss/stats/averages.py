"""Average and worst of a table of languages, over a set of languages that is stated and the same for all models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Summary:
    """One model over one set of languages; for a table of rates without prompts behind them.

    With the outcomes at hand use `paired.estimate_linear` and `worst.find_worst`, which give intervals.

    Attributes:
        languages: the set, in the order given.
        reference: rate in the reference language; None where it is not in the set.
        average: macro average over the set; languages count alike and are fixed, no sample of all languages.
        average_without_reference: over the others; None where there are none.
        worst: the language with the lowest rate, by name among equals.
        worst_value: its rate. Read it beside its noise.
    """

    languages: tuple[str, ...]
    reference: float | None
    average: float
    average_without_reference: float | None
    worst: str
    worst_value: float


def summarise_languages(
    rates: Mapping[str, float | None], *, reference: str = "en", languages: Sequence[str] | None = None
) -> Summary | None:
    """Average and worst of one model.

    Args:
        rates: by language, in any unit where more is better; None where the model does not speak it.
        reference: the language that averages are also shown without.
        languages: the set; None takes every language with a rate.

    Returns:
        None where the set is empty or a language in it has no rate: an average over fewer languages than stated
        is another number.
    """
    chosen = tuple(rate for rate in rates if rates[rate] is not None) if languages is None else tuple(languages)
    values = {language: value for language in chosen if (value := rates.get(language)) is not None}
    if not chosen or len(values) < len(set(chosen)):
        return None
    others = [value for language, value in values.items() if language != reference]
    worst = min(values, key=lambda language: (values[language], language))
    return Summary(
        languages=chosen,
        reference=values.get(reference),
        average=sum(values.values()) / len(values),
        average_without_reference=sum(others) / len(others) if others else None,
        worst=worst,
        worst_value=values[worst],
    )


def common_languages(models: Mapping[str, Mapping[str, float | None]]) -> tuple[str, ...]:
    """Languages in which every model has a rate, in the first model's order; averages compare only over these."""
    tables = list(models.values())
    if not tables:
        return ()
    return tuple(language for language in tables[0] if all(table.get(language) is not None for table in tables))
