"""Counts what hospitals release to a private fit, and dies in the midst of one release."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest


class KilledError(Exception):
    """Stands for a process that dies."""


class CountedReleases:
    """Wraps the first release of a module that fits private GANs, and its process.

    Args:
        monkeypatch: of the test.
        module: which calls both by name.
        first: the name of the first release there.

    Attributes:
        killed: what a fit dies of.
        first: how often the first release was made.
        rounds: how many rounds were released.
        die_in_first: after the first release the fit dies.
        die_in_round: after this round's release the fit dies; None: never.
    """

    killed = KilledError

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: ModuleType, first: str) -> None:
        self.first = self.rounds = 0
        self.die_in_first = False
        self.die_in_round: int | None = None
        fit, build = getattr(module, first), module.build_private_gan_process

        def counted_fit(*arguments: Any, **options: Any) -> Any:
            self.first += 1
            found = fit(*arguments, **options)
            if self.die_in_first:
                raise KilledError
            return found

        def counted_build(*arguments: Any, **options: Any) -> Any:
            process = build(*arguments, **options)
            counter = self

            class Process:
                initialize = staticmethod(process.initialize)
                get_model_weights = staticmethod(process.get_model_weights)

                @staticmethod
                def next(state: Any, data: Any) -> Any:
                    counter.rounds += 1
                    output = process.next(state, data)
                    if counter.rounds == counter.die_in_round:
                        raise KilledError
                    return output

            return Process

        monkeypatch.setattr(module, first, counted_fit)
        monkeypatch.setattr(module, "build_private_gan_process", counted_build)
