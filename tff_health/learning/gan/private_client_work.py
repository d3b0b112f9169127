"""What a hospital does in a round of private training: one noisy sum of its patients' clipped critic gradients."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.learning.client_work import build_client_work, executed_extremes
from tff_health.learning.clipping.gaussian_noise import standard_normal
from tff_health.learning.gan.clipped_critic import clipped_critic_sum
from tff_health.learning.gan.hospital_data import data_spec
from tff_health.learning.gan.network import load_model, without_initialisers
from tff_health.learning.gan.private_task import PrivateGanTask
from tff_health.learning.gan.weights import network_weights
from tff_health.learning.patient_dp import PatientLevelDp
from tff_health.runtime.entropy import fresh_generator

Tensors = tuple[tf.Tensor, ...]


def build_private_client_work(
    task: PrivateGanTask, weights_type: tff.Type, *, privacy: PatientLevelDp
) -> tff.learning.templates.ClientWorkProcess:
    """Client work whose update is the noisy sum divided by `privacy.expected_batch`, in the order of critic weights.

    Patients are a Poisson sample, drawn as the noise is from the machine's entropy; an empty sample, or an empty
    hospital, sends noise as well. Measurements say what ran, as those of `learning.dp_sgd` do: `check_executed` there
    holds them against the settings. Nothing else of the patients is measured.

    Args:
        task: networks and the patients' loss.
        weights_type: TFF type of the `ModelWeights`.
        privacy: the guarantee; one step a round, with `expected_batch`.

    Returns:
        A process whose clients' data are `hospital_data`; its seed is for public randomness only.
    """
    data_type = tff.SequenceType(tff.types.tensorflow_to_type(data_spec(tuple(task.rows_spec.shape[1:]))))

    @tff.tensorflow.computation(weights_type, data_type)
    def noisy_sum(weights: Any, dataset: Any) -> Any:
        # Drawn when the computation runs, not when it is traced: fresh for each hospital and round.
        return _noisy_sum(task, privacy, fresh_generator(), weights, dataset)

    return build_client_work(noisy_sum, executed_extremes)


def _noisy_sum(
    task: PrivateGanTask, privacy: PatientLevelDp, entropy: tf.random.Generator, weights: Any, dataset: tf.data.Dataset
) -> Any:
    networks = without_initialisers(task.build_networks)
    # The tensors that noise and sampling are made with are also what is reported as executed. The clip is reported as
    # set; tests hold what patients move to it.
    stddev = tf.constant(privacy.noise_stddev, tf.float32)
    rate = tf.constant(privacy.sampling_rate, tf.float32)
    bound = tf.constant(privacy.clip, tf.float32)

    @tf.function(autograph=False)  # no Python loop is in here, and converting takes longer than a round
    def release() -> Tensors:
        for name, model in networks._asdict().items():
            load_model(model, *network_weights(weights, name))
        data = dataset.get_single_element()
        rows = tf.ensure_shape(data["rows"], task.rows_spec.shape)
        number = tf.shape(rows)[0]
        partners = task.partners(networks.generator, number, data["seed"])
        if privacy.sampling_rate < 1:
            taken = tf.reshape(tf.where(entropy.uniform([number]) < rate), [-1])
            rows, partners = tf.nest.map_structure(lambda values: tf.gather(values, taken), (rows, partners))
        sums, _ = clipped_critic_sum(
            task, networks.critic, rows, partners, clip=privacy.clip, clipping=privacy.clipping
        )
        noise = stddev * standard_normal(entropy, sum(part.shape.num_elements() for part in sums))
        parts = tf.split(noise, [part.shape.num_elements() for part in sums])
        return tuple(
            (part + tf.reshape(own, part.shape)) / privacy.expected_batch for part, own in zip(sums, parts, strict=True)
        )

    shares = privacy.hospitals if privacy.noise == "shared" else 1
    executed = OrderedDict(
        hospitals=tf.constant(1),
        values=OrderedDict(steps=tf.constant(1.0), sampling_rate=rate, noise_multiplier=stddev * shares**0.5 / bound),
    )
    return tff.learning.templates.ClientResult(update=release(), update_weight=tf.constant(1.0)), executed
