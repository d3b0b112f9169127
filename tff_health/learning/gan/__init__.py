"""Generative adversarial networks as TFF learning processes, whatever they generate."""

from tff_health.runtime.quiet import silence_tensorflow

silence_tensorflow()
