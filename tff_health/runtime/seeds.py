"""Every random stream of an experiment, derived from one seed by name.

`stream(seed, "order", "cleveland", round_number)` always names the same stream, whatever else was drawn
before, in whichever process, and differently named streams are independent. The path of names is hashed
(SHA-256) into the spawn key of a `numpy.random.SeedSequence`. Privacy noise must not come from here:
whoever knows the seed could subtract it.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np

Name = str | int


def stream(seed: int, *names: Name) -> np.random.SeedSequence:
    """The seed sequence of a named stream.

    Args:
        seed: the experiment's seed, 0 or more.
        *names: path of the stream, such as `"order", "cleveland", 3`; the string `"3"` and the number 3
            differ.

    Raises:
        ValueError: the seed is negative or no name is given.
        TypeError: a name is neither string nor integer.
    """
    if seed < 0:
        raise ValueError(f"the seed must be 0 or more, not {seed}")
    if not names:
        raise ValueError("a stream needs a name")
    path = [_plain(name) for name in names]
    digest = hashlib.sha256(json.dumps(path, ensure_ascii=True, separators=(",", ":")).encode()).digest()
    return np.random.SeedSequence(int(seed), spawn_key=tuple(np.frombuffer(digest, "<u4").tolist()))


def generator(seed: int, *names: Name) -> np.random.Generator:
    """A NumPy generator (PCG64) at the start of the named stream; arguments as in `stream`."""
    return np.random.Generator(np.random.PCG64(stream(seed, *names)))


def tf_seed(seed: int, *names: Name) -> np.ndarray:
    """Seed for `tf.random.stateless_*`: int64 array [2] of the named stream; arguments as in `stream`."""
    return stream(seed, *names).generate_state(2, np.uint64).view(np.int64)


def integer_seed(seed: int, *names: Name) -> int:
    """Seed from 0 to 2^31 - 1 for interfaces that take one number (Keras, scikit-learn); as in `stream`."""
    return int(stream(seed, *names).generate_state(1, np.uint32)[0] >> 1)


def _plain(name: Name) -> Name:
    if isinstance(name, str):
        return str(name)
    if isinstance(name, (bool, np.bool_)) or not isinstance(name, (int, np.integer)):
        raise TypeError(f"names of streams are strings and integers, not {type(name).__name__}")
    return int(name)
