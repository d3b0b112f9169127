"""Users' own metrics beside built-in ones, by name, whatever they measure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from data.errors import UnknownNameError
from tff_health.evaluation.predictions import MetricError

MetricT = TypeVar("MetricT", bound=Callable[..., Any])


class MetricRegistry:
    """Names of metrics, and the functions of those that users registered.

    Args:
        subject: what is registered, in the singular, for messages.
        built_in: name -> description of metrics that no user may replace.

    Attributes:
        registered: users' metrics, in the order of registration.
    """

    def __init__(self, subject: str, built_in: Mapping[str, str]) -> None:
        self._subject, self._built_in = subject, built_in
        self.registered: dict[str, Callable[..., Any]] = {}

    def register(self, name: str) -> Callable[[MetricT], MetricT]:
        """Decorates a user's metric; the same function defined again, as a notebook does, replaces itself.

        Raises:
            MetricError: the name is malformed or taken.
        """
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
            raise MetricError(f"Metric name {name!r}: use lower-case letters, digits, '_' and '-' only.")

        def decorate(function: MetricT) -> MetricT:
            holder = self.registered.get(name)
            if name in self._built_in or (holder is not None and _origin(holder) != _origin(function)):
                raise MetricError(f"There is already a {self._subject} called {name!r}: choose another name.")
            self.registered[name] = function
            return function

        return decorate

    def remove(self, name: str) -> None:
        """Forgets a user's metric.

        Raises:
            MetricError: no such metric is registered.
        """
        if name not in self.registered:
            raise MetricError(f"No {self._subject} called {name!r} is registered.")
        del self.registered[name]

    def descriptions(self) -> dict[str, str]:
        """Name -> description: the built-in metrics first, then users' in the order of registration."""
        described = dict(self._built_in)
        for name, function in self.registered.items():
            described[name] = ((function.__doc__ or "").strip().splitlines() or ["a user's metric"])[0].rstrip(".")
        return described

    def resolve(self, names: Iterable[str] | None) -> tuple[str, ...]:
        """Checks names; None means all metrics.

        Raises:
            UnknownNameError: a name is unknown; the nearest one is suggested.
        """
        known = (*self._built_in, *self.registered)
        chosen = known if names is None else tuple(dict.fromkeys(names))
        for name in chosen:
            if name not in known:
                raise UnknownNameError.among(self._subject, name, known)
        return chosen


def _origin(function: Callable[..., Any]) -> tuple[str, str]:
    return getattr(function, "__module__", ""), getattr(function, "__qualname__", repr(function))
