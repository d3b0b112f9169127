"""A small table of two hospitals and the private CTGAN task on it."""

from __future__ import annotations

from typing import Any

import numpy as np

from data.encoded_layout import EncodedLayout, Segment
from tff_health.learning.ctgan.private_settings import PrivateCtganSettings
from tff_health.learning.ctgan.private_task import PrivateCtganTask
from tff_health.learning.ctgan.public_marginals import ModeValues, PublicMarginals

MODES = Segment("age", 1, 3, "softmax")  # two modes, then missing
LAYOUT = EncodedLayout(
    (
        Segment("age", 0, 1, "tanh"),
        MODES,
        Segment("pain", 4, 4, "softmax", condition=True),
        Segment("sick", 8, 2, "softmax", condition=True),
    )
)
PUBLIC = PublicMarginals(
    LAYOUT,
    "sick",
    np.array([0, 0.5, 0.4, 0.1, 0.1, 0.2, 0.3, 0.4, 0.6, 0.4], np.float32),
    (
        ModeValues(
            0,
            MODES,
            np.array([-0.8, 1.0], np.float32),
            np.array([1.5, 2.0], np.float32),
            np.array([0.25, 0.25], np.float32),
        ),
    ),
)
COUNTS = {"pain": np.array([4.0, 8.0, 12.0, 16.0]), "sick": np.array([24.0, 16.0])}


def make_task(**changes: Any) -> PrivateCtganTask:
    small = {"latent_dim": 4, "generator_hidden": (8,), "generator_batch_size": 20, "generator_updates": 5}
    return PrivateCtganTask(PUBLIC, COUNTS, PrivateCtganSettings(**(small | changes)))


def make_encoded(rows: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    encoded = np.zeros((rows, LAYOUT.width), np.float32)
    encoded[:, 0] = random.uniform(-1, 1, rows)
    for segment in LAYOUT.segments[1:]:
        chances = PUBLIC.shares[segment.start : segment.stop].astype(np.float64)
        drawn = random.choice(segment.size, size=rows, p=chances / chances.sum())
        encoded[np.arange(rows), segment.start + drawn] = 1.0
    return encoded


def randomised(model: Any, seed: int = 3) -> Any:
    """The model with weights away from zero, so that every part of its gradient counts."""
    random = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign(random.normal(size=variable.shape).astype(np.float32))
    return model
