"""The private GAN as a TFF process: what hospitals release, what the server makes of it, what is said to have run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from private_gan_example import make_encoded, make_task

from data.errors import SettingsError
from tff_health.learning.dp_sgd import ExecutedDifferentlyError, check_executed
from tff_health.learning.gan.clipped_critic import clipped_critic_sum
from tff_health.learning.gan.hospital_data import hospital_data
from tff_health.learning.gan.private_critic import build_private_gan_process
from tff_health.learning.gan.private_training import PrivateGanTraining
from tff_health.learning.patient_dp import PatientLevelDp
from tff_health.runtime.context import execution_context

SILENT = 1e-9  # a noise multiplier that no float32 weight can see
HOSPITALS = [make_encoded(rows, seed) for seed, rows in enumerate((30, 12, 0))]
# One turn that takes the critic straight to minus the gradient, and shows what was released.
ONE_TURN = PrivateGanTraining(turns=1, critic_learning_rate=1.0, critic_weight_decay=1.0)


def privacy(**changes: Any) -> PatientLevelDp:
    fields = {"clip": 1.5, "noise_multiplier": SILENT, "hospitals": 3, "noise": "shared", "expected_batch": 1.0}
    return PatientLevelDp(**(fields | changes))


def datasets(tables: list[np.ndarray]) -> list[tf.data.Dataset]:
    return [hospital_data(rows, np.array([7, k], np.int64)) for k, rows in enumerate(tables)]


def build(dp: PatientLevelDp, training: PrivateGanTraining = ONE_TURN, tables: Any = HOSPITALS, **changes: Any) -> Any:
    return build_private_gan_process(make_task(**changes), training, dp, [len(rows) for rows in tables], seed=5)


def released(state: Any) -> np.ndarray:
    """The average noisy gradient of patients that the server keeps."""
    return np.concatenate([np.ravel(part) for part in state.finalizer["patients"]])


def exact_mean() -> np.ndarray:
    """The patients' clipped gradients at the start, by themselves."""
    task, rows = make_task(), tf.constant(np.concatenate(HOSPITALS))
    sums, _ = clipped_critic_sum(task, task.build_networks().critic, rows, (), clip=1.5, clipping="flat")
    return np.concatenate([np.ravel(part) for part in sums]) / len(rows)


PLACEMENTS = [("shared", "test"), pytest.param("each-hospital", "native", marks=pytest.mark.slow)]


@pytest.mark.parametrize(("noise", "backend"), PLACEMENTS)
def test_without_noise_it_is_the_mean_of_clipped_gradients(noise: str, backend: Any) -> None:
    expected = exact_mean()
    with execution_context(backend):
        process = build(privacy(noise=noise))
        output = process.next(process.initialize(), datasets(HOSPITALS))
        weights = process.get_model_weights(output.state)
    np.testing.assert_allclose(released(output.state), expected, atol=1e-6)
    check_executed(privacy(noise=noise), output.metrics["client_work"])
    # The critic's one step: -(patients' gradient + that of generated rows).
    after = np.ravel(weights.trainable["critic"][0])
    of_fakes = -after - expected
    assert np.linalg.norm(of_fakes) < np.linalg.norm(after) + np.linalg.norm(expected)
    assert np.abs(of_fakes).max() <= 1.5
    assert set(output.metrics["finalizer"]) == {"generator_loss", "condition_loss", "marginal_loss"}


@pytest.mark.parametrize(("noise", "backend"), PLACEMENTS)
def test_the_released_sum_has_the_noise_that_is_accounted(noise: str, backend: Any) -> None:
    """Twelve releases of all entries: six standard deviations of the estimate, a flake rate of 2e-9."""
    clip, multiplier = 1.5, 2.0
    exact = exact_mean()
    with execution_context(backend):
        process = build(privacy(noise=noise, noise_multiplier=multiplier))
        start = process.initialize()
        draws = np.stack([released(process.next(start, datasets(HOSPITALS)).state) for _ in range(12)])
    patients = sum(map(len, HOSPITALS))
    noise_on_sum = (draws - exact) * patients
    expected = clip * multiplier * (np.sqrt(3) if noise == "each-hospital" else 1.0)
    assert noise_on_sum.std() == pytest.approx(expected, rel=6 / np.sqrt(2 * noise_on_sum.size))
    assert len(np.unique(draws)) == draws.size


def test_patients_are_drawn_by_coins() -> None:
    """A rate of one half, one patient over and over: taken in 40 rounds between 4 and 36 times (flake rate 1e-7)."""
    alone = [make_encoded(1), make_encoded(0), make_encoded(0)]
    with execution_context("test"):
        dp = privacy(sampling_rate=0.5)
        process = build(dp, tables=alone)
        start = process.initialize()
        sums = [np.abs(released(process.next(start, datasets(alone)).state)).max() for _ in range(40)]
    taken = sum(value > 1e-3 for value in sums)
    assert 4 <= taken <= 36


@pytest.mark.parametrize(
    "changes",
    [{"conditional": True}, pytest.param({"critic_hidden": (6,), "gradient_penalty": 10.0}, marks=pytest.mark.slow)],
)
def test_rounds_go_on_averaging_and_training(changes: dict[str, Any]) -> None:
    """Small, empty and one-class hospitals take part; every weight stays finite."""
    one_class = make_encoded(16, 9)
    one_class[:, 8:] = [1.0, 0.0]
    tables = [HOSPITALS[0], one_class, HOSPITALS[2]]
    training = PrivateGanTraining(turns=5, gradient_memory=2)
    with execution_context("test"):
        process = build(privacy(noise_multiplier=3.0), training, tables, **changes)
        state = process.initialize()
        first = process.get_model_weights(state).non_trainable["generator"]
        for _ in range(3):
            output = process.next(state, datasets(tables))
            state = output.state
        weights = process.get_model_weights(state)
    assert weights.non_trainable["rounds"] == 3
    assert all(np.isfinite(part).all() for part in tf.nest.flatten(weights))
    assert any((a != b).any() for a, b in zip(weights.non_trainable["generator"], first, strict=True))


def test_what_ran_is_held_against_what_is_accounted() -> None:
    with execution_context("test"):
        process = build(privacy(sampling_rate=0.5))
        measured = process.next(process.initialize(), datasets(HOSPITALS)).metrics["client_work"]
    check_executed(privacy(sampling_rate=0.5), measured)
    for tampered in (
        privacy(),
        privacy(sampling_rate=0.5, noise_multiplier=1.0),
        privacy(sampling_rate=0.5, hospitals=4),
        privacy(sampling_rate=0.5, noise="each-hospital", local_steps=2),
    ):
        with pytest.raises(ExecutedDifferentlyError, match="accounted"):
            check_executed(tampered, measured)


def test_settings_that_no_guarantee_rests_on_are_refused() -> None:
    with pytest.raises(SettingsError, match="2 hospitals take part"):
        build(privacy(), tables=HOSPITALS[:2])
    with pytest.raises(SettingsError, match="one step a round"):
        build(privacy(noise="each-hospital", local_steps=2))
    with pytest.raises(SettingsError, match="no hospital has a row"):
        build(privacy(), tables=[HOSPITALS[2]] * 3)
    with pytest.raises(SettingsError, match="run away"):
        PrivateGanTraining(critic_learning_rate=2.0, critic_weight_decay=1.0)
