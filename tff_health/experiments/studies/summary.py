"""summary.csv of a study: one row for each dataset, arm and metric."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from tff_health.reporting.atomic import write_atomically
from tff_health.reporting.results import Results

COLUMNS = ("dataset", "arm", "metric", "mean", "low", "high", "seeds", "epsilon", "delta", "unit")


def write_summary(results: Results, path: Path) -> None:
    """Writes every arm's metrics over all patients, with the guarantee's epsilon where there is one.

    `seeds` is the number of cells behind the mean.

    Raises:
        ReportError: the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for dataset, found in results.datasets.items():
        for arm, entry in found.arms.items():
            privacy = entry.privacy
            terms = (privacy.epsilon, privacy.delta, privacy.unit) if privacy else (None, None, None)
            for name, metric in entry.metrics.items():
                if not name.startswith("hospital/"):
                    count = sum(value is not None for value in metric.seeds)
                    row = (dataset, arm, name, metric.value, metric.low, metric.high, count, *terms)
                    writer.writerow(["" if value is None else value for value in row])
    write_atomically(path, text.getvalue().encode())
