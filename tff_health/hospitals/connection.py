"""The coordinator's connection to a hospital's worker: TLS to its door, and a heartbeat that notices a frozen one."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import grpc
from tensorflow_federated.proto.v0 import executor_pb2, executor_pb2_grpc

from tff_health.hospitals.costs import CountingInterceptor, Traffic
from tff_health.hospitals.identity import CERTIFICATE, SERVER_NAME, TLS_KEY
from tff_health.hospitals.private_files import read_private
from tff_health.runtime.worker import CHANNEL_OPTIONS, WorkerError

_CONNECTING = 10.0  # seconds, three times in a computation: a worker that was killed is back within two
_BEAT = 2.0  # seconds between heartbeats
_SILENCE = 15.0  # seconds without an answer to one; a busy worker answers within milliseconds
_ALIVE = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION)


@dataclass(frozen=True)
class ClientIdentity:
    """How the coordinator shows who it is.

    Attributes:
        key: PEM.
        certificate: PEM.
    """

    key: bytes
    certificate: bytes

    @classmethod
    def read(cls, folder: Path) -> ClientIdentity:
        """From an identity's folder.

        Raises:
            SettingsError: a file is missing or open to others.
        """
        return cls(read_private(folder / TLS_KEY), read_private(folder / CERTIFICATE))

    def __repr__(self) -> str:
        return "ClientIdentity()"  # keys are never printed


class Connection:
    """A worker behind a door, as `WorkerContext` takes it: like `runtime.worker.Worker`, but somebody else's process.

    While connected, a heartbeat asks the worker something trivial every two seconds. Where it stays silent for 15
    seconds, frozen or cut off, the connection is closed, which ends every call that waits on it.

    Args:
        name: of the hospital, for error messages.
        address: HOST:PORT of its door.
        certificate: the hospital's, PEM; no other one is accepted.
        identity: the coordinator's.
    """

    def __init__(self, name: str, address: str, certificate: str, identity: ClientIdentity) -> None:
        self.name = name
        self._address = address
        self._certificate = certificate.encode("ascii")
        self._identity = identity
        self._channel: grpc.Channel | None = None
        self._counted: grpc.Channel | None = None
        self._counter = CountingInterceptor()
        self._generation = 0
        self._silent = False
        self._lock = threading.RLock()

    @property
    def generation(self) -> int:
        """How often a connection was made; a change tells that values held by the worker are lost."""
        return self._generation

    @property
    def channel(self) -> grpc.Channel:
        """The connection.

        Raises:
            WorkerError: there is none.
        """
        if self._counted is None:
            raise WorkerError(f"hospital {self.name!r} is not connected.")
        return self._counted

    @property
    def traffic(self) -> Traffic:
        """Bytes of all computations so far, heartbeats apart."""
        return self._counter.traffic

    def ensure_running(self) -> int:
        """Connects where it is not connected, and returns the generation.

        Raises:
            WorkerError: the hospital cannot be reached within 10 seconds, or does not let the coordinator in.
        """
        with self._lock:
            if self._channel is None:
                self._connect()
            return self._generation

    def ends_within(self, seconds: float) -> bool:
        """False: a connection does not know whether the process behind it ended."""
        return False

    def stop(self) -> None:
        """Closes the connection; the worker goes on. May be called again."""
        with self._lock:
            channel, self._channel, self._counted = self._channel, None, None
            if channel is not None:
                channel.close()

    def log_tail(self) -> str:
        """What is known of a lost connection, for error messages."""
        return f"It was silent for {_SILENCE:.0f} seconds." if self._silent else ""

    def _connect(self) -> None:
        credentials = grpc.ssl_channel_credentials(self._certificate, self._identity.key, self._identity.certificate)
        options = [*CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", SERVER_NAME)]
        deadline = time.monotonic() + _CONNECTING
        while True:
            channel = grpc.secure_channel(self._address, credentials, options)
            problem = _problem(channel, max(1.0, deadline - time.monotonic()))
            if not problem:
                break
            channel.close()
            if time.monotonic() > deadline or "certificate" in problem:
                raise WorkerError(f"hospital {self.name!r} at {self._address} {problem}")
            time.sleep(_BEAT / 4)
        self._channel, self._silent = channel, False
        self._counted = grpc.intercept_channel(channel, self._counter)
        self._generation += 1
        threading.Thread(target=self._beat, args=(channel,), name=f"heartbeat-{self.name}", daemon=True).start()

    def _beat(self, channel: grpc.Channel) -> None:
        while True:
            time.sleep(_BEAT)
            if self._channel is not channel:
                return
            with contextlib.suppress(ValueError):  # closed meanwhile
                if not _problem(channel, _SILENCE):
                    continue
            with self._lock:
                if self._channel is channel:
                    self._silent = True
                    self.stop()
            return


def _problem(channel: grpc.Channel, seconds: float) -> str:
    """What keeps a worker from answering, as the end of a sentence about it; empty where it answers.

    The question is one for an executor without clients, which a worker refuses at once and which changes nothing.
    """
    try:
        executor_pb2_grpc.ExecutorGroupStub(channel).GetExecutor(
            executor_pb2.GetExecutorRequest(), timeout=seconds, wait_for_ready=False
        )
    except grpc.RpcError as error:
        if error.code() in _ALIVE:
            return ""
        if "status: 400" in (error.details() or ""):
            return "does not accept the coordinator's certificate: both sides need the same roster."
        if "CERTIFICATE_VERIFY_FAILED" in (error.details() or ""):
            return "shows another certificate than the roster's: both sides need the same roster."
        return f"does not answer ({error.code().name.lower().replace('_', ' ')}): start hospital worker there."
    return ""
