"""How many threads TensorFlow's kernels take in the worker. Needs no TensorFlow."""

from __future__ import annotations

import os


def kernel_threads(clients: int | None) -> int:
    """One thread a kernel, but all cores where a single client computes and nothing stands beside it.

    Clients that compute side by side share the cores anyway: splitting their small kernels costs more than it gains,
    and would let the order of sums depend on the machine.

    Args:
        clients: that compute at a time; None where it is not known.
    """
    return len(os.sched_getaffinity(0)) if clients == 1 else 1
