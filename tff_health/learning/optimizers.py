"""TFF optimizers by name, for clients and for the server.

TFF's client loops refuse Keras optimizers, so settings name one of `tff.learning.optimizers`.
"""

from __future__ import annotations

from typing import Literal

import tensorflow_federated as tff

OptimizerName = Literal["sgd", "momentum", "adam", "yogi", "adagrad"]


def build_optimizer(name: OptimizerName, learning_rate: float) -> tff.learning.optimizers.Optimizer:
    """A TFF optimizer with the field's usual constants.

    Adam uses Keras' constants (epsilon 1e-7). Yogi and Adagrad use those of adaptive federated optimisation
    (Reddi et al. 2021, arXiv 2003.00295, section 5): epsilon 1e-3, as their second moments are of averaged
    updates and not of gradients.

    Args:
        name: sgd, momentum (0.9), adam, yogi or adagrad.
        learning_rate: positive.
    """
    if name == "sgd":
        return tff.learning.optimizers.build_sgdm(learning_rate)
    if name == "momentum":
        return tff.learning.optimizers.build_sgdm(learning_rate, momentum=0.9)
    if name == "adam":
        return tff.learning.optimizers.build_adam(learning_rate)
    if name == "yogi":
        return tff.learning.optimizers.build_yogi(learning_rate, epsilon=1e-3)
    if name == "adagrad":
        return tff.learning.optimizers.build_adagrad(learning_rate, epsilon=1e-3)
    raise ValueError(f"unknown optimizer {name!r}")


def build_server_adam(learning_rate: float) -> tff.learning.optimizers.Optimizer:
    """Adam for the server: epsilon 1e-3 as for the other adaptive servers (Reddi et al. 2021)."""
    return tff.learning.optimizers.build_adam(learning_rate, epsilon=1e-3)
