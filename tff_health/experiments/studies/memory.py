"""How much memory cells take, and whether there is room for another one."""

from __future__ import annotations

import psutil

_GIB = 2**30
_FIRST_GUESS = 1.5  # GiB of a cell, before one has been seen: TensorFlow with TFF's worker
_SHARE = 0.9  # of the memory that is free when a study begins


class CellMemory:
    """Watches cells and says whether another one fits.

    Args:
        limit: GiB that all cells together may take; None for most of what is free now.

    Attributes:
        limit: likewise.
        largest: GiB of the largest cell so far, and no less than a usual one takes.
    """

    def __init__(self, limit: float | None = None) -> None:
        self.limit = limit if limit is not None else _SHARE * psutil.virtual_memory().available / _GIB
        self.largest = _FIRST_GUESS
        self._peaks: dict[int, float] = {}

    def watch(self, process: int) -> None:
        """Notes what a cell's process and its descendants take now.

        Args:
            process: its number.
        """
        taken = 0
        try:
            top = psutil.Process(process)
            for one in (top, *top.children(recursive=True)):
                taken += one.memory_info().rss
        except psutil.NoSuchProcess:
            pass  # it has just ended; what was counted stands
        peak = max(self._peaks.get(process, 0.0), taken / _GIB)
        self._peaks[process] = peak
        if peak > 0:
            self.largest = max(peak, self.largest)

    def has_room(self, running: int) -> bool:
        """Whether another cell fits beside so many that run, should each grow as large as the largest; one always
        does.
        """
        return running == 0 or (running + 1) * self.largest <= self.limit

    def peak(self, process: int) -> float:
        """GiB that a cell took at most, its descendants included; 0 where it was too quick to be seen."""
        return self._peaks.pop(process, 0.0)
