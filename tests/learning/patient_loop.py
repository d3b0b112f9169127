"""The reference for clipped sums: one patient after another, in double precision from the gradient on."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tff_health.learning.clipping.layer_groups import layer_groups


def patient_gradients(model, loss, features, labels):
    """For every patient the list of gradients, float64, and the loss."""
    found, losses = [], []
    for i in range(len(labels)):
        with tf.GradientTape() as tape:
            own = tf.nest.map_structure(lambda values: values[i : i + 1], features)  # noqa: B023
            value = loss(labels[i : i + 1], model(own, training=True))
        gradients = tape.gradient(value, model.trainable_variables, unconnected_gradients="zero")
        found.append([tf.convert_to_tensor(g).numpy().astype(np.float64) for g in gradients])
        losses.append(float(value))
    return found, np.array(losses)


def looped_sum(model, loss, features, labels, *, clip, clipping):
    """Sums, sums of absolute values (what rounding is relative to), losses and norms, by definition."""
    found, losses = patient_gradients(model, loss, features, labels)
    groups = layer_groups(model)
    bound = clip if clipping == "flat" else clip / np.sqrt(len(groups))
    sums = [np.zeros(variable.shape) for variable in model.trainable_variables]
    sizes = [np.zeros(variable.shape) for variable in model.trainable_variables]
    norms = np.array([np.sqrt(sum((g**2).sum() for g in gradients)) for gradients in found])
    for gradients, norm in zip(found, norms, strict=True):
        for group in groups:
            own = norm if clipping == "flat" else np.sqrt(sum((gradients[k] ** 2).sum() for k in group))
            for k in group:
                clipped = gradients[k] * min(1.0, bound / own if own else 1.0)
                sums[k] += clipped
                sizes[k] += np.abs(clipped)
    return sums, sizes, losses, norms


def assert_close(ours, sums, sizes, tolerance=1e-6):
    """Every weight's sum is right to `tolerance` of the largest number that went into it."""
    for found, wanted, size in zip(ours, sums, sizes, strict=True):
        assert np.abs(np.asarray(found, np.float64) - wanted).max(initial=0) <= tolerance * size.max(initial=0)


def random_batch(model, patients, seed=0):
    """Features for the model's inputs and labels of 0 and 1."""
    rng = np.random.default_rng(seed)
    features = tf.nest.map_structure(
        lambda tensor: (
            tf.constant(rng.normal(size=(patients, *tensor.shape[1:])) * 2, tf.float32)
            if tensor.dtype.is_floating
            else tf.constant(rng.integers(0, 5, (patients, *tensor.shape[1:])), tensor.dtype)
        ),
        model.input,
    )
    return features, tf.constant(rng.integers(0, 2, (patients, 1)), tf.float32)
