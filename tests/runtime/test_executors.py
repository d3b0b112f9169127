"""What executors send to the worker, keep there and give back."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import numpy as np
import psutil
import pytest

from tff_health.runtime import execution_context

import tensorflow_federated as tff  # isort: skip (after the project has silenced TensorFlow)


@tff.tensorflow.computation(np.int32)
def add_one(x: Any) -> Any:
    return x + 1


def test_a_computation_is_sent_to_the_worker_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    original = tff.framework.RemoteExecutorGrpcStub.create_value

    def counted(self: Any, request: Any) -> Any:
        sent.append(request.value.WhichOneof("value"))
        return original(self, request)

    monkeypatch.setattr(tff.framework.RemoteExecutorGrpcStub, "create_value", counted)
    with execution_context() as context:
        assert [add_one(number) for number in (1, 2, 3)] == [2, 3, 4]
        assert sent.count("computation") == 1
        assert sent.count("array") == 3
        assert context.worker.pid is not None
        psutil.Process(context.worker.pid).kill()
        assert add_one(4) == 5
        assert sent.count("computation") == 2


def test_more_computations_than_are_kept() -> None:
    def adding(amount: int) -> Any:
        return tff.tensorflow.computation(lambda x: x + amount, np.int32)

    computations = [adding(amount) for amount in range(10)]
    with execution_context():
        for _ in range(2):
            assert [computation(1) for computation in computations] == list(range(1, 11))


def test_a_value_that_outlives_its_executor_is_given_back_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal closes the executor while the worker still answers; at the end of the process Python clears up."""
    complaints: list[Any] = []
    original = tff.framework.RemoteExecutorGrpcStub.create_value
    with execution_context() as context:
        assert add_one(1) == 2
        executor = context.executor_factory.create_executor({})

        def closing(self: Any, request: Any) -> Any:
            answer = original(self, request)
            executor.close()
            return answer

        monkeypatch.setattr(tff.framework.RemoteExecutorGrpcStub, "create_value", closing)
        monkeypatch.setattr("sys.unraisablehook", complaints.append)
        value = asyncio.run(executor.create_value([1, 2], tff.to_type([np.int32, np.int32])))
        del value
        gc.collect()
    assert not complaints
