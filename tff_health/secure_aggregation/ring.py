"""The integers modulo m that masked sums are computed in, and uniform elements of them from a key stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

MOST_SUMMANDS = 2**16
MOST_MODULUS = 2**47  # unless it is a power of two: a residue and 16 bits more, or 2**16 residues, then fit int64
_LIMB_BITS = 16
_LIMBS = 8  # of a random number that is reduced modulo m


@dataclass(frozen=True)
class Ring:
    """The integers modulo m, held in uint32 or uint64.

    Up to 2**16 residues may be added before they are reduced: where m divides the range of the type it does no harm
    that sums wrap around there, and otherwise m is small enough that they do not.

    Attributes:
        modulus: m, 2 to 2**64 where it is a power of two, else 3 to 2**47.

    Raises:
        ValueError: no such modulus.
    """

    modulus: int

    def __post_init__(self) -> None:
        most = 2**64 if self._is_power else MOST_MODULUS
        if not 2 <= self.modulus <= most:
            raise ValueError(f"the modulus of a masked sum must lie between 2 and {most}, not at {self.modulus}")

    @property
    def dtype(self) -> tf.DType:
        """What residues are held in, and sent: uint32 where m is a power of two up to 2**32, else uint64."""
        return tf.uint32 if self._is_power and self.modulus <= 2**32 else tf.uint64

    def words(self, entries: int) -> int:
        """Random 32-bit words that so many uniform elements take."""
        if not self._is_power:
            return entries * _LIMBS * _LIMB_BITS // 32
        return entries + (-(-entries // self._packed) if self._high_bits else 0)

    @property
    def _high_bits(self) -> int:
        """Bits of an element beyond 32, where m is a power of two."""
        return max(self.modulus.bit_length() - 1 - 32, 0)

    @property
    def _packed(self) -> int:
        """Elements whose bits beyond 32 come from one word."""
        return 32 // self._high_bits

    def residues(self, values: tf.Tensor) -> tf.Tensor:
        """Signed integers modulo m, in the ring's type."""
        wide = tf.cast(values, tf.int64)
        if not self._is_power:
            return tf.bitcast(tf.math.floormod(wide, self.modulus), tf.uint64)
        return self.reduced(tf.cast(tf.bitcast(wide, tf.uint64), self.dtype))

    def reduced(self, sums: tf.Tensor) -> tf.Tensor:
        """Sums of residues modulo m."""
        if not self._is_power:
            return tf.bitcast(tf.math.floormod(tf.bitcast(sums, tf.int64), self.modulus), tf.uint64)
        return tf.bitwise.bitwise_and(sums, tf.constant(self.modulus - 1, self.dtype))

    def negative(self, residues: tf.Tensor) -> tf.Tensor:
        """What adds up to 0 modulo m with residues."""
        return tf.constant(self.modulus % 2 ** (8 * self.dtype.size), self.dtype) - residues

    def uniform(self, words: tf.Tensor, entries: int) -> tf.Tensor:
        """Elements of the ring from uniform words.

        Exactly uniform where m is a power of two. Else each is a 128-bit number modulo m, which is uniform to within
        m / 2**128, 2**-81 at worst.

        Args:
            words: uint32 [`words(entries)`].
            entries: how many.

        Returns:
            [entries], residues.
        """
        if self._is_power:
            low = tf.cast(words[:entries], self.dtype)
            if not self._high_bits:
                return self.reduced(low)
            # Bits, not words, are shared out: streams cost more than anything that is done to them.
            shared = words[entries:]
            parts = [
                tf.bitwise.right_shift(shared, tf.constant(place * self._high_bits, tf.uint32))
                for place in range(self._packed)
            ]
            high = tf.bitwise.bitwise_and(
                tf.concat(parts, axis=0)[:entries], tf.constant(2**self._high_bits - 1, tf.uint32)
            )
            return low + tf.cast(high, tf.uint64) * tf.constant(2**32, tf.uint64)
        limbs = tf.reshape(tf.cast(tf.bitcast(words, tf.uint16), tf.int64), [-1, _LIMBS])
        remainder = tf.zeros_like(limbs[:, 0])
        for place in range(_LIMBS):
            remainder = tf.math.floormod(remainder * 2**_LIMB_BITS + limbs[:, place], self.modulus)
        return tf.bitcast(remainder, tf.uint64)

    def as_sent(self, residues: tf.Tensor) -> list[tf.Tensor]:
        """Residues as they go over the network, in the fewest bytes: whole, or 32 bits and the bits beyond them."""
        if self.dtype == tf.uint32 or not self._is_power or self._high_bits > 16:
            return [residues]
        high = tf.bitwise.right_shift(residues, tf.constant(32, tf.uint64))
        low = tf.bitwise.bitwise_and(residues, tf.constant(2**32 - 1, tf.uint64))
        return [tf.cast(low, tf.uint32), tf.cast(high, tf.uint8 if self._high_bits <= 8 else tf.uint16)]

    def as_received(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """The inverse of `as_sent`."""
        if len(parts) == 1:
            return np.asarray(parts[0])
        low, high = (np.asarray(part, np.uint64) for part in parts)
        return low + (high << np.uint64(32))

    def total(self, summands: list[np.ndarray]) -> np.ndarray:
        """The sum modulo m of what hospitals have sent, int64 where it fits, else uint64.

        Args:
            summands: residues in the ring's type, all of one shape, 2**16 at most.

        Raises:
            ValueError: there are more, or none.
        """
        if not 1 <= len(summands) <= MOST_SUMMANDS:
            raise ValueError(f"a masked sum has 1 to {MOST_SUMMANDS} summands, not {len(summands)}")
        kind = self.dtype.as_numpy_dtype
        total = np.add.reduce(np.stack(summands), axis=0, dtype=kind)  # wraps around, on purpose
        if self.modulus < 2**64:
            total = total.astype(np.uint64) % np.uint64(self.modulus)
        return total.astype(np.int64) if self.modulus <= 2**63 else total

    @property
    def _is_power(self) -> bool:
        return self.modulus > 1 and self.modulus & (self.modulus - 1) == 0
