"""One long-lived thread that starts all child processes.

Linux sends the parent-death signal when the *thread* that forked the child ends, not when its process does. A
child started from a short-lived thread would be killed too early, so every start goes through this thread.
"""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future


class SpawningThread:
    """Runs `subprocess.Popen` calls in one daemon thread that lives as long as the process."""

    _instance: SpawningThread | None = None
    _guard = threading.Lock()

    def __init__(self) -> None:
        self._requests: queue.SimpleQueue[
            tuple[Callable[[], subprocess.Popen[bytes]], Future[subprocess.Popen[bytes]]]
        ] = queue.SimpleQueue()
        self._owner = os.getpid()
        threading.Thread(target=self._serve, name="tff-health-spawning", daemon=True).start()

    @classmethod
    def shared(cls) -> SpawningThread:
        """The process's one instance (a new one after `fork`, where threads do not survive)."""
        with cls._guard:
            if cls._instance is None or cls._instance._owner != os.getpid():
                cls._instance = cls()
            return cls._instance

    def popen(self, start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        """Calls `start` in the thread and returns, or raises, what it does."""
        outcome: Future[subprocess.Popen[bytes]] = Future()
        self._requests.put((start, outcome))
        return outcome.result()

    def _serve(self) -> None:
        while True:
            start, outcome = self._requests.get()
            try:
                outcome.set_result(start())
            except BaseException as error:
                outcome.set_exception(error)
