"""Random numbers for privacy, from the operating system, inside a TensorFlow graph.

TensorFlow's own "non-deterministic" seeds are not enough. `tf.random.Generator.from_non_deterministic_state()` and
every random operation without a seed draw from one 64-bit Mersenne Twister a process, and that is seeded with a single
word of 32 bits: whoever tries 2**32 seeds regenerates all noise of all hospitals that the process ever drew. Outside
TFF computations `tf.random.set_seed` moreover makes the operations without a seed repeatable.

Here the state comes from `/dev/urandom` of the machine on which the graph runs (the TFF worker), each time it runs: at
least 64 random bytes are read and hashed with SipHash to the words that are asked for. No seed reaches them, and two
hospitals, rounds, calls or processes share none.

What that buys: the state of `fresh_generator()` has 192 bits, none of which can be known beforehand. What it does not:
TensorFlow's generator (Philox 4x32-10) is a statistical generator, not a cryptographic one. No way is known to tell its
numbers from random ones or to find its key short of trying all, but nobody promises that there is none.

Linux only, as TFF is.
"""

from __future__ import annotations

import tensorflow as tf

from tff_health.runtime.client_batches import lean_options

_SOURCE = "/dev/urandom"
_LINES = 16  # of 255 bytes in the mean; fewer than 64 bytes in all of them: less than once in 2**70
_BUFFER = 4096  # bytes
_FEWEST_BYTES = 64  # none of them a line feed: 64 log2(255) = 511 bits, twice what the hash can carry on
_KEY = [0x5DEECE66D1F0A7B3, 0x2545F4914F6CDD1D]  # SipHash wants one; it need not be secret
_STATE_WORDS = 3  # of Philox: a counter of 128 bits and a key of 64


def fresh_words(count: int) -> tf.Tensor:
    """Words that nobody can foresee, drawn anew whenever the graph runs.

    All words of one call are hashes of the same bytes, by way of SipHash's state of 256 bits; they are not drawn
    independently beyond that.

    Args:
        count: how many words, 1 or more.

    Returns:
        int64 [count], all 64 bits random; a seed for stateless operations is `fresh_words(2)`.

    Raises:
        ValueError: count is below 1.
        tf.errors.OpError: when the graph runs, where the operating system gives no random bytes.
    """
    if count < 1:
        raise ValueError(f"count must be 1 or more, not {count}")
    # The one reader of files that does not ask for a size first, which a device does not have, is that of lines.
    lines = tf.data.TextLineDataset(_SOURCE, buffer_size=_BUFFER).batch(_LINES).take(1).with_options(lean_options())
    text = tf.strings.reduce_join(lines.get_single_element())
    enough = tf.debugging.assert_greater_equal(
        tf.strings.length(text), _FEWEST_BYTES, f"{_SOURCE} gave too few random bytes: no noise may rest on them."
    )
    with tf.control_dependencies([] if enough is None else [enough]):
        numbered = tf.strings.join([text, tf.strings.as_string(tf.range(2 * count))], separator="#")
    # Buckets in a power of two leave no bias; 2**64 of them are more than the operation takes.
    halves = tf.reshape(tf.strings.to_hash_bucket_strong(numbered, 1 << 32, _KEY), [count, 2])
    return tf.bitwise.bitwise_or(tf.bitwise.left_shift(halves[:, 0], tf.constant(32, tf.int64)), halves[:, 1])


def fresh_generator() -> tf.random.Generator:
    """A generator for noise or private sampling whose whole state nobody can foresee; see the module.

    To be called inside a `tff.tensorflow.computation`, once for each hospital and round, or eagerly; not inside a
    `tf.function`, which would make it once and keep it.

    Returns:
        a Philox generator.
    """
    return tf.random.Generator.from_state(fresh_words(_STATE_WORDS), alg="philox")
