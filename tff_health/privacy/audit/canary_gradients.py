"""What a canary adds to a training step: its clipped gradient on the input weights that only it uses."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from scipy import special

from tff_health.privacy.audit.result import AuditError

Weights = Sequence[np.ndarray]


def dense_canary_gradients(
    weights: Weights, first_column: int, value: float, labels: np.ndarray, clip: float | None
) -> np.ndarray:
    """Gradients of the cross-entropy with respect to each canary's own row of the first kernel.

    For networks of dense layers, ReLU between them and one sigmoid output: logistic regression and
    `models.classifier.mlp`. Canary i's only non-zero feature is `value` in column `first_column + i`.

    Args:
        weights: kernel and bias of each layer in turn, as Keras lists them; the first kernel is [inputs, units].
        first_column: input column of canary 0.
        value: the non-zero feature.
        labels: each canary's label, 0 or 1, [m].
        clip: L2 bound on one patient's whole gradient; None for no clipping.

    Returns:
        float64 [m, units].

    Raises:
        AuditError: the weights are not those of such a network.
    """
    layers = [np.asarray(part, np.float64) for part in weights]
    kernels, biases = layers[::2], layers[1::2]
    canaries = len(labels)
    _check(kernels, biases, first_column + canaries)
    # The input is one-hot, so the first product is a row of the kernel.
    inner = value * kernels[0][first_column : first_column + canaries] + biases[0]
    activations = []
    for kernel, bias in zip(kernels[1:], biases[1:], strict=True):
        activations.append(np.maximum(inner, 0))
        inner = activations[-1] @ kernel + bias
    backward = special.expit(inner) - np.asarray(labels, np.float64).reshape(-1, 1)
    squared = np.zeros(canaries)
    for kernel, activation in zip(kernels[:0:-1], activations[::-1], strict=True):
        squared += (backward**2).sum(1) * (1 + (activation**2).sum(1))
        backward = (backward @ kernel.T) * (activation > 0)
    squared += (backward**2).sum(1) * (1 + value**2)
    own = value * backward
    if clip is None:
        return own
    norms = np.sqrt(squared)
    return own * np.minimum(1, clip / np.maximum(norms, np.finfo(np.float64).tiny))[:, None]


def _check(kernels: list[np.ndarray], biases: list[np.ndarray], columns: int) -> None:
    shapes = [part.shape for part in (*kernels, *biases)]
    fits = (
        bool(kernels)
        and len(kernels) == len(biases)
        and all(
            kernel.ndim == 2 and bias.shape == kernel.shape[1:] for kernel, bias in zip(kernels, biases, strict=True)
        )
        and all(one.shape[1] == two.shape[0] for one, two in itertools.pairwise(kernels))
    )
    if not fits or kernels[-1].shape[1] != 1 or kernels[0].shape[0] < columns:
        raise AuditError(
            f"the audit reads kernel and bias of dense layers over {columns} or more inputs with one output, but got "
            f"shapes {shapes}; give `canary_gradients` of your own for another network."
        )
