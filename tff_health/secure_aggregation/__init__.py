"""Secure sums with real masks: pairwise secrets, ChaCha20 key streams in TensorFlow, what hospitals send."""

from tff_health.runtime.quiet import silence_tensorflow

# Before any module of this package imports TensorFlow, whoever imports it.
silence_tensorflow()
