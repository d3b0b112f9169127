"""Federated averaging written out in NumPy, for comparison: one dense ReLU layer and a sigmoid, or only the latter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tff_health.runtime.client_batches import batch_order
from tff_health.runtime.seeds import stream


def gradients(weights: Sequence[np.ndarray], x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """Gradients of the mean binary cross-entropy; weights are [kernel, bias] or [kernel, bias, kernel, bias]."""
    if len(weights) == 2:
        hidden = x
    else:
        before = x @ weights[0] + weights[1]
        hidden = np.maximum(before, 0)
    score = 1 / (1 + np.exp(-(hidden @ weights[-2] + weights[-1])))
    error = (score - y) / len(x)
    head = [hidden.T @ error, error.sum(0)]
    if len(weights) == 2:
        return head
    back = (error @ weights[2].T) * (before > 0)
    return [x.T @ back, back.sum(0), *head]


class Sgd:
    def __init__(self, rate):
        self.rate = rate

    def start(self, weights):
        pass

    def step(self, weights, grads):
        return [w - self.rate * g for w, g in zip(weights, grads, strict=True)]


class Adam:
    def __init__(self, rate, epsilon=1e-7):
        self.rate, self.epsilon = rate, epsilon

    def start(self, weights):
        self.m = [np.zeros_like(w) for w in weights]
        self.v = [np.zeros_like(w) for w in weights]
        self.t = 0

    def step(self, weights, grads):
        self.t += 1
        self.m = [0.9 * m + 0.1 * g for m, g in zip(self.m, grads, strict=True)]
        self.v = [0.999 * v + 0.001 * g * g for v, g in zip(self.v, grads, strict=True)]
        rate = self.rate * np.sqrt(1 - 0.999**self.t) / (1 - 0.9**self.t)
        return [w - rate * m / (np.sqrt(v) + self.epsilon) for w, m, v in zip(weights, self.m, self.v, strict=True)]


def fedavg(hospitals, weights, optimizer, *, rounds, epochs, batch_size, seed, weighted=True, mu=0.0, server=None):
    """Rounds of federated averaging in float64, with the batches that the project's own stream gives."""
    weights = [np.asarray(w, np.float64) for w in weights]
    if server:
        server.start(weights)
    for round_number in range(1, rounds + 1):
        changes, sizes = [], []
        for name, x, y in hospitals:
            local = [w.copy() for w in weights]
            optimizer.start(local)
            order = stream(seed, "order", name, 0, round_number)
            for rows in batch_order(len(x), batch_size=batch_size, epochs=epochs, order=order):
                grads = gradients(local, x[rows].astype(np.float64), y[rows].astype(np.float64))
                grads = [g + mu * (a - b) for g, a, b in zip(grads, local, weights, strict=True)]
                local = optimizer.step(local, grads)
            changes.append([before - after for before, after in zip(weights, local, strict=True)])
            sizes.append(len(x) if weighted else 1)
        share = np.array(sizes) / np.sum(sizes)
        update = [sum(s * c for s, c in zip(share, layer, strict=True)) for layer in zip(*changes, strict=True)]
        weights = server.step(weights, update) if server else [w - u for w, u in zip(weights, update, strict=True)]
    return weights
