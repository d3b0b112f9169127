"""Averaged iterates: the mean of the rounds' models, while hospitals train from the last one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.classifier import logistic_regression
from tff_health.learning.averaging import average_iterates, model_weights, with_model_weights
from tff_health.learning.classifier import build_classifier_process
from tff_health.learning.optimizers import build_optimizer
from tff_health.runtime.client_batches import client_dataset
from tff_health.runtime.context import execution_context


def flat(weights: Any) -> np.ndarray:
    return np.concatenate([np.ravel(value) for value in weights.trainable])


@pytest.mark.parametrize("after", [0, 2])
def test_the_mean_of_the_rounds_models(after: int) -> None:
    generator = np.random.default_rng(1)
    features = generator.normal(size=(50, 3)).astype(np.float32)
    labels = (features[:, :1] > 0).astype(np.float32)
    data = [client_dataset(features, labels, batch_size=50, order=None)] * 2
    with execution_context():
        plain = build_classifier_process(logistic_regression, (3,), client_optimizer=build_optimizer("sgd", 1.0))
        averaged = average_iterates(plain, after=after)
        state, iterates = plain.initialize(), []
        for _ in range(5):
            state = plain.next(state, data).state
            iterates.append(flat(state.global_model_weights))
        state = averaged.initialize()
        for number in range(1, 6):
            output = averaged.next(state, data)
            state = output.state
            expected = np.mean(iterates[after:number], axis=0) if number > after else iterates[number - 1]
            np.testing.assert_allclose(flat(averaged.get_model_weights(state)), expected, atol=1e-6)
            np.testing.assert_allclose(flat(model_weights(state)), expected, atol=1e-6)
        assert "client_work" in output.metrics
        start = averaged.get_model_weights(averaged.initialize())
        again = averaged.set_model_weights(state, start)
        np.testing.assert_array_equal(flat(averaged.get_model_weights(again)), flat(start))
        short = with_model_weights(state, start)
        ends = [averaged.get_model_weights(averaged.next(one, data).state) for one in (again, short)]
        np.testing.assert_allclose(flat(ends[0]), iterates[0], atol=1e-6)
        np.testing.assert_array_equal(flat(ends[0]), flat(ends[1]))
        parameters = averaged.get_hparams(state)
        assert averaged.get_hparams(averaged.set_hparams(state, parameters)) == parameters
