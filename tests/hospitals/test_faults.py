"""Twenty faults in a row, in any phase of a round: training goes on to the same weights."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import tensorflow_federated as tff
from needs_door import needs_door
from test_door import descendants

from data.catalogue import load_dataset
from data.federation import Federation
from tff_health.hospitals import connection
from tff_health.hospitals.connected import connected
from tff_health.hospitals.context import HospitalsError
from tff_health.hospitals.hospital_process import HospitalProcess
from tff_health.hospitals.simulated import simulated_hospitals
from tff_health.runtime.context import execution_context

pytestmark = [needs_door, pytest.mark.slow]
ROUNDS = 20
SILENCE = 2.0  # in place of 15 seconds
VECTOR = tff.types.to_type((np.float32, [50]))


@pytest.fixture(scope="module")
def clinics() -> Federation:
    loaded = load_dataset("breast_cancer", {"hospitals": 3}, seed=1)
    assert isinstance(loaded, Federation)
    return loaded


def program_of(process: HospitalProcess, name: str) -> int:
    """Process id of a hospital's worker or door."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for pid, words in descendants(process.pid or 0).items():
            if words.split() and words.split()[0].endswith(name):
                return pid
        time.sleep(0.05)
    raise AssertionError(f"no {name}")


def kill_worker(process: HospitalProcess) -> None:
    os.kill(program_of(process, "worker_binary"), signal.SIGKILL)


def freeze_worker(process: HospitalProcess) -> None:
    pid = program_of(process, "worker_binary")
    os.kill(pid, signal.SIGSTOP)
    time.sleep(SILENCE + 2)  # until the connection was given up
    os.kill(pid, signal.SIGCONT)


def slow_worker(process: HospitalProcess) -> None:
    pid = program_of(process, "worker_binary")
    for _ in range(10):
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.1)
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.02)


def restart_hospital(process: HospitalProcess) -> None:
    process.stop()
    time.sleep(1)
    process.start()


FAULTS = [kill_worker, freeze_worker, slow_worker, restart_hospital]


@contextmanager
def during(fault, process: HospitalProcess, after: float) -> Iterator[None]:
    """The fault happens in the block, some seconds after its start."""
    failed: list[BaseException] = []

    def run() -> None:
        time.sleep(after)
        try:
            fault(process)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    assert not failed, failed


def averaged() -> tff.templates.AggregationProcess:
    """A mean through secure sums, whose clip follows what it has seen: one lost round would show."""
    return tff.learning.secure_aggregator(weighted=False, zeroing=False).create(VECTOR)


def values(number: int) -> list[np.ndarray]:
    rng = np.random.default_rng(number)
    return [rng.normal(0, 1 + number / 5, 50).astype(np.float32) for _ in range(3)]


def test_twenty_faults_lose_nothing(clinics, monkeypatch):
    monkeypatch.setattr(connection, "_SILENCE", SILENCE)
    seed = random.SystemRandom().randrange(2**32)
    chance = random.Random(seed)
    process = averaged()
    with execution_context("test"):
        state = process.initialize()
        expected = []
        for number in range(ROUNDS):
            output = process.next(state, values(number))
            state = output.state
            expected.append(np.asarray(output.result))
    taken = []
    with simulated_hospitals({"clinics": clinics}) as simulated, connected(simulated.roster, simulated.identity) as own:
        processes = list(simulated.processes.values())
        with tff.framework.get_context_stack().install(own):
            state = process.initialize()
            for number in range(ROUNDS):
                fault, where, after = chance.choice(FAULTS), chance.choice(processes), chance.uniform(0, 0.4)
                started = time.monotonic()
                with during(fault, where, after):
                    output = process.next(state, values(number))
                taken.append(time.monotonic() - started)
                state = output.state
                np.testing.assert_allclose(
                    np.asarray(output.result), expected[number], rtol=0, atol=1e-6,
                    err_msg=f"seed {seed}, round {number}: {fault.__name__}",
                )  # fmt: skip
    assert max(taken) < 60, (seed, taken)


def test_a_hospital_that_stays_away_is_named_within_a_minute(clinics, monkeypatch):
    monkeypatch.setattr(connection, "_SILENCE", SILENCE)
    process = averaged()
    with simulated_hospitals({"clinics": clinics}) as simulated, connected(simulated.roster, simulated.identity) as own:
        name, gone = list(simulated.processes.items())[1]
        with tff.framework.get_context_stack().install(own):
            state = process.initialize()
            state = process.next(state, values(0)).state
            gone.stop()
            started = time.monotonic()
            with pytest.raises(HospitalsError, match=f"hospital '{name}' did not answer"):
                process.next(state, values(1))
            assert time.monotonic() - started < 60
            gone.start()
            process.next(state, values(1))
