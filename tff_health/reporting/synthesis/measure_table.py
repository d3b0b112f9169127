"""One table of arms against measures, with as many decimals as each measure carries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tff_health.reporting.results import Metric

MeasureRow = tuple[str, tuple[Metric, ...]]


@dataclass(frozen=True)
class MeasureColumn:
    """One measure.

    Attributes:
        name: of the metric.
        label: for people.
        ideal: which value would be best.
        digits: decimals.
    """

    name: str
    label: str
    ideal: str
    digits: int


@dataclass(frozen=True)
class MeasureTable:
    """Arms against measures.

    Attributes:
        columns: measures.
        rows: title and one metric for each column; real rows first where they were measured.
    """

    columns: tuple[MeasureColumn, ...]
    rows: tuple[tuple[str, tuple[Metric, ...]], ...]


def measure_table(
    rows: Sequence[MeasureRow], columns: Sequence[tuple[str, str, str]], *, counts: Collection[str] = ()
) -> MeasureTable:
    """The table without rows that hold nothing.

    Args:
        rows: title and one metric for each column.
        columns: name, label and ideal of each measure.
        counts: names of measures that are counts.
    """
    shown = tuple(row for row in rows if any(metric.value is not None for metric in row[1]))
    made = []
    for place, (name, label, ideal) in enumerate(columns):
        values = [value for row in shown if (value := row[1][place].value) is not None]
        whole = bool(values) and all(value == round(value) for value in values)
        counted = name in counts or any(abs(value) > 1 for value in values)
        made.append(MeasureColumn(name, label, ideal, (0 if whole else 2) if counted else 3))
    return MeasureTable(tuple(made), shown)
