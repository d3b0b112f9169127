"""The difference between two arms on the same held-out patients, by a paired bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from tff_health.evaluation.paired_comparison import compare_pairs
from tff_health.reporting.curves import bootstrap_weights, roc_curves
from tff_health.reporting.record import RunRecord
from tff_health.reporting.results import DatasetResult

_KEYS = ["seed", "hospital", "patient"]
_REPLICATES = 1000
# Predictions whose own value lies further from results.json are taken to measure something else.
_AGREEMENT = 0.01


@dataclass(frozen=True)
class Difference:
    """First arm minus second, with a 95 % interval: percentiles over patients, or Student's t over a study's cells.

    Attributes:
        value: mean difference over seeds.
        low: 2.5th percentile.
        high: 97.5th percentile.
        patients: distinct patients that were resampled; of a study, the held-out patients of one cell.
    """

    value: float
    low: float
    high: float
    patients: int

    @property
    def outcome(self) -> Literal["better", "worse", "unclear"]:
        """Whether the interval excludes zero, and on which side."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "unclear"


def paired_difference(
    record: RunRecord, first: str, second: str, metric: Literal["accuracy", "auc"]
) -> Difference | None:
    """Compares two arms on the patients that both scored.

    A patient is resampled as a whole, in every seed at once, since seeds share patients: resampled rows
    would make the interval too narrow.

    Args:
        record: the dataset's record.
        first: arm name.
        second: arm name.
        metric: `accuracy` at each arm's decision threshold, or `auc`.

    Returns:
        For a study, whose predictions lie in its cells, the mean over cells paired by seed. Otherwise None where the
        predictions do not allow it: missing, a patient scored more than once by an arm,
        patients that differ between the arms, one class only, or values that disagree with results.json by
        more than .01 (then the arm's metric is defined otherwise).
    """
    if isinstance(record.results.seeds.get(record.dataset_name), list):
        return _over_cells(record, first, second, metric)
    sides = [_members(record, name) for name in (first, second)]
    frames = [frame for side in sides for frame in side]
    if not all(sides) or not all(frame.index.equals(frames[0].index) for frame in frames):
        return None
    index = frames[0].index
    patients = pd.MultiIndex.from_arrays([index.get_level_values(key) for key in _KEYS[1:]])
    codes, distinct = pd.factorize(patients)
    weights = np.vstack([np.ones(len(distinct)), bootstrap_weights(len(distinct), _REPLICATES, seed=0)])
    seeds = index.get_level_values("seed")
    means = []
    for name, side in zip((first, second), sides, strict=True):
        confusion = record.dataset.arms[name].confusion
        threshold = confusion.threshold if confusion else 0.5
        values = [
            _values(
                frame["label"].to_numpy(np.int64)[chosen],
                frame["score"].to_numpy(np.float64)[chosen],
                weights[:, codes[chosen]],
                metric,
                threshold,
            )
            for frame in side
            for chosen in (np.asarray(seeds == seed) for seed in seeds.unique())
        ]
        means.append(np.mean(values, axis=0))
        recorded = record.dataset.arms[name].metric(f"test/{metric}").value
        # Written so that a NaN (one class only) counts as disagreement too.
        if recorded is None or not abs(means[-1][0] - recorded) <= _AGREEMENT:
            return None
    difference = means[0] - means[1]
    low, high = np.nanpercentile(difference[1:], [2.5, 97.5])
    return Difference(float(difference[0]), float(low), float(high), len(distinct))


def _over_cells(record: RunRecord, first: str, second: str, metric: str) -> Difference | None:
    """A study's cells differ in split and seed, so each pair of values is one observation."""
    ours, theirs = (record.dataset.arms[name].metric(f"test/{metric}") for name in (first, second))
    if len(ours.seeds) != len(theirs.seeds):
        return None
    mean = compare_pairs(ours.seeds, theirs.seeds, overlap=split_overlap(record.dataset))
    if mean is None or mean.low is None or mean.high is None:
        return None
    return Difference(mean.value, mean.low, mean.high, min(ours.n, theirs.n))


def split_overlap(dataset: DatasetResult) -> float:
    """Held-out over training patients, where every cell of a study splits the same patients anew; 0 where it does not.

    Of cells that share their split and differ in seed alone it asks for more than it need (Nadeau and Bengio 2003).
    """
    train = sum(counts.train for counts in dataset.hospitals.values())
    test = sum(counts.test for counts in dataset.hospitals.values())
    return test / train if dataset.kind == "real" and train else 0.0


def _members(record: RunRecord, name: str) -> list[pd.DataFrame]:
    """The predictions of an arm's models, by seed, hospital and patient; empty where they cannot be paired.

    `alone` has one model for each hospital, under `alone/NAME`, and counts as their mean. A model that was not
    trained has no scores and is left out.
    """
    if name not in record.dataset.arms:
        return []
    arms = record.predictions["arm"]
    rows = record.predictions[(arms == name) | arms.str.startswith(f"{name}/")]
    frames = [frame.set_index(_KEYS).sort_index() for _, frame in rows.groupby("arm") if frame["score"].notna().all()]
    return [] if any(frame.index.has_duplicates for frame in frames) else frames


def _values(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray, metric: str, threshold: float) -> np.ndarray:
    if metric == "auc":
        return roc_curves(labels, scores, weights).area
    correct = (scores >= threshold) == (labels == 1)
    with np.errstate(invalid="ignore"):
        return weights @ correct / weights.sum(axis=1)
