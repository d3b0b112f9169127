"""What steps over hospitals that are apart have cost, as results.json has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tff_health.hospitals.costs import Costs


def step_costs(steps: Sequence[Costs]) -> dict[str, float]:
    """Means over the steps made now, and bytes over hospitals; empty where no traffic was counted.

    The first step, which sends the computations themselves, is left out where there are others. Scoring counts.
    """
    counted = steps[1:] or steps
    traffic = [own for step in counted for own in step.traffic.values()]
    if not traffic:
        return {}
    return {
        "bytes_up": float(np.mean([own.from_hospital for own in traffic])),
        "bytes_down": float(np.mean([own.to_hospital for own in traffic])),
        "seconds_at_hospitals": float(np.mean([step.hospitals for step in counted])),
        "seconds_at_coordinator": float(np.mean([step.coordinator for step in counted])),
    }
