"""What a hospital does in a round: it trains the critic, or both networks, on its own rows."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Literal

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.learning.client_work import build_client_work
from tff_health.learning.gan.hospital_data import data_spec
from tff_health.learning.gan.network import TrainedNetwork, load_model, without_initialisers
from tff_health.learning.gan.steps import train_critic, train_in_turn
from tff_health.learning.gan.task import GanTask, Networks
from tff_health.learning.gan.training import GanTraining
from tff_health.learning.gan.weights import flat, network_moments, network_weights, shared_part, trained_part

Weighting = Literal["examples", "uniform"]


def build_gan_client_work(
    task: GanTask,
    training: GanTraining,
    weights_type: tff.Type,
    *,
    weighting: Weighting = "examples",
    reports: bool = True,
) -> tff.learning.templates.ClientWorkProcess:
    """Client work whose update is what changed of the shared part of the weights, as a tuple of tensors.

    A hospital without rows, or whose update is not finite, sends zeros and weighs nothing. Measurements are means over
    steps and hospitals of what the task measures.

    Args:
        task: networks and losses.
        training: steps and optimizers.
        weights_type: TFF type of the `ModelWeights`.
        weighting: by rows or alike.
        reports: whether hospitals' measurements are summed, in the clear; where they are not, nothing but the update
            and its weight leaves a hospital.

    Returns:
        A process whose clients' data are `hospital_data`.
    """
    data_type = tff.SequenceType(tff.types.tensorflow_to_type(data_spec(tuple(task.rows_spec.shape[1:]))))

    @tff.tensorflow.computation(weights_type, data_type)
    def train_at_hospital(weights: Any, dataset: Any) -> Any:
        networks = without_initialisers(task.build_networks)
        settings = {"critic": training.critic, "generator": training.generator}
        trained = {
            name: TrainedNetwork(getattr(networks, name), settings[name]) for name in training.trained_in_hospitals
        }
        return _train(task, training, networks, trained, weighting, weights, dataset)

    measured_type = train_at_hospital.type_signature.result[1]

    @tff.tensorflow.computation(measured_type)
    def mean_over_hospitals(total: Any) -> Any:
        sums, count = total
        return OrderedDict((name, value / tf.maximum(count, 1.0)) for name, value in sums.items())

    def over_hospitals(measured: Any) -> Any:
        if not reports:
            return tff.federated_value((), tff.SERVER)
        return tff.federated_map(mean_over_hospitals, tff.federated_sum(measured))

    return build_client_work(train_at_hospital, over_hospitals)


def _train(
    task: GanTask,
    training: GanTraining,
    networks: Networks,
    trained: dict[str, TrainedNetwork],
    weighting: Weighting,
    weights: Any,
    dataset: tf.data.Dataset,
) -> Any:
    rounds = weights.non_trainable["rounds"]

    @tf.function(autograph=False)  # no Python loop is in here, and converting takes longer than a round
    def train() -> tuple[tuple[tf.Tensor, ...], OrderedDict[str, tf.Tensor], tf.Tensor]:
        data = dataset.get_single_element()
        rows, seed = data["rows"], data["seed"]
        number = tf.shape(rows)[0]
        # So that an empty hospital has something to compute with; what it computes is thrown away.
        rows = tf.cond(number > 0, lambda: rows, lambda: tf.zeros([1, *task.rows_spec.shape[1:]], rows.dtype))
        rows = tf.ensure_shape(rows, task.rows_spec.shape)
        for name, model in networks._asdict().items():
            if name in trained:
                trained[name].load(*network_weights(weights, name), network_moments(weights, name))
            else:
                load_model(model, *network_weights(weights, name))
        remembered = tf.cast(rounds, tf.float32) if training.memory == "kept" else tf.constant(0.0)
        seeds = tf.random.experimental.stateless_split(seed, 2, alg="philox")
        updates = (training.critic_updates, training.generator_updates)
        critic_draws = task.critic_draws(rows, updates[0], seeds[0])
        if training.mode == "server-generator":
            # The generator stays as it is, so that its rows for all steps are made at once.
            fakes = task.fakes(networks.generator, critic_draws)
            measured = train_critic(
                task, trained["critic"], fakes, critic_draws, updates[0], remembered * float(updates[0])
            )
        else:
            draws = {"critic": critic_draws, "generator": task.generator_draws(rows, updates[1], seeds[1])}
            made = {name: remembered * float(n) for name, n in zip(("critic", "generator"), updates, strict=True)}
            measured = train_in_turn(task, networks, trained, draws, updates, made)
        with tf.control_dependencies(list(measured.values())):
            after = flat(trained_part(trained, weights))
        before = flat(shared_part(weights))
        weight = tf.where(number > 0, data["weight"], 0)
        return tuple(b - a for b, a in zip(before, after, strict=True)), measured, weight

    update, measured, weight = train()
    numbers = [*update, *measured.values()]
    usable = (weight > 0) & tf.reduce_all([tf.reduce_all(tf.math.is_finite(part)) for part in numbers])
    own_weight = tf.cast(weight, tf.float32) if weighting == "examples" else tf.constant(1.0)
    took_part = tf.cast(usable, tf.float32)
    result = tff.learning.templates.ClientResult(
        update=tuple(tf.where(usable, part, tf.zeros_like(part)) for part in update),
        update_weight=tf.where(usable, own_weight, 0.0),
    )
    kept = OrderedDict((name, tf.where(usable, value, 0.0)) for name, value in measured.items())
    return result, (kept, took_part)
