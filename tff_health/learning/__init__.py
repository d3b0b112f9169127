"""TFF learning processes, client works and baselines."""

from tff_health.runtime.quiet import silence_tensorflow

# Before any module of this package imports TensorFlow, whoever imports it.
silence_tensorflow()
