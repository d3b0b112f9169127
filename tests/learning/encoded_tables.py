"""Small encoded tables: two numeric columns with modes, three coded ones, of which the last decides the first."""

from __future__ import annotations

import numpy as np

from data.encoded_layout import EncodedLayout, Segment

LAYOUT = EncodedLayout(
    (
        Segment("age", 0, 1, "tanh"),
        Segment("age", 1, 2, "softmax"),
        Segment("sex", 3, 2, "softmax", condition=True),
        Segment("pain", 5, 4, "softmax", condition=True),
        Segment("chol", 9, 1, "tanh"),
        Segment("chol", 10, 1, "softmax"),
        Segment("target", 11, 2, "softmax", condition=True),
    )
)


def encoded(rows: int, seed: int, categories: tuple[int, ...] = (0, 1, 2, 3), target: int | None = None) -> np.ndarray:
    """Rows in which `sex` is unbalanced (1 in 10), `pain` takes only some categories, age's mode is the target."""
    random = np.random.default_rng(seed)
    table = np.zeros((rows, LAYOUT.width), np.float32)
    label = random.integers(0, 2, rows) if target is None else np.full(rows, target)
    table[:, 0], table[:, 9] = random.uniform(-0.5, 0.5, (2, rows))
    sex, pain = (random.random(rows) < 0.1).astype(int), random.choice(categories, rows)
    for start, position in ((1, label), (3, sex), (5, pain), (10, 0), (11, label)):
        table[np.arange(rows), start + np.broadcast_to(position, rows)] = 1.0
    return table


def counts(*tables: np.ndarray) -> dict[str, np.ndarray]:
    total = np.concatenate(tables)
    return {s.column: total[:, s.start : s.stop].sum(0) for s in LAYOUT.conditions}
