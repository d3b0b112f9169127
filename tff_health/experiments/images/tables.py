"""The tables that grow while an experiment on images runs."""

from __future__ import annotations

TRAINING_VALUES = ("discriminator_loss", "generator_loss", "score_gap", "gradient_penalty")
IMAGE_TABLES: dict[str, tuple[str, ...]] = {
    "training": ("dataset", "arm", "seed", "round", "updates", *TRAINING_VALUES),
    "scores": ("dataset", "arm", "seed", "metric", "value"),
    "timings": ("dataset", "arm", "seed", "step", "seconds"),
}
