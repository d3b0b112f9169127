"""What stands where in the `ModelWeights` of a GAN process, and which part of it hospitals change.

`trainable` holds the weights that hospitals train, by network: the critic's, with `average-both` the generator's too.
`non_trainable` holds the rest: the generator's weights where the server trains it, statistics outside the gradient
(batch normalisation), the averaged moments of Adam, and the number of rounds made.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.learning.gan.network import Memory, Tensors, TrainedNetwork
from tff_health.learning.gan.task import GanTask
from tff_health.learning.gan.training import GanTraining
from tff_health.runtime.seeds import integer_seed


def initial_weights(task: GanTask, training: GanTraining, seed: int) -> tff.learning.models.ModelWeights:
    """The `ModelWeights` a process starts from, as NumPy arrays; the same for the same seed.

    Keras' initialisers can only be seeded through the global generators of Python, NumPy and TensorFlow, so these are
    seeded too; the project's own streams do not use them.
    """
    tf.keras.utils.set_random_seed(integer_seed(seed, "gan", "initial weights"))
    models = task.build_networks()._asdict()
    weights = {name: tuple(v.numpy() for v in model.trainable_variables) for name, model in models.items()}
    statistics = OrderedDict(
        (name, tuple(v.numpy() for v in models[name].non_trainable_variables)) for name in ("critic", "generator")
    )
    trained = training.trained_in_hospitals
    memory: OrderedDict[str, Any] = OrderedDict()
    if training.memory == "averaged":
        for name in trained:
            memory[name] = zero_memory(weights[name])
    return tff.learning.models.ModelWeights(
        trainable=OrderedDict((name, weights[name]) for name in trained),
        non_trainable=OrderedDict(
            generator=() if "generator" in trained else weights["generator"],
            statistics=statistics,
            memory=memory,
            rounds=np.int32(0),
        ),
    )


def zero_memory(weights: tuple[np.ndarray, ...]) -> OrderedDict[str, tuple[np.ndarray, ...]]:
    """Adam's moments before the first step."""
    return OrderedDict((name, tuple(np.zeros_like(w) for w in weights)) for name in ("first", "second"))


def network_weights(weights: Any, name: str) -> tuple[Tensors, Tensors]:
    """Weights and statistics of the `critic` or the `generator`, wherever they stand."""
    trained = weights.trainable
    own = trained[name] if name in trained else weights.non_trainable[name]
    return tuple(own), tuple(weights.non_trainable["statistics"][name])


def network_memory(weights: Any, name: str) -> Memory | None:
    """Averaged moments of Adam, None where they are not kept."""
    memory = weights.non_trainable["memory"]
    return memory[name] if name in memory else None


def shared_part(weights: Any) -> OrderedDict[str, Any]:
    """What hospitals change: weights, statistics and moments of the networks they train."""
    statistics = weights.non_trainable["statistics"]
    return OrderedDict(
        weights=weights.trainable,
        statistics=OrderedDict((name, statistics[name]) for name in weights.trainable),
        memory=weights.non_trainable["memory"],
    )


def trained_part(networks: Mapping[str, TrainedNetwork], weights: Any) -> OrderedDict[str, Any]:
    """The same of networks that were trained."""
    names = list(weights.trainable)
    return OrderedDict(
        weights=OrderedDict((name, networks[name].weights()) for name in names),
        statistics=OrderedDict((name, networks[name].statistics()) for name in names),
        memory=OrderedDict((name, networks[name].memory()) for name in weights.non_trainable["memory"]),
    )


def with_shared_part(weights: Any, shared: Mapping[str, Any], **replaced: Any) -> tff.learning.models.ModelWeights:
    """`ModelWeights` with another shared part and other entries of `non_trainable`."""
    rest = OrderedDict(weights.non_trainable)
    rest["statistics"] = OrderedDict(
        (name, shared["statistics"].get(name, own)) for name, own in rest["statistics"].items()
    )
    rest["memory"] = shared["memory"]
    rest.update(replaced)
    return tff.learning.models.ModelWeights(trainable=shared["weights"], non_trainable=rest)
