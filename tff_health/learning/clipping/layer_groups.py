"""Which weights belong to one layer."""

from __future__ import annotations

import tensorflow as tf

from data.errors import WrongKindError


def layers_of(model: tf.keras.Model) -> list[tf.keras.layers.Layer]:
    """The model and every layer inside it, however deep, each once."""
    return [model, *(part for part in model.submodules if isinstance(part, tf.keras.layers.Layer))]


def layer_groups(model: tf.keras.Model) -> list[list[int]]:
    """Groups of variable indices that per-layer clipping bounds one by one.

    A weight belongs to the innermost layer that holds it; one that several layers share belongs to the first.

    Args:
        model: a built Keras model.

    Returns:
        Groups of positions in `model.trainable_variables`; every position is in exactly one group.

    Raises:
        WrongKindError: the model is not built or has no trainable weights.
    """
    if not model.built or not model.trainable_variables:
        raise WrongKindError(f"the model {model.name!r} has no trainable weights; build it for its features first.")
    # Few weights first: an inner layer comes before what contains it, and the sort is stable.
    layers = sorted(layers_of(model), key=lambda layer: len(layer.trainable_variables))
    held = [{id(variable) for variable in layer.trainable_variables} for layer in layers]
    groups: dict[int, list[int]] = {}
    for position, variable in enumerate(model.trainable_variables):
        owner = next(number for number, ids in enumerate(held) if id(variable) in ids)
        groups.setdefault(owner, []).append(position)
    return list(groups.values())
