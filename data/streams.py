"""Independent random streams out of one seed, told apart by name."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """A generator for one purpose: the same seed and names always give the same stream, other names another.

    Args:
        seed: the experiment's or the split's seed, at least 0.
        names: what the stream is for, such as ("breast_cancer", "partition").
    """
    digest = hashlib.sha256("/".join(str(name) for name in names).encode()).digest()
    key = tuple(int.from_bytes(digest[start : start + 4], "little") for start in range(0, 16, 4))
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
