"""The tables of a study, from its records."""

from collections.abc import Iterator

from isogloss.experiment.record import BehaviourRecord, Measured, MethodRow, StrengthRow
from isogloss.experiment.summary import Point, group_languages, hardest_group
from isogloss.report.experiment.formats import Entry, Table, Value
from isogloss.report.experiment.study import StudyRecords

UNFITTED = "nothing was fitted here"
SHOTS = "labelled shots"
EVIDENCE = {
    "ours (unlabelled)": "unlabelled prompts",
    "ours (harmless)": "harmless prompts alone",
    "ours (translations)": "translations",
}
"""What the methods of the detection grid know of a target language."""


def list_tables(records: StudyRecords) -> list[Table]:
    """Every table that the records can fill."""
    found = [
        behaviour_table(records),
        behaviour_languages_table(records),
        shots_table(records),
        ranks_table(records),
        languages_table(records),
        *transfer_tables(records),
        outside_table(records),
        strength_table(records),
    ]
    return [table for table in found if table is not None and table.rows]


def behaviour_table(records: StudyRecords) -> Table | None:
    """Methods by what they do in the hardest languages, best selectivity first."""
    behaviour = records.behaviour
    if behaviour is None:
        return None
    group = headline_group(behaviour)
    rows = []
    for method in sort_methods(behaviour):
        row = method.groups.get(group)
        if row is None:
            continue
        rows.append(
            (
                name_method(method),
                _shots(method.shots),
                method.evidence,
                _points(row.harmful),
                _points(row.harmless),
                _points(row.selectivity),
                _points(row.change, signed=True),
                _points(row.harmless_change, signed=True),
                *_worst(records, method),
                Value(None if method.degenerate_share is None else 100 * method.degenerate_share, decimals=1),
            )
        )
    level = f"{100 * records.study.confidence:g} per cent"
    return Table(
        "behaviour",
        f"Refusal by method, mean over the {_say_group(group)} languages in per cent, on test prompts judged by "
        f"{behaviour.judge}; changes are paired with the unsteered model; limits are {level}, by prompt idea. The "
        "worst language is that with the lowest selectivity over all target languages; its limits hold for the lowest "
        "true one. Evidence is what a method was told of the target languages.",
        (
            "method",
            "shots",
            "evidence",
            "harmful refused",
            "harmless refused",
            "selectivity",
            "change of selectivity",
            "change of harmless refusal",
            "worst language",
            "worst selectivity",
            "degenerate",
        ),
        tuple(rows),
    )


def behaviour_languages_table(records: StudyRecords) -> Table | None:
    """Selectivity of every method in every language."""
    behaviour = records.behaviour
    if behaviour is None:
        return None
    rows: list[tuple[Entry, ...]] = []
    for method in sort_methods(behaviour):
        for tag, row in method.languages.items():
            rows.append(
                (
                    name_method(method),
                    _shots(method.shots),
                    records.name(tag),
                    tag,
                    _points(row.harmful),
                    _points(row.harmless),
                    _points(row.selectivity),
                )
            )
    return Table(
        "behaviour_languages",
        "Refusal by method and language in per cent, on test prompts.",
        ("method", "shots", "language", "tag", "harmful refused", "harmless refused", "selectivity"),
        tuple(rows),
    )


def shots_table(records: StudyRecords) -> Table | None:
    """Balanced accuracy by method and shots, mean over the hardest languages."""
    table = records.table
    if table is None:
        return None
    name, tags = hardest_group(records.study)
    rows: tuple[tuple[Entry, ...], ...] = tuple(
        (method, EVIDENCE.get(method, SHOTS), *(_value(table.average(method, shots, tags)) for shots in table.shots))
        for method in table.methods
    )
    return Table(
        "shots",
        f"Balanced accuracy on test prompts by labelled examples per class, mean over {len(tags)} {name}; ranked "
        "methods at their highest rank; limits are the middle of the draws of the examples, not of the prompts tested. "
        "Methods without labelled examples stand at 0; translations carry the label of their source prompt.",
        ("method", "evidence", *(say_shots(shots) for shots in table.shots)),
        rows,
    )


def ranks_table(records: StudyRecords) -> Table | None:
    """Balanced accuracy by rank and shots of the ranked methods."""
    table = records.table
    if table is None:
        return None
    name, tags = hardest_group(records.study)
    rows: tuple[tuple[Entry, ...], ...] = tuple(
        (method, rank, *(_value(table.average(method, shots, tags, rank=rank)) for shots in table.shots))
        for method in table.methods
        for rank in table.ranks(method)
        if rank
    )
    return Table(
        "ranks",
        f"Balanced accuracy on test prompts by rank of the source span, mean over {len(tags)} {name}; limits are the "
        "middle of the draws.",
        ("method", "rank", *(say_shots(shots) for shots in table.shots)),
        rows,
    )


def languages_table(records: StudyRecords) -> Table | None:
    """How recoverable each language is, and what its own threshold is worth."""
    layers = records.layers
    if layers is None or layers.chosen not in layers.layers:
        return None
    place = layers.layers.index(layers.chosen)
    rows = tuple(
        (
            records.name(tag),
            tag,
            records.tier(tag) or "unknown",
            Value(row.auroc[place], row.auroc_interval[place], decimals=3),
            Value(row.transported[place]),
            Value(row.recalibrated[place]),
            Value(row.published[place] if row.published else None),
        )
        for group in group_languages(records.study).values()
        for tag, row in layers.languages.items()
        if tag in group
    )
    return Table(
        "languages",
        f"Recoverability at layer {layers.chosen}: AUROC of the pooled source direction, and balanced accuracy of "
        f"our gate at the source threshold and with {layers.shots} examples per class, and of the published gate with "
        "as many (mean over draws).",
        (
            "language",
            "tag",
            "tier",
            "AUROC",
            "source threshold",
            say_shots(layers.shots),
            f"published gate, {say_shots(layers.shots)}",
        ),
        rows,
    )


def transfer_tables(records: StudyRecords) -> Iterator[Table]:
    """One matrix per method."""
    transfer = records.transfer
    if transfer is None:
        return
    for method, matrix in transfer.balanced_accuracy.items():
        rows: tuple[tuple[Entry, ...], ...] = tuple(
            (tag, *(Value(cell) for cell in row)) for tag, row in zip(transfer.languages, matrix, strict=True)
        )
        yield Table(
            f"transfer_{method.replace(' ', '_')}",
            f"Balanced accuracy on test prompts of the column's language, {method}: {transfer.notes[method]}.",
            ("calibrated on", *transfer.languages),
            rows,
        )


def outside_table(records: StudyRecords) -> Table | None:
    """Other prompt sets."""
    outside = records.outside
    if outside is None:
        return None
    rows = tuple(
        (
            row.prompts,
            row.language,
            row.method,
            row.calibrated_on,
            row.shots,
            Value(row.balanced_accuracy, row.balanced_accuracy_interval, reason=row.reason),
            Value(row.auroc, decimals=3, reason=row.reason),
            Value(row.tpr, reason=row.reason),
            Value(row.fpr, reason=row.reason),
            row.reason,
        )
        for row in outside.rows
    )
    return Table(
        "out_of_distribution",
        "Prompts of other sets, at thresholds of the source languages, of the study's own set, or of the other set "
        "itself; "
        "limits are the middle of the draws.",
        (
            "set",
            "language",
            "method",
            "calibrated on",
            "shots",
            "balanced accuracy",
            "AUROC",
            "harmful caught",
            "harmless flagged",
            "note",
        ),
        rows,
    )


def strength_table(records: StudyRecords) -> Table | None:
    """Refusals by strength and tier."""
    strength = records.strength
    if strength is None:
        return None
    rows: list[tuple[Entry, ...]] = []
    for method in dict.fromkeys(row.method for row in strength.rows):
        for tier, tags in group_languages(records.study).items():
            own = [row for row in strength.rows if row.method == method and row.language in tags]
            for multiplier in sorted({row.multiplier for row in own}):
                cells = [row for row in own if row.multiplier == multiplier]
                shares = [_share([row for row in cells if row.kind == kind]) for kind in ("harmful", "harmless")]
                asked = sum(row.asked for row in cells)
                broken = 100 * sum(row.degenerate for row in cells) / asked if asked else None
                numbers = (Value(share, decimals=1) for share in (*shares, broken))
                rows.append((method, tier, Value(multiplier), Value(cells[0].strength), *numbers))
    return Table(
        "strength",
        f"Refusal in per cent by strength (in units of the distance between the source classes), on {strength.split} "
        f"prompts, gates with {strength.shots} examples per class. Ours lifts to that place, the published gate adds "
        "that length.",
        ("method", "tier", "multiplier", "strength", "harmful refused", "harmless refused", "degenerate"),
        tuple(rows),
    )


def sort_methods(behaviour: BehaviourRecord) -> list[MethodRow]:
    """Methods by selectivity in the headline group, best first; undefined ones last."""
    group = headline_group(behaviour)

    def rank(method: MethodRow) -> tuple[bool, float, str]:
        row = method.groups.get(group)
        value = row.selectivity.value if row else None
        return (value is None, -(value or 0.0), name_method(method))

    return sorted(behaviour.methods, key=rank)


def headline_group(behaviour: BehaviourRecord) -> str:
    """The group that methods are compared on: the low tier where there is one, else the target languages."""
    return "low" if any("low" in method.groups for method in behaviour.methods) else "target"


def name_method(method: MethodRow) -> str:
    """A method's name with its variant."""
    if not method.variant or method.name.startswith(method.variant):
        return method.name
    return f"{method.name} ({method.variant})"


def label_method(method: MethodRow) -> str:
    """A method's name with its variant and its shots; ours without labelled shots is named by its evidence."""
    nameless = method.shots is None or (method.name == "ours" and method.variant and not method.shots)
    return name_method(method) if nameless else f"{name_method(method)}, {say_shots(method.shots or 0)}"


def _say_group(group: str) -> str:
    return {"low": "low-resource", "target": "target"}.get(group, group)


def _share(rows: list[StrengthRow]) -> float | None:
    scored = sum(row.scored for row in rows)
    return 100 * sum(row.refused for row in rows) / scored if scored else None


def _shots(shots: int | None) -> str:
    return "" if shots is None else str(shots)


def say_shots(shots: int) -> str:
    """A budget in words."""
    return "1 shot" if shots == 1 else f"{shots} shots"


def _points(found: Measured, *, signed: bool = False) -> Value:
    return Value(found.value, found.interval, decimals=1, signed=signed)


def _value(point: Point) -> Value:
    return Value(point.value, point.interval, decimals=3, reason=UNFITTED if point.value is None else "")


def _worst(records: StudyRecords, method: MethodRow) -> tuple[str, Value]:
    if method.worst is None:
        return "", Value(None, decimals=1, reason="a language's selectivity is undefined")
    return records.name(method.worst.language), _points(method.worst.selectivity)
