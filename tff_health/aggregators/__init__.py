"""TFF aggregation factories by name, hospital-level differential privacy, secure sums."""

from tff_health.runtime.quiet import silence_tensorflow

# Before any module of this package imports TensorFlow, whoever imports it.
silence_tensorflow()
