"""Progress with the time left, on standard error: a bar on a terminal, a line now and then anywhere else."""

from __future__ import annotations

import contextlib
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from data.plain_names import visible

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

_LINE_EVERY = 5.0  # seconds between lines within a stage


class Progress:
    """Shows how much of a known amount of work is done and estimates the time left from the speed so far.

    A stream that breaks (a pipe closed by `head`) silences it; it never raises because of its output.

    Args:
        total: the whole work in units of the caller's choice (rounds weighted by their cost, say).
        quiet: show nothing.
        stream: where to write; standard error by default. A terminal gets a bar (rich), anything else lines.
    """

    def __init__(self, total: float, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        if not total > 0:
            raise ValueError(f"total must be positive, not {total}")
        self._total = float(total)
        self._done = 0.0
        self._skipped = 0.0
        self._stage = ""
        self._stream = stream if stream is not None else sys.stderr
        self._silent = quiet or self._stream is None
        self._started = time.monotonic()
        self._last_line = -_LINE_EVERY
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Progress:
        self._started = time.monotonic()
        if not self._silent and self._stream.isatty():
            self._attempt(self._open_bar)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._attempt(self._bar.stop)
            self._bar = None

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds to the end; None until something is done."""
        worked = self._done - self._skipped
        if worked <= 0:
            return None
        return (time.monotonic() - self._started) / worked * max(0.0, self._total - self._done)

    def stage(self, name: str) -> None:
        """Names what is being done now, such as `heart_disease, fedavg`; shown at once."""
        self._stage = name
        self._show("", at_once=True)

    def advance(self, units: float = 1.0, note: str = "", stage: str | None = None) -> None:
        """Counts work as done.

        Args:
            units: how much, in the units of `total`.
            note: a few words on the present state, such as `round 3 of 5`.
            stage: to which it belongs; by default the one named last.
        """
        if stage is not None:
            self._stage = stage
        self._done = min(self._total, self._done + units)
        self._show(note, at_once=False)

    def skip(self, units: float) -> None:
        """Counts work that an earlier, resumed run had done: part of the total, not of the speed."""
        units = min(units, self._total - self._done)
        self._done += units
        self._skipped += units

    def _show(self, note: str, *, at_once: bool) -> None:
        if self._silent:
            return
        # Names from users' files must not command the terminal.
        text = visible(": ".join(part for part in (self._stage, note) if part))
        if self._bar is not None:
            self._attempt(self._update_bar, text)
            return
        now = time.monotonic()
        finished = self._done >= self._total
        if at_once or finished or now - self._last_line >= _LINE_EVERY:
            self._last_line = now
            self._attempt(self._print_line, text)

    def _print_line(self, text: str) -> None:
        spent = time.monotonic() - self._started
        left = self.seconds_left
        times = f"{_duration(spent)} gone"
        if left is not None and self._done < self._total:
            times += f", about {_duration(left)} left"
        print(f"[{self._done / self._total:4.0%}] {text} ({times})", file=self._stream, flush=True)

    def _open_bar(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:3.0f}% {task.fields[left]}"),
            TextColumn("{task.description}", markup=False),
            console=Console(file=self._stream),
            transient=True,
        )
        self._task = self._bar.add_task("", total=self._total, left="")
        self._bar.start()

    def _update_bar(self, text: str) -> None:
        assert self._bar is not None
        assert self._task is not None
        left = self.seconds_left
        shown = "" if left is None else f"{_duration(left)} left"
        self._bar.update(self._task, completed=self._done, description=text, left=shown)

    def _attempt(self, write: Any, *arguments: Any) -> None:
        try:
            write(*arguments)
        except (
            OSError,
            ValueError,
        ):  # the pipe is closed, the disk behind a redirection full, the file closed
            self._silent = True
            if self._bar is not None:
                with contextlib.suppress(OSError, ValueError):
                    self._bar.stop()
                self._bar = None


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
