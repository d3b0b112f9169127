"""How many patients of each class there are over all hospitals, with noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tff_health.analytics.private_settings import PrivateStatistics
from tff_health.analytics.statistics import Matrix
from tff_health.analytics.sum_release import build_sum_release, noisy_sum_for, require_accounted


def release_label_counts(labels: Sequence[Matrix], settings: PrivateStatistics, classes: int) -> np.ndarray:
    """One private release: a patient adds one to one count. Runs in TFF's current execution context.

    Args:
        labels: float64 [patients, classes] of every hospital, one-hot, or how it makes that.
        settings: noise and who adds it; the L2 sensitivity is 1.
        classes: how many.

    Returns:
        float64 [classes], cut at half a patient from below, so that every class has a share.

    Raises:
        SettingsError: another number of hospitals than the settings say, or a secure sum outside the execution context
            that simulates it.
    """
    require_accounted(settings, len(labels), subject="The private counts of classes are")
    sums = noisy_sum_for(settings, sensitivity=1.0, largest=float(max(len(own) for own in labels)))
    release = build_sum_release(lambda rows: tf.reduce_sum(rows, 0), columns=classes, size=classes, sum_factory=sums)
    return np.maximum(np.asarray(release(list(labels))), 0.5)
