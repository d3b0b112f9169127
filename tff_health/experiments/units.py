"""What of a run can be worked on by itself: a whole dataset, or one arm of it with one seed."""

from __future__ import annotations

from typing import NamedTuple


class Unit(NamedTuple):
    """A piece of a run that one process does.

    Attributes:
        dataset: its name in the settings.
        arm: whose cell it is; empty for the whole dataset.
        repeat: number of the cell's seed, from 0.
    """

    dataset: str
    arm: str = ""
    repeat: int = 0

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.dataset}, {self.arm}, seed {self.repeat + 1}" if self.arm else self.dataset
