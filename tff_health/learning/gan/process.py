"""A federated GAN as a standard TFF learning process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.aggregators.catalogue import resolve_aggregator
from tff_health.learning.gan.client_work import Weighting, build_gan_client_work
from tff_health.learning.gan.finalizer import build_gan_finalizer
from tff_health.learning.gan.task import GanTask
from tff_health.learning.gan.training import GanTraining
from tff_health.learning.gan.weights import initial_weights, network_weights
from tff_health.runtime.seeds import tf_seed

if TYPE_CHECKING:
    from tff_health.aggregators.catalogue import Factory


def build_gan_process(
    task: GanTask,
    training: GanTraining,
    *,
    aggregator: Factory | str = "mean",
    weighting: Weighting = "examples",
    reports: bool = True,
    seed: int,
    server_optimizer: tff.learning.optimizers.Optimizer | None = None,
) -> tff.learning.templates.LearningProcess:
    """Federated training of a generator and a critic, as `training` says.

    The state alone says how training goes on: saved and restored, it gives the same weights as without the break.

    Args:
        task: what is generated, by which networks, for which losses.
        training: mode, steps and optimizers.
        aggregator: a TFF aggregation factory, a name of the catalogue, or `module:function`. An unweighted factory
            makes every hospital count the same.
        weighting: by rows or alike; only a weighted factory can follow it.
        reports: whether hospitals' losses are summed, in the clear; no guarantee goes with that.
        seed: of the initial weights and of all that the server draws; hospitals' seeds come with their data.
        server_optimizer: what the server applies the averaged change of weights with; default: adds it as it is.

    Returns:
        A process whose clients' data are `hospital_data`. A round's metrics hold what the task measures, at hospitals
        under `client_work`, at the server under `finalizer`: see `round_losses`.

    Raises:
        UnknownNameError: no such aggregator.
        TypeError: the aggregator is no TFF factory.
    """
    factory = resolve_aggregator(aggregator)
    start = initial_weights(task, training, seed)

    @tff.tensorflow.computation
    def initial() -> Any:
        return tf.nest.map_structure(tf.constant, start)

    weights_type = initial.type_signature.result
    templates = tff.learning.templates
    work = build_gan_client_work(task, training, weights_type, weighting=weighting, reports=reports)
    result_type = work.next.type_signature.result.result.member
    weighted = (
        factory
        if isinstance(factory, tff.aggregators.WeightedAggregationFactory)
        else tff.aggregators.as_weighted_aggregator(factory)
    )
    return templates.compose_learning_process(
        initial,
        templates.build_broadcast_process(weights_type),
        work,
        weighted.create(result_type.update, result_type.update_weight),
        build_gan_finalizer(
            task,
            training,
            weights_type,
            start=start,
            seed=tf_seed(seed, "gan", "server"),
            server_optimizer=server_optimizer or tff.learning.optimizers.build_sgdm(1.0),
        ),
    )


def round_losses(metrics: Any) -> dict[str, float]:
    """What a round measured, from hospitals and server, by name."""
    return {
        name: float(value) for place in ("client_work", "finalizer") for name, value in dict(metrics[place]).items()
    }


def generator_weights(weights: Any) -> tuple[Any, ...]:
    """The generator's arrays out of a process' `ModelWeights`: trainable ones, then statistics; for sampling."""
    trainable, statistics = network_weights(weights, "generator")
    return (*trainable, *statistics)


def critic_weights(weights: Any) -> tuple[Any, ...]:
    """The same of the critic, which whoever takes part in training has; for attacks."""
    trainable, statistics = network_weights(weights, "critic")
    return (*trainable, *statistics)
