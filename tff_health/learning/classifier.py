"""Federated classifiers as standard TFF learning processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from data.errors import SettingsError
from tff_health.aggregators.catalogue import resolve_aggregator
from tff_health.aggregators.guarantees import require_fixed_weights, sums_securely
from tff_health.learning.averaging import average_iterates
from tff_health.learning.clipping.patient_independence import check_patient_independence
from tff_health.learning.dp_sgd import build_dp_sgd_client_work
from tff_health.learning.keras_model import ModelFunction, build_tff_model
from tff_health.learning.loop import LOOP
from tff_health.learning.proximal import ProximalOptimizer

if TYPE_CHECKING:
    from tff_health.aggregators.catalogue import Factory
    from tff_health.learning.patient_dp import PatientLevelDp

Weighting = Literal["examples", "uniform"]


def build_classifier_process(
    model_function: ModelFunction,
    feature_shape: Sequence[int],
    *,
    client_optimizer: tff.learning.optimizers.Optimizer,
    server_optimizer: tff.learning.optimizers.Optimizer | None = None,
    aggregator: Factory | str = "mean",
    weighting: Weighting = "examples",
    proximal_strength: float = 0.0,
    privacy: PatientLevelDp | None = None,
    average_after: int | None = None,
    loss_function: Callable[[], tf.keras.losses.Loss] = tf.keras.losses.BinaryCrossentropy,
) -> tff.learning.templates.LearningProcess:
    """Federated averaging and its relatives for a Keras classifier.

    The defaults give FedAvg (McMahan et al. 2017, arXiv 1602.05629). A `server_optimizer` with its own memory
    gives FedAdam, FedYogi or FedAdagrad (Reddi et al. 2021, arXiv 2003.00295); a positive `proximal_strength`
    gives FedProx (Li et al. 2020, arXiv 1812.06127).

    Args:
        model_function: returns an uncompiled Keras model from float32 [batch, *feature_shape] to [batch, 1].
        feature_shape: shape of one patient's features.
        client_optimizer: what each hospital steps with; its memory starts afresh every round.
        server_optimizer: what the server applies the averaged change with; default: adds it as it is.
        aggregator: a TFF aggregation factory, a name of the catalogue, or `module:function`. An unweighted
            factory makes every hospital count the same.
        weighting: by rows or alike; only a weighted factory can follow it.
        proximal_strength: FedProx' mu, at least 0.
        privacy: patient-level differential privacy (DP-SGD) inside every hospital; see `PatientLevelDp` and `dp_sgd`.
            Hospital-level privacy is a matter of the aggregator.
        average_after: the model is the mean of the models of all rounds after this one (`averaging.average_iterates`);
            None: the last round's model.
        loss_function: returns a Keras loss.

    Returns:
        A process whose clients' data are sequences of (float32 [batch, *shape], float32 [batch, 1]). Under `privacy`
        they hold each of the hospital's rows once, in batches of any size: the process draws its own samples.

    Raises:
        UnknownNameError: no such aggregator.
        TypeError: the aggregator is no TFF factory, or the model no Keras model.
        SettingsError: `privacy` with a weighted aggregator, or with shared noise and an aggregator that shows the
            server single hospitals' updates.
        ValueError: `proximal_strength` is negative.
    """
    if proximal_strength < 0:
        raise ValueError(f"proximal_strength must be at least 0, got {proximal_strength}")
    factory = resolve_aggregator(aggregator)
    if privacy is not None:
        _check_private(model_function, feature_shape, factory, client_optimizer, privacy, loss_function)
    model = build_tff_model(model_function, feature_shape, loss_function)
    if proximal_strength:
        client_optimizer = ProximalOptimizer(client_optimizer, proximal_strength)
    server = server_optimizer or tff.learning.optimizers.build_sgdm(1.0)
    algorithms = tff.learning.algorithms
    if privacy is not None:
        process = _private(
            model_function, feature_shape, model, factory, client_optimizer, server, privacy, loss_function
        )
    elif isinstance(factory, tff.aggregators.WeightedAggregationFactory):
        client_weighting = (
            tff.learning.ClientWeighting.NUM_EXAMPLES
            if weighting == "examples"
            else tff.learning.ClientWeighting.UNIFORM
        )
        process = algorithms.build_weighted_fed_avg(
            model,
            client_optimizer,
            server,
            client_weighting=client_weighting,
            model_aggregator=factory,
            loop_implementation=LOOP,
        )
    else:
        process = algorithms.build_unweighted_fed_avg(
            model, client_optimizer, server, model_aggregator=factory, loop_implementation=LOOP
        )
    return process if average_after is None else average_iterates(process, after=average_after)


def _check_private(
    model_function: ModelFunction,
    feature_shape: Sequence[int],
    factory: Factory,
    client_optimizer: tff.learning.optimizers.Optimizer,
    privacy: PatientLevelDp,
    loss_function: Callable[[], tf.keras.losses.Loss],
) -> None:
    """Refuses what a patient-level guarantee cannot rest on."""
    require_fixed_weights(factory)
    if privacy.noise == "shared":
        if not sums_securely(factory):
            raise SettingsError(
                "privacy: shared noise needs an aggregator that shows the server nothing but sums, such as "
                '"secure-mean"; use one, or noise = "each-hospital".'
            )
        # Adam and its kin turn a gradient into little more than its sign: sums of these are no sum of noise shares.
        if not isinstance(client_optimizer, type(tff.learning.optimizers.build_sgdm(1.0))):
            raise SettingsError(
                "privacy: shared noise needs hospitals that step with SGD, whose updates are linear in the noise; "
                'use client_optimizer "sgd" with an adaptive server, or noise = "each-hospital".'
            )
    # On a model with values: inside a TFF computation there are none to probe with.
    check_patient_independence(model_function(tuple(feature_shape)), loss_function())


def _private(
    model_function: ModelFunction,
    feature_shape: Sequence[int],
    model: tff.learning.models.FunctionalModel,
    factory: Factory,
    client_optimizer: tff.learning.optimizers.Optimizer,
    server_optimizer: tff.learning.optimizers.Optimizer,
    privacy: PatientLevelDp,
    loss_function: Callable[[], tf.keras.losses.Loss],
) -> tff.learning.templates.LearningProcess:
    templates = tff.learning.templates

    @tff.tensorflow.computation
    def initial_weights() -> Any:
        trainable, non_trainable = (tuple(tf.constant(w) for w in part) for part in model.initial_weights)
        return tff.learning.models.ModelWeights(trainable, non_trainable)

    weights_type = initial_weights.type_signature.result
    work = build_dp_sgd_client_work(
        model_function,
        feature_shape,
        weights_type,
        privacy=privacy,
        client_optimizer=client_optimizer,
        loss_function=loss_function,
    )
    weighted = tff.aggregators.as_weighted_aggregator(factory)
    aggregation = weighted.create(weights_type.trainable, tff.TensorType(np.float32))
    return templates.compose_learning_process(
        initial_weights,
        templates.build_broadcast_process(weights_type),
        work,
        aggregation,
        templates.build_apply_optimizer_finalizer(server_optimizer, weights_type),
    )
