"""The tables that grow while an experiment on synthesizers runs."""

from __future__ import annotations

TRAINING_VALUES = (
    "critic_loss",
    "wasserstein",
    "gradient_penalty",
    "generator_loss",
    "categories_covered",
    "modes_covered",
    "entropy_ratio",
    "duplicates",
)
SYNTHESIS_TABLES: dict[str, tuple[str, ...]] = {
    "training": ("dataset", "arm", "split", "round", "updates", *TRAINING_VALUES),
    "scores": ("dataset", "arm", "split", "metric", "value"),
    "timings": ("dataset", "arm", "split", "step", "seconds"),
}
