"""Tables about gates, thresholds and steering, from the records in ``benchmarks/results``."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
Row = dict[str, Any]
_SIDES = ("plain", "written")
_GROUPS = ("mid", "low", "all")


def load(name: str) -> Row:
    """A record by its file name."""
    found: Row = json.loads((RESULTS / name).read_text(encoding="utf-8"))
    return found


def table(header: str, rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; ``|`` parts the header's cells."""
    columns = header.split("|")
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(str(cell).strip() for cell in line) + " |\n" for line in lines)


# ---- every method beside every other


def gate_comparison(record: str) -> str:
    """Methods sorted by their mean selectivity in low-resource languages."""
    methods = load(record)["methods"]
    rows = []
    for label, row in sorted(methods.items(), key=lambda item: -item[1]["selectivity"]["value"]):
        name = f"**{label}**" if row["name"].startswith("ours") else label
        worst = f"{_interval(row['worst'])} {row['worst']['language']}"
        cells = [str(row["draws"]), _interval(row["selectivity"]), worst, f"{row['harmful']['value']:.0f}"]
        rows.append([name, *cells, f"{row['harmless']['value']:.1f} ({row['harmless_change']['value']:+.1f})"])
    head = "method | draws | selectivity | worst language | harmful refused % | harmless refused % (change)"
    return table(head, rows)


def _interval(part: Row) -> str:
    return f"{part['value']:.1f} ({part['interval'][0]:.0f} to {part['interval'][1]:.0f})"


# ---- utility and robustness


def utility() -> str:
    """What else changed, under the repair and under a push of every row."""
    conditions = load("utility.json")["conditions"]
    rows = []
    for place, measure in enumerate(conditions["repair"]["measures"]):
        control = conditions["every row pushed"]["measures"][place]
        for group in ("low", "average"):
            one, other = ({**part["tiers"], "average": part["average"]}[group] for part in (measure, control))
            digits = 1 if measure["unit"] == "points" else 3
            name = f"{measure['name']} ({measure['unit']}, margin {measure['margin']:g})"
            repaired = [_effect(one, measure["unit"]), one["decision"]]
            pushed = [_effect(other, measure["unit"]), other["decision"]]
            rows.append([name, group, f"{one['before']:.{digits}f}", *repaired, *pushed])
    return table("measure | languages | plain | change, repair | | change, every row pushed | ", rows)


def _effect(effect: Row, unit: str) -> str:
    digits = 1 if unit == "points" else 3
    if effect["interval"] is None:
        return f"{effect['change']:+.{digits}f}"
    return (
        f"{effect['change']:+.{digits}f} ({effect['interval'][0]:+.{digits}f} to {effect['interval'][1]:+.{digits}f})"
    )


def robustness(organism: str, record: str = "repair_robustness.json", groups: Sequence[str] = _GROUPS) -> str:
    """Calibrated on plain text, measured on rewritten text, by one recipe's organisms."""
    rows = []
    for way, row in load(record)["organisms"][organism]["ways"].items():
        for group in (name for name in groups if name in row):
            counted = f"{row['unscored']} of {row['prompts']}"
            rows.append([way, group, *_rewritten_cells(row[group]), counted, row[group]["verdict"]])
    return table(
        "written with | languages | plain text | rewritten | gain, plain | gain, rewritten | difference | harmless "
        "refused | AUROC, plain and rewritten | unscored | verdict",
        rows,
    )


def robustness_seeds() -> str:
    """Every training seed of the organisms that read other ways of writing, in low-resource languages."""
    ways = load("repair_robustness.json")["organisms"]["many ways"]["ways"]
    rows = [
        [way, name, *_rewritten_cells(part), part["verdict"]]
        for way, row in ways.items()
        for name, part in row.get("seeds", {}).items()
    ]
    return table(
        "written with | organism | plain text | rewritten | gain, plain | gain, rewritten | difference | harmless "
        "refused | AUROC, plain and rewritten | verdict",
        rows,
    )


def _rewritten_cells(part: Row) -> list[str]:
    levels = [f"{part[f'{text}_before']['value']:.0f} -> {part[f'{text}_after']['value']:.0f}" for text in _SIDES]
    names = ("plain_gain", "written_gain", "gain_difference", "written_harmless_refusal_change")
    changes = [
        f"{part[name]['value']:+.0f} ({part[name]['interval'][0]:+.0f} to {part[name]['interval'][1]:+.0f})"
        for name in names
    ]
    return [*levels, *changes, f"{part['gate_auroc_plain']:.2f}, {part['gate_auroc_written']:.2f}"]


# ---- thresholds from few labels or none


def _share(part: Row, sign: str = "") -> str:
    return f"{100 * part['mean']:{sign}.1f} ({100 * part['low']:{sign}.1f} to {100 * part['high']:{sign}.1f})"


def _mean(part: Row) -> str:
    return f"{100 * part['mean']:.1f}"


def shots() -> str:
    """Balanced accuracy by the number of labelled examples."""
    record = load("shots_seeds.json")
    low, mid = record["organism"]["low"], record["organism"]["mid"]["balanced_accuracy"]
    rows = []
    for k in record["budgets"]:
        accuracy = low["balanced_accuracy"]
        if k == 0:
            rows.append(["0", _share(accuracy["ours 0"]), "", "", _mean(mid["ours 0"]), ""])
            continue
        ours, published = f"ours {k}", f"published {k}"
        difference = _share(low["differences"][f"{ours} - {published}"], "+")
        others = [_mean(mid[ours]), _mean(mid[published])]
        rows.append([str(k), _share(accuracy[ours]), _share(accuracy[published]), difference, *others])
    return table(
        "shots per class | low-resource, ours | low-resource, published | difference | mid-resource, ours | "
        "mid-resource, published",
        rows,
    )


def shots_label_free() -> str:
    """Balanced accuracy without labels, against four labelled examples."""
    names = {
        "unlabelled": "unlabelled, half harmful",
        "unlabelled, 10% harmful": "unlabelled, 10 % harmful",
        "unlabelled, 90% harmful": "unlabelled, 90 % harmful",
        "harmless": "harmless prompts alone",
        "translations": "translations, labels of the source prompts",
        "parallel": "translations, labels by the source gate",
        "quantiles": "quantiles, half harmful",
        "quantiles, 10% harmful": "quantiles, 10 % harmful",
    }
    record = load("shots_seeds.json")["organism"]
    low, mid = record["low"], record["mid"]["balanced_accuracy"]
    rows = []
    for key, name in names.items():
        difference = low["differences"].get(f"{key} - ours 4")
        against = _share(difference, "+") if difference else ""
        rows.append([name, _share(low["balanced_accuracy"][key]), against, _mean(mid[key])])
    return table("evidence | low-resource | against 4 shots | mid-resource", rows)


def recalibration() -> str:
    """Readout and threshold together, by what they were fitted on."""
    names = {
        "source": "nothing",
        "shots 1": "1 shot per class",
        "shots 4": "4 shots per class",
        "shots 8": "8 shots per class",
        "shots+harmless 1": "1 shot and harmless text",
        "shots+harmless 4": "4 shots and harmless text",
        "shots+unlabelled 1": "1 shot and unlabelled text",
        "shots+unlabelled 4": "4 shots and unlabelled text",
        "harmless": "harmless text",
        "unlabelled": "unlabelled text, half harmful",
        "unlabelled, few harmful": "unlabelled text, 10 % harmful",
        "translations": "translations",
    }
    low, mid = (load("recalibration.json")["tiers"][tier] for tier in ("low", "mid"))
    rows = [
        [
            name,
            _share(low["balanced_accuracy"][key]),
            _share(low["against_four_shots"][key], "+") if key != "shots 4" else "",
            f"{low['auroc'][key]:.3f}",
            _mean(mid["balanced_accuracy"][key]),
        ]
        for key, name in names.items()
    ]
    return table("evidence | low-resource | against 4 shots | AUROC | mid-resource", rows)


def shots_wrong_labels() -> str:
    """How often wrong labels among four shots are noticed."""
    names = {
        "clean reported": "no wrong label, some label reported",
        "clean contradicting": "no wrong label, contradiction reported",
        "harmless as harmful": "one harmless prompt labelled harmful, found",
        "harmful as harmless": "one harmful prompt labelled harmless, found",
        "swapped": "all labels swapped, contradiction reported",
    }
    record = load("shots_seeds.json")["organism"]
    low, mid = (record[tier]["balanced_accuracy"] for tier in ("low", "mid"))
    return table(
        "shots | low-resource % | mid-resource %",
        [[name, _mean(low[key]), _mean(mid[key])] for key, name in names.items()],
    )


def shots_simulation() -> str:
    """Simulated languages whose truth is known."""
    rows = []
    for family, part in load("shots.json")["simulation"].items():
        found = part["balanced_accuracy"]
        pairs = [f"{_mean(found[f'ours {k}'])} / {_mean(found[f'published {k}'])}" for k in (1, 4)]
        unlabelled = " / ".join(_mean(found[f"unlabelled, {share}% harmful"]) for share in (10, 50, 90))
        first = [_mean(found["ceiling"]), _mean(found["ours 0"])]
        rows.append([family, *first, *pairs, _mean(found["harmless"]), unlabelled])
    return table(
        "language | best possible | source threshold | 1 shot, ours / published | 4 shots, ours / published | "
        "harmless | unlabelled, 10 / 50 / 90 % harmful",
        rows,
    )


# ---- routing


def locator() -> str:
    """Thresholds from the activations against thresholds from the label."""
    rows = []
    for part in ("development", "confirmation"):
        for row in load("locator.json")["summary"].get(part, []):
            names = ("accuracy_oracle", "accuracy_located", "accuracy_lean", "accuracy_fallback")
            accuracy = ["" if row.get(name) is None else f"{100 * row[name]:.1f}" for name in names]
            loss = [
                "" if row.get(name) is None else f"{row[name]:.2f}" for name in ("loss_points", "worst_loss_points")
            ]
            alarms = [
                "" if row.get(f"false_alarms_{name}") is None else f"{100 * row[f'false_alarms_{name}']:.1f}"
                for name in ("located", "lean", "leave")
            ]
            rows.append([part, row["situation"], f"{100 * row['far']:.0f}", *accuracy, *loss, " / ".join(alarms)])
    return table(
        "seeds | situation | far % | with label | located | lean | fallback | loss, points | worst language | "
        "false alarms %, located / lean / leave",
        rows,
    )


def promise() -> str:
    """The guarantee in simulation, at a limit of 5 %."""
    rows = []
    for row in load("promise.json")["simulation"]:
        if row["limit"] != 0.05:
            continue
        found = [
            "" if row.get(name) is None else f"{100 * row[name]:.{digits}f}"
            for name, digits in (("mean_share", 2), ("draws_over_limit", 1), ("harmful_caught", 1))
        ]
        rows.append([row["truth"], str(row["ideas"]), row["method"], str(row.get("needed") or ""), *found])
    return table("scores | ideas | method | ideas needed | fired % | draws over the limit % | harmful caught %", rows)


def promise_organism() -> str:
    """The promise on the organism's test prompts."""
    rows = []
    for row in load("promise.json")["organism"]["summary"]:
        found = [
            "" if row.get(name) is None else f"{100 * row[name]:.1f}"
            for name in ("harmless_fired", "harmful_fired", "harmful_left_alone")
        ]
        limit = "" if row["limit"] is None else f"{100 * row['limit']:g} %"
        rows.append([limit, row["way"], str(row["cells"]), *found])
    return table("limit | way | cells | harmless fired % | harmful fired % | harmful left alone %", rows)


def band() -> str:
    """What two thresholds cost against one."""
    rows = []
    for row in load("band.json")["summary"]:
        costs = [
            "" if row.get(name) is None else f"{row[name]:.4f}"
            for name in ("single_cost", "band_cost", "single_many_cost", "band_many_cost")
        ]
        left = "" if row.get("band_left_alone") is None else f"{100 * row['band_left_alone']:.1f}"
        rows.append([f"{row['false_alarm']:g}", f"{row['miss']:g}", row["tier"], *costs[:2], left, *costs[2:]])
    return table(
        "false alarm | miss | tier | one threshold, 4 shots | band, 4 shots | left alone % | one, many | band, many",
        rows,
    )


# ---- speed


def speed() -> str:
    """Ratios to the same engine without recording or steering."""
    ratios = load("extraction_and_generation.json")["ratios"]
    rows = [[group, method, f"{value:.2f}"] for group, part in ratios.items() for method, value in part.items()]
    return table("task | what | ratio", rows)


def peers() -> str:
    """Other libraries on the same model and prompts."""
    record = load("peers.json")
    rows = []
    for name, row in record["libraries"].items():
        if row.get("error"):
            rows.append([name, row.get("version", ""), row["error"], "", ""])
            continue
        ratio = ["" if row.get(part) is None else f"{row[part]['ratio']:.2f}" for part in ("extraction", "generation")]
        equal = [
            "" if row.get(part) is None else f"{row[part]['rows_equal']} of {row[part]['rows']}"
            for part in ("extraction", "generation")
        ]
        rows.append([name, row.get("version", ""), ratio[0], equal[0], ratio[1], equal[1]])
    return table("library | version | extraction | rows equal | generation | rows equal", rows)


# ---- survey


def survey_mentions() -> str:
    """The language-mention detector on tricky sentences."""
    rows = []
    for name, row in load("survey_mentions.json")["results"].items():
        parts = [row["precision"], row["recall"]]
        cells = [
            f"{100 * part['value']:.1f} % [{100 * part['interval'][0]:.1f}, {100 * part['interval'][1]:.1f}]"
            for part in parts
        ]
        rows.append([name, str(row["sentences"]), str(row["languages"]), *cells])
    return table("sentences | number | languages to find | precision | recall", rows)


TABLES = {
    "survey-mentions": survey_mentions,
    "gate comparison": partial(gate_comparison, "gate_comparison.json"),
    "gate comparison, fresh": partial(gate_comparison, "gate_comparison_fresh.json"),
    "utility": utility,
    "robustness": partial(robustness, "bundled"),
    "robustness, many ways": partial(robustness, "many ways"),
    "robustness, text": partial(robustness, "many ways", "repair_robustness_text.json", ("low",)),
    "robustness, seeds": robustness_seeds,
    "shots": shots,
    "shots label-free": shots_label_free,
    "recalibration": recalibration,
    "shots wrong labels": shots_wrong_labels,
    "shots simulation": shots_simulation,
    "locator": locator,
    "promise": promise,
    "promise organism": promise_organism,
    "band": band,
    "speed": speed,
    "peers": peers,
}
