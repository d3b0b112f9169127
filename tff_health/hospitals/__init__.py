"""Hospitals apart: every hospital's rows stay in a process of its own, the coordinator sends it TFF computations."""

from tff_health.runtime.quiet import silence_tensorflow

# Before any module of this package imports TensorFlow, whoever imports it.
silence_tensorflow()
