"""How long planned work will take, roughly, before anything has run. Imports nothing heavy."""

from __future__ import annotations

import math

from tff_health.experiments.base_settings import ExperimentBase
from tff_health.experiments.images.settings import ImagesSettings
from tff_health.experiments.kinds import unit_work, units
from tff_health.experiments.synthesis.settings import SynthesisSettings

# Seconds of one core for a unit of work, from whole runs on the machine of docs/benchmarks.md.
_CLASSIFICATION, _SYNTHESIS, _IMAGES = 0.35, 1.0, 1.2


def core_seconds(settings: ExperimentBase) -> float:
    """Seconds of one core that an experiment takes."""
    work = sum(unit_work(settings, unit) for name in settings.tasks for unit in units(settings, name))
    if isinstance(settings, ImagesSettings):
        return work * _IMAGES
    return work * (_SYNTHESIS if isinstance(settings, SynthesisSettings) else _CLASSIFICATION)


def estimate_sentence(seconds: float, jobs: int) -> str:
    """The estimate for a terminal.

    Args:
        seconds: of one core.
        jobs: processes at a time.
    """
    minutes = max(1, math.ceil(seconds / jobs / 60))
    time = f"{minutes} minute{'s' if minutes > 1 else ''}" if minutes < 120 else f"{minutes / 60:.1f} hours"
    return f"About {time} with {jobs} at a time, on cores like those of docs/benchmarks.md."
