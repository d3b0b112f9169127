"""Which rows each shadow model of each hospital sees in each local step, padded so that all train side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tff_health.runtime.seeds import stream


@dataclass(frozen=True)
class RoundBatches:
    """One round's local steps of M = shadows x hospitals models (model s * hospitals + h is shadow s in hospital h).

    Attributes:
        rows: row numbers in the pool, int32 [steps, M, batch]; padding has row 0.
        present: 1 for a row, 0 for padding, float32 [steps, M, batch].
        active: whether the model takes this step, bool [steps, M]; a model's steps come first, padding after.
    """

    rows: np.ndarray
    present: np.ndarray
    active: np.ndarray


def members_of(masks: np.ndarray, hospitals: np.ndarray, names: Sequence[str]) -> list[np.ndarray]:
    """The rows that train each of the M models.

    Args:
        masks: bool [shadows, rows].
        hospitals: each row's hospital, [rows].
        names: the hospitals, in order.
    """
    return [np.flatnonzero(mask & (hospitals == name)) for mask in masks for name in names]


def shuffled_batches(
    members: Sequence[np.ndarray], names: Sequence[str], *, seed: int, round_number: int, epochs: int, batch_size: int
) -> RoundBatches:
    """Batches as `runtime.client_batches` makes them: shuffled in each epoch, none across epochs.

    Shadow s in a hospital shuffles as repeat s of an arm does: by `stream(seed, "order", hospital, s, round_number)`.

    Args:
        members: of each of the M models.
        names: the hospitals, in order.
        seed: of the orders.
        round_number: from 1.
        epochs: passes over the rows.
        batch_size: rows a step, at most.
    """
    # Imports TensorFlow, which this module otherwise does without.
    from tff_health.runtime.client_batches import batch_order

    steps = []
    for model, rows in enumerate(members):
        shadow, hospital = divmod(model, len(names))
        order = stream(seed, "order", names[hospital], shadow, round_number)
        made = batch_order(len(rows), batch_size=batch_size, epochs=epochs, order=order) if len(rows) else []
        steps.append([rows[batch] for batch in made])
    return _padded(steps)


def sampled_batches(
    members: Sequence[np.ndarray], *, steps: int, rate: float, rng: np.random.Generator
) -> RoundBatches:
    """Poisson samples: each row by its own coin in each step; an empty sample is a step too.

    Args:
        members: of each of the M models.
        steps: local steps.
        rate: probability of a row, in (0, 1]; 1 takes every row.
        rng: source of the coins.
    """
    drawn = []
    for rows in members:
        taken = [rows if rate == 1.0 else rows[rng.random(len(rows)) < rate] for _ in range(steps)]
        drawn.append(taken)
    return _padded(drawn)


def _padded(steps: Sequence[Sequence[np.ndarray]]) -> RoundBatches:
    longest = max(map(len, steps))
    widest = max((len(batch) for batches in steps for batch in batches), default=1)
    shape = (longest, len(steps), max(widest, 1))
    rows, present = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
    active = np.zeros(shape[:2], bool)
    for model, batches in enumerate(steps):
        for step, batch in enumerate(batches):
            rows[step, model, : len(batch)] = batch
            present[step, model, : len(batch)] = 1.0
        active[: len(batches), model] = True
    return RoundBatches(rows, present, active)
