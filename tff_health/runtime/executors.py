"""TFF executors over a worker that may be restarted at any time."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

import cachetools
import grpc
import tensorflow_federated as tff
from tensorflow_federated.proto.v0 import executor_pb2, executor_pb2_grpc
from tensorflow_federated.python.core.impl.executors.remote_executor import RemoteValue

from tff_health.runtime.value_proto import WireValue, write_value
from tff_health.runtime.worker import RunningWorker, WorkerError

_CACHED_EXECUTORS = 32  # one for each number of clients; Poisson-sampled rounds use many
_KEPT_COMPUTATIONS = 8  # in each executor; a process has two or three


_unread: contextvars.ContextVar[bool] = contextvars.ContextVar("unread", default=False)


@contextlib.contextmanager
def unread_results() -> Iterator[None]:
    """Within, computations give `WireValue`s, for results that are only sent on."""
    token = _unread.set(True)
    try:
        yield
    finally:
        _unread.reset(token)


class _ClosingCache(cachetools.LRUCache):
    """Closes what it evicts; TFF's own cache leaves evicted executors on the worker for good."""

    def popitem(self) -> tuple[object, tff.framework.RemoteExecutor]:
        key, executor = super().popitem()
        executor.close()
        return key, executor


class _WorkerStub(tff.framework.RemoteExecutorGrpcStub):
    """A stub whose clean-up calls, made from finalizers, never raise: a dead worker holds nothing."""

    def __init__(self, channel: grpc.Channel) -> None:
        # Not the parent's constructor: it starts a thread that polls the connection five times a second and
        # prints a traceback when the channel closes. `Worker` has already waited until calls are accepted.
        self._channel = channel
        self._stub = executor_pb2_grpc.ExecutorGroupStub(channel)

    def dispose(self, request: object) -> None:
        with contextlib.suppress(grpc.RpcError, tff.framework.RetryableError, ValueError):
            super().dispose(request)

    def dispose_executor(self, request: object) -> None:
        with contextlib.suppress(grpc.RpcError, tff.framework.RetryableError, ValueError):
            super().dispose_executor(request)


class _KeepingExecutor(tff.framework.RemoteExecutor):
    """A remote executor that sends a computation once, not with every call of it.

    A round of a learning process is several hundred kilobytes of graphs, which the worker would parse again each time.
    """

    def __init__(self, stub: _WorkerStub) -> None:
        super().__init__(stub)
        self._computations: cachetools.LRUCache[int, tuple[object, Any]] = cachetools.LRUCache(_KEPT_COMPUTATIONS)

    async def create_value(self, value: object, type_spec: tff.Type | None = None) -> Any:
        """See `tff.framework.Executor`."""
        if isinstance(value, WireValue) or isinstance(type_spec, (tff.StructType, tff.FederatedType)):
            request = executor_pb2.CreateValueRequest(executor=self._executor_id)
            write_value(request.value, value, type_spec)
            return RemoteValue(self._stub.create_value(request).value_ref, type_spec, self)
        if not isinstance(type_spec, tff.FunctionType):
            return await super().create_value(value, type_spec)
        kept = self._computations.get(id(value))
        if kept is None:
            # With the computation itself, so that no other one can get its identity.
            kept = self._computations[id(value)] = (value, await super().create_value(value, type_spec))
        return kept[1]

    async def _compute(self, value_ref: executor_pb2.ValueRef, type_spec: tff.Type) -> object:
        if not _unread.get():
            return await super()._compute(value_ref, type_spec)
        request = executor_pb2.ComputeRequest(executor=self._executor_id, value_ref=value_ref)
        return WireValue(self._stub.compute(request).value)

    def _dispose(self, value_ref: executor_pb2.ValueRef, value_executor_id: executor_pb2.ExecutorId | None) -> None:
        # A signal may close the executor while a call is under way: its value is then of no executor, and TFF's
        # clean-up would print a traceback.
        if self._executor_id is not None:
            super()._dispose(value_ref, value_executor_id)

    def close(self) -> None:
        """Gives everything on the worker back."""
        self._computations.clear()
        super().close()


class WorkerExecutorFactory(tff.framework.ExecutorFactory):
    """Makes one remote executor for each number of clients; forgets them all when the worker is replaced.

    Args:
        worker: the process that computes; started when first needed, restarted when found dead.
        default_num_clients: number of clients where a computation's arguments do not tell.
    """

    def __init__(self, worker: RunningWorker, default_num_clients: int = 0) -> None:
        self._worker = worker
        self._default_num_clients = default_num_clients
        self._executors = _ClosingCache(_CACHED_EXECUTORS)
        self._generation = 0
        self._stub: _WorkerStub | None = None
        self._closed = False

    def create_executor(self, cardinalities: tff.framework.CardinalitiesType) -> tff.framework.RemoteExecutor:
        """The executor for these numbers of clients, on a worker that is running.

        Raises:
            WorkerError: the factory is closed, or the worker cannot start.
        """
        if self._closed:
            raise WorkerError("This TFF execution context is closed: open a new one.")
        generation = self._worker.ensure_running()
        if self._stub is None or generation != self._generation:
            self._forget()
            self._stub = _WorkerStub(self._worker.channel)
            self._generation = generation
        cardinalities.setdefault(tff.CLIENTS, self._default_num_clients)
        key = _key(cardinalities)
        executor = self._executors.get(key)
        if executor is None:
            executor = _KeepingExecutor(self._stub)
            executor.set_cardinalities(cardinalities)
            self._executors[key] = executor
        return executor

    def clean_up_executor(self, cardinalities: tff.framework.CardinalitiesType) -> None:
        """Closes the executor for these numbers of clients, where one exists."""
        cardinalities.setdefault(tff.CLIENTS, self._default_num_clients)
        executor = self._executors.pop(_key(cardinalities), None)
        if executor is not None:
            executor.close()

    def refuse(self) -> None:
        """From now on `create_executor` raises, so that nothing restarts a worker about to be stopped."""
        self._closed = True

    def close(self) -> None:
        """Closes every executor and refuses new ones."""
        self.refuse()
        self._forget()

    def _forget(self) -> None:
        for executor in list(self._executors.values()):
            executor.close()
        self._executors.clear()
        self._stub = None


def _key(cardinalities: tff.framework.CardinalitiesType) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((str(placement), count) for placement, count in cardinalities.items()))
