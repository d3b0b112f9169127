"""Sums of per-patient clipped gradients of a Keras model: the inner engine of DP-SGD."""

from tff_health.runtime.quiet import silence_tensorflow

# Before any module of this package imports TensorFlow, whoever imports it.
silence_tensorflow()
