"""TFF computations on the project's own worker: backends, sharing, restarts, threads, repeatability."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from typing import Any

import numpy as np
import psutil
import pytest

from tff_health.runtime import ensure_context, execution_context, release_context, single_attempt
from tff_health.runtime.context import WorkerContext, WorkerError

from example_run import FinishedRun  # isort: skip (beside this file)
import federated_example as example  # isort: skip (a program beside this file)
import tensorflow as tf  # isort: skip (after the project has silenced it)
import tensorflow_federated as tff  # isort: skip

# An exception in a background thread would end up on the user's terminal.
pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


def workers() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [c for c in children if c.status() != psutil.STATUS_ZOMBIE and c.name() == "worker_binary"]


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Any:
    before = tff.framework.get_context_stack().current
    threads = threading.active_count()
    yield
    assert tff.framework.get_context_stack().current is before
    assert workers() == []
    names = {thread.name for thread in threading.enumerate()}
    assert "tff-health-context" not in names
    assert threading.active_count() <= threads + 1  # the spawning thread stays for good


@tff.tensorflow.computation(np.int32)
def add_one(x: Any) -> Any:
    return x + 1


@tff.federated_computation(tff.FederatedType(np.int32, tff.CLIENTS))
def secure_total(values: Any) -> Any:
    return tff.federated_secure_sum_bitwidth(values, 8)


@tff.federated_computation(tff.FederatedType(np.float32, tff.CLIENTS))
def total(values: Any) -> Any:
    return tff.federated_sum(values)


def test_the_context_before_comes_back_even_after_an_error() -> None:
    def fail_in_a_context() -> None:
        with execution_context() as context:
            assert tff.framework.get_context_stack().current is context
            assert add_one(1) == 2
            assert [worker.pid for worker in workers()] == [context.worker.pid]
            raise KeyError("x")

    with pytest.raises(KeyError):
        fail_in_a_context()


def test_no_worker_starts_before_the_first_computation() -> None:
    with execution_context() as context:
        assert context.worker.pid is None


def test_backends_share_one_worker_and_only_the_test_backend_runs_secure_sums() -> None:
    with execution_context("native") as native:
        assert total([1.0, 2.5]) == 3.5
        with execution_context("test") as simulated:
            assert secure_total([3, 4, 5]) == 12
            with execution_context("native") as again:
                assert again is native
            assert simulated.worker is native.worker
        assert len(workers()) == 1
        with pytest.raises(Exception, match="federated"):
            secure_total([3, 4, 5])
        assert total([1.0, 2.5]) == 3.5


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="'native' or 'test'"), execution_context("secure"):  # type: ignore[arg-type]
        pass


def test_deep_aggregators_run() -> None:
    # With zeroing, clipping and distributed DP, protos nest deeper than the parser allows by default.
    factory = tff.learning.ddp_secure_aggregator(noise_multiplier=0.1, expected_clients_per_round=4)
    process = factory.create(tff.to_type([(np.float32, (8,))]))
    with execution_context("test"):
        output = process.next(process.initialize(), [[np.full(8, 0.01, np.float32)]] * 4)
    assert np.isfinite(output.result[0]).all()


def test_a_worker_killed_between_two_calls_is_replaced() -> None:
    with execution_context() as context:
        assert total([1.0, 2.0]) == 3.0
        assert add_one(1) == 2
        first = context.worker.pid
        os.kill(first, signal.SIGKILL)
        psutil.Process(first).wait(5)
        assert total([1.0, 2.0]) == 3.0
        assert add_one(1) == 2
        assert context.worker.generation == 2
        gc.collect()  # values of the dead worker are disposed of in silence


def test_a_worker_killed_during_a_call_is_replaced_and_the_call_repeated() -> None:
    with execution_context() as context:
        example.count_to(1)
        first = context.worker.pid
        killer = threading.Timer(0.3, os.kill, (first, signal.SIGKILL))
        killer.start()
        assert example.count_to(50_000) == 50_000
        killer.join()
        assert add_one(1) == 2


def test_a_worker_that_keeps_dying_gives_a_clear_error() -> None:
    with execution_context() as context:

        def kill_three_workers() -> None:
            for generation in (1, 2, 3):
                while context.worker.generation < generation:
                    time.sleep(0.01)
                time.sleep(0.1)
                os.kill(context.worker.pid, signal.SIGKILL)

        killer = threading.Thread(target=kill_three_workers, daemon=True)
        killer.start()
        with pytest.raises(WorkerError, match=r"died 3 times during one computation.*want of memory"):
            example.count_to(10**12)
        killer.join()
        assert add_one(1) == 2
        assert context.worker.generation == 4


LONG = 400_000  # several times as long to count to as the killer waits


def kill_during_the_next_call(context: WorkerContext) -> threading.Timer:
    killer = threading.Timer(0.3, os.kill, (context.worker.pid, signal.SIGKILL))
    killer.start()
    return killer


def test_with_a_single_attempt_a_lost_worker_is_an_error_at_once() -> None:
    """A second attempt would be a second noisy release. The count goes on for days: only the death can end it."""
    with execution_context() as context:
        with single_attempt():
            example.count_to(1)
            killer = kill_during_the_next_call(context)
            with pytest.raises(WorkerError, match=r"died once during one computation"):
                example.count_to(10**12)
            killer.join()
            assert context.worker.generation == 1
            # The next call is another matter, and so is a worker that died while idle.
            assert add_one(1) == 2
            os.kill(context.worker.pid, signal.SIGKILL)
            psutil.Process(context.worker.pid).wait(5)
            assert add_one(2) == 3
            assert context.worker.generation == 3
        killer = kill_during_the_next_call(context)
        assert example.count_to(LONG) == LONG
        killer.join()
        assert context.worker.generation == 4


def test_a_single_attempt_is_one_thread_s_matter() -> None:
    """One thread announces single attempts and waits; another's computation on the same worker is still repeated."""
    announced, done = threading.Event(), threading.Event()

    def wait_inside() -> None:
        with single_attempt():
            announced.set()
            done.wait(60)

    waiting = threading.Thread(target=wait_inside)
    with execution_context() as context:
        example.count_to(1)
        waiting.start()
        assert announced.wait(5)
        killer = kill_during_the_next_call(context)
        assert example.count_to(LONG) == LONG
        killer.join()
        done.set()
        waiting.join()
        assert context.worker.generation == 2


def test_a_computation_that_always_fails_is_not_repeated_for_ever() -> None:
    @tff.tensorflow.computation
    def unready() -> Any:
        raw = tf.raw_ops
        table = raw.HashTableV2(key_dtype=tf.int32, value_dtype=tf.int32)
        return raw.LookupTableFindV2(table_handle=table, keys=tf.constant(1), default_value=tf.constant(0))

    with execution_context():
        with pytest.raises(Exception, match="Table not initialized"):
            unready()
        assert add_one(1) == 2


def test_another_thread_computes_after_installing_the_context() -> None:
    results = {}
    with execution_context() as context:

        def elsewhere(name: int) -> None:
            with tff.framework.get_context_stack().install(context):
                results[name] = [total([float(name)] * clients) for clients in range(1, 6)]

        threads = [threading.Thread(target=elsewhere, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        results[9] = [total([9.0] * clients) for clients in range(1, 6)]
        for thread in threads:
            thread.join()
    assert results == {i: [float(i * n) for n in range(1, 6)] for i in (0, 1, 2, 3, 9)}


def test_more_client_counts_than_executors_are_kept() -> None:
    with execution_context():
        for clients in [*range(1, 41), *range(1, 41)]:
            assert total([1.0] * clients) == clients


def test_the_default_number_of_clients() -> None:
    @tff.federated_computation
    def count() -> Any:
        return tff.federated_sum(tff.federated_value(1, tff.CLIENTS))

    with execution_context(default_num_clients=7):
        assert count() == 7


def test_a_context_for_notebooks_stays_until_released() -> None:
    context = ensure_context()
    assert add_one(1) == 2
    assert ensure_context() is context
    worker = context.worker
    with execution_context("test"):
        assert secure_total([1, 2]) == 3
    assert worker.pid is not None
    other = ensure_context("test")
    assert secure_total([1, 2]) == 3
    assert other.worker is worker
    release_context()
    release_context()
    assert worker.pid is None
    with pytest.raises(WorkerError, match="closed"):
        context.invoke(add_one, 1)


def test_an_interrupted_call_ends_at_once_and_the_next_one_works() -> None:
    with execution_context() as context:
        example.count_to(1)
        main = threading.main_thread().ident
        timer = threading.Timer(0.5, signal.pthread_kill, (main, signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            example.count_to(10**12)
        assert isinstance(context, WorkerContext)
        assert add_one(1) == 2


@pytest.mark.parametrize("concurrent", [1, 5])
def test_weights_do_not_depend_on_concurrency_nor_on_the_process(concurrent: int, finished_run: FinishedRun) -> None:
    process = example.build_process()
    with execution_context(max_concurrent_computation_calls=concurrent):
        state = process.initialize()
        for round_number in range(example.ROUNDS):
            state = process.next(state, example.datasets(round_number)).state
    digest = next(line.split()[1] for line in finished_run.lines if line.startswith("digest "))
    assert example.digest(state) == digest  # that run had all clients at a time
