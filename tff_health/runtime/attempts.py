"""How often a computation that loses its worker is attempted. Needs no TensorFlow."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

_MOST = 3  # one computation that loses its worker three times will lose it for ever
_allowed = contextvars.ContextVar("attempts_allowed", default=_MOST)


def attempts_allowed() -> int:
    """Attempts at one computation called here and now: 3, or 1 inside `single_attempt()`."""
    return _allowed.get()


@contextlib.contextmanager
def single_attempt() -> Iterator[None]:
    """Inside the `with` block this thread's computations are attempted once: a lost worker is a `WorkerError` at once.

    For private computations. A worker may die after hospitals have drawn their noise and sent their values; a second
    attempt draws new noise, which is a second release of the same data where one was accounted. Who catches the error
    and calls again accounts again. A worker that is found dead before a call is replaced as ever: nothing ran on it.

    Other threads are not affected, even if they share the context; blocks may be nested.
    """
    token = _allowed.set(1)
    try:
        yield
    finally:
        _allowed.reset(token)
