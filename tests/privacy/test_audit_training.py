"""The patient-level audit on the project's own TFF training, private and not."""

import numpy as np
import pytest
import tensorflow_federated as tff

from models.classifier import logistic_regression, mlp
from tff_health.aggregators.secure_mean import build_secure_mean
from tff_health.learning.classifier import build_classifier_process
from tff_health.learning.keras_model import initial_weights
from tff_health.learning.patient_dp import PatientLevelDp
from tff_health.privacy.audit.canary_rows import HospitalRows
from tff_health.privacy.audit.patient_canaries import ReleasedModels, audit_patient_level
from tff_health.privacy.gaussian import gaussian_epsilon
from tff_health.runtime.client_batches import client_dataset
from tff_health.runtime.context import execution_context

CLIP, ROUNDS, DELTA, CANARIES = 0.5, 5, 1e-10, 200
SURE = 1 - 1e-7  # a sound process is flagged once in 10^7 audits


@pytest.fixture(scope="module", autouse=True)
def context():
    with execution_context("test") as installed:
        yield installed


@pytest.fixture(scope="module")
def hospitals():
    rng = np.random.default_rng(1)
    return [
        HospitalRows(rng.random((rows, 6)).astype("f"), (rng.random((rows, 1)) < 0.5).astype("f")) for rows in (40, 60)
    ]


def training(model, noise_multiplier, noise):
    """A `Train` function of the project's process; the divisor comes from the declared rows alone."""

    def train(rows):
        shape, expected = rows[0].features.shape[1:], sum(row.declared_rows for row in rows) / len(rows)
        privacy = noise_multiplier and PatientLevelDp(
            clip=CLIP, noise_multiplier=noise_multiplier, hospitals=len(rows), noise=noise, expected_batch=expected
        )
        process = build_classifier_process(
            model,
            shape,
            client_optimizer=tff.learning.optimizers.build_sgdm(1.0),
            aggregator=build_secure_mean(len(rows), 4.0) if noise == "shared" else "uniform-mean",
            privacy=privacy or None,
        )
        state = process.set_model_weights(process.initialize(), initial_weights(model, shape, 3))
        models = [list(process.get_model_weights(state).trainable)]
        for _ in range(ROUNDS):
            data = [client_dataset(row.features, row.labels, batch_size=1024, order=None) for row in rows]
            state = process.next(state, data).state
            models.append(list(process.get_model_weights(state).trainable))
        return ReleasedModels(models)

    return train


@pytest.mark.parametrize("model", [logistic_regression, mlp])
def test_positive_control_training_without_privacy_is_seen_through(hospitals, model):
    result = audit_patient_level(training(model, None, None), hospitals, canaries=CANARIES, delta=DELTA)
    assert result.epsilon_lower > 2


@pytest.mark.parametrize(
    ("model", "noise"),
    [(logistic_regression, "shared"), (logistic_regression, "each-hospital"), (mlp, "each-hospital")],
)
def test_private_training_passes(hospitals, model, noise):
    claimed = gaussian_epsilon(ROUNDS**0.5 / 4, DELTA)
    result = audit_patient_level(
        training(model, 4.0, noise),
        hospitals,
        canaries=CANARIES,
        delta=DELTA,
        confidence=SURE,
        clip=CLIP,
        claimed_epsilon=claimed,
        curve="gaussian",
    )
    assert not result.flagged, result.sentence()
    assert result.could_flag


def test_weak_noise_is_noticed(hospitals):
    """Nearly no noise, accounted as if it were plenty: the audit of the real process has teeth."""
    result = audit_patient_level(
        training(logistic_regression, 0.3, "shared"),
        hospitals,
        canaries=CANARIES,
        delta=DELTA,
        confidence=SURE,
        clip=CLIP,
        claimed_epsilon=1.0,
        curve="gaussian",
    )
    assert result.flagged, result.sentence()
