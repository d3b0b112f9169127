"""Federated classifiers as standard TFF learning processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.aggregators.catalogue import resolve_aggregator
from tff_health.learning.keras_model import ModelFunction, build_tff_model
from tff_health.learning.loop import LOOP
from tff_health.learning.proximal import ProximalOptimizer

if TYPE_CHECKING:
    from tff_health.aggregators.catalogue import Factory

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
        loss_function: returns a Keras loss.

    Returns:
        A process whose clients' data are sequences of (float32 [batch, *shape], float32 [batch, 1]).

    Raises:
        UnknownNameError: no such aggregator.
        TypeError: the aggregator is no TFF factory, or the model no Keras model.
        ValueError: `proximal_strength` is negative.
    """
    if proximal_strength < 0:
        raise ValueError(f"proximal_strength must be at least 0, got {proximal_strength}")
    factory = resolve_aggregator(aggregator)
    model = build_tff_model(model_function, feature_shape, loss_function)
    if proximal_strength:
        client_optimizer = ProximalOptimizer(client_optimizer, proximal_strength)
    server = server_optimizer or tff.learning.optimizers.build_sgdm(1.0)
    algorithms = tff.learning.algorithms
    if isinstance(factory, tff.aggregators.WeightedAggregationFactory):
        client_weighting = (
            tff.learning.ClientWeighting.NUM_EXAMPLES
            if weighting == "examples"
            else tff.learning.ClientWeighting.UNIFORM
        )
        return algorithms.build_weighted_fed_avg(
            model,
            client_optimizer,
            server,
            client_weighting=client_weighting,
            model_aggregator=factory,
            loop_implementation=LOOP,
        )
    return algorithms.build_unweighted_fed_avg(
        model, client_optimizer, server, model_aggregator=factory, loop_implementation=LOOP
    )
