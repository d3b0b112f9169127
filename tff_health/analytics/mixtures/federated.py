"""Gaussian mixtures of all numeric columns, fitted across hospitals: TFF computations of summed statistics."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from data.schema import Schema
from tff_health.analytics.mixtures.mixture import GaussianMixture
from tff_health.analytics.mixtures.posterior import (
    assignment_sums,
    expected_weights,
    lower_bound,
    maximise,
    packed,
    responsibility_sums,
    unpacked,
)
from tff_health.analytics.mixtures.scaling import BoundsScale
from tff_health.analytics.mixtures.settings import MixtureSettings
from tff_health.analytics.mixtures.start import MixtureStart, start_from_statistics
from tff_health.analytics.statistics import Matrix, checked_clients
from tff_health.analytics.table_statistics import TableStatistics
from tff_health.runtime.at_hospital import AtHospital

_STEPS = 5  # iterations in one call: each call costs its set-up, each step in it only its sums


def build_mixture_start(
    scale: BoundsScale,
    settings: MixtureSettings,
    *,
    sum_factory: tff.aggregators.UnweightedAggregationFactory | None = None,
) -> tff.Computation:
    """Builds `(rows@CLIENTS, centres@SERVER, prior@SERVER) -> state@SERVER`, the state before the first iteration.

    Args:
        scale: which columns, and their public bounds.
        settings: of the mixtures.
        sum_factory: sums a float64 tensor over hospitals, no entry of which one patient moves by more than 1; a plain
            sum by default.
    """
    rows_type, centres_type, prior_type, _ = _types(scale, settings)

    @tff.tensorflow.computation(rows_type, centres_type)
    def local_sums(rows: Any, centres: Any) -> Any:
        values, weights = scale.scaled(rows)
        return packed(assignment_sums(values, weights, centres))

    @tff.tensorflow.computation(local_sums.type_signature.result, centres_type, prior_type)
    def first_state(sums: Any, centres: Any, prior: Any) -> Any:
        columns = len(scale.positions)
        return collections.OrderedDict(
            posterior=maximise(unpacked(sums, settings.max_modes), centres, prior, settings),
            bound=tf.fill([columns], tf.constant(-np.inf, tf.float64)),
            settled=tf.zeros([columns], tf.bool),
            iterations=tf.zeros([columns], tf.int32),
        )

    total = (sum_factory or tff.aggregators.SumFactory()).create(local_sums.type_signature.result)

    @tff.federated_computation(
        tff.FederatedType(rows_type, tff.CLIENTS),
        tff.FederatedType(centres_type, tff.SERVER),
        tff.FederatedType(prior_type, tff.SERVER),
    )
    def mixture_start(rows: Any, centres: Any, prior: Any) -> Any:
        local = tff.federated_map(local_sums, (rows, tff.federated_broadcast(centres)))
        summed = total.next(total.initialize(), local)
        return tff.federated_map(first_state, (summed.result, centres, prior))

    return mixture_start


def build_mixture_steps(
    scale: BoundsScale,
    settings: MixtureSettings,
    *,
    steps: int = _STEPS,
    sum_factory: tff.aggregators.UnweightedAggregationFactory | None = None,
) -> tff.Computation:
    """Builds `(state@SERVER, prior@SERVER, rows@CLIENTS) -> state@SERVER`, some iterations of all columns.

    A column that has converged, or that has had all its iterations, stays as it is. Arguments as in
    `build_mixture_start`; `steps` is the number of iterations.
    """
    rows_type, _, prior_type, posterior_type = _types(scale, settings)
    state_type = _state_type(scale, settings)

    @tff.tensorflow.computation(rows_type, posterior_type)
    def local_sums(rows: Any, posterior: Any) -> Any:
        values, weights = scale.scaled(rows)
        return packed(responsibility_sums(values, weights, posterior))

    @tff.tensorflow.computation(local_sums.type_signature.result, state_type, prior_type)
    def next_state(sums: Any, state: Any, prior: Any) -> Any:
        return advanced(unpacked(sums, settings.max_modes), state, prior, settings)

    @tff.tensorflow.computation(state_type)
    def posterior_of(state: Any) -> Any:
        return state["posterior"]

    total = (sum_factory or tff.aggregators.SumFactory()).create(local_sums.type_signature.result)

    @tff.federated_computation(
        tff.FederatedType(state_type, tff.SERVER),
        tff.FederatedType(prior_type, tff.SERVER),
        tff.FederatedType(rows_type, tff.CLIENTS),
    )
    def mixture_steps(state: Any, prior: Any, rows: Any) -> Any:
        for _ in range(steps):
            posterior = tff.federated_broadcast(tff.federated_map(posterior_of, state))
            summed = total.next(total.initialize(), tff.federated_map(local_sums, (rows, posterior)))
            state = tff.federated_map(next_state, (summed.result, state, prior))
        return state

    return mixture_steps


def advanced(sums: Any, state: Any, prior: Any, settings: MixtureSettings) -> Any:
    """The state after one iteration, columns that are done unchanged. Tensors as in `posterior`."""
    around = state["posterior"]["mean"]
    posterior = maximise(sums, around, prior, settings)
    bound = lower_bound(posterior, sums["entropy"])
    done = tf.logical_or(state["settled"], state["iterations"] >= settings.max_iterations)
    settled = tf.abs(bound - state["bound"]) < settings.tolerance

    def unless_done(new: tf.Tensor, old: tf.Tensor) -> tf.Tensor:
        return tf.where(done[:, tf.newaxis] if new.shape.rank == 2 else done, old, new)

    new_state = collections.OrderedDict(
        posterior=posterior, bound=bound, settled=settled, iterations=state["iterations"] + 1
    )
    return tf.nest.map_structure(unless_done, new_state, state)


def fit_mixtures(
    schema: Schema,
    matrices: Sequence[Matrix],
    statistics: TableStatistics,
    settings: MixtureSettings | None = None,
    *,
    start: MixtureStart | None = None,
    sum_factory: tff.aggregators.UnweightedAggregationFactory | None = None,
) -> dict[str, GaussianMixture]:
    """Fits the mixture of every numeric column across hospitals, in TFF's current execution context.

    Equal, to rounding, to scikit-learn's `BayesianGaussianMixture` on the pooled values from the same start, with its
    `reg_covar` taken relative to the squared width of the public bounds.

    Args:
        schema: the columns, in the order of the matrices.
        matrices: one a hospital; missing cells take no part.
        statistics: of the same rows, with moments and histograms (`compute_table_statistics`).
        settings: of the mixtures.
        start: centres and priors; from the statistics by default.
        sum_factory: see `build_mixture_start`.

    Returns:
        By numeric column, all `max_modes` components in the column's unit.

    Raises:
        DataError: there is no row at all, or a matrix that does not fit the schema.
    """
    settings = settings or MixtureSettings()
    scale = BoundsScale.of(schema)
    if not scale.positions:
        return {}
    checked = checked_clients(schema, matrices)
    start = start or start_from_statistics(statistics, settings)
    prior = start.prior()
    state = build_mixture_start(scale, settings, sum_factory=sum_factory)(checked, start.centres, prior)
    # Hospitals that are apart answer one sum at a time.
    apart = any(isinstance(matrix, AtHospital) for matrix in checked)
    steps = build_mixture_steps(scale, settings, steps=1 if apart else _STEPS, sum_factory=sum_factory)
    while not is_done(state, settings):
        state = steps(state, prior, checked)
    return mixtures_of(state, scale)


def is_done(state: Any, settings: MixtureSettings) -> bool:
    """Whether every column has converged or has had all its iterations."""
    return bool(np.all(state["settled"] | (state["iterations"] >= settings.max_iterations)))


def mixtures_of(state: Any, scale: BoundsScale) -> dict[str, GaussianMixture]:
    """The fitted components in the columns' units."""
    posterior: Mapping[str, np.ndarray] = {
        name: np.asarray(values, np.float64) for name, values in state["posterior"].items()
    }
    weights = expected_weights(posterior["a"], posterior["b"])
    means = scale.low[:, np.newaxis] + posterior["mean"] * scale.width[:, np.newaxis]
    deviations = np.sqrt(posterior["variance"]) * scale.width[:, np.newaxis]
    return {
        name: GaussianMixture(
            weights[index],
            means[index],
            deviations[index],
            posterior["a"][index] - 1.0,
            iterations=int(state["iterations"][index]),
            converged=bool(state["settled"][index]),
            lower_bound=float(state["bound"][index]),
        )
        for index, name in enumerate(scale.names)
    }


def _types(scale: BoundsScale, settings: MixtureSettings) -> tuple[tff.Type, tff.Type, tff.Type, tff.Type]:
    columns, modes = len(scale.positions), settings.max_modes
    vector, matrix = tff.TensorType(np.float64, [columns]), tff.TensorType(np.float64, [columns, modes])
    names = ("a", "b", "mean", "precision", "freedom", "variance")
    return (
        tff.TensorType(np.float64, [None, scale.table_width]),
        matrix,
        tff.to_type(collections.OrderedDict(mean=vector, variance=vector)),
        tff.to_type(collections.OrderedDict((name, matrix) for name in names)),
    )


def _state_type(scale: BoundsScale, settings: MixtureSettings) -> tff.Type:
    columns = len(scale.positions)
    return tff.to_type(
        collections.OrderedDict(
            posterior=_types(scale, settings)[3],
            bound=tff.TensorType(np.float64, [columns]),
            settled=tff.TensorType(np.bool_, [columns]),
            iterations=tff.TensorType(np.int32, [columns]),
        )
    )
