"""SIGINT and SIGTERM end a run in good order: one exception in the main thread, then the usual clean-up."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

from data.errors import TffHealthError

_SHOW_CURSOR = b"\x1b[?25h"


class Interrupted(TffHealthError):  # noqa: N818 (not an error: the user asked for it)
    """The user (Ctrl-C) or the system (SIGTERM) asked the run to stop; it can be resumed."""

    exit_code = 4


class InterruptGuard:
    """What `interruptible` yields: remembers a signal whose exception a library swallowed."""

    def __init__(self) -> None:
        self._received: int | None = None
        self._postponed = False

    @property
    def received(self) -> signal.Signals | None:
        """The first signal that arrived, or None."""
        return None if self._received is None else signal.Signals(self._received)

    def check(self) -> None:
        """Raises `Interrupted` where a signal has arrived; call it between rounds."""
        if self._received is not None:
            raise self._error()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._received is not None:
            # Children die with this process (worker.py), so an exit without clean-up leaves nothing behind.
            if sys.stderr is not None and sys.stderr.isatty():
                os.write(2, _SHOW_CURSOR)
            os._exit(Interrupted.exit_code)
        self._received = number
        if not self._postponed:
            raise self._error()

    def _error(self) -> Interrupted:
        assert self._received is not None
        name = "Ctrl-C" if self._received == signal.SIGINT else signal.Signals(self._received).name
        return Interrupted(f"Stopped by {name}.")


# Handlers of signals belong to the process, so the guard that is in force does too.
_guard: InterruptGuard | None = None


@contextlib.contextmanager
def postponed_interruption() -> Iterator[None]:
    """Raises `Interrupted` for a signal within the block at the block's end; a second signal still exits at once.

    For short work of libraries that leave something half done, or print a traceback from a finalizer, where an
    exception meets them half-way. Outside `interruptible`, within another such block and in other threads than
    the main one it does nothing.
    """
    guard = _guard
    if guard is None or guard._postponed or threading.current_thread() is not threading.main_thread():
        yield
        return
    guard._postponed = True
    try:
        yield
    finally:
        guard._postponed = False
    guard.check()


@contextlib.contextmanager
def interruptible() -> Iterator[InterruptGuard]:
    """Turns the first SIGINT or SIGTERM in the block into `Interrupted`; the second exits at once, status 4.

    The exception is raised in the main thread wherever it stands, so an `except Exception` of a library may
    catch it; then `check()`, or at the latest the end of the block, raises it again. The handlers from
    before come back at the end. In any other thread than the main one Python cannot install handlers, and
    the block does nothing.

    Yields:
        the guard, for `check()`.

    Raises:
        Interrupted: a signal has arrived.
    """
    global _guard
    guard = InterruptGuard()
    if threading.current_thread() is not threading.main_thread():
        yield guard
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    outer, _guard = _guard, guard
    try:
        for number in before:
            signal.signal(number, guard._handle)
        try:
            yield guard
        except Interrupted:
            raise
        except Exception as error:
            if guard.received is not None:  # somebody wrapped the interruption in an error of theirs
                raise guard._error() from error
            raise
        guard.check()
    finally:
        _guard = outer
        for number, handler in before.items():
            # None stands for a handler that was not installed from Python and cannot be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
