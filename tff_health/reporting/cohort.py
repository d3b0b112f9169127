"""The simulated cohort behind Figs. 7, 8, 9 and 11 of P1: its rows are drawn again from the run's seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from data.federation import Federation
from data.schema import Column
from tff_health.reporting import paper
from tff_health.reporting.hospital_counts import hospital_counts
from tff_health.reporting.record import Run
from tff_health.reporting.results import (
    ColumnStatistics,
    Correlation,
    DatasetResult,
    Histogram,
    Reference,
    Results,
    Statistics,
)

_BINS = 20


def add_cohort(run: Run) -> Run:
    """Puts the simulated cohort into a run of the paper's experiment, for its figures alone.

    The run may have trained on the cohort; then its results stay and only the rows are added.
    Otherwise a dataset without arms is added. A run without the paper's data is returned as it is.
    """
    datasets = run.results.datasets
    if paper.COHORT not in datasets and paper.PAPER_DATASET not in datasets:
        return run
    # Only here, so that a report on other data needs none of the datasets' code.
    from data.modality import load_table_dataset

    federation = load_table_dataset(paper.COHORT, {}, data_dir=None, seed=_seed(run.results))
    if paper.COHORT not in datasets:
        # A plain copy, so that the run as read stays what results.json holds.
        datasets = {**datasets, paper.COHORT: describe(federation)}
    elif datasets[paper.COHORT].hospitals != hospital_counts(federation.sizes):
        # The run drew other rows (another size or skew): its own statistics stand, without a pair plot.
        return run
    results = run.results.model_copy(update={"datasets": datasets})
    return replace(run, results=results, simulated={**run.simulated, paper.COHORT: federation})


def references_with_cohort(run: Run) -> list[Reference]:
    """The run's own references; those of a cohort that the report added are made here."""
    recorded = run.results.references
    if paper.COHORT not in run.simulated or any(reference.dataset == paper.COHORT for reference in recorded):
        return recorded
    added = [reference for reference in paper.compare(run.results) if reference.dataset == paper.COHORT]
    return [*recorded, *added]


def _seed(results: Results) -> int:
    for name in (paper.COHORT, "data", "experiment", "seed"):
        value = results.seeds.get(name)
        if isinstance(value, int):
            return value
    return 0


def describe(federation: Federation) -> DatasetResult:
    """A simulated federation as a dataset without arms.

    Raises:
        ValueError: the federation holds real patients, whose rows are never pooled here.
    """
    if federation.kind != "simulated":
        raise ValueError(f"{federation.name} is not simulated: its statistics must be federated ones")
    frame = pd.concat([hospital.train for hospital in federation.members], ignore_index=True)
    columns = [column for column in federation.schema.columns if column.is_numeric or len(column.codes) == 2]
    encoded = pd.DataFrame(federation.schema.encode(frame), columns=list(federation.schema.names))
    names = [column.name for column in columns]
    return DatasetResult(
        title=federation.title,
        kind="simulated",
        source=federation.source,
        licence=federation.licence,
        target=federation.schema.target,
        positive=federation.schema.positive_label,
        protocol=federation.protocol,
        notes=[
            *federation.notes,
            "No model was trained on these rows in this run; they serve the figures alone.",
        ],
        hospitals=hospital_counts(federation.sizes),
        statistics=Statistics(
            columns=[_column(column, frame[column.name]) for column in federation.schema.columns],
            correlation=Correlation(names=names, matrix=encoded[names].corr().to_numpy().tolist()),
        ),
    )


def _column(column: Column, values: pd.Series) -> ColumnStatistics:
    common = {
        "name": column.name,
        "kind": column.kind,
        "unit": column.unit,
        "missing": int(values.isna().sum()),
    }
    if not column.is_numeric:
        counts = values.value_counts()
        categories = {label: float(counts.get(code, 0)) for code, label in column.codebook.items()}
        return ColumnStatistics(**common, categories=categories)  # type: ignore[arg-type]
    numbers = values.dropna().to_numpy(np.float64)
    low, high = numbers.min(), numbers.max()
    if column.kind == "integer":
        # Bins of whole numbers, or some would hold one value more than others.
        width = int(np.ceil((high - low + 1) / _BINS))
        counts_, edges = np.histogram(numbers, bins=np.arange(low, high + width + 1, width))
    else:
        counts_, edges = np.histogram(numbers, bins=_BINS)
    return ColumnStatistics(
        **common,  # type: ignore[arg-type]
        mean=numbers.mean(),
        sd=numbers.std(ddof=1),
        minimum=low,
        maximum=high,
        histogram=Histogram(edges=edges.tolist(), counts=counts_.tolist()),
    )
