"""Privacy audits: what an attacker demonstrably learns, as a lower bound on epsilon."""

from tff_health.runtime.quiet import silence_tensorflow

# Before any module of this package imports TensorFlow, whoever imports it.
silence_tensorflow()
