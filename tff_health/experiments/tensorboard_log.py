"""Curves for TensorBoard while an experiment runs, released by TFF's own release manager."""

from __future__ import annotations

import asyncio
import gc
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tff_health.experiments.events import Cells
from tff_health.runtime.file_names import label_names, safe_name
from tff_health.runtime.quiet import silence_tensorflow

if TYPE_CHECKING:
    import tensorflow_federated as tff

FOLDER = "tensorboard"
_CURVES = ("rounds", "training")  # tables with a row a round
_PLACE = ("dataset", "arm", "seed", "split")


class TensorBoardLog:
    """A log for each arm and repeat, `tensorboard/DATASET/ARM/seed-1`, with the columns of rounds.csv or training.csv.

    It is begun anew with each run, as these tables are.

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        shutil.rmtree(self._folder, ignore_errors=True)
        self._managers: dict[Path, tff.program.TensorBoardReleaseManager] = {}

    def rows(self, table: str, columns: Sequence[str], rows: Sequence[Cells]) -> None:
        """Releases what rows of a table say of their rounds; other tables are passed over."""
        if table not in _CURVES:
            return
        for row in rows:
            cells = dict(zip(columns, row, strict=True))
            repeat = next(f"{name}-{cells[name]}" for name in ("seed", "split") if name in cells)
            place = self._folder.joinpath(*map(safe_name, (cells["dataset"], *label_names(cells["arm"]), repeat)))
            values = {
                name: float(value)
                for name, value in cells.items()
                if name not in (*_PLACE, "round") and isinstance(value, int | float) and math.isfinite(value)
            }
            asyncio.run(self._manager(place).release(values, int(cells["round"])))

    def close(self) -> None:
        """Writes out what is held back; may be called again."""
        self._managers.clear()
        gc.collect()  # a writer has no public end: it writes when it goes

    def _manager(self, place: Path) -> tff.program.TensorBoardReleaseManager:
        if place not in self._managers:
            silence_tensorflow()
            import tensorflow_federated as tff  # takes seconds: only where a log was asked for

            self._managers[place] = tff.program.TensorBoardReleaseManager(place)
        return self._managers[place]
