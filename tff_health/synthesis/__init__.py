"""Generators of synthetic tables: fitted across hospitals, sampled by condition, saved without pickle."""

from tff_health.runtime.quiet import silence_tensorflow

silence_tensorflow()
