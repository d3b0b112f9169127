"""What stands where in the `ModelWeights` of a GAN process, and which part of it hospitals change.

`trainable` holds the weights that hospitals train, by network: the critic's, with `average-both` the generator's too.
`non_trainable` holds the rest: the generator's weights where the server trains it, statistics outside the gradient
(batch normalisation), the averaged moments of Adam, and the number of rounds made. Nesting is shallow, because TFF
copies a state once for every level when it sends it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.learning.gan.network import Tensors, TrainedNetwork
from tff_health.learning.gan.task import GanTask
from tff_health.learning.gan.training import GanTraining
from tff_health.runtime.seeds import integer_seed

_CARRIED = ("statistics", "moments")


def initial_weights(task: GanTask, training: GanTraining, seed: int) -> tff.learning.models.ModelWeights:
    """The `ModelWeights` a process starts from, as NumPy arrays; the same for the same seed.

    Keras' initialisers can only be seeded through the global generators of Python, NumPy and TensorFlow, so these are
    seeded too; the project's own streams do not use them.
    """
    tf.keras.utils.set_random_seed(integer_seed(seed, "gan", "initial weights"))
    models = task.build_networks()._asdict()
    weights = {name: tuple(v.numpy() for v in model.trainable_variables) for name, model in models.items()}
    trained = training.trained_in_hospitals
    rest: OrderedDict[str, Any] = OrderedDict((name, values) for name, values in weights.items() if name not in trained)
    for name, model in models.items():
        rest[f"{name}_statistics"] = tuple(v.numpy() for v in model.non_trainable_variables)
    if training.memory == "kept":
        rest |= {f"{name}_moments": zero_moments(weights[name]) for name in trained}
    rest["rounds"] = np.int32(0)
    return tff.learning.models.ModelWeights(
        trainable=OrderedDict((name, weights[name]) for name in trained), non_trainable=rest
    )


def zero_moments(weights: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Adam's moments before the first step: the means of gradients, then those of their squares."""
    return tuple(np.zeros_like(w) for w in (*weights, *weights))


def network_weights(weights: Any, name: str) -> tuple[Tensors, Tensors]:
    """Weights and statistics of the `critic` or the `generator`, wherever they stand."""
    own = weights.trainable[name] if name in weights.trainable else weights.non_trainable[name]
    return tuple(own), tuple(weights.non_trainable[f"{name}_statistics"])


def network_moments(weights: Any, name: str) -> Tensors | None:
    """Averaged moments of Adam, None where they are not kept."""
    moments = weights.non_trainable.get(f"{name}_moments")
    return None if moments is None else tuple(moments)


def shared_part(weights: Any) -> OrderedDict[str, Tensors]:
    """What hospitals change: weights, statistics and moments of the networks they train, weights first."""
    shared = OrderedDict(weights.trainable)
    for kind in _CARRIED:
        for name in weights.trainable:
            if f"{name}_{kind}" in weights.non_trainable:
                shared[f"{name}_{kind}"] = weights.non_trainable[f"{name}_{kind}"]
    return shared


def trained_part(networks: Mapping[str, TrainedNetwork], weights: Any) -> OrderedDict[str, Tensors]:
    """The same of networks that were trained."""
    values: dict[str, Tensors] = {}
    for name, network in networks.items():
        values[name] = network.weights()
        values[f"{name}_statistics"] = network.statistics()
        values[f"{name}_moments"] = network.moments()
    return OrderedDict((name, values[name]) for name in shared_part(weights))


def flat(part: Mapping[str, Tensors]) -> Tensors:
    """The tensors of a part in its own order (`tf.nest` would sort the names)."""
    return tuple(tensor for tensors in part.values() for tensor in tensors)


def unflat(part: Mapping[str, Tensors], tensors: Sequence[tf.Tensor]) -> OrderedDict[str, Tensors]:
    """The inverse of `flat`, for a part of the same names and numbers of tensors."""
    remaining = iter(tensors)
    return OrderedDict((name, tuple(next(remaining) for _ in own)) for name, own in part.items())


def replaced(weights: Any, values: Mapping[str, Any]) -> tff.learning.models.ModelWeights:
    """`ModelWeights` with some entries replaced, wherever they stand."""
    trainable, non_trainable = (
        OrderedDict((name, values.get(name, own)) for name, own in part.items())
        for part in (weights.trainable, weights.non_trainable)
    )
    return tff.learning.models.ModelWeights(trainable, non_trainable)
