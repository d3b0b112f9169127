"""A federated GAN with a patient-level guarantee, as a standard TFF learning process.

Hospitals send nothing but noisy sums of their patients' clipped critic gradients, one a round; the server plays the
game between critic and generator on them (Chen et al. 2020, "GS-WGAN", arXiv 2006.08265, and Torkzadehmahani et al.
2019, "DP-CGAN", arXiv 2001.09700, guard the discriminator so, too). Sampling and noise follow `learning.dp_sgd`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from data.errors import SettingsError
from tff_health.aggregators.catalogue import resolve_aggregator
from tff_health.aggregators.secure_mean import build_secure_mean
from tff_health.learning.gan.private_client_work import build_private_client_work
from tff_health.learning.gan.private_finalizer import build_private_finalizer
from tff_health.learning.gan.private_task import PrivateGanTask
from tff_health.learning.gan.private_training import PrivateGanTraining
from tff_health.learning.patient_dp import PatientLevelDp
from tff_health.runtime.seeds import integer_seed, tf_seed

_STDDEVS = 12  # of a hospital's noise within the range of the secure sum: exceeded less than once in 10**32


def build_private_gan_process(
    task: PrivateGanTask,
    training: PrivateGanTraining,
    privacy: PatientLevelDp,
    rows: Sequence[int],
    *,
    seed: int,
) -> tff.learning.templates.LearningProcess:
    """Federated training of a generator by a critic that learns within a privacy budget.

    A round is one noisy gradient at public weights, then `training.turns` turns on the server, which cost nothing more.
    Weights follow the noise, which follows no seed: two runs never agree.

    Args:
        task: what is generated, by which networks, for which losses.
        training: what the server does.
        privacy: the guarantee. With `shared` noise hospitals' sums go through a secure sum, which runs only under
            `execution_context("test")`, simulated: NOT SECURE. `expected_batch` is set here: the expected number of
            drawn patients over the number of hospitals.
        rows: of every hospital, which count as public.
        seed: of initial weights and everything that the server draws; no privacy rests on it.

    Returns:
        A process whose clients' data are `hospital_data`. Rounds' metrics tell under `client_work` what ran
        (`learning.dp_sgd.check_executed` holds it to `privacy`), under `finalizer` what the task measures.

    Raises:
        SettingsError: another number of hospitals than `privacy` has, no rows, or more than one step a round.
    """
    privacy = private_round(privacy, rows)
    start = _start(task, seed)

    @tff.tensorflow.computation
    def initial() -> Any:
        return tf.nest.map_structure(tf.constant, start)

    weights_type = initial.type_signature.result
    templates = tff.learning.templates
    work = build_private_client_work(task, weights_type, privacy=privacy)
    result_type = work.next.type_signature.result.result.member
    aggregation = tff.aggregators.as_weighted_aggregator(_aggregator(privacy, max(rows)))
    return templates.compose_learning_process(
        initial,
        templates.build_broadcast_process(weights_type),
        work,
        aggregation.create(result_type.update, result_type.update_weight),
        build_private_finalizer(task, training, weights_type, start=start, seed=tf_seed(seed, "gan", "server")),
    )


def private_round(privacy: PatientLevelDp, rows: Sequence[int]) -> PatientLevelDp:
    """The guarantee with the divisor of every hospital's sum: expected patients of a round over hospitals.

    Raises:
        SettingsError: see `build_private_gan_process`.
    """
    if len(rows) != privacy.hospitals:
        raise SettingsError(
            f"privacy: {len(rows)} hospitals take part, but the noise is made for {privacy.hospitals}; the guarantee "
            "would be false."
        )
    if privacy.local_steps != 1:
        raise SettingsError(f"privacy: a private critic takes one step a round, not {privacy.local_steps}.")
    if not sum(rows):
        raise SettingsError("privacy: no hospital has a row; a generator cannot be trained.")
    return replace(privacy, expected_batch=privacy.sampling_rate * sum(rows) / len(rows))


def _aggregator(privacy: PatientLevelDp, most_rows: int) -> tff.aggregators.UnweightedAggregationFactory:
    if privacy.noise == "each-hospital":
        return resolve_aggregator("uniform-mean")
    assert privacy.expected_batch is not None
    bound = (privacy.clip * most_rows + _STDDEVS * privacy.noise_stddev) / privacy.expected_batch
    return build_secure_mean(privacy.hospitals, bound)


def _start(task: PrivateGanTask, seed: int) -> tff.learning.models.ModelWeights:
    # Keras' initialisers listen to the global generators only.
    tf.keras.utils.set_random_seed(integer_seed(seed, "gan", "initial weights"))
    networks = task.build_networks()
    generator, critic = networks.generator, networks.critic
    first = [np.asarray(v) for v in task.start([v.numpy() for v in generator.trainable_variables])]
    return tff.learning.models.ModelWeights(
        trainable=OrderedDict(critic=tuple(v.numpy() for v in critic.trainable_variables)),
        non_trainable=OrderedDict(
            generator=tuple(first),
            critic_statistics=tuple(v.numpy() for v in critic.non_trainable_variables),
            generator_statistics=tuple(v.numpy() for v in generator.non_trainable_variables),
            rounds=np.int32(0),
        ),
    )
