"""How long planned work will take, roughly, before anything has run. Imports nothing heavy."""

from __future__ import annotations

import math

from tff_health.experiments.base_settings import ExperimentBase
from tff_health.experiments.images.settings import ImagesSettings
from tff_health.experiments.kinds import unit_work, units
from tff_health.experiments.settings import ExperimentSettings

# Seconds of one core for a unit of work, from whole runs on the machine of docs/benchmarks.md.
_CLASSIFICATION, _SYNTHESIS, _IMAGES = 0.35, 1.0, 1.2
_HOSPITAL_ROUND = 0.011  # seconds that one hospital takes in a round, and is scored: nothing with five, most with 1,000


def core_seconds(settings: ExperimentBase) -> float:
    """Seconds of one core that an experiment takes."""
    work = sum(unit_work(settings, unit) for name in settings.tasks for unit in units(settings, name))
    if isinstance(settings, ImagesSettings):
        return work * _IMAGES
    if isinstance(settings, ExperimentSettings):
        return work * _CLASSIFICATION + _hospital_rounds(settings) * _HOSPITAL_ROUND
    return work * _SYNTHESIS


def _hospital_rounds(settings: ExperimentSettings) -> int:
    """Rounds of all arms, each counted for every hospital that a dataset's options ask for."""
    total = 0
    for task in settings.datasets.values():
        hospitals = task.options.get("hospitals")
        if isinstance(hospitals, int):
            total += hospitals * sum(arm.rounds or settings.rounds for arm in task.arms.values())
    return total * settings.repeats


def estimate_sentence(seconds: float, jobs: int) -> str:
    """The estimate for a terminal.

    Args:
        seconds: of one core.
        jobs: processes at a time.
    """
    minutes = max(1, math.ceil(seconds / jobs / 60))
    time = f"{minutes} minute{'s' if minutes > 1 else ''}" if minutes < 120 else f"{minutes / 60:.1f} hours"
    return f"About {time} with {jobs} at a time, on cores like those of docs/benchmarks.md."
