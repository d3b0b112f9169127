"""Pairwise masks: what hospitals add to their numbers so that only the sum over all hospitals can be read.

Every pair of hospitals shares a secret. Of each pair one adds a number from the secret's key stream and the other
subtracts it, so that all masks cancel in the sum over all hospitals. Without one honest hospital's secrets, what the
others see of its numbers is uniformly random but for that sum (Bonawitz et al. 2017, "Practical secure aggregation for
privacy-preserving machine learning", section 4, without its recovery of users who drop out: here a missing hospital
fails the round).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tff_health.secure_aggregation.chacha20 import extended_key_stream
from tff_health.secure_aggregation.ring import Ring


class Pairs(NamedTuple):
    """A hospital's part in its pairs with all others, as tensors.

    Attributes:
        secrets: uint32 [others, 8], of each pair.
        adds: bool [others]: adds that pair's masks, the other hospital subtracts them; else the other way round.
    """

    secrets: tf.Tensor
    adds: tf.Tensor


def sums_of_masks(
    pairs: Pairs, attempt: tf.Tensor, rings: Sequence[Ring], entries: Sequence[int]
) -> tuple[tf.Tensor, ...]:
    """The sums of a hospital's masks with all others, for some vectors, in one attempt at a computation.

    The masks of a pair come from XChaCha20's key stream under its secret, with the attempt's 128 bits and zeros for a
    nonce. The vectors take their words from the stream one after another, so that no word is used twice.

    Args:
        pairs: of the hospital, 2**16 at most.
        attempt: uint32 [4], never used before.
        rings: what each vector is summed in.
        entries: of each vector.

    Returns:
        Of each vector [entries] in its ring's type, to be reduced.
    """
    nonce = tf.concat([attempt, tf.zeros([2], tf.uint32)], axis=0)
    words = [ring.words(count) for ring, count in zip(rings, entries, strict=True)]

    def with_one_more(totals: Any, pair: tuple[tf.Tensor, tf.Tensor]) -> Any:
        secret, adds = pair
        stream = extended_key_stream(secret, nonce, sum(words))
        parts = zip(rings, tf.split(stream, words), entries, strict=True)
        masks = [ring.uniform(part, count) for ring, part, count in parts]
        signed = tf.cond(
            adds,
            lambda: tuple(masks),
            lambda: tuple(ring.negative(mask) for ring, mask in zip(rings, masks, strict=True)),
        )
        return tuple(total + mask for total, mask in zip(totals, signed, strict=True))

    nothing = tuple(tf.zeros([count], ring.dtype) for ring, count in zip(rings, entries, strict=True))
    return tf.foldl(with_one_more, tuple(pairs), initializer=nothing, parallel_iterations=1)
