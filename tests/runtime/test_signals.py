"""SIGINT and SIGTERM: one exception, honoured even where a library swallows it; the second ends at once."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tff_health.runtime.npz import npz_bytes
from tff_health.runtime.signals import Interrupted, interruptible, postponed_interruption

ROOT = Path(__file__).resolve().parents[2]


def interrupt_myself(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    time.sleep(5)  # the exception comes at the next bytecode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_becomes_an_exception_and_handlers_come_back(number: signal.Signals) -> None:
    before = [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)]
    with pytest.raises(Interrupted) as caught, interruptible():
        interrupt_myself(number)
    assert caught.value.exit_code == 4
    assert [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)] == before


def test_a_postponed_signal_is_raised_at_the_end_of_its_block() -> None:
    done = []

    def work() -> None:
        with postponed_interruption():
            os.kill(os.getpid(), signal.SIGTERM)
            with postponed_interruption():
                done.append("inner")
            done.append("outer")
        done.append("after")

    with pytest.raises(Interrupted), interruptible():
        work()
    assert done == ["inner", "outer"]


def test_outside_an_interruptible_block_nothing_is_postponed() -> None:
    with pytest.raises(KeyboardInterrupt), postponed_interruption():
        interrupt_myself(signal.SIGINT)

    def work() -> None:
        with postponed_interruption():
            pass
        interrupt_myself(signal.SIGTERM)

    with pytest.raises(Interrupted), interruptible():
        work()


def test_an_archive_is_whole_before_the_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the exception finds an entry of an archive open, zipfile prints a traceback from its finalizer."""
    finished = []
    close = zipfile._ZipWriteFile.close  # type: ignore[attr-defined]  # where the signal once struck

    def interrupted_close(entry: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        sum(range(10))
        close(entry)
        finished.append(entry)

    monkeypatch.setattr(zipfile._ZipWriteFile, "close", interrupted_close)  # type: ignore[attr-defined]
    with pytest.raises(Interrupted), interruptible():
        npz_bytes({"a": np.zeros(3)})
    assert finished


def test_a_swallowed_interruption_is_raised_by_check_and_at_the_end() -> None:
    def library_that_swallows() -> None:
        with interruptible() as guard:
            guard.check()
            with contextlib.suppress(Exception):
                interrupt_myself(signal.SIGTERM)
            assert guard.received == signal.SIGTERM
            with pytest.raises(Interrupted):
                guard.check()

    with pytest.raises(Interrupted):
        library_that_swallows()


def test_a_wrapped_interruption_is_unwrapped() -> None:
    def library_that_wraps() -> None:
        try:
            interrupt_myself(signal.SIGINT)
        except Exception as error:
            raise RuntimeError("round failed") from error

    with pytest.raises(Interrupted) as caught, interruptible():
        library_that_wraps()
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_other_errors_pass_and_other_threads_are_left_alone() -> None:
    with pytest.raises(KeyError), interruptible():
        raise KeyError("x")
    outcome = []

    def elsewhere() -> None:
        with interruptible() as guard:
            outcome.append(guard.received)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert outcome == [None]


STUBBORN = """
import time
from tff_health.runtime.signals import Interrupted, interruptible, postponed_interruption
from tff_health.runtime.worker import Worker
worker = Worker()
worker.ensure_running()
with interruptible():
    try:
        print(worker.pid, flush=True)
        time.sleep(60)
    except Interrupted:
        print("cleaning", flush=True)
        time.sleep(60)
"""


def test_the_second_signal_ends_at_once_and_leaves_no_worker() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STUBBORN], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        worker = int(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "cleaning\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 4
        assert process.stderr.read() == ""
    deadline = time.monotonic() + 3
    while Path(f"/proc/{worker}/exe").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
