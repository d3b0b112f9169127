"""How real a trained critic finds images, which whoever took part in its training can ask it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tff_health.learning.dcgan.private_task import PrivateDcganTask
from tff_health.learning.dcgan.task import DcganTask
from tff_health.learning.gan.network import load_model

_BATCH = 1000  # images scored at a time


def realism(
    task: DcganTask | PrivateDcganTask, weights: Sequence[np.ndarray], classes: int
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The critic as a function; its network is built when it is asked.

    Args:
        task: that it was trained for.
        weights: as `gan.process.critic_weights` gives them.
        classes: how many.

    Returns:
        From images, float32 [n, size, size, 1] in [-1, 1], and labels, int [n], to scores, float64 [n], higher for
        more real.
    """

    def scores(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        critic = task.build_networks().critic
        trainable = len(critic.trainable_variables)
        load_model(critic, weights[:trainable], weights[trainable:])
        told = np.eye(classes, dtype=np.float32)[labels]
        parts = [np.zeros(0)]
        for start in range(0, len(images), _BATCH):
            own = slice(start, start + _BATCH)
            found = task.score(critic, tf.constant(images[own]), tf.constant(told[own]))
            parts.append(found.numpy()[:, 0].astype(np.float64))
        return np.concatenate(parts)

    return scores
