"""Finished cells of an experiment on synthesizers, one of each arm and repeat, and what becomes of their figures."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tff_health.evaluation.t_interval import t_interval
from tff_health.experiments.dataset_checkpoints import DatasetCheckpoints
from tff_health.reporting.results import Metric
from tff_health.reporting.synthesis_document import HistoryPoint
from tff_health.runtime.checkpoints import CheckpointStore

Values = Sequence[float | None]


@dataclass(frozen=True)
class Cell:
    """One arm, or one hospital's part of it, in one split or with one seed.

    Attributes:
        repeat: number of the split or seed, from 0.
        label: arm, or arm/hospital; `real` for what is real.
        document: what was measured: `metrics` (number or None by name), `intervals` ([low, high] by name), and more.
    """

    repeat: int
    label: str
    document: Mapping[str, Any]


def document_of(
    checkpoints: DatasetCheckpoints,
    data: str,
    repeat: int,
    label: str,
    compute: Callable[[CheckpointStore], dict[str, Any]],
) -> tuple[dict[str, Any], bool]:
    """What a cell measured, from its checkpoint, or computed and saved.

    Args:
        checkpoints: of the dataset.
        data: fingerprint of what a resumed run must share.
        repeat: number of the split or seed, from 0.
        label: of the cell.
        compute: the document, with a store for the cell's training.

    Returns:
        The document, and whether it came from a checkpoint.
    """
    step = (str(repeat + 1), label)
    with checkpoints.store(data, *step, "measures") as store:
        saved = checkpoints.latest(store)
        if saved is not None:
            return json.loads(str(saved["json"])), True
        with checkpoints.store(data, *step, "training") as training:
            document = compute(training)
        store.save(0, {"json": json.dumps(document)})
    return document, False


def merged_metrics(
    cells: Sequence[Cell], repeats: int, *, held_out: int, is_share: Callable[[str, Values], bool]
) -> dict[str, Metric]:
    """Means over repeats with t intervals; where there is one, the interval that was measured within it.

    Args:
        cells: of one label.
        repeats: of the dataset; an arm may have fewer.
        held_out: patients or images behind a figure.
        is_share: whether a metric, by its name and values, lies between 0 and 1, which a t interval does not know.
    """
    names = dict.fromkeys(name for cell in cells for name in cell.document["metrics"])
    found = {}
    for name in names:
        seeds: list[float | None] = [None] * repeats
        for cell in cells:
            seeds[cell.repeat] = _number(cell.document["metrics"].get(name))
        mean = t_interval(seeds)
        low, high = mean.low, mean.high
        if mean.count == 1:
            within = next(
                (c.document.get("intervals", {}).get(name) for c in cells if seeds[c.repeat] is not None), None
            )
            low, high = within if within else (None, None)
        if low is not None and high is not None and is_share(name, seeds):
            low, high = max(low, 0.0), min(high, 1.0)
        found[name] = Metric(value=mean.value, low=low, high=high, n=held_out, seeds=seeds)
    return found


def history_point(point: Mapping[str, float]) -> HistoryPoint:
    """The document model of one round of a fit's history."""
    values: dict[str, float | None] = {key: value for key, value in point.items() if key not in ("round", "updates")}
    return HistoryPoint(round=int(point["round"]), updates=int(point.get("updates", 0)), values=values)


def finite_intervals(intervals: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Ends of intervals as JSON values, without those that are not defined."""
    return {
        name: [float(end) for end in ends]
        for name, ends in intervals.items()
        if all(math.isfinite(end) for end in ends)
    }


def plain_metrics(metrics: Mapping[str, Any]) -> dict[str, float | None]:
    """Figures as JSON values, None for those that are not defined."""
    return {name: None if value is None else _number(float(value)) for name, value in metrics.items()}


def _number(value: Any) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
