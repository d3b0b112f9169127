"""The one-hot encoding of one coded column. NumPy only."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from data.errors import DataError


@dataclass(frozen=True)
class CodedColumn:
    """How one coded column is encoded: one position per code of the public codebook, then perhaps one for missing.

    Attributes:
        name: the column's.
        shares: of the codes among the cells that are not missing, in the codebook's order, of sum 1.
        missing: whether a further position says "missing".
    """

    name: str
    shares: tuple[float, ...]
    missing: bool

    def __post_init__(self) -> None:
        fits = len(self.shares) >= 2 and all(math.isfinite(share) and share >= 0 for share in self.shares)
        if not fits or abs(sum(self.shares) - 1) > 1e-6:
            raise DataError(f"Column {self.name!r}: its shares do not describe an encoding; fit it again.")

    @property
    def codes(self) -> int:
        """How many codes the codebook has."""
        return len(self.shares)

    @property
    def size(self) -> int:
        """Entries of the one-hot vector."""
        return self.codes + self.missing

    def encode(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """One-hot vectors; a missing cell in a column that has no position for it is drawn from the shares.

        Args:
            values: float64 [rows], positions in the codebook, NaN for missing.
            rng: draws what is missing where it must not be.

        Returns:
            float32 [rows, size].

        Raises:
            DataError: a value is no position in the codebook.
        """
        blank = np.isnan(values)
        if blank.any() and not self.missing:
            shares = np.array(self.shares)
            values = np.where(blank, rng.choice(self.codes, len(values), p=shares / shares.sum()), values)
        position = np.where(np.isnan(values), self.codes, values)
        if not np.isin(position, np.arange(self.codes + 1)).all():
            raise DataError(f"Column {self.name!r} holds a code that is not a position in its codebook.")
        encoded = np.zeros((len(values), self.size), np.float32)
        encoded[np.arange(len(values)), position.astype(np.intp)] = 1.0
        return encoded

    def decode(self, encoded: np.ndarray) -> np.ndarray:
        """Positions in the codebook: the largest entry's; NaN for missing.

        Args:
            encoded: float [rows, size].

        Returns:
            float64 [rows].
        """
        position = np.argmax(encoded, axis=1)
        return np.where(position == self.codes, np.nan, position.astype(np.float64))
