"""k-anonymity and k-map: how many people a row could be.

Sweeney, "k-anonymity: a model for protecting privacy", 2002: every combination of quasi-identifiers in the released
table occurs k times or more *in that table*; k-map: k times or more *in the population* that the attacker looks in.
Neither is the size of a cluster of similar rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tff_health.evaluation.anonymity.quasi_identifiers import equivalence_classes


@dataclass(frozen=True)
class KMap:
    """The released rows among the population.

    Attributes:
        k: fewest people of the population that share the combination of a released row, over the combinations that
            anyone has; None where nobody has any of them.
        unmatched_share: released rows whose combination nobody in the population has. Only synthetic rows can be such.
    """

    k: int | None
    unmatched_share: float


def k_anonymity(classes: np.ndarray) -> int:
    """The size of the smallest equivalence class.

    Args:
        classes: each row's equivalence class, [rows], rows >= 1.
    """
    return int(np.unique(classes, return_counts=True)[1].min())


def share_in_small_classes(classes: np.ndarray, below: int) -> float:
    """Share of rows in classes of fewer than `below` rows; with 2, the rows that are unique.

    Args:
        classes: each row's equivalence class, [rows], rows >= 1.
        below: size that is large enough.
    """
    _, index, counts = np.unique(classes, return_inverse=True, return_counts=True)
    return float((counts[index.reshape(-1)] < below).mean())


def k_map(released: np.ndarray, population: np.ndarray) -> KMap:
    """How many people of the population each released row could be, at least.

    Args:
        released: keys of the released rows, [rows, columns], rows >= 1.
        population: keys of the population under the same rule, [people, columns].
    """
    classes = equivalence_classes(np.concatenate([released, population]))
    people = np.bincount(classes[len(released) :], minlength=int(classes.max()) + 1)
    found = people[classes[: len(released)]]
    matched = found[found > 0]
    return KMap(int(matched.min()) if len(matched) else None, float((found == 0).mean()))
