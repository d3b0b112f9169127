"""What each step over hospitals that are apart costs: a row of traffic.csv for each hospital, and means for results."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tff_health.experiments.events import Listener
from tff_health.experiments.step_costs import step_costs

if TYPE_CHECKING:
    from tff_health.hospitals.costs import Costs


COST_FACTS = ("seconds_per_round", "bytes_up", "bytes_down", "seconds_at_hospitals", "seconds_at_coordinator")
"""What is known of the cost of a round of a generator's training, by its name in results.json."""


class CostMeter:
    """Reads costs step by step.

    Args:
        costs: all that has been spent so far; None where no hospital is apart.
        listener: told of the rows.
        dataset: its name in the settings.
        arm: whose steps they are.
    """

    def __init__(self, costs: Callable[[], Costs | None], listener: Listener, dataset: str, arm: str) -> None:
        self._costs, self._listener, self._place = costs, listener, (dataset, arm)
        self._before = costs()
        self.steps: list[Costs] = []
        """What each step cost."""

    def step(self, number: int) -> None:
        """Ends a step.

        Args:
            number: of the step, as people count.
        """
        after = self._costs()
        if self._before is None or after is None:
            return
        spent = after - self._before
        self._before = after
        self.steps.append(spent)
        phases = round(spent.hospitals, 6), round(spent.coordinator, 6)
        self._listener.rows(
            "traffic",
            [
                (*self._place, number, hospital, own.to_hospital, own.from_hospital, *phases)
                for hospital, own in spent.traffic.items()
            ],
        )

    @property
    def means(self) -> dict[str, float]:
        """See `step_costs`."""
        return step_costs(self.steps)
