"""What a study found, in sentences that follow from its records."""

from collections.abc import Sequence

from isogloss.experiment.plan import LABEL_FREE
from isogloss.experiment.record import GroupRow, MethodRow
from isogloss.experiment.summary import DetectionTable, hardest_group
from isogloss.report.experiment.study import StudyRecords
from isogloss.report.experiment.tables import headline_group, label_method, sort_methods
from isogloss.report.text import THIN, interval, number, points


def describe_study(records: StudyRecords) -> list[str]:
    """The findings, most important first; nothing is said that was not measured."""
    found = [*_say_behaviour(records), *_say_detection(records), *_say_languages(records)]
    return found or ["This study holds no measurements yet; run the same command again and it goes on."]


def _say_behaviour(records: StudyRecords) -> list[str]:
    behaviour = records.behaviour
    if behaviour is None:
        return []
    group, ordered = headline_group(behaviour), sort_methods(behaviour)
    best = ordered[0]
    said = []
    if group in best.groups:
        said.append(
            f"Best mean selectivity over the {'low-resource' if group == 'low' else 'target'} languages: "
            f"{label_method(best)}{_say_evidence(best)}, "
            f"{_say_points(best.groups[group])}; the unsteered model has "
            f"{_say_points(behaviour.methods[0].groups[group])}."
        )
    found = [
        (row.selectivity.value, method, row)
        for method in ordered
        if (row := method.worst) and row.selectivity.value is not None
    ]
    if found:
        value, top, row = max(found, key=lambda one: one[0])
        said.append(
            f"Best worst language: {label_method(top)}, {points(value, decimals=1)} points in "
            f"{records.name(row.language)} {interval(row.selectivity.interval, signed=True)}."
        )
    if group in best.groups and best.groups[group].harmless_change.value is not None:
        change = best.groups[group].harmless_change
        said.append(
            f"Harmless refusal changes under {label_method(best)} by {points(change.value, decimals=1)} points "
            f"{interval(change.interval, signed=True)}."
        )
    return said


def _say_detection(records: StudyRecords) -> list[str]:
    table = records.table
    if table is None or not table.methods:
        return []
    name, tags = hardest_group(records.study)
    said = []
    for shots in (0, 4):
        if shots not in table.shots:
            continue
        listed = _list_methods(table, shots, tags, [method for method in table.methods if method not in LABEL_FREE])
        if listed:
            said.append(f"Balanced accuracy with {shots} examples per class, mean over {len(tags)} {name}: {listed}.")
    listed = _list_methods(table, 0, tags, [method for method in table.methods if method in LABEL_FREE])
    if listed:
        said.append(f"From other evidence than labelled examples: {listed}.")
    return said


def _list_methods(table: DetectionTable, shots: int, tags: Sequence[str], methods: Sequence[str]) -> str:
    found = [table.average(method, shots, tags) for method in methods]
    ranked = sorted((point for point in found if point.value is not None), key=lambda point: -(point.value or 0.0))
    return ", ".join(f"{point.method} {number(point.value, decimals=2, ceiling=1)}" for point in ranked)


def _say_languages(records: StudyRecords) -> list[str]:
    layers = records.layers
    if layers is None or layers.chosen not in layers.layers:
        return []
    place = layers.layers.index(layers.chosen)
    measured = {tag: row.auroc[place] for tag, row in layers.languages.items() if row.auroc[place] is not None}
    if not measured:
        return []
    lowest = min(measured, key=lambda tag: measured[tag] or 0.0)
    return [
        f"Harm is least recoverable in {records.name(lowest)}: AUROC "
        f"{number(measured[lowest], decimals=2, ceiling=1)} at "
        f"layer {layers.chosen}."
    ]


def _say_evidence(method: MethodRow) -> str:
    return f" (told of the target languages: {method.evidence})" if method.evidence else ""


def _say_points(row: GroupRow) -> str:
    if row.selectivity.value is None:
        return "undefined"
    shown = points(row.selectivity.value, decimals=1)
    return f"{shown}{THIN}points {interval(row.selectivity.interval, signed=True)}"
