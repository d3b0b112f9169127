"""Settings that make TensorFlow in this process repeat itself.

On CPU the stack is deterministic as it stands: same seed, same machine, same bits, whatever the number of
clients computed at a time (tests/runtime). What remains is seeding the libraries that keep a global
generator.
"""

from __future__ import annotations

from tff_health.runtime.quiet import silence_tensorflow
from tff_health.runtime.seeds import Name, integer_seed


def enable_determinism(seed: int, *names: Name, strict_ops: bool = False) -> None:
    """Seeds the global generators of Python, NumPy and TensorFlow from a named stream.

    Call it just before a Keras model is built: its initial weights come from these generators.

    Args:
        seed: the experiment's seed.
        *names: path of the stream (`seeds.stream`).
        strict_ops: also switch on TensorFlow's op determinism in this process. It costs nothing on CPU, but
            makes every unseeded random operation an error, so it must stay off where privacy noise is
            drawn; and it cannot be switched off again. The worker's process is not affected.
    """
    silence_tensorflow()
    import tensorflow as tf

    tf.keras.utils.set_random_seed(integer_seed(seed, *names))
    if strict_ops:
        tf.config.experimental.enable_op_determinism()
