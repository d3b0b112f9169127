"""What computing over hospitals costs: bytes each way, and seconds by phase."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc


@dataclass(frozen=True)
class Traffic:
    """Bytes of messages between the coordinator and one hospital, before TLS.

    Attributes:
        to_hospital: sent there.
        from_hospital: sent back.
    """

    to_hospital: int = 0
    from_hospital: int = 0

    def __sub__(self, before: Traffic) -> Traffic:
        return Traffic(self.to_hospital - before.to_hospital, self.from_hospital - before.from_hospital)


@dataclass(frozen=True)
class Costs:
    """What has been spent so far; a difference of two is what was spent in between.

    Attributes:
        coordinator: seconds in which the coordinator computed, before the broadcast and after the sums.
        hospitals: seconds in which it waited for hospitals, all of them at once.
        traffic: by hospital; empty where workers are not behind connections.
    """

    coordinator: float = 0.0
    hospitals: float = 0.0
    traffic: Mapping[str, Traffic] = field(default_factory=dict)

    def __sub__(self, before: Costs) -> Costs:
        none = Traffic()
        return Costs(
            self.coordinator - before.coordinator,
            self.hospitals - before.hospitals,
            {name: own - before.traffic.get(name, none) for name, own in self.traffic.items()},
        )


class CountingInterceptor(grpc.UnaryUnaryClientInterceptor):
    """Counts the bytes of all calls of a channel; may be shared by channels that follow one another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sent = self._received = 0

    @property
    def traffic(self) -> Traffic:
        """So far."""
        with self._lock:
            return Traffic(self._sent, self._received)

    def intercept_unary_unary(self, continuation: Callable[[Any, Any], Any], details: Any, request: Any) -> Any:
        """Called by gRPC for every call."""
        call = continuation(details, request)
        received = call.result().ByteSize() if call.exception() is None else 0  # waits for the answer
        with self._lock:
            self._sent += request.ByteSize()
            self._received += received
        return call
