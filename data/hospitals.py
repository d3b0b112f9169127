"""Dealing a table's rows to simulated hospitals, and each hospital's rows to training and test.

All functions are pure: labels, a number and a seed go in, row positions come out; every row lands exactly
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from data.errors import SettingsError
from data.federation import Hospital
from data.streams import stream

Partition = Literal["iid", "dirichlet", "size_skew", "one_class"]

_ATTEMPTS = 50


def partition_rows(
    method: Partition,
    labels: np.ndarray,
    n: int,
    seed: int,
    *,
    alpha: float = 0.5,
    min_rows: int = 1,
    min_per_class: int = 1,
) -> list[np.ndarray]:
    """The rows of each of `n` simulated hospitals, by the named method.

    Args:
        method: `iid`, `dirichlet`, `size_skew` or `one_class`; see the functions of those names.
        labels: [rows], the class of every row.
        n: number of hospitals.
        seed: same seed, same partition.
        alpha: for the two skewed methods.
        min_rows: fewest rows a hospital may end with.
        min_per_class: fewest rows of every class that a hospital may end with; of `one_class`, of its only one.

    Returns:
        `n` ascending int64 arrays of row positions.

    Raises:
        SettingsError: the request cannot be met with these rows.
    """
    if method == "iid":
        return iid(labels, n, seed, min_rows=min_rows, min_per_class=min_per_class)
    if method == "one_class":
        return one_class(labels, n, seed, min_rows=max(min_rows, min_per_class))
    skewed = {"dirichlet": dirichlet, "size_skew": size_skew}[method]
    return skewed(labels, n, seed, alpha=alpha, min_rows=min_rows, min_per_class=min_per_class)


def iid(labels: np.ndarray, n: int, seed: int, *, min_rows: int = 1, min_per_class: int = 1) -> list[np.ndarray]:
    """Rows dealt at random to hospitals whose sizes differ by at most one.

    Deals are repeated until every hospital has `min_per_class` rows of every class; where 50 deals fail, the
    last one deals class by class in turn, which spreads every class as evenly as can be.

    Args:
        labels: [rows].
        n: number of hospitals.
        seed: same seed, same partition.
        min_rows: fewest rows of a hospital.
        min_per_class: fewest rows of every class in a hospital.

    Raises:
        SettingsError: the rows cannot meet the minima.
    """
    classes, labels = _require_possible(labels, n, min_rows, min_per_class)
    rng = stream(seed, "iid")
    for _ in range(_ATTEMPTS):
        parts = np.array_split(rng.permutation(len(labels)), n)
        if all(_counts(labels[part], len(classes)).min() >= min_per_class for part in parts):
            return [np.sort(part) for part in parts]
    by_class = np.concatenate([rng.permutation(np.flatnonzero(labels == c)) for c in range(len(classes))])
    return [np.sort(by_class[start::n]) for start in range(n)]


def one_class(labels: np.ndarray, n: int, seed: int, *, min_rows: int = 1) -> list[np.ndarray]:
    """Every hospital holds rows of one class alone: as far from alike as hospitals can be.

    The limit of the skewed shards of McMahan et al. 2017 (arXiv 1602.05629, section 3). Every class gets hospitals in
    proportion to its rows, one at least, and its rows are dealt to them at random in equal parts.

    Args:
        labels: [rows].
        n: number of hospitals, as many as classes or more.
        seed: same seed, same partition.
        min_rows: fewest rows of a hospital.

    Raises:
        SettingsError: there are fewer hospitals than classes, or the rows cannot meet the minimum.
    """
    classes, places = np.unique(labels, return_inverse=True)
    sizes = np.bincount(places)
    if n < len(classes):
        raise SettingsError(f"{n} hospitals of one class each cannot hold {len(classes)} classes; take more hospitals.")
    shares = np.ones(len(classes), np.int64)
    for _ in range(n - len(classes)):
        shares[np.argmax(sizes / shares)] += 1
    rng = stream(seed, "one class")
    parts = [
        np.sort(part)
        for place, share in enumerate(shares)
        for part in np.array_split(rng.permutation(np.flatnonzero(places == place)), share)
    ]
    if min(map(len, parts)) < min_rows:
        raise SettingsError(
            f"{n} hospitals of one class each cannot have {min_rows} rows: there are {len(labels)} in all; take fewer "
            "hospitals or a lower min_rows."
        )
    return parts


def dirichlet(
    labels: np.ndarray,
    n: int,
    seed: int,
    *,
    alpha: float,
    min_rows: int = 1,
    min_per_class: int = 1,
) -> list[np.ndarray]:
    """Label skew: each class is shared out between the hospitals by its own draw from Dirichlet(alpha).

    The scheme of Yurochkin et al., "Bayesian Nonparametric Federated Learning of Neural Networks" (ICML
    2019), section 4, and of Li et al., "Federated Learning on Non-IID Data Silos" (ICDE 2022). Draws that
    leave a hospital below the minima are drawn again, up to 50 times; then the draw that came nearest is
    repaired: hospitals that lack rows are given them, one class at a time, from the hospital that has most.
        Both soften the skew, the more
    so the smaller alpha and the larger the minima.

    Args:
        labels: [rows].
        n: number of hospitals.
        seed: same seed, same partition.
        alpha: concentration, > 0; towards 0 each class sits in one hospital, towards infinity all are alike.
        min_rows: fewest rows of a hospital.
        min_per_class: fewest rows of every class in a hospital.

    Raises:
        SettingsError: alpha is not above 0, or the rows cannot meet the minima.
    """
    return _skewed(labels, n, seed, alpha, min_rows, min_per_class, shared=False)


def size_skew(
    labels: np.ndarray,
    n: int,
    seed: int,
    *,
    alpha: float,
    min_rows: int = 1,
    min_per_class: int = 1,
) -> list[np.ndarray]:
    """Quantity skew: hospitals of unequal size, drawn from Dirichlet(alpha), each with the whole table's
    class mix.

    The quantity skew of Li et al. (ICDE 2022), stratified so that size alone differs. Minima are met as in
    `dirichlet`.

    Args:
        labels: [rows].
        n: number of hospitals.
        seed: same seed, same partition.
        alpha: concentration, > 0; small is more unequal.
        min_rows: fewest rows of a hospital.
        min_per_class: fewest rows of every class in a hospital.

    Raises:
        SettingsError: alpha is not above 0, or the rows cannot meet the minima.
    """
    return _skewed(labels, n, seed, alpha, min_rows, min_per_class, shared=True)


def stratified_split(labels: np.ndarray, test_fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Divides one hospital's rows into training and test, class by class.

    Each class gives its rounded share to the test rows, but at least one row where it has two or more, and
    keeps at least one row for training.

    Args:
        labels: [rows].
        test_fraction: strictly between 0 and 1.
        seed: same seed, same split.

    Returns:
        Ascending int64 row positions (train, test).

    Raises:
        SettingsError: the fraction lies outside (0, 1).
    """
    if not 0 < test_fraction < 1:
        raise SettingsError(f"test_fraction must lie strictly between 0 and 1, not {test_fraction:g}.")
    labels = np.asarray(labels)
    rng = stream(seed, "train/test")
    in_test = np.zeros(len(labels), bool)
    for value in np.unique(labels):
        rows = np.flatnonzero(labels == value)
        held_out = min(max(round(test_fraction * len(rows)), 1), len(rows) - 1)
        in_test[rng.permutation(rows)[:held_out]] = True
    return np.flatnonzero(~in_test), np.flatnonzero(in_test)


def simulated_hospitals(
    frame: pd.DataFrame, labels: np.ndarray, parts: Sequence[np.ndarray], test_fraction: float, seed: int
) -> tuple[Hospital, ...]:
    """Hospitals named "hospital 1", "hospital 2", ... out of a partition, each split into training and test.

    Args:
        frame: the whole table.
        labels: [rows] of the table.
        parts: row positions of each hospital.
        test_fraction: as in `stratified_split`.
        seed: each hospital's split has its own stream of it.
    """
    hospitals = []
    for number, rows in enumerate(parts, start=1):
        # A stream a hospital, so that one hospital's split does not depend on the others' sizes.
        own_seed = int(stream(seed, "hospital", number).integers(2**63))
        train, test = stratified_split(labels[rows], test_fraction, own_seed)
        hospitals.append(
            Hospital(
                f"hospital {number}",
                frame.iloc[rows[train]].reset_index(drop=True),
                frame.iloc[rows[test]].reset_index(drop=True),
            )
        )
    return tuple(hospitals)


def _skewed(
    labels: np.ndarray, n: int, seed: int, alpha: float, min_rows: int, min_per_class: int, *, shared: bool
) -> list[np.ndarray]:
    if not 0 < alpha < np.inf:
        raise SettingsError(f"alpha must be a number above 0, not {alpha:g}.")
    classes, labels = _require_possible(labels, n, min_rows, min_per_class)
    totals = _counts(labels, len(classes))
    rng = stream(seed, "size_skew" if shared else "dirichlet")
    best, least = None, np.inf
    for _ in range(_ATTEMPTS):
        shares = [_shares(rng, alpha, n)] * len(classes) if shared else [_shares(rng, alpha, n) for _ in classes]
        counts = np.stack([_apportion(total, share) for total, share in zip(totals, shares, strict=True)])
        lacking = np.maximum(min_per_class - counts, 0).sum() + np.maximum(min_rows - counts.sum(0), 0).sum()
        if lacking < least:
            best, least = counts, lacking
        if lacking == 0:
            break
    assert best is not None
    _repair(best, min_rows, min_per_class)
    pieces: list[list[np.ndarray]] = [[] for _ in range(n)]
    for value, counts in enumerate(best):
        rows = rng.permutation(np.flatnonzero(labels == value))
        for hospital, piece in enumerate(np.split(rows, np.cumsum(counts)[:-1])):
            pieces[hospital].append(piece)
    return [np.sort(np.concatenate(piece)) for piece in pieces]


def _require_possible(labels: np.ndarray, n: int, min_rows: int, min_per_class: int) -> tuple[np.ndarray, np.ndarray]:
    """(classes, labels as positions in classes), or why no partition can meet the minima."""
    if n < 1:
        raise SettingsError(f"the number of hospitals must be at least 1, not {n}.")
    classes, positions = np.unique(np.asarray(labels), return_inverse=True)
    rows = len(positions)
    if n * max(min_rows, 1) > rows:
        raise SettingsError(
            f"{n:,} hospitals of at least {max(min_rows, 1):,} rows need {n * max(min_rows, 1):,} rows, and "
            f"there are {rows:,}; ask for fewer hospitals or a lower min_rows."
        )
    counts = _counts(positions, len(classes))
    rarest = int(np.argmin(counts))
    if counts[rarest] < n * min_per_class:
        raise SettingsError(
            f"class {classes[rarest]} is too rare for {n:,} hospitals: each needs {min_per_class:,} of its "
            f"rows, and there are {counts[rarest]:,}; ask for fewer hospitals."
        )
    return classes, positions


def _counts(positions: np.ndarray, classes: int) -> np.ndarray:
    return np.bincount(positions, minlength=classes)


def _shares(rng: np.random.Generator, alpha: float, n: int) -> np.ndarray:
    # Below this one share is 1 in floating point, and NumPy's sampler does not end for the tiniest alpha.
    if alpha < 1e-4:
        return np.eye(n)[rng.integers(n)]
    return rng.dirichlet(np.full(n, alpha))


def _apportion(total: int, shares: np.ndarray) -> np.ndarray:
    """Whole numbers that add up to `total`, in proportion to `shares` (largest remainders)."""
    exact = total * shares / shares.sum()
    counts = np.floor(exact).astype(np.int64)
    order = np.argsort(counts - exact, kind="stable")
    counts[order[: total - counts.sum()]] += 1
    return counts


def _repair(counts: np.ndarray, min_rows: int, min_per_class: int) -> None:
    """Moves rows between hospitals, in place, until counts [classes, hospitals] meet the minima."""
    for row in counts:
        while row.min() < min_per_class:
            _move(row, int(row.argmax()), int(row.argmin()), min_per_class - int(row.min()), min_per_class)
    sizes = counts.sum(0)
    while sizes.min() < min_rows:
        poorest, richest = int(sizes.argmin()), int(sizes.argmax())
        need = min(min_rows - sizes[poorest], sizes[richest] - min_rows)
        _move(counts[int(counts[:, richest].argmax())], richest, poorest, need, min_per_class)
        sizes = counts.sum(0)


def _move(row: np.ndarray, donor: int, recipient: int, need: int, keep: int) -> None:
    # `_require_possible` has made sure that the hospital with most rows can spare one.
    given = max(min(need, row[donor] - keep), 1)
    row[donor] -= given
    row[recipient] += given
