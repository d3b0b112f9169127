"""The project's own TFF worker: a `worker_binary` process that is quiet, restarts, and dies with its parent.

TFF's own starter leaves the worker orphaned at exit, hands it the parent's pipes and waits a whole second
    for it.

Warning: the binary listens on *all* interfaces without authentication (its address is compiled in), and
runs any graph sent to it. On a machine that others can reach, close the port with the machine's firewall.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Protocol

import grpc

from data.errors import TffHealthError
from tff_health.runtime import launcher
from tff_health.runtime.spawning import SpawningThread

_READY_TIMEOUT = 60.0  # seconds; a start takes about 0.1 s, minutes only on a machine in distress
_READY_POLL = 0.003
_TERMINATE_TIMEOUT = 2.0
_LOG_TAIL_BYTES = 2000
_MAX_MESSAGE_BYTES = 2_000_000_000
CHANNEL_OPTIONS = [
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.enable_http_proxy", 0),  # an http_proxy variable must not catch calls to this very machine
    ("grpc.use_local_subchannel_pool", 1),  # no connection state shared with a worker that died
]


class WorkerError(TffHealthError):
    """The local TFF worker could not start, or died again and again during one computation."""


class RunningWorker(Protocol):
    """What an execution context needs of a worker: a process of ours (`Worker`), or a connection to somebody else's."""

    @property
    def generation(self) -> int:
        """Changes whenever values held by the worker are lost."""

    @property
    def channel(self) -> grpc.Channel:
        """Where it takes calls."""

    def ensure_running(self) -> int:
        """Makes it ready for calls and returns the generation; raises `WorkerError`."""

    def ends_within(self, seconds: float) -> bool:
        """Whether its process ends within so many seconds."""

    def stop(self) -> None:
        """Ends it, as far as it is ours; the next `ensure_running` is a new generation."""

    def log_tail(self) -> str:
        """What is known of its end."""


def worker_binary_path() -> Path:
    """Path of TFF's `worker_binary`, found without importing TFF.

    Raises:
        WorkerError: TFF is not installed, or its wheel holds no binary for this platform.
    """
    package = importlib.util.find_spec("tensorflow_federated")
    for folder in (package.submodule_search_locations or []) if package else []:
        binary = Path(folder) / "data" / "worker_binary"
        if binary.is_file():
            return binary
    raise WorkerError(
        "TensorFlow Federated's worker_binary was not found: install the pinned requirements on 64-bit Linux."
    )


class Worker:
    """A `worker_binary` process and the gRPC channel to it. Safe to use from several threads.

    The process has its own session, so a terminal's Ctrl-C reaches only Python; it inherits no file
    descriptor, so `python script | cat` ends; the kernel kills it when the parent dies in any way.

    Args:
        max_concurrent_computation_calls: clients computed at a time; -1 for all at once.
        kernel_threads: of each of TensorFlow's kernels; the user's TF_NUM_INTRAOP_THREADS wins.
        log_path: file that collects the worker's messages (appended). By default they go to an unnamed
            temporary file, read back only to explain a crash.
        folder: in which the process runs, so that computations find its files under relative names.
    """

    def __init__(
        self,
        *,
        max_concurrent_computation_calls: int = -1,
        kernel_threads: int = 1,
        log_path: Path | None = None,
        folder: Path | None = None,
    ) -> None:
        self._max_concurrent = max_concurrent_computation_calls
        self._kernel_threads = kernel_threads
        self._log_path = log_path
        self._folder = folder
        self._log: IO[bytes] | None = None
        self._reserved: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: grpc.Channel | None = None
        self._generation = 0
        self._owner = os.getpid()
        self._lock = threading.RLock()

    @property
    def generation(self) -> int:
        """How often the process was started; a change tells that values held by the old one are lost."""
        return self._generation

    @property
    def pid(self) -> int | None:
        """Process id, or None where no process runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def port(self) -> int:
        """TCP port the worker listens on.

        Raises:
            WorkerError: the worker is not started.
        """
        if self._reserved is None:
            raise WorkerError("The TFF worker is not started: call ensure_running() first.")
        return int(self._reserved.getsockname()[1])

    @property
    def channel(self) -> grpc.Channel:
        """Channel to the process of the present generation.

        Raises:
            WorkerError: the worker is not started.
        """
        if self._channel is None:
            raise WorkerError("The TFF worker is not started: call ensure_running() first.")
        return self._channel

    def ensure_running(self) -> int:
        """Starts the process where none runs, waits until it accepts calls, and returns the generation.

        Raises:
            WorkerError: the binary is missing, exits at once, or does not listen within a minute.
        """
        with self._lock:
            if self.pid is None:
                self._release()
                self._start()
            return self._generation

    def ends_within(self, seconds: float) -> bool:
        """Waits for the process to end by itself; whether it did (True also where none runs)."""
        process = self._process
        if process is None:
            return True
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self) -> None:
        """Ends the process (SIGTERM, then SIGKILL after 2 s) and waits for it. May be called again."""
        with self._lock:
            if self._owner == os.getpid():  # a forked copy of this object does not own the process
                self._release()

    def log_tail(self) -> str:
        """The last lines that the worker wrote, for error messages."""
        with self._lock:
            if self._log is None or self._log.closed:
                return ""
            size = os.fstat(self._log.fileno()).st_size
            tail = os.pread(self._log.fileno(), _LOG_TAIL_BYTES, max(0, size - _LOG_TAIL_BYTES))
            return tail.decode("utf-8", "replace").strip()

    def _start(self) -> None:
        binary = worker_binary_path()
        # Bound but not listening, this socket keeps the port from other programs, while SO_REUSEPORT lets the
        # worker, which sets it too, listen there: no race between choosing a port and using it.
        self._reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._reserved.bind(("", 0))
        try:
            if self._log_path is None:
                self._log = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
            else:
                self._log = open(self._log_path, "a+b")  # noqa: SIM115
        except OSError as error:
            self._release()
            raise WorkerError(
                f"The TFF worker's log cannot be written ({error.strerror}): free space in the temporary "
                "folder (TMPDIR) or choose another log file."
            ) from error
        environment = dict(os.environ)
        environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
        environment.setdefault("TF_NUM_INTRAOP_THREADS", str(self._kernel_threads))
        command = [
            *(sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), str(binary)),
            f"--port={self.port}",
            f"--max_concurrent_computation_calls={self._max_concurrent}",
        ]
        log, folder = self._log, self._folder

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                close_fds=True,
                start_new_session=True,
                env=environment,
                cwd=folder,
            )

        try:
            self._process = SpawningThread.shared().popen(start)
            self._await_listening(self._process)
        except BaseException:  # KeyboardInterrupt too: nothing may be left half started
            self._release()
            raise
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self.port}", CHANNEL_OPTIONS)
        self._generation += 1

    def _await_listening(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _READY_TIMEOUT
        while time.monotonic() < deadline:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), timeout=1.0),
            ):
                return
            if process.poll() is not None:
                raise WorkerError(
                    f"The TFF worker ended at its start with status {process.returncode}: check the free memory "
                    f"and the installation. {self.log_tail()}".rstrip()
                )
            time.sleep(_READY_POLL)
        raise WorkerError(
            f"The TFF worker did not listen on port {self.port} within {_READY_TIMEOUT:.0f} s: check the "
            f"machine's load and free memory, then try again. {self.log_tail()}"
        )

    def _release(self) -> None:
        """Frees process, channel, port and log, whichever exist, in that order."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None
        if self._log is not None:
            self._log.close()
            self._log = None


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_TERMINATE_TIMEOUT)
        except subprocess.TimeoutExpired:  # stopped or stuck in the kernel
            process.kill()
    process.wait()
