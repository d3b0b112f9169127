"""The noise of the private sum: its size, its independence, and where it is added.

Statistical checks use N = 20,000 draws and six standard deviations, a flake rate of 2e-9 each and, with about a
hundred of them, below 1e-6 for the file.
"""

from __future__ import annotations

import collections
import itertools

import numpy as np
import pytest
import tensorflow_federated as tff
from scipy.stats import kstest

from tff_health.analytics.noisy_sum import NoisySumFactory, add_gaussian_noise, secure_sum_for
from tff_health.runtime.context import execution_context

pytestmark = pytest.mark.usefixtures("tff_context")
N, STDDEV, HOSPITALS = 20_000, 3.0, 5
VECTOR = tff.TensorType(np.float64, [N])


def assert_is_noise(values: np.ndarray, stddev: float) -> None:
    assert abs(values.mean()) <= 6 * stddev / np.sqrt(N)
    assert abs(values.std() / stddev - 1) <= 6 / np.sqrt(2 * N)
    assert kstest(values / stddev, "norm").pvalue > 1e-9


def assert_independent(one: np.ndarray, other: np.ndarray) -> None:
    assert abs(np.corrcoef(one, other)[0, 1]) <= 6 / np.sqrt(N)


def noisy_sum(factory: NoisySumFactory, values: list[np.ndarray]) -> np.ndarray:
    process = factory.create(VECTOR)
    return np.asarray(process.next(process.initialize(), values).result)


def test_every_hospital_and_every_call_draws_its_own_noise() -> None:
    noise = add_gaussian_noise(VECTOR, STDDEV)

    @tff.federated_computation(tff.FederatedType(VECTOR, tff.CLIENTS))
    def at_hospitals(values: object) -> object:
        return tff.federated_map(noise, values)

    calls = [np.array(at_hospitals([np.zeros(N)] * HOSPITALS)) for _ in range(2)]
    draws = np.concatenate(calls)
    assert draws.shape == (2 * HOSPITALS, N)
    for one in draws:
        assert_is_noise(one, STDDEV)
        assert_independent(one[:-1], one[1:])  # entry and next entry
    for one, other in itertools.combinations(draws, 2):
        assert_independent(one, other)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_tensors_of_a_structure_get_independent_noise(dtype: type[np.floating]) -> None:
    inner = tff.TensorType(dtype, [N])
    noise = add_gaussian_noise(tff.to_type(collections.OrderedDict(a=inner, b=inner)), STDDEV)
    drawn = noise(collections.OrderedDict(a=np.zeros(N, dtype), b=np.zeros(N, dtype)))
    assert drawn["a"].dtype == dtype
    assert_is_noise(np.asarray(drawn["a"], np.float64), STDDEV)
    assert_independent(drawn["a"], drawn["b"])


@pytest.mark.parametrize(
    ("placement", "secure", "expected"),
    [
        ("server", False, STDDEV),
        ("server", True, STDDEV),
        ("shared", True, STDDEV),
        ("each-hospital", False, STDDEV * HOSPITALS**0.5),
        ("each-hospital", True, STDDEV * HOSPITALS**0.5),
    ],
)
def test_the_total_has_the_noise_that_was_claimed(placement: str, secure: bool, expected: float) -> None:
    """Were hospitals' shares the same draw, `shared` would have sqrt(5) times this noise."""
    inner = secure_sum_for(100.0, STDDEV) if secure else None
    factory = NoisySumFactory(STDDEV, placement, HOSPITALS, inner)  # type: ignore[arg-type]
    values = [np.full(N, float(i)) for i in range(HOSPITALS)]
    with execution_context("test" if secure else "native"):
        first, second = noisy_sum(factory, values), noisy_sum(factory, values)
    assert_is_noise(first - 10, expected)
    assert_independent(first, second)


def test_what_one_hospital_sends_has_its_own_part_of_the_noise() -> None:
    assert NoisySumFactory(STDDEV, "server", 4).hospital_stddev == 0
    assert NoisySumFactory(STDDEV, "each-hospital", 4).hospital_stddev == STDDEV
    shared = NoisySumFactory(STDDEV, "shared", 4, secure_sum_for(1.0, 1.0))
    assert shared.hospital_stddev == STDDEV / 2
    with execution_context("test"):
        assert_is_noise(noisy_sum(shared, [np.zeros(N)]), STDDEV / 2)


def test_the_secure_sum_neither_clips_nor_rounds_to_any_effect() -> None:
    values = [np.linspace(-100, 100, N), np.full(N, 99.9)]
    factory = NoisySumFactory(1e-6, "shared", 2, secure_sum_for(100.0, 1e-6))
    with execution_context("test"):
        total = noisy_sum(factory, values)
    np.testing.assert_allclose(total, values[0] + values[1], atol=1e-5)


def test_bad_settings_are_refused() -> None:
    for stddev in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="stddev"):
            NoisySumFactory(stddev, "server", 3)
    with pytest.raises(ValueError, match="each-hospital"):
        NoisySumFactory(1.0, "nobody", 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="hospitals"):
        NoisySumFactory(1.0, "server", 0)
    with pytest.raises(ValueError, match="secure sum"):
        NoisySumFactory(1.0, "shared", 3)
    with pytest.raises(TypeError, match="float32 or float64"):
        NoisySumFactory(1.0, "server", 3).create(tff.TensorType(np.int32, [2]))
