"""ChaCha20 key streams in TensorFlow's uint32 operations, so that they run inside a hospital's TFF computation.

* the block function and the key stream: RFC 8439 (Nir and Langley 2018), sections 2.1 to 2.4;
* HChaCha20 and the 192-bit nonces of XChaCha20: draft-irtf-cfrg-xchacha-03 (Arciszewski 2020), sections 2.2 and 2.3.

Words are little-endian, as the RFC numbers them. The operations are additions, rotations by constants and exclusive
ors only, so that their time tells nothing about the key.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import tensorflow as tf

KEY_WORDS = 8
NONCE_WORDS = 3
BLOCK_WORDS = 16
_CONSTANTS = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)  # "expand 32-byte k"
_DOUBLE_ROUNDS = 10
_MOST_BLOCKS = 2**32  # of one key and nonce: the counter has 32 bits
_BLOCKS_AT_A_TIME = 16384  # 1 MiB of state: more leaves the processor's cache, fewer makes operations too short

_Rows: TypeAlias = tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]  # of the state, uint32 [4, blocks] each


def key_stream(key: tf.Tensor, nonce: tf.Tensor, words: int, first_block: int = 0) -> tf.Tensor:
    """The first words of ChaCha20's key stream.

    Args:
        key: uint32 [8].
        nonce: uint32 [3]. The same key and nonce give the same stream: use a pair once.
        words: how many, 0 or more.
        first_block: the counter of the first block.

    Returns:
        uint32 [words].

    Raises:
        ValueError: the counter's 32 bits do not suffice.
    """
    blocks = -(-words // BLOCK_WORDS)
    if words < 0 or first_block < 0 or first_block + blocks > _MOST_BLOCKS:
        raise ValueError(f"words is {words} from block {first_block}: one key and nonce have {_MOST_BLOCKS} blocks")
    if not blocks:
        return tf.zeros([0], tf.uint32)
    pieces = -(-blocks // _BLOCKS_AT_A_TIME)
    of_piece = -(-blocks // pieces)
    starts = [first_block + place * of_piece for place in range(pieces)]
    if pieces == 1:
        stream = _stream_of(key, nonce, tf.constant(starts[0], tf.uint32), of_piece)
    else:
        stream = tf.map_fn(
            lambda start: _stream_of(key, nonce, start, of_piece),
            tf.constant(starts, tf.uint32),
            fn_output_signature=tf.TensorSpec([of_piece * BLOCK_WORDS], tf.uint32),
        )
    return tf.reshape(stream, [-1])[:words]


def extended_key_stream(key: tf.Tensor, nonce: tf.Tensor, words: int, first_block: int = 0) -> tf.Tensor:
    """The first words of XChaCha20's key stream: ChaCha20's under a key of this nonce's own.

    Args:
        key: uint32 [8].
        nonce: uint32 [6].
        words: how many, 0 or more.
        first_block: the counter of the first block.

    Returns:
        uint32 [words].
    """
    inner = tf.concat([tf.zeros([1], tf.uint32), nonce[4:]], axis=0)
    return key_stream(derived_key(key, nonce[:4]), inner, words, first_block)


def derived_key(key: tf.Tensor, nonce: tf.Tensor) -> tf.Tensor:
    """HChaCha20: a key from a key and 128 bits.

    Args:
        key: uint32 [8].
        nonce: uint32 [4].

    Returns:
        uint32 [8].
    """
    first, _, _, last = _rounds(_start(key, nonce[:, tf.newaxis]))
    return tf.concat([first[:, 0], last[:, 0]], axis=0)


def _stream_of(key: tf.Tensor, nonce: tf.Tensor, start: tf.Tensor, blocks: int) -> tf.Tensor:
    """Key stream of `blocks` blocks from counter `start` on, uint32 [16 * blocks]."""
    counters = start + tf.cast(tf.range(blocks), tf.uint32)
    own = tf.broadcast_to(nonce[:, tf.newaxis], [NONCE_WORDS, blocks])
    before = _start(key, tf.concat([counters[tf.newaxis], own], axis=0))
    after = _rounds(before)
    rows = tf.concat([x + y for x, y in zip(before, after, strict=True)], axis=0)
    return tf.reshape(tf.transpose(rows), [-1])


def _start(key: tf.Tensor, last_row: tf.Tensor) -> _Rows:
    shape = tf.shape(last_row)

    def spread(words: tf.Tensor) -> tf.Tensor:
        return tf.broadcast_to(words[:, tf.newaxis], shape)

    return spread(tf.constant(_CONSTANTS, tf.uint32)), spread(key[:4]), spread(key[4:]), last_row


def _rounds(rows: _Rows) -> _Rows:
    """Twenty rounds: columns, then diagonals, which are columns after rows 1 to 3 are turned by 1 to 3 places."""

    def double_round(count: tf.Tensor, a: tf.Tensor, b: tf.Tensor, c: tf.Tensor, d: tf.Tensor) -> Any:
        a, b, c, d = _quarter_rounds(a, b, c, d)
        a, b, c, d = _quarter_rounds(a, _turned(b, 1), _turned(c, 2), _turned(d, 3))
        return count + 1, a, _turned(b, 3), _turned(c, 2), _turned(d, 1)

    # A loop, because a graph of 20 rounds takes longer to build and send than to compute.
    _, *after = tf.while_loop(
        lambda count, *_: count < _DOUBLE_ROUNDS, double_round, (tf.constant(0), *rows), parallel_iterations=1
    )
    return tuple(after)


def _quarter_rounds(a: tf.Tensor, b: tf.Tensor, c: tf.Tensor, d: tf.Tensor) -> _Rows:
    a = a + b
    d = _rotated(tf.bitwise.bitwise_xor(d, a), 16)
    c = c + d
    b = _rotated(tf.bitwise.bitwise_xor(b, c), 12)
    a = a + b
    d = _rotated(tf.bitwise.bitwise_xor(d, a), 8)
    c = c + d
    b = _rotated(tf.bitwise.bitwise_xor(b, c), 7)
    return a, b, c, d


def _rotated(words: tf.Tensor, bits: int) -> tf.Tensor:
    # A product and a sum, which TensorFlow computes several words at a time, as it does not shifts and ors.
    left = words * tf.constant(2**bits, tf.uint32)
    return left + tf.bitwise.right_shift(words, tf.constant(32 - bits, tf.uint32))


def _turned(row: tf.Tensor, places: int) -> tf.Tensor:
    return tf.concat([row[places:], row[:places]], axis=0)
