"""The grid that updates are rounded to before a secure sum. Needs no TensorFlow."""

from __future__ import annotations

SECURE_MEAN_BITS = 32


def quantisation_step(hospitals: int, bound: float, bits: int = SECURE_MEAN_BITS) -> float:
    """The grid on which each hospital's entries are rounded; the mean is off by at most half of it.

    Args:
        hospitals: 2 or more.
        bound: largest absolute entry of one hospital's update.
        bits: of the modulus; each hospital uses the range that leaves room for the sum of all.
    """
    return bound / (((1 << (bits - 1)) - 1) // hospitals)
