"""Computations over workers of hospitals, against the same on one machine."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff
from hospitals_apart import NAMES

from data.errors import SettingsError
from tff_health.hospitals.context import HospitalsError, masked_numbers
from tff_health.runtime.context import execution_context
from tff_health.secure_aggregation.secrets_file import USED_FOLDER

VECTOR = tff.types.to_type((np.float32, [3]))
VALUES = [np.array([0.25, -0.5, 1.0], np.float32) * place for place in (1, 2, 4)]


def rounds_of(factory: tff.aggregators.UnweightedAggregationFactory, rounds: int = 2) -> list[np.ndarray]:
    process = factory.create(VECTOR)
    state, results = process.initialize(), []
    for _ in range(rounds):
        output = process.next(state, VALUES)
        state = output.state
        results.append(np.asarray(output.result))
    return results


FACTORIES = {
    "sum": tff.aggregators.SumFactory,
    "mean": tff.aggregators.UnweightedMeanFactory,
    "secure sum": lambda: tff.aggregators.SecureSumFactory(upper_bound_threshold=4.0, lower_bound_threshold=-4.0),
    "secure aggregator": lambda: tff.learning.secure_aggregator(weighted=False),
}


@pytest.mark.parametrize("name", FACTORIES)
def test_aggregators_give_what_one_machine_gives(three_hospitals, name):
    apart = rounds_of(FACTORIES[name]())
    with execution_context("test"):
        together = rounds_of(FACTORIES[name]())
    for one, other in zip(apart, together, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


def test_integers_are_summed_exactly_modulo_m(three_hospitals):
    process = tff.aggregators.SecureModularSumFactory(1000).create(tff.types.to_type((np.int64, [2])))
    values = [np.array([999, 1]), np.array([999, 2]), np.array([5, 3])]
    output = process.next(process.initialize(), values)
    assert output.result.tolist() == [3, 6]
    assert isinstance(output, tff.templates.MeasuredProcessOutput)


def test_a_number_outside_a_secure_sum_fails_the_round(three_hospitals):
    @tff.federated_computation(tff.FederatedType(np.int32, tff.CLIENTS))
    def total(values):
        return tff.federated_secure_sum(values, 10)

    assert total([1, 2, 10]) == 13
    with pytest.raises(HospitalsError, match=r"'east'.*not between 0 and 10"):
        total([1, 2, 11])
    with pytest.raises(HospitalsError, match=r"'north'.*not between 0 and 10"):
        total([-1, 2, 3])


def test_every_hospital_sees_its_own_folder_only(three_hospitals):
    """A computation that reads a file by a relative name reads it from the hospital's own disk."""

    @tff.tensorflow.computation(np.int32)
    def records(_):
        return tf.strings.length(tf.io.read_file("secrets/pairs.bin"))

    @tff.federated_computation(tff.FederatedType(np.int32, tff.CLIENTS))
    def total(values):
        return tff.federated_sum(tff.federated_map(records, values))

    others = len(NAMES) - 1
    assert total([0] * len(NAMES)) == len(NAMES) * (4 * 11 + others * 36)


def test_arguments_for_another_number_of_clients_are_refused(three_hospitals):
    @tff.federated_computation(tff.FederatedType(np.int32, tff.CLIENTS))
    def total(values):
        return tff.federated_sum(values)

    with pytest.raises(HospitalsError, match="2 clients, but 3 hospitals"):
        total([1, 2])


def test_hospitals_are_not_asked_behind_their_backs(three_hospitals):
    """TFF would take it that there are no clients, and answer 0."""

    @tff.federated_computation(tff.FederatedType(np.int32, tff.SERVER))
    def total(value):
        return tff.federated_sum(tff.federated_broadcast(value))

    with pytest.raises(HospitalsError, match="without an argument of theirs"):
        total(1)


def test_sums_that_need_another_sum_are_refused(three_hospitals):
    @tff.tensorflow.computation(np.int32, np.int32)
    def less(value, other):
        return value - other

    @tff.federated_computation(tff.FederatedType(np.int32, tff.CLIENTS))
    def total(values):
        first = tff.federated_broadcast(tff.federated_sum(values))
        return tff.federated_sum(tff.federated_map(less, (values, first)))

    with pytest.raises(SettingsError, match="cannot be cut into one part for hospitals"):
        total([1, 2, 3])


def test_a_killed_worker_is_replaced_and_the_round_repeated(three_hospitals):
    _, workers = three_hospitals
    process = tff.aggregators.SecureModularSumFactory(2**20).create(tff.types.to_type((np.int64, [2])))
    values = [np.array([place, 1]) for place in range(3)]
    state = process.initialize()
    assert process.next(state, values).result.tolist() == [3, 3]
    workers["south"]._process.kill()
    assert process.next(state, values).result.tolist() == [3, 3]


def test_two_calls_with_equal_numbers_send_different_ones(three_hospitals, monkeypatch):
    """What the coordinator receives is taken where it arrives."""
    context, _ = three_hospitals
    seen = []
    totals = context._totals

    def spy(form, sent):
        seen.extend(masked_numbers(form, part)[0] for part in sent)
        return totals(form, sent)

    monkeypatch.setattr(context, "_totals", spy)
    process = tff.aggregators.SecureModularSumFactory(2**32).create(tff.types.to_type((np.int64, [4])))
    values = [np.full(4, 7)] * 3
    for _ in range(2):
        assert process.next(process.initialize(), values).result.tolist() == [21] * 4
    masked = np.stack(seen)
    assert masked.shape == (6, 4)
    assert masked.dtype == np.uint32
    assert len(set(masked.ravel().tolist())) == 24


def test_every_attempt_is_on_record(three_hospitals, tmp_path_factory):
    _, workers = three_hospitals
    rounds_of(FACTORIES["secure sum"](), rounds=1)
    folders = [worker._folder for worker in workers.values()]
    attempts = [{path.name for path in (folder / USED_FOLDER).iterdir()} for folder in folders]
    assert all(attempts)
    assert len({name.partition("-")[0] for own in attempts for name in own}) == 1, "one run, known to all by one name"
