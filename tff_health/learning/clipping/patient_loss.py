"""Each patient's own loss, whatever the reduction of the Keras loss."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from data.errors import WrongKindError


def check_loss(loss: Any) -> None:
    """Raises `WrongKindError` unless `loss` is a Keras loss object."""
    if not isinstance(loss, tf.keras.losses.Loss):
        raise WrongKindError(
            f"the loss is a {type(loss).__name__}, not a tf.keras.losses.Loss such as BinaryCrossentropy()."
        )


def patient_losses(
    model: tf.keras.Model, loss: tf.keras.losses.Loss, features: Any, labels: tf.Tensor, autograph: Any
) -> tf.Tensor:
    """Runs the model in training mode and gives each patient's loss.

    Args:
        model: from features to predictions.
        loss: its `call` is used, which comes before Keras' reduction.
        features: [batch, ...], or a structure of these.
        labels: [batch, 1].
        autograph: the caller's AutoGraph status; a user's layers and losses are converted under it.

    Returns:
        float32 [batch].

    Raises:
        WrongKindError: the loss has no value for each row, or the model adds losses of its own.
    """
    losses = tf.__internal__.autograph.tf_convert(_forward, autograph)(model, loss, features, labels)
    if model.losses:
        raise WrongKindError(
            "the model adds losses of its own (regularizers, add_loss), which no patient's gradient would hold; leave "
            "them out, and put weight decay into the optimizer."
        )
    # Keras' losses average over the last axis; sequences or images leave more than the rows.
    if losses.shape.rank is None or losses.shape.rank != 1:
        raise WrongKindError(
            f"the loss {loss.name or type(loss).__name__!r} gives a value of shape {losses.shape} where each patient "
            "needs one, [batch]: its `call` must not average over patients."
        )
    return tf.cast(losses, tf.float32)


def _forward(model: tf.keras.Model, loss: tf.keras.losses.Loss, features: Any, labels: tf.Tensor) -> tf.Tensor:
    # The predictions go to the loss as they are: Keras' cross-entropies read the logits off them.
    return loss.call(labels, model(features, training=True))
