"""What a dataset's process tells its parent."""

from __future__ import annotations

import io
import json
from typing import Any

from tff_health.experiments.events import JsonLines, replay


class Heard:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.calls.append((name, *arguments))


def test_two_datasets_side_by_side_do_not_take_each_other_s_stage() -> None:
    streams = [io.StringIO(), io.StringIO()]
    first, second = (JsonLines(stream) for stream in streams)
    first.stage("heart_disease: fedavg")
    second.stage("breast_cancer: ctgan")
    first.advance(2.0, "round 1 of 5")
    second.advance(0.5, "round 7 of 200")
    heard = Heard()
    for stream in streams:
        for line in stream.getvalue().splitlines():
            replay(json.loads(line), heard)  # type: ignore[arg-type]
    assert ("advance", 2.0, "round 1 of 5", "heart_disease: fedavg") in heard.calls
    assert ("advance", 0.5, "round 7 of 200", "breast_cancer: ctgan") in heard.calls
