"""Utility from counts of scores: accuracy and AUC of each classifier with intervals, and their means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tff_health.evaluation.synthesis.intervals import held_out_intervals
from tff_health.evaluation.synthesis.utility import MEAN, MEASURES
from tff_health.experiments.apart.classifier_scoring import counted_predictions
from tff_health.runtime.seeds import generator


@dataclass
class CountedUtility:
    """Figures of one synthetic dataset.

    Attributes:
        metrics: `tstr/CLASSIFIER/accuracy`, `tstr/CLASSIFIER/auc`, ..., `tstr/mean/auc`.
        intervals: ends, of classifiers alone: what several of them say of one patient is not known together.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, list[float]] = field(default_factory=dict)


def counted_utility(counts: Mapping[str, np.ndarray], *, seed: int, resamples: int) -> CountedUtility:
    """What `classifier_scoring.count_scores` says about classifiers that were trained on synthetic data.

    Args:
        counts: int64 [2, 2, bins] by classifier.
        seed: of resamples.
        resamples: bootstrap resamples of the patients.
    """
    found = CountedUtility()
    for name, own in counts.items():
        rng = generator(seed, "held-out patients")
        intervals = held_out_intervals(counted_predictions(name, own), rng, resamples=resamples)
        for measure in MEASURES:
            interval = intervals[f"{name}/{measure}"]
            found.metrics[f"tstr/{name}/{measure}"] = float(interval.value)
            found.intervals[f"tstr/{name}/{measure}"] = [interval.low, interval.high]
    for measure in MEASURES:
        own_values = [found.metrics[f"tstr/{name}/{measure}"] for name in counts]
        found.metrics[f"tstr/{MEAN}/{measure}"] = float(np.mean(own_values))
    return found
