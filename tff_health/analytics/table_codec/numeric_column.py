"""Mode-specific normalisation of one numeric column (arXiv 1907.00503, section 4.2). NumPy only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from data.errors import DataError

SPREAD = 4.0
"""A mode's offsets are divided by so many standard deviations."""


@dataclass(frozen=True)
class NumericColumn:
    """How one numeric column is encoded: an offset within a mode, then the mode as a one-hot vector.

    A value x becomes alpha = (x - mean) / reach in [-1, 1] and the position of its mode. The paper's reach is four
    standard deviations; where values lie that no mode would hold, the nearest mode's is longer (`reach.widened`), so
    that no value seen in training is clipped.

    Attributes:
        name: the column's.
        bounds: public lowest and highest value; decoded values lie within.
        integer: whether decoded values are whole.
        means: of the modes, in the column's unit.
        deviations: standard deviations of the modes, above 0.
        reaches: how far from its mean a mode can hold a value, above 0.
        weights: shares of the modes, of sum 1.
        missing: whether a further position says "missing".
        decimals: digits after the point of decoded values; None: as many as they have.
    """

    name: str
    bounds: tuple[float, float]
    integer: bool
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    reaches: tuple[float, ...]
    weights: tuple[float, ...]
    missing: bool
    decimals: int | None = None

    def __post_init__(self) -> None:
        modes = [self.means, self.deviations, self.reaches, self.weights]
        numbers = [*self.bounds, *(value for of_mode in modes for value in of_mode)]
        fits = (
            len(self.bounds) == 2
            and len({len(of_mode) for of_mode in modes}) == 1
            and len(self.means) >= 1
            and all(math.isfinite(value) for value in numbers)
            and min(*self.deviations, *self.reaches) > 0
            and min(self.weights) >= 0
            and abs(sum(self.weights) - 1) < 1e-6
            and self.bounds[0] < self.bounds[1]
        )
        if not fits:
            raise DataError(f"Column {self.name!r}: its modes do not describe an encoding; fit it again.")

    @property
    def modes(self) -> int:
        """How many modes there are."""
        return len(self.means)

    @property
    def sizes(self) -> tuple[int, int]:
        """Entries of the offset and of the one-hot vector."""
        return 1, self.modes + self.missing

    @cached_property
    def _arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        return np.array(self.means), np.array(self.deviations), np.array(self.reaches), np.array(self.weights)

    def encode(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Encodes values, each in a mode drawn from the modes' probabilities of having made it.

        Only modes within whose reach a value lies are drawn; a value beyond all of them goes to the nearest and is
        clipped. A missing value in a column that has no position for it is drawn from the mixture.

        Args:
            values: float64 [rows], NaN for missing.
            rng: draws the modes.

        Returns:
            float32 [rows, 1 + modes (+ 1)].
        """
        means, deviations, reaches, weights = self._arrays
        drawn = rng.random(len(values))
        blank = np.isnan(values)
        if blank.any() and not self.missing:
            values = np.where(blank, self._from_mixture(rng, len(values)), values)
        known = np.where(np.isnan(values), means[0], values)[:, np.newaxis]
        distance = np.abs(known - means)
        with np.errstate(divide="ignore"):
            density = np.log(weights) - np.log(deviations) - 0.5 * (distance / deviations) ** 2
        density[distance > reaches] = -np.inf
        nearest = np.argmin(distance - reaches, axis=1)
        beyond = np.isneginf(density).all(axis=1)
        density[beyond, nearest[beyond]] = 0.0
        cumulative = np.cumsum(np.exp(density - density.max(axis=1, keepdims=True)), axis=1)
        mode = (drawn[:, np.newaxis] >= cumulative / cumulative[:, -1:]).sum(axis=1)
        alpha = np.clip((known[:, 0] - means[mode]) / reaches[mode], -1.0, 1.0)

        encoded = np.zeros((len(values), sum(self.sizes)), np.float32)
        encoded[:, 0] = alpha
        encoded[np.arange(len(values)), 1 + mode] = 1.0
        if self.missing:
            encoded[blank] = 0.0
            encoded[blank, -1] = 1.0
        return encoded

    def decode(self, encoded: np.ndarray) -> np.ndarray:
        """Values of encoded rows: valid ones, whatever stands in the rows.

        Args:
            encoded: float [rows, 1 + modes (+ 1)]; the mode is the largest entry.

        Returns:
            float64 [rows] within the bounds, rounded where the column is; NaN for missing.
        """
        means, _, reaches, _ = self._arrays
        position = np.argmax(encoded[:, 1:], axis=1)
        blank = position >= self.modes
        mode = np.where(blank, 0, position)
        values = means[mode] + np.clip(np.asarray(encoded[:, 0], np.float64), -1.0, 1.0) * reaches[mode]
        low, high = self.bounds
        if self.integer:
            values = np.clip(np.round(values), math.ceil(low), math.floor(high))
        elif self.decimals is not None:
            values = np.clip(np.round(values, self.decimals), low, high)
        else:
            values = np.clip(values, low, high)
        values[blank] = np.nan
        return values + 0.0  # no negative zero

    def _from_mixture(self, rng: np.random.Generator, rows: int) -> np.ndarray:
        means, deviations, _, weights = self._arrays
        mode = rng.choice(self.modes, rows, p=weights / weights.sum())
        return np.clip(rng.normal(means[mode], deviations[mode]), *self.bounds)
