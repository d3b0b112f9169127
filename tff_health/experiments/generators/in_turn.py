"""The first patients of a federation, one of each hospital in turn."""

from __future__ import annotations

from collections.abc import Mapping


def first_in_turn(sizes: Mapping[str, int], count: int) -> dict[str, int]:
    """How many of each hospital's rows are among the first `count`.

    Args:
        sizes: of each hospital.
        count: how many are wanted; all where there are fewer.
    """
    taken, left = dict.fromkeys(sizes, 0), min(count, sum(sizes.values()))
    while left:
        for name in sizes:
            if left and taken[name] < sizes[name]:
                taken[name], left = taken[name] + 1, left - 1
    return taken
