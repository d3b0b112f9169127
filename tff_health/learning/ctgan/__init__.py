"""The conditional tabular GAN (Xu et al. 2019, arXiv 1907.00503) across hospitals."""

from tff_health.runtime.quiet import silence_tensorflow

silence_tensorflow()
