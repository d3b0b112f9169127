"""Federated statistics as TFF computations, and the preprocessing that is fitted with them."""

from tff_health.runtime.quiet import silence_tensorflow

# Before any module of this package imports TensorFlow, whoever imports it.
silence_tensorflow()
