"""All figures of a report, drawn on all cores where that is safe."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence

from tff_health.reporting.figures.registry import DrawnFigure, draw, registered_figures
from tff_health.reporting.record import RunRecord

_FEWEST = 6  # figures below which processes cost more than they save

_records: Sequence[RunRecord] = ()


def draw_all(records: Sequence[RunRecord]) -> dict[str, list[DrawnFigure]]:
    """Every registered figure of every dataset, by dataset, in the order of registration.

    Figures are drawn in forked processes, which see users' registered figures and the records without copying. With
    TensorFlow in this process a fork could hang on a lock that one of its threads holds: then they are drawn here.
    """
    global _records
    names = [figure.name for figure in registered_figures()]
    tasks = [(index, name) for index in range(len(records)) for name in names]
    workers = min(len(os.sched_getaffinity(0)), len(tasks))
    _records = records
    try:
        if workers < 2 or len(tasks) < _FEWEST or "tensorflow" in sys.modules or multiprocessing.parent_process():
            drawn = [_draw(task) for task in tasks]
        else:
            with multiprocessing.get_context("fork").Pool(workers, _leave_signals_to_the_parent) as pool:
                drawn = pool.map(_draw, tasks, chunksize=1)
    finally:
        _records = ()
    return {
        record.dataset_name: [
            figure
            for (position, _), figure in zip(tasks, drawn, strict=True)
            if position == index and figure is not None
        ]
        for index, record in enumerate(records)
    }


def _draw(task: tuple[int, str]) -> DrawnFigure | None:
    index, name = task
    registered = next(figure for figure in registered_figures() if figure.name == name)
    return draw(registered, _records[index])


def _leave_signals_to_the_parent() -> None:
    # A killed parent takes its pool along (Linux: PR_SET_PDEATHSIG).
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    # Ctrl-C reaches the whole group; the parent then ends its pool.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
