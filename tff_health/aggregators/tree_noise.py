"""What tree aggregation (DP-FTRL) costs when every hospital takes part in every round. Needs no TensorFlow."""

from __future__ import annotations

import math


def squared_node_sensitivity(rounds: int) -> int:
    """Squared L2 sensitivity, in clips, of all tree nodes together when one hospital is zeroed in all rounds.

    A node over m rounds holds the sum of m contributions and moves by up to m clips. After `rounds` rounds the tree
    has floor(rounds / m) complete nodes of each size m = 1, 2, 4, ...; only these are ever used, and all released
    sums are functions of them (Kairouz et al. 2021, arXiv 2103.00039, Appendix D.2, with full participation).

    For T = 2**k this is T (2 T - 1), against T for plain Gaussian noise in every round: **with every hospital in
    every round the tree protects no better than plain noise of the same effect on the final model**, and worse on
    the way there. It pays where hospitals come rarely.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, not {rounds}")
    sizes = (1 << level for level in range(rounds.bit_length()))
    return sum(rounds // size * size**2 for size in sizes)


def effective_noise_multiplier(noise_multiplier: float, rounds: int) -> float:
    """The multiplier of the one Gaussian mechanism that the whole run of `rounds` rounds amounts to.

    That contributions adapt to earlier releases changes nothing for Gaussian noise (Denisov et al. 2022, arXiv
    2202.08312, Theorem 2.1).
    """
    return noise_multiplier / math.sqrt(squared_node_sensitivity(rounds))
