"""Tables of synthetic images: how near they are to real ones, how varied, what they repeat, what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tff_health.reporting.guarantee import named
from tff_health.reporting.images.arms import REAL_PART, all_image_arms
from tff_health.reporting.images.labels import class_label, image_measure, image_measure_order
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.synthesis.arms import purpose
from tff_health.reporting.synthesis.labels import SPEAKING
from tff_health.reporting.synthesis.measure_table import MeasureTable, measure_table
from tff_health.reporting.synthesis.membership_words import speaking_attack

FIDELITY = (
    *("fd_clf/value", "fd_clf/floor", "fd_clf/ratio", "kernel_distance/value"),
    *("coverage/precision", "coverage/recall", "coverage/density", "coverage/coverage"),
)
MEMORISATION = (
    *("memorisation/dcr_share", "memorisation/exact_copies"),
    *("memorisation/psnr_median", "memorisation/psnr_median_holdout"),
    *("memorisation/ssim_median", "memorisation/ssim_median_holdout", SPEAKING),
)
SIMILARITIES = {"ssim": "SSIM", "ms_ssim": "MS-SSIM"}
_COSTS = {
    "seconds": "Seconds in all",
    "seconds_per_round": "Seconds a round",
    "rounds": "Rounds",
    "bytes_up": "Bytes sent by a hospital",
    "bytes_down": "Bytes sent to a hospital",
    "updates_per_second": "Updates a second",
}
_MOST_COLUMNS = 7
_ELSEWHERE = {*REAL_PART, *REAL_PART.values(), "diversity", "membership", "hospital", "test", "train"}


@dataclass(frozen=True)
class DiversityRow:
    """One class of one arm's images.

    Attributes:
        title: of the arm.
        label: of the class.
        values: for each of `SIMILARITIES` that was measured: real, synthetic, difference.
    """

    title: str
    label: str
    values: tuple[tuple[Metric, Metric, Metric], ...]


@dataclass(frozen=True)
class DiversityTable:
    """Mean similarity of random pairs within a class.

    Attributes:
        similarities: labels, in the order of `DiversityRow.values`.
        rows: arms in order, each with its classes; rows of one arm follow one another.
    """

    similarities: tuple[str, ...]
    rows: tuple[tuple[DiversityRow, ...], ...]


@dataclass(frozen=True)
class CostRow:
    """What one arm took.

    Attributes:
        title: for people.
        updates: of the generator; 0 where they were not counted.
        images: synthetic ones behind each seed's metrics; 0 likewise.
        values: one for each cost; None where it was not measured.
    """

    title: str
    updates: int
    images: int
    values: tuple[float | None, ...]


def arm_title(name: str, arm: Arm) -> str:
    """The arm in tables; a control says so."""
    unsaid = purpose(name, arm) == "control" and "control" not in arm.title.lower()
    return f"Control: {named(arm)}" if unsaid else named(arm)


def measures(dataset: DatasetResult, names: Sequence[str]) -> MeasureTable | None:
    """The named measures of all arms, as far as they were measured; None without any."""
    arms = all_image_arms(dataset)
    wanted = [
        name
        for name in names
        if any(_value(arm, name).value is not None for arm in arms.values()) or _real(dataset, name).value is not None
    ]
    return _table(dataset, wanted) if wanted else None


def further_measures(dataset: DatasetResult) -> list[MeasureTable]:
    """All that was measured and stands in no other table: the rest of known groups, and users' own measures."""
    recorded = [dataset.images.real_metrics] if dataset.images else []
    recorded += [arm.metrics for arm in all_image_arms(dataset).values()]
    shown = {*FIDELITY, *MEMORISATION}
    names = {
        name for metrics in recorded for name in metrics if name not in shown and name.split("/")[0] not in _ELSEWHERE
    }
    wanted = sorted(names, key=image_measure_order)
    tables = -(-len(wanted) // _MOST_COLUMNS)
    if not tables:
        return []
    size = -(-len(wanted) // tables)
    return [_table(dataset, wanted[start : start + size]) for start in range(0, len(wanted), size)]


def diversity_table(dataset: DatasetResult) -> DiversityTable | None:
    """Likeness within each class, real beside synthetic; None where nobody measured it."""
    arms = all_image_arms(dataset)
    measured = {
        key: label
        for key, label in SIMILARITIES.items()
        if any(name.endswith(f"/{key}_synthetic") for arm in arms.values() for name in arm.metrics)
    }
    rows = tuple(found for name, arm in arms.items() if (found := _diversity_rows(dataset, name, arm, tuple(measured))))
    return DiversityTable(tuple(measured.values()), rows) if rows else None


def diversity_classes(arm: Arm) -> list[str]:
    """The classes whose diversity was measured, as the metrics' names have them."""
    parts = [name.split("/") for name in arm.metrics]
    return list(dict.fromkeys(part[1] for part in parts if len(part) == 3 and part[0] == "diversity"))


def cost_table(dataset: DatasetResult) -> tuple[list[str], list[CostRow]]:
    """Labels of the costs that were measured, and one row an arm."""
    arms = all_image_arms(dataset)
    recorded = dict.fromkeys(name for arm in arms.values() for name in arm.cost)
    names = [*(name for name in _COSTS if name in recorded), *(name for name in recorded if name not in _COSTS)]
    labels = [_COSTS.get(name, name.replace("_", " ").capitalize()) for name in names]
    rows = []
    for name, arm in arms.items():
        made = arm.images
        if made is not None and (made.updates or arm.cost):
            values = tuple(arm.cost.get(cost) for cost in names)
            rows.append(CostRow(arm_title(name, arm), made.updates, made.images, values))
    return labels, rows


def _diversity_rows(
    dataset: DatasetResult, name: str, arm: Arm, similarities: Sequence[str]
) -> tuple[DiversityRow, ...]:
    rows = []
    for key in diversity_classes(arm):
        values = tuple(
            (
                arm.metric(f"diversity/{key}/{similarity}_real"),
                arm.metric(f"diversity/{key}/{similarity}_synthetic"),
                arm.metric(f"diversity/{key}/{similarity}_difference"),
            )
            for similarity in similarities
        )
        rows.append(DiversityRow(arm_title(name, arm), class_label(dataset, key), values))
    return tuple(rows)


def _table(dataset: DatasetResult, names: Sequence[str]) -> MeasureTable:
    rows = [("Real training images", tuple(_real(dataset, name) for name in names))]
    rows += [
        (arm_title(name, arm), tuple(_value(arm, one) for one in names))
        for name, arm in all_image_arms(dataset).items()
    ]
    return measure_table(rows, [image_measure(name) for name in names])


def _real(dataset: DatasetResult, name: str) -> Metric:
    recorded = dataset.images.real_metrics if dataset.images else {}
    return recorded.get(name) or Metric()


def _value(arm: Arm, name: str) -> Metric:
    if name != SPEAKING:
        return arm.metric(name)
    found = speaking_attack(arm)
    return found[1].auc if found else arm.metric("membership/auc")
