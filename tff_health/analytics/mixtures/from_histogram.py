"""Mixtures fitted on the server to histograms' counts, noisy ones too."""

from __future__ import annotations

import collections
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from data.schema import Column, Schema
from tff_health.analytics.histogram import Histogram
from tff_health.analytics.mixtures.federated import advanced, is_done, mixtures_of
from tff_health.analytics.mixtures.mixture import GaussianMixture
from tff_health.analytics.mixtures.posterior import assignment_sums, maximise, responsibility_sums
from tff_health.analytics.mixtures.scaling import BoundsScale
from tff_health.analytics.mixtures.settings import MixtureSettings
from tff_health.analytics.mixtures.start import MixtureStart, scaled_centres

_POINTS = 8  # a bin of a continuous column stands for so many evenly spread values


def fit_histograms(
    schema: Schema, histograms: Mapping[str, Histogram], settings: MixtureSettings
) -> dict[str, GaussianMixture]:
    """Fits the mixture of every numeric column to values spread evenly over their bins, with the counts as weights.

    The same expectation and maximisation as across hospitals, on counts that are public or released: post-processing,
    which costs no privacy. A column whose counts are all 0 gets components that mean nothing.

    Args:
        schema: the columns.
        histograms: of every numeric column; float counts, not negative.
        settings: of the mixtures.

    Returns:
        By numeric column, all `max_modes` components in the column's unit.
    """
    scale = BoundsScale.of(schema)
    if not scale.positions:
        return {}
    spread = [_points(schema[name], histograms[name]) for name in scale.names]
    longest = max(len(points) for points, _ in spread)
    points, weights = (
        np.stack([np.pad(part[which], (0, longest - len(part[which]))) for part in spread], axis=1) for which in (0, 1)
    )
    values = (points - scale.low) / scale.width * (weights > 0)
    start = _start(schema, scale, histograms, values, weights, settings)

    x, w, centres = tf.constant(values), tf.constant(weights), tf.constant(start.centres)
    prior = tf.nest.map_structure(tf.constant, start.prior())

    def first() -> collections.OrderedDict[str, Any]:
        return collections.OrderedDict(
            posterior=maximise(assignment_sums(x, w, centres), centres, prior, settings),
            bound=tf.fill([len(scale.positions)], tf.constant(-np.inf, tf.float64)),
            settled=tf.zeros([len(scale.positions)], tf.bool),
            iterations=tf.zeros([len(scale.positions)], tf.int32),
        )

    @tf.function(autograph=False)
    def step(state: collections.OrderedDict[str, Any]) -> Any:
        return advanced(responsibility_sums(x, w, state["posterior"]), state, prior, settings)

    state = first()
    plain = _plain(state)
    while not is_done(plain, settings):
        state = step(state)
        plain = _plain(state)
    return mixtures_of(plain, scale)


def _start(
    schema: Schema,
    scale: BoundsScale,
    histograms: Mapping[str, Histogram],
    values: np.ndarray,
    weights: np.ndarray,
    settings: MixtureSettings,
) -> MixtureStart:
    total = weights.sum(axis=0)
    some = np.where(total > 0, total, 1.0)
    mean = np.where(total > 0, (weights * values).sum(axis=0) / some, 0.5)
    variance = (weights * (values - mean) ** 2).sum(axis=0) / np.maximum(some - 1, 1.0)
    centres = [scaled_centres(schema[name], histograms[name], settings.max_modes) for name in scale.names]
    return MixtureStart(np.array(centres), mean, np.maximum(variance, settings.regularisation))


def _points(column: Column, histogram: Histogram) -> tuple[np.ndarray, np.ndarray]:
    """Values and weights, float64 [points] each."""
    assert column.bounds is not None
    points, weights = [np.zeros(0)], [np.zeros(0)]
    for low, high, count in zip(histogram.edges[:-1], histogram.edges[1:], histogram.counts, strict=True):
        if count <= 0:
            continue
        low, high = max(low, column.bounds[0]), min(high, column.bounds[1])
        inside = low + (np.arange(_POINTS) + 0.5) / _POINTS * (high - low)
        if column.kind == "integer":
            # Edges of integer columns stand at halves.
            inside = np.arange(np.ceil(low), np.floor(high) + 1)
        if len(inside):
            points.append(inside)
            weights.append(np.full(len(inside), count / len(inside)))
    return np.concatenate(points), np.concatenate(weights)


def _plain(state: Any) -> dict[str, Any]:
    plain: dict[str, Any] = tf.nest.map_structure(lambda tensor: tensor.numpy(), state)
    return plain
