"""Named streams: the same in every process for ever, and different from each other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tff_health.runtime import seeds

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
from tff_health.runtime import seeds
print(seeds.stream(42, "order", "cleveland", 3).generate_state(4).tolist())
print(seeds.tf_seed(42, "weights").tolist(), seeds.integer_seed(42, "split"))
print(seeds.generator(0, "rows").integers(0, 1000, 5).tolist())
"""
GOLDEN = """\
[801753926, 3608997829, 2093842653, 1045872238]
[779835254689508906, -5936609881923109443] 357018934
[969, 423, 84, 728, 462]
"""


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_streams_are_the_same_in_every_process(hash_seed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == GOLDEN


def test_names_do_not_run_into_each_other() -> None:
    paths: list[tuple[str | int, ...]] = [
        *[("a",), ("b",), ("a", "b"), ("ab",), ("a", "b", ""), ("a,b",), ('a","b',), ("3",), (3,), (0,), ("",)],
        *[("a", 0), ("a", "0"), ("a", -1), ("a", 2**40), ("ä",)],
    ]
    states = {tuple(seeds.stream(1, *path).generate_state(4)) for path in paths}
    assert len(states) == len(paths)
    assert not states & {tuple(seeds.stream(2, *path).generate_state(4)) for path in paths}


def test_streams_do_not_depend_on_what_was_drawn_before() -> None:
    first = seeds.generator(7, "noise").normal(size=3)
    seeds.generator(7, "order").normal(size=100)
    np.testing.assert_array_equal(seeds.generator(7, "noise").normal(size=3), first)


def test_streams_look_independent() -> None:
    draws = np.stack([seeds.generator(5, "client", i).normal(size=2000) for i in range(20)])
    off_diagonal = np.corrcoef(draws) - np.eye(20)
    assert np.abs(off_diagonal).max() < 5 / np.sqrt(2000)


def test_kinds_of_seeds() -> None:
    pair = seeds.tf_seed(1, "x")
    assert (pair.dtype, pair.shape) == (np.int64, (2,))
    assert all(0 <= seeds.integer_seed(1, i) < 2**31 for i in range(100))
    assert seeds.integer_seed(1, np.int64(3)) == seeds.integer_seed(np.int32(1), 3)


@pytest.mark.parametrize(
    ("seed", "names", "error"),
    [
        (-1, ("a",), ValueError),
        (1, (), ValueError),
        (1, (True,), TypeError),
        (1, (1.0,), TypeError),
        (1, (None,), TypeError),
    ],
)
def test_bad_seeds_and_names_are_refused(seed: int, names: tuple, error: type[Exception]) -> None:
    with pytest.raises(error):
        seeds.stream(seed, *names)
