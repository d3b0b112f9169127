"""What ran is compared with what is accounted, and a difference is caught."""

import collections
import functools

import dp_accounting
import numpy as np
import pytest
import tensorflow_federated as tff
from aggregation_example import rounds

from data.errors import SettingsError
from models.classifier import logistic_regression
from tff_health.aggregators.executed import (
    ExecutedMismatchError,
    check_executed,
    executed_numbers,
    executed_release,
)
from tff_health.aggregators.hospital_dp import MECHANISMS, HospitalLevelDp
from tff_health.learning.classifier import build_classifier_process
from tff_health.learning.optimizers import build_optimizer
from tff_health.runtime.client_batches import client_dataset

pytestmark = pytest.mark.usefixtures("tff_context")
SIZE = 10


def mechanism(name, **changes):
    numbers = {"clip": 0.5, "noise_multiplier": 1.5, "hospitals": 3, "rounds": 2}
    if name == "gaussian-adaptive":
        numbers["clipped_count_stddev"] = 2.0
    if name in ("discrete-gaussian", "skellam"):
        numbers["dimension"] = SIZE
    return HospitalLevelDp(name, **(numbers | changes))


@functools.cache
def after(dp, number, hospitals=3):
    return list(rounds(dp.build_factory(), [np.ones(SIZE)] * hospitals, number))[-1].state


def total(release, delta=1e-5):
    """Epsilon of a Gaussian event or of a Rényi curve."""
    if isinstance(release, dp_accounting.DpEvent):
        return dp_accounting.rdp.RdpAccountant().compose(release).get_epsilon(delta)
    return dp_accounting.rdp.compute_epsilon(release.orders, release.epsilons, delta)[0]


@pytest.mark.parametrize("name", MECHANISMS)
def test_state_of_a_run_agrees_with_its_settings(name):
    dp = mechanism(name)
    state = after(dp, 2)
    check_executed(dp, state, 2)
    assert total(executed_release(dp, state)) == pytest.approx(total(dp.release(2)), rel=1e-5)
    for rounds_accounted in (1, 3):
        with pytest.raises(ExecutedMismatchError, match="rounds was 2"):
            check_executed(dp, state, rounds_accounted)


@pytest.mark.parametrize("name", MECHANISMS)
def test_other_settings_than_ran_are_caught(name):
    state = after(mechanism(name), 2)
    others = [{"noise_multiplier": 1.6}, {"hospitals": 4}]
    # An adaptive clip costs the same whatever it is.
    others.append({"clipped_count_stddev": 1.9} if name == "gaussian-adaptive" else {"clip": 0.6})
    for accounted in others:
        with pytest.raises(ExecutedMismatchError, match="epsilon would be wrong"):
            check_executed(mechanism(name, **accounted), state, 2)


@pytest.mark.parametrize("name", MECHANISMS)
def test_tampered_state_is_caught(name):
    """Less noise, set in the state between two rounds, is what the next round runs with, and is found."""
    dp = mechanism(name)
    state = after(dp, 2)

    def halved(query, field):
        return query._replace(**{field: np.float32(getattr(query, field) / 2)})

    if dp.secure:
        dp_state = state["inner"][0]["inner_agg_process"]
        query = halved(dp_state.query_state, "local_stddev")
        rounded = collections.OrderedDict(state["inner"][0], inner_agg_process=dp_state._replace(query_state=query))
        inner = (rounded, *state["inner"][1:])
    else:
        outer = state["inner"].query_state
        query = outer.numerator_state
        if name == "gaussian":
            query = halved(query, "stddev")
        elif name == "gaussian-adaptive":
            query = halved(query, "noise_multiplier")
        else:
            generator = halved(query.tree_state.value_generator_state, "stddev")
            query = query._replace(tree_state=query.tree_state._replace(value_generator_state=generator))
        inner = state["inner"]._replace(query_state=outer._replace(numerator_state=query))
    tampered = collections.OrderedDict(state, inner=inner)
    with pytest.raises(ExecutedMismatchError):
        check_executed(dp, tampered, 2)
    assert total(executed_release(dp, tampered)) > 1.2 * total(dp.release(2))


def test_a_missing_hospital_is_caught():
    """Its share of the noise is missing too."""
    dp = mechanism("skellam")
    state = after(dp, 1, hospitals=2)
    assert executed_numbers(dp, state)["fewest_hospitals"] == 2
    with pytest.raises(ExecutedMismatchError, match="fewest_hospitals was 2"):
        check_executed(dp, state, 1)
    assert total(executed_release(dp, state)) > total(dp.release(1))


def test_no_round_no_cost():
    dp = mechanism("gaussian")
    process = dp.build_factory()
    with pytest.raises(ExecutedMismatchError, match="no round ran"):
        executed_release(dp, process.create(tff.TensorType(np.float32, [2])).initialize())


@pytest.mark.parametrize("name", MECHANISMS)
def test_in_a_learning_process(name):
    rng = np.random.default_rng(0)
    dp = mechanism(name, **({"dimension": 5} if name in ("discrete-gaussian", "skellam") else {}))
    process = build_classifier_process(
        logistic_regression, (4,), client_optimizer=build_optimizer("sgd", 0.1), aggregator=dp.build_factory()
    )
    state = process.initialize()
    for _ in range(2):
        data = []
        for _ in range(3):
            x = rng.normal(size=(8, 4)).astype(np.float32)
            data.append(client_dataset(x, (x[:, :1] > 0).astype(np.float32), batch_size=8, order=None))
        state = process.next(state, data).state
    check_executed(dp, state.aggregator, 2)
    assert all(np.isfinite(layer).all() for layer in process.get_model_weights(state).trainable)


def test_another_model_than_accounted_is_refused():
    with pytest.raises(SettingsError, match="dimension is 10, but the model has 11"):
        mechanism("skellam").build_factory().create(tff.TensorType(np.float32, [11]))
