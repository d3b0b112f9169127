"""What a dataset's run tells the run of the whole experiment, in this process or from another one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol, TextIO

Cells = Sequence[Any]


class Listener(Protocol):
    """Receives what happens while the arms of one dataset run."""

    def stage(self, text: str) -> None:
        """What is being done now."""

    def advance(self, units: float, note: str = "", stage: str | None = None) -> None:
        """Work was done, in calls of TFF; in which stage, where several datasets tell of theirs."""

    def skip(self, units: float) -> None:
        """Work had been done by an earlier run."""

    def rows(self, table: str, rows: Sequence[Cells]) -> None:
        """Rows for `rounds`, `timings` or `predictions`."""

    def refused(self, sentence: str) -> None:
        """A checkpoint could not be used."""


class JsonLines:
    """A listener that writes each event as a line of JSON, for a parent process to `replay`.

    Args:
        stream: line-buffered text.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._stage = ""

    def stage(self, text: str) -> None:
        """See `Listener`."""
        self._stage = text
        self._send("stage", text)

    def advance(self, units: float, note: str = "", stage: str | None = None) -> None:
        """See `Listener`."""
        self._send("advance", units, note, self._stage if stage is None else stage)

    def skip(self, units: float) -> None:
        """See `Listener`."""
        self._send("skip", units)

    def rows(self, table: str, rows: Sequence[Cells]) -> None:
        """See `Listener`; floats cross unchanged, as JSON writes their shortest exact form."""
        self._send("rows", table, [list(row) for row in rows])

    def refused(self, sentence: str) -> None:
        """See `Listener`."""
        self._send("refused", sentence)

    def done(self) -> None:
        """The dataset's run has ended and left its result."""
        self._send("done")

    def failed(self, message: str, exit_code: int) -> None:
        """The dataset's run ended with an error that its user can meet."""
        self._send("failed", message, exit_code)

    def _send(self, *event: Any) -> None:
        print(json.dumps(event), file=self._stream, flush=True)


def replay(event: Sequence[Any], listener: Listener) -> None:
    """Hands one event of `JsonLines` on to a listener."""
    name, *arguments = event
    getattr(listener, name)(*arguments)
