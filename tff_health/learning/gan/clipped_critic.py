"""Sums over patients of the critic's clipped gradients."""

from __future__ import annotations

import tensorflow as tf

from tff_health.learning.clipping.bounded_sums import bounded_sums
from tff_health.learning.clipping.layer_gradients import WholeGradients
from tff_health.learning.clipping.layer_groups import layer_groups
from tff_health.learning.clipping.patient_map import for_each_patient
from tff_health.learning.gan.private_task import PrivateGanTask
from tff_health.learning.gan.task import Draws
from tff_health.learning.patient_dp import Clipping


def clipped_critic_sum(
    task: PrivateGanTask, critic: tf.keras.Model, rows: tf.Tensor, partners: Draws, *, clip: float, clipping: Clipping
) -> tuple[tuple[tf.Tensor, ...], tf.Tensor]:
    """Adds up every patient's gradient of the critic's loss, each clipped to a norm of `clip`.

    The gradient is taken patient by patient (vectorised), second-order where the loss holds a gradient penalty. Taking
    a patient away moves the sum by at most `clip` in L2, whatever rows and weights; a patient whose loss or gradient is
    not finite contributes exactly zero. Bounds and groups of layers are those of `learning.clipping`.

    Args:
        task: the loss.
        critic: its weights.
        rows: [patients, ...], may be empty.
        partners: of `task.partners`, [patients, ...].
        clip: bound, above 0.
        clipping: the whole gradient at once, or each layer to clip / sqrt(layers).

    Returns:
        The sums in the order of the critic's trainable weights, and float32 [patients] norms before clipping.
    """
    variables = critic.trainable_variables

    def of_one(element: tuple[tf.Tensor, Draws]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        row, partner = tf.nest.map_structure(lambda values: values[None], element)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            loss = task.patient_loss(critic, row, partner)
        found = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return loss, [tf.convert_to_tensor(gradient) for gradient in found]

    signature = (
        tf.TensorSpec([], tf.float32),
        [tf.TensorSpec(variable.shape, variable.dtype) for variable in variables],
    )
    losses, gradients = for_each_patient(of_one, (rows, partners), signature)
    whole = WholeGradients(gradients, range(len(variables)), [variable.shape for variable in variables])
    return bounded_sums([whole], losses, groups=layer_groups(critic), clip=clip, clipping=clipping)
