"""The project's TFF execution contexts: own worker, quick start, nothing printed, nothing left behind.

Import this module, or call `silence_tensorflow()`, before TensorFlow: only then is the import silent as well.

Threads: TFF's context stack is thread-local. Another thread computes on the same worker after
`tff.framework.get_context_stack().install(context)`; calls from several threads take turns.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import dataclasses
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Literal, get_args

from tff_health.runtime.quiet import silence_tensorflow

silence_tensorflow()

import tensorflow_federated as tff  # noqa: E402
from google._upb import _message  # noqa: E402

from tff_health.runtime.attempts import attempts_allowed  # noqa: E402
from tff_health.runtime.executors import WorkerExecutorFactory  # noqa: E402
from tff_health.runtime.kernel_threads import kernel_threads  # noqa: E402
from tff_health.runtime.worker import RunningWorker, Worker, WorkerError  # noqa: E402

# Deep aggregators (distributed DP with zeroing) nest their protos deeper than the parser's default limit.
_message.SetAllowOversizeProtos(True)

Backend = Literal["native", "test"]
_DYING = 1.0  # seconds; a worker that is alive after that is replaced, as its connection is broken
_SECONDS_BETWEEN_SIGNALS = 0.5  # a lost Ctrl-C is seen after that at the latest


class WorkerContext(tff.framework.SyncContext):
    """A synchronous TFF context over one `Worker`.

    `native` runs what TFF's native backend runs. `test` is **simulated secure aggregation, NOT SECURE**:
    secure sums are replaced by plaintext sums with a range check (open-source TFF has no cryptographic
    ones), so the results are those of secure aggregation while nothing is hidden from the process that
    computes.

    Differences from TFF's own context: a computation whose worker died is repeated on a new worker at most
    twice, then fails with a `WorkerError` (TFF's retries for ever), and not at all inside `single_attempt()`;
    an interrupted call takes its worker with it, and the next call starts a new one.
    """

    def __init__(self, worker: RunningWorker, backend: Backend = "native", default_num_clients: int = 0) -> None:
        if backend not in get_args(Backend):
            raise ValueError(f"backend must be 'native' or 'test', not {backend!r}")
        self.worker = worker
        self.backend = backend
        self._factory = WorkerExecutorFactory(worker, default_num_clients)
        async_context = tff.framework.AsyncExecutionContext(
            self._factory,
            compiler_fn=_compile_native if backend == "native" else _compile_test,
            transform_args=tff.tensorflow.transform_args,
            transform_result=tff.tensorflow.transform_result,
        )
        # TFF wraps this method in retries without an end; the function beneath makes one attempt.
        attempt = type(async_context).invoke.__wrapped__
        self._attempt: Callable[[object, object], Awaitable[object]] = attempt.__get__(async_context)
        self._turn = threading.RLock()
        # A loop of its own, because a notebook's main thread already runs one.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tff-health-context", daemon=True)
        self._thread.start()
        self._closed = False

    @property
    def executor_factory(self) -> WorkerExecutorFactory:
        """The factory of executors, under the name that TFF's contexts give it."""
        return self._factory

    def invoke(self, comp: tff.Computation, arg: object) -> Any:
        """Compiles and computes; called by TFF when a computation is called.

        Raises:
            WorkerError: the context is closed, or the worker died or refused three times in a row (once, inside
                `single_attempt()`).
        """
        with self._turn:
            if self._closed:
                raise WorkerError("This TFF execution context is closed: open a new one.")
            abandoned = threading.Event()
            future = asyncio.run_coroutine_threadsafe(
                self._invoke(comp, arg, abandoned, attempts_allowed()), self._loop
            )
            try:
                # A signal that comes a moment before an endless wait would not be seen until the next one.
                while not future.done():
                    concurrent.futures.wait((future,), timeout=_SECONDS_BETWEEN_SIGNALS)
                return future.result()
            except BaseException:
                if not future.done():  # a signal's exception: the loop still waits for the worker
                    abandoned.set()
                    self.worker.stop()
                    future.cancel()
                raise

    async def _invoke(self, comp: tff.Computation, arg: object, abandoned: threading.Event, attempts: int) -> object:
        for attempt in range(1, attempts + 1):
            try:
                return await self._attempt(comp, arg)
            except tff.framework.RetryableError as error:
                # The broken connection is noticed before the kernel reports the process as ended.
                died = self.worker.ends_within(_DYING)
                log_tail = self.worker.log_tail()
                if not died:
                    self.worker.stop()
                if attempt == attempts or abandoned.is_set():
                    raise WorkerError(_lost(died, log_tail, error, attempt)) from error
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Ends the context, not its worker. May be called again."""
        if self._closed:
            return
        self._closed = True
        self._factory.close()
        asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _compile_native(computation: tff.framework.ConcreteComputation) -> object:
    """As TFF's native backend compiles, without rewriting every graph once more in this process.

    TFF inlines functions there for the sake of kernels on GPUs; our workers compute on CPUs, where rounds take no
    longer without, and the rewriting was a third of a short run (docs/benchmarks.md).
    """
    block, _ = tff.tensorflow.replace_intrinsics_with_bodies(computation.to_building_block())
    desugared = tff.framework.ConcreteComputation(
        computation_proto=block.proto, context_stack=tff.framework.get_context_stack()
    )
    return tff.backends.native.transform_to_native_form(desugared)


def _compile_test(computation: tff.framework.ConcreteComputation) -> object:
    return _compile_native(tff.backends.test.replace_secure_intrinsics_with_bodies(computation))


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _lost(died: bool, log_tail: str, error: Exception, attempts: int) -> str:
    times = "once" if attempts == 1 else f"{attempts} times"
    if not died:
        return f"The TFF worker refused the computation {times}: {error}"
    said = f" Its last words: {log_tail}" if log_tail else ""
    return (
        f"The TFF worker died {times} during one computation, most likely for want of memory: use "
        f"fewer clients at a time (max_concurrent_computation_calls) or smaller batches.{said}"
    )


@dataclasses.dataclass
class _Shared:
    """Something open that several users hold; closed when the last one leaves."""

    value: Any
    users: int = 0


_ContextKey = tuple[Backend, int, int, int]
_workers: dict[tuple[int, int], _Shared] = {}  # by clients at a time and threads a kernel, fixed when a process starts
_contexts: dict[_ContextKey, _Shared] = {}
_sharing = threading.RLock()


def _acquire(key: _ContextKey) -> WorkerContext:
    backend, max_concurrent, default_num_clients, threads = key
    with _sharing:
        held = _contexts.get(key)
        if held is None:
            shared_worker = _workers.get((max_concurrent, threads))
            if shared_worker is None:
                worker = Worker(max_concurrent_computation_calls=max_concurrent, kernel_threads=threads)
                shared_worker = _workers[max_concurrent, threads] = _Shared(worker)
            context = WorkerContext(shared_worker.value, backend, default_num_clients)
            shared_worker.users += 1
            held = _contexts[key] = _Shared(context)
        held.users += 1
        return held.value


def _release(key: _ContextKey) -> None:
    _, max_concurrent, _, threads = key
    with _sharing:
        held = _contexts[key]
        held.users -= 1
        if held.users:
            return
        del _contexts[key]
        shared_worker = _workers[max_concurrent, threads]
        shared_worker.users -= 1
        try:
            if not shared_worker.users:
                del _workers[max_concurrent, threads]
                # First, so that a call still computing after an interruption ends now, not when it is done.
                held.value.executor_factory.refuse()
                shared_worker.value.stop()
        finally:
            held.value.close()


@contextlib.contextmanager
def execution_context(
    backend: Backend = "native",
    *,
    max_concurrent_computation_calls: int = -1,
    default_num_clients: int = 0,
    clients: int | None = None,
) -> Iterator[WorkerContext]:
    """Runs TFF computations of this thread on the project's own worker, inside a `with` block.

    The worker starts with the first computation and ends with the block; the context that was current
    before is current again. Blocks may be nested: equal settings share the context (and its compiled
    computations), different backends share the worker.

    Args:
        backend: `native`; or `test`: simulated secure aggregation, NOT SECURE (see `WorkerContext`).
        max_concurrent_computation_calls: clients computed at a time, -1 for all at once; results do not
            depend on it.
        default_num_clients: number of clients where a computation's arguments do not tell.
        clients: how many compute, where it is known and kernels are large: a single one takes all cores
            (`kernel_threads`).

    Yields:
        the installed context.

    Raises:
        WorkerError: later, at a computation, when the worker cannot start or dies repeatedly.
    """
    key = (backend, max_concurrent_computation_calls, default_num_clients, kernel_threads(clients))
    context = _acquire(key)
    try:
        with tff.framework.get_context_stack().install(context):
            yield context
    finally:
        _release(key)


@contextlib.contextmanager
def computing_context(backend: Backend = "native", **settings: Any) -> Iterator[tff.framework.SyncContext]:
    """As `execution_context`, but where hospitals that are apart compute, their context stays: rows are there.

    Their secure sums are masked, so that no backend has to simulate any.
    """
    current = tff.framework.get_context_stack().current
    if getattr(current, "is_apart", False):
        yield current
        return
    with execution_context(backend, **settings) as context:
        yield context


_default: tuple[_ContextKey, WorkerContext, object] | None = None


def ensure_context(
    backend: Backend = "native",
    *,
    max_concurrent_computation_calls: int = -1,
    default_num_clients: int = 0,
) -> WorkerContext:
    """Makes the project's context this thread's default until `release_context()` or the end of the process.

    For notebooks and library users; arguments as in `execution_context`. A second call with equal settings
    returns the same context, one with other settings replaces it.
    """
    global _default
    key = (backend, max_concurrent_computation_calls, default_num_clients, kernel_threads(None))
    with _sharing:
        if _default is not None and _default[0] == key:
            context = _default[1]
            tff.framework.set_default_context(context)  # this thread may be another one
            return context
        context = _acquire(key)  # before the release, so that the worker is kept where it can be
        release_context()
        stack = tff.framework.get_context_stack()
        _default = (key, context, stack._stack[0])
        tff.framework.set_default_context(context)
        return context


def release_context() -> None:
    """Undoes `ensure_context`: restores the default from before and ends the worker. May be called again."""
    global _default
    with _sharing:
        if _default is None:
            return
        key, context, before = _default
        _default = None
        if tff.framework.get_context_stack()._stack[0] is context:
            tff.framework.set_default_context(before)
        _release(key)


def _stop_everything() -> None:
    """At the end of the process: whatever is still open is closed, so that finalizers stay silent."""
    if os.getpid() != _owner:
        return
    release_context()
    with _sharing:
        for key in list(_contexts):
            _contexts[key].users = 1
            _release(key)


_owner = os.getpid()
atexit.register(_stop_everything)
