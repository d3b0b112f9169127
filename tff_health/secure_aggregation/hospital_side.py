"""What a hospital does to its numbers before they leave it. Runs in its worker, in the folder that holds its secrets.

The files are named relative to the folder in which the worker was started.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tff_health.secure_aggregation.masks import Pairs, sums_of_masks
from tff_health.secure_aggregation.ring import Ring
from tff_health.secure_aggregation.secrets_file import HEAD_WORDS, MAGIC, PAIR_WORDS, SECRETS_FILE, USED_FOLDER

ATTEMPT_WORDS = 4
ROSTER_WORDS = 8
CHECK_RING = Ring(2**64)
CHECK_ENTRIES = 2  # zeros, whose masked sum is 0 if all masks cancel; wrong secrets pass once in 2**128


class Session(NamedTuple):
    """What the coordinator tells every hospital about one attempt at a computation.

    Attributes:
        attempt: uint32 [4]: 64 random bits that name the run, number of the invocation, number of the attempt.
        roster: uint32 [8], fingerprint of the hospitals' names and public keys.
    """

    attempt: Any
    roster: Any


def masked(
    tensors: Sequence[tf.Tensor], rings: Sequence[Ring], session: Session, folder: str | Path = "."
) -> tuple[list[tf.Tensor], tf.Tensor]:
    """A hospital's integers plus its masks, in one attempt at a computation.

    Args:
        tensors: signed integers of static shape.
        rings: what each is summed in.
        session: of the attempt; the hospital serves each once.
        folder: the hospital's.

    Returns:
        The masked tensors, each in its ring's type, and masked zeros: uint64 [2].
    """
    claimed = claim_attempt(session.attempt, folder)
    with tf.control_dependencies([claimed]):
        pairs = read_pairs(session.roster, folder)

    tensors, rings = [*tensors, tf.zeros([CHECK_ENTRIES], tf.int64)], [*rings, CHECK_RING]
    places = {ring: [place for place, own in enumerate(rings) if own == ring] for ring in rings}  # of tensors, by ring
    flat = {
        ring: tf.concat([tf.reshape(ring.residues(tensors[place]), [-1]) for place in own], axis=0)
        for ring, own in places.items()
    }
    hiding = sums_of_masks(pairs, session.attempt, list(flat), [values.shape[0] for values in flat.values()])
    results: dict[int, tf.Tensor] = {}
    for (ring, values), masks in zip(flat.items(), hiding, strict=True):
        shapes = [tensors[place].shape for place in places[ring]]
        parts = tf.split(ring.reduced(values + masks), [shape.num_elements() for shape in shapes])
        for place, shape, part in zip(places[ring], shapes, parts, strict=True):
            results[place] = tf.reshape(part, shape)
    *hidden, check = (results[place] for place in range(len(tensors)))
    return hidden, check


def read_pairs(roster: tf.Tensor, folder: str | Path = ".") -> Pairs:
    """The hospital's secrets, if they are those of this roster.

    Args:
        roster: uint32 [8], the fingerprint that the coordinator goes by.
        folder: the hospital's.

    Returns:
        the pairs; running the graph fails where the file is missing, damaged or of another roster.
    """
    content = tf.io.read_file(str(Path(folder) / SECRETS_FILE))
    whole = tf.debugging.Assert(
        tf.equal(tf.strings.length(content) % 4, 0) & (tf.strings.length(content) >= 4 * HEAD_WORDS),
        [f"{SECRETS_FILE} is damaged: run hospital keys again"],
    )
    with tf.control_dependencies([whole]):
        words = tf.bitcast(tf.io.decode_raw(content, tf.int32), tf.uint32)
    others = tf.cast(words[2], tf.int32)
    magic = tf.constant(np.frombuffer(MAGIC, "<u4"))
    right = tf.reduce_all(tf.equal(words[:2], magic)) & tf.equal(tf.size(words), HEAD_WORDS + others * PAIR_WORDS)
    checks = [
        tf.debugging.Assert(right & (others >= 1), [f"{SECRETS_FILE} is damaged: run hospital keys again"]),
        tf.debugging.Assert(
            tf.reduce_all(tf.equal(words[3:HEAD_WORDS], roster)),
            ["the coordinator's roster is not the one of this hospital's secrets: run hospital keys with it"],
        ),
    ]
    with tf.control_dependencies(checks):
        rows = tf.reshape(words[HEAD_WORDS:], [-1, PAIR_WORDS])
    return Pairs(secrets=rows[:, 1:], adds=tf.equal(rows[:, 0], 1))


def claim_attempt(attempt: tf.Tensor, folder: str | Path = ".") -> tf.Operation:
    """Marks an attempt as used up, before it is; fails where it already was.

    A coordinator that repeats itself, by a fault or on purpose, would make a hospital mask two numbers alike, and their
    difference would be plain. So every hospital keeps all attempts on disk and serves each once.

    Args:
        attempt: as `Session` has it.
        folder: the hospital's.

    Returns:
        The operation that must run before anything masked leaves.
    """
    words = [tf.strings.as_string(attempt[place], width=10, fill="0") for place in range(ATTEMPT_WORDS)]
    # A file of its own for each: one that a killed worker left empty still says that the attempt was begun.
    path = tf.strings.join([str(Path(folder) / USED_FOLDER), "/", words[0], words[1], "-", words[2], "-", words[3]])
    fresh = tf.debugging.Assert(
        tf.equal(tf.size(tf.io.matching_files(path)), 0),
        ["an attempt at a masked sum was asked for twice, which would show its numbers: refused"],
    )
    with tf.control_dependencies([fresh]):
        return tf.io.write_file(path, "")
