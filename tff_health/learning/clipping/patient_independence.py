"""A numeric probe: no patient's data may change another patient's loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from data.errors import WrongKindError
from tff_health.learning.clipping.patient_loss import patient_losses

_PATIENTS, _PROBED = 5, 3


def has_values(model: tf.keras.Model) -> bool:
    """Whether code here runs at once and the model's variables have values; in graphs and TFF computations not."""
    return tf.executing_eagerly() and all(hasattr(variable.handle, "numpy") for variable in model.variables)


def check_patient_independence(model: tf.keras.Model, loss: tf.keras.losses.Loss) -> None:
    """Calls the model on a few random patients, changes one of them and looks at the others.

    Two tests, both exact: the gradient of a patient's loss with respect to the others' features is zero, and, where
    the model draws no random numbers, the others' losses do not change by a bit when one patient is replaced. The
    second finds what has no gradient, as a comparison with the batch's median. The model's weights stay as they are.

    A probe cannot prove independence for every input; it finds what mixes patients in the ordinary run of things.

    Args:
        model: built, with values (`has_values`); a model without known input shapes is let through.
        loss: any Keras loss.

    Raises:
        WrongKindError: a patient's loss depends on another's data, or the call changes the model's weights.
    """
    if not model.inputs:
        return
    rng = np.random.default_rng(0)
    features = tf.nest.map_structure(lambda tensor: _random(rng, tensor), model.input)
    labels = tf.constant(rng.integers(0, 2, (_PATIENTS, 1)), tf.float32)
    others = np.arange(_PATIENTS) != _PROBED
    before = [variable.numpy() for variable in model.variables]

    def losses(features: Any, labels: tf.Tensor) -> tf.Tensor:
        return patient_losses(model, loss, features, labels, tf.__internal__.autograph.control_status_ctx())

    smooth = [values for values in tf.nest.flatten(features) if values.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(smooth)
        found = losses(features, labels)
        if found.shape[0] != _PATIENTS:
            raise WrongKindError(
                f"the model gives {found.shape[0]} rows for {_PATIENTS} patients; it must give one each."
            )
        probed = found[_PROBED]
    for gradient in tape.gradient(probed, smooth):
        if gradient is not None and np.any(tf.convert_to_tensor(gradient).numpy()[others] != 0):
            _refuse(model)
    changed = tf.nest.map_structure(lambda values: _replaced(rng, values), features)
    changed_labels = tf.where(tf.constant(others)[:, None], labels, 1 - labels)
    first, again, moved = (
        losses(*pair).numpy() for pair in ((features, labels), (features, labels), (changed, changed_labels))
    )
    if np.array_equal(first, again, equal_nan=True) and not np.array_equal(
        first[others], moved[others], equal_nan=True
    ):
        _refuse(model)
    for variable, value in zip(model.variables, before, strict=True):
        if not np.array_equal(variable.numpy(), value, equal_nan=True):
            variable.assign(value)
            raise WrongKindError(
                f"the model changes {variable.name!r} while it is called in training, outside the gradients, where "
                "neither clipping nor noise protects what it learns of patients; leave out the layer that does so."
            )


def _refuse(model: tf.keras.Model) -> None:
    raise WrongKindError(
        f"in the model {model.name!r} or its loss, a patient's loss depends on the other patients of the batch, so "
        "clipping bounds nobody's contribution; leave out what works across the batch."
    )


def _random(rng: np.random.Generator, tensor: Any) -> tf.Tensor:
    shape = [_PATIENTS, *(8 if size is None else size for size in tensor.shape[1:])]
    values = rng.normal(size=shape) if tensor.dtype.is_floating else rng.integers(0, 2, shape)
    return tf.constant(values, tensor.dtype)


def _replaced(rng: np.random.Generator, values: tf.Tensor) -> tf.Tensor:
    changed = values.numpy()
    if values.dtype.is_floating:
        changed[_PROBED] = 3 * rng.normal(size=changed.shape[1:]) + 5
    else:
        changed[_PROBED] = 1 - changed[_PROBED]
    return tf.constant(changed)
