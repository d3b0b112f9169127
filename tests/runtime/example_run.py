"""What a finished run of the example program left, for the fixture and the tests that look at it."""

from __future__ import annotations

from typing import NamedTuple


class FinishedRun(NamedTuple):
    """What a run through `| cat` printed and how it ended."""

    lines: list[str]
    errors: str
    status: int
