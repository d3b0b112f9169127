"""A learning process's state survives a checkpoint: resumed training gives the same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tff_health.runtime import execution_context, nested
from tff_health.runtime.checkpoints import CheckpointStore

import federated_example as example  # isort: skip (a program beside this file)
import tensorflow as tf  # isort: skip (after the project has silenced it)
import tensorflow_federated as tff  # isort: skip


def test_training_resumed_from_a_checkpoint_is_bit_identical(tmp_path: Path) -> None:
    process = example.build_process()
    with execution_context():
        state = process.initialize()
        for round_number in range(2):
            state = process.next(state, example.datasets(round_number)).state
        CheckpointStore(tmp_path, "settings").save(2, state)
        uninterrupted = process.next(state, example.datasets(2)).state
    with execution_context():
        found = CheckpointStore(tmp_path, "settings").latest()
        assert found is not None
        restored = nested.restore(process.initialize(), found.payload)
        assert type(restored) is type(state)
        assert example.digest(restored) == example.digest(state)
        resumed = process.next(restored, example.datasets(2)).state
    assert example.digest(resumed) == example.digest(uninterrupted)


@pytest.mark.parametrize("name", ["robust", "adaptive clipping", "tree aggregation"])
def test_states_of_stateful_aggregators_come_back(name: str, tmp_path: Path) -> None:
    private = tff.aggregators.DifferentiallyPrivateFactory
    factory = {
        "robust": lambda: tff.learning.robust_aggregator(weighted=False),
        "adaptive clipping": lambda: private.gaussian_adaptive(0.1, 40.0, clipped_count_stddev=1.0),
        "tree aggregation": lambda: private.tree_aggregation(1.0, 5, 1.0, tf.TensorSpec([3], tf.float32), noise_seed=1),
    }[name]()
    process = factory.create(tff.to_type((np.float32, (3,))))
    updates = [np.full(3, client, np.float32) for client in range(4)]
    store = CheckpointStore(tmp_path, "settings")
    with execution_context():
        state = process.next(process.initialize(), updates).state
        store.save(1, state)
        found = store.latest()
        assert found is not None
        restored = nested.restore(process.initialize(), found.payload)
        assert len(nested.describe(state)[1]) > 0
        assert nested.describe(restored)[0] == nested.describe(state)[0]
        for left, right in zip(nested.describe(restored)[1], nested.describe(state)[1], strict=True):
            assert left.dtype == right.dtype
            assert left.tobytes() == right.tobytes()
        process.next(restored, updates)
