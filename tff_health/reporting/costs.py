"""What training cost: time, bytes that a hospital sends, memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from tff_health.reporting.cells import CellRow
from tff_health.reporting.formatting import duration, plural
from tff_health.reporting.results import Arm, DatasetResult


@dataclass(frozen=True)
class CostRow:
    """One arm.

    Attributes:
        title: of the arm.
        rounds: that it ran; None where it has none.
        seconds: of a round.
        sent: bytes of a hospital in a round.
        received: likewise, where hospitals were apart and it was counted, as `sent` was then.
        at_hospitals: seconds of a round in which hospitals computed, likewise.
    """

    title: str
    rounds: int | None
    seconds: float | None
    sent: float | None
    received: float | None = None
    at_hospitals: float | None = None

    @property
    def sent_in_all(self) -> float | None:
        """Bytes of a hospital in all rounds."""
        return None if self.sent is None or self.rounds is None else self.sent * self.rounds


def cost_rows(dataset: DatasetResult) -> list[CostRow]:
    """A row for each arm of which a cost was recorded."""
    rows = [
        CostRow(
            arm.title,
            _rounds(arm),
            arm.cost.get("seconds_per_round"),
            arm.cost.get("bytes_up"),
            arm.cost.get("bytes_down"),
            arm.cost.get("seconds_at_hospitals"),
        )
        for arm in dataset.shown_arms.values()
    ]
    return [row for row in rows if row.seconds is not None or row.sent is not None]


def cell_costs(cells: Iterable[CellRow], dataset: str) -> str:
    """Time and memory of a study's finished cells of one dataset, all arms together; empty for none.

    A cell's memory is that of all its processes at the worst moment, so that no arm has a figure of its own.
    """
    own = [cell for cell in cells if cell.dataset == dataset and cell.status == "done"]
    seconds = [cell.seconds for cell in own if cell.seconds is not None]
    peaks = [cell.peak_gib for cell in own if cell.peak_gib is not None]
    parts = []
    if seconds:
        parts.append(f"took {duration(fmean(seconds))} on average and {duration(max(seconds))} at most")
    if peaks:
        parts.append(f"needed {max(peaks):.1f} GiB of memory at most")
    return f"A cell with all its arms {' and '.join(parts)} ({plural(len(own), 'cell')})." if parts else ""


def _rounds(arm: Arm) -> int | None:
    return max((entry.round for entry in arm.rounds), default=0) or None
