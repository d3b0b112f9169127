"""A hospital's worker as a service: one a folder, until it is told to end. Needs no TensorFlow."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from data.errors import SettingsError
from tff_health.hospitals.hospital_data import store_patients
from tff_health.hospitals.hospital_folder import make_work_folder, read_hospital
from tff_health.hospitals.hospital_process import hospital_process
from tff_health.hospitals.roster import read_roster
from tff_health.runtime.worker import WorkerError

LOCK_FILE = "worker.lock"
_LOOK = 0.5  # seconds between looks at the processes


def serve(folder: Path, say: Callable[[str], None]) -> int:
    """Reads a hospital's patients, starts its worker behind its door, and waits for SIGINT or SIGTERM.

    Args:
        folder: the hospital's.
        say: told what happens, in sentences.

    Returns:
        0 where it was told to end.

    Raises:
        TffHealthError: settings, roster or patients cannot be used, another worker runs in the folder, or the processes
            cannot start or ended by themselves.
    """
    settings = read_hospital(folder)
    process = hospital_process(folder)
    roster = read_roster(folder / "roster.toml")
    told = threading.Event()
    with _alone(folder):
        work = make_work_folder(folder)
        for name, facts in store_patients(folder, work, settings).items():
            say(f"{name}: {facts.summary}.")
        before = {number: signal.signal(number, lambda *_: told.set()) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            process.start()
            say(
                f"{settings.name} computes for the coordinator, together with {len(roster.hospital) - 1} others; its "
                f"door is at {process.address}. Ctrl-C ends it."
            )
            while not told.wait(_LOOK):
                if process.pid is None:
                    raise WorkerError(f"the hospital's processes ended by themselves. {process.said()}")
        finally:
            process.stop()
            for number, handler in before.items():
                signal.signal(number, handler)
    say("Ended, and nothing of it runs any more.")
    return 0


def serving_pid(folder: Path) -> int | None:
    """Process id of the worker that serves a folder, None where none does."""
    try:
        with open(folder / LOCK_FILE, "r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                text = file.read().strip()
                return int(text) if text.isdigit() else 0
    except OSError:
        return None
    return None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Holds the folder's lock, which the kernel gives back however this process ends."""
    try:
        file = open(folder / LOCK_FILE, "a+")  # noqa: SIM115 (held as long as the block)
    except OSError as error:
        raise SettingsError(
            f"{folder / LOCK_FILE} cannot be written ({error.strerror}): allow writing there."
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(f"a worker runs in {folder} already: end it first, or leave it.") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
