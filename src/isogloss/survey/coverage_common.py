"""Models tested in different languages: the mean over each one's own set, over the common set, and the worst."""

from collections.abc import Mapping
from dataclasses import dataclass

from isogloss.stats.averages import common_languages, summarise_languages


@dataclass(frozen=True, slots=True)
class CommonRow:
    """One model.

    Attributes:
        model: its name.
        languages: in which it has a value.
        mean: over its own languages; not comparable between models with other sets.
        worst: the language with the lowest value.
        worst_value: that value.
        common_mean: over the languages that all models have; None where there are none.
        common_worst: the worst of those.
    """

    model: str
    languages: tuple[str, ...]
    mean: float
    worst: str
    worst_value: float
    common_mean: float | None
    common_worst: str | None


def compare_over_common_languages(
    models: Mapping[str, Mapping[str, float | None]],
) -> tuple[tuple[CommonRow, ...], tuple[str, ...]]:
    """Each model's mean and worst, over its own languages and over those common to all.

    Args:
        models: value by language, in any unit where more is better; None where a model was not tested.

    Returns:
        A row for each model with any value, and the common set.
    """
    common = common_languages(models)
    rows: list[CommonRow] = []
    for model, values in models.items():
        own = summarise_languages(values)
        if own is None:
            continue
        shared = summarise_languages(values, languages=common) if common else None
        rows.append(
            CommonRow(
                model=model,
                languages=own.languages,
                mean=own.average,
                worst=own.worst,
                worst_value=own.worst_value,
                common_mean=shared.average if shared else None,
                common_worst=shared.worst if shared else None,
            )
        )
    return tuple(rows), common
