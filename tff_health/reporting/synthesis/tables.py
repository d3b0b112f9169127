"""Tables of arms against measures: whatever was measured gets a column, known measures first."""

from __future__ import annotations

from collections.abc import Sequence

from tff_health.reporting.guarantee import named
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.synthesis.anonymity_rules import ruled_label
from tff_health.reporting.synthesis.arms import SHOWN_PURPOSES, arms_for, purpose, real_metric
from tff_health.reporting.synthesis.labels import SPEAKING, measure_ideal, measure_order
from tff_health.reporting.synthesis.measure_table import MeasureTable, measure_table
from tff_health.reporting.synthesis.membership_words import speaking_attack

_MOST_COLUMNS = 7  # measures that fit beside each other on a page
LIKENESS = ("fidelity", "detection", "coverage", "collapse")
PRIVACY = ("anonymity", "disclosure", "singling_out", "singling_out_univariate", "linkability", "inference")
KEY_LIKENESS = (
    *("fidelity/ks", "fidelity/tv", "fidelity/correlation", "fidelity/contingency", "detection/auc"),
    *("coverage/test/precision", "coverage/test/recall", "collapse/categories_covered"),
)
KEY_PRIVACY = (
    *("anonymity/k", "anonymity/k_map", "anonymity/l_distinct", "anonymity/t", "disclosure/dcr_share"),
    *("disclosure/exact_copies", "singling_out/risk", "singling_out_univariate/risk", "linkability/risk"),
    *("inference/risk", SPEAKING),
)
# Where a third part of the name is a column.
_BY_COLUMN = ("fidelity/ks/", "fidelity/tv/", "fidelity/missing/")
_COUNTS = ("anonymity/k", "anonymity/k_map", "anonymity/classes", "anonymity/l_distinct", "anonymity/l_recursive")
# What other tables show.
_ELSEWHERE = ("tstr", "trtr", "augmented", "hospital", "test", "train", "membership")
_KNOWN_PREFIXES = {*LIKENESS, *PRIVACY, *_ELSEWHERE}


def measure_tables(dataset: DatasetResult, prefixes: Sequence[str]) -> list[MeasureTable]:
    """The measures whose names begin with one of the prefixes, as few tables as fit a page; empty for none.

    Measures of single columns (`fidelity/ks/age`) are left out: the figure of the columns shows them.
    """
    arms = measured_arms(dataset)
    columns = _column_names(dataset)
    wanted = sorted(
        (
            name
            for name in _recorded_names(dataset, arms)
            if name.split("/")[0] in prefixes and not _of_one_column(name, columns)
        ),
        key=measure_order,
    )
    wanted.sort(key=lambda name: prefixes.index(name.split("/")[0]))
    tables = -(-len(wanted) // _MOST_COLUMNS)
    if not tables:
        return []
    size = -(-len(wanted) // tables)
    return [_table(dataset, arms, wanted[start : start + size]) for start in range(0, len(wanted), size)]


def key_table(dataset: DatasetResult, names: Sequence[str]) -> MeasureTable | None:
    """The few measures that a reader needs first; None where none of them was measured."""
    arms = measured_arms(dataset)
    wanted = [
        name
        for name in names
        if any(_value(arm, name).value is not None for arm in arms.values())
        or real_metric(dataset, name).value is not None
    ]
    return _table(dataset, arms, wanted) if wanted else None


def other_prefixes(dataset: DatasetResult) -> list[str]:
    """First parts of measures that no section knows: a user's own."""
    found = {name.split("/")[0] for name in _recorded_names(dataset, measured_arms(dataset))}
    return sorted(found - _KNOWN_PREFIXES)


def measured_arms(dataset: DatasetResult) -> dict[str, Arm]:
    """The arms that such tables show: synthesisers, then ablations, then controls."""
    return {name: arm for wanted in SHOWN_PURPOSES for name, arm in arms_for(dataset, wanted).items()}


def _title(name: str, arm: Arm) -> str:
    return f"Control: {named(arm)}" if purpose(name, arm) == "control" else named(arm)


def _value(arm: Arm, name: str) -> Metric:
    if name != SPEAKING:
        return arm.metric(name)
    found = speaking_attack(arm)
    return found[1].auc if found else Metric()


def _recorded_names(dataset: DatasetResult, arms: dict[str, Arm]) -> set[str]:
    recorded = dataset.synthesis.real_metrics if dataset.synthesis else {}
    return {name for metrics in (recorded, *(arm.metrics for arm in arms.values())) for name in metrics}


def _column_names(dataset: DatasetResult) -> set[str]:
    described = [arm.synthesis.columns for arm in dataset.arms.values() if arm.synthesis]
    names = {column.name for columns in described for column in columns}
    return names | {column.name for column in (dataset.synthesis.columns if dataset.synthesis else [])}


def _of_one_column(name: str, columns: set[str]) -> bool:
    """Whether a measure is that of a single column. Columns may be called anything, `k` and `auc` too."""
    return name.startswith(_BY_COLUMN) and name.split("/", 2)[2] in columns


def _table(dataset: DatasetResult, arms: dict[str, Arm], names: list[str]) -> MeasureTable:
    rows = [(_title(name, arm), tuple(_value(arm, name) for name in names)) for name, arm in arms.items()]
    real = tuple(real_metric(dataset, name) for name in names)
    if any(metric.value is not None for metric in real):
        rows.insert(0, ("Real training rows", real))
    columns = [(name, ruled_label(dataset, name), measure_ideal(name)) for name in names]
    return measure_table(rows, columns, counts=_COUNTS)
