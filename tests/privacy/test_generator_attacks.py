"""Membership attacks on a generator: a memoriser is found, an independent one is at .5."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from data.errors import DataError, SettingsError, UnknownNameError
from data.schema import Column, Schema
from tff_health.privacy.generator_attacks.attacks import (
    DEFAULT_ATTACKS,
    GeneratorView,
    calibrated_nearest,
    density_ratio,
    find_generator_attack,
    generator_attack_names,
    monte_carlo,
    nearest,
    register_generator_attack,
    unregister_generator_attack,
)
from tff_health.privacy.generator_attacks.control import memorising_table, run_generator_control
from tff_health.privacy.generator_attacks.features import TableFeatures
from tff_health.privacy.generator_attacks.inference import run_generator_attacks

SCHEMA = Schema(
    (
        Column("age", "integer", bounds=(0, 100)),
        *(Column(name, "continuous", bounds=(-5, 5)) for name in "abc"),
        Column("pain", "categorical", codebook={"a": "none", "b": "some", "c": "much"}),
        Column("ill", "binary", codebook={0: "no", 1: "yes"}),
    ),
    target="ill",
)
NAN = np.nan
FEW = {"resamples": 50, "permutations": 49}


def patients(rows, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    table = np.empty((rows, 6))
    table[:, 0] = rng.integers(20, 80, rows)
    table[:, 1:4] = np.clip(rng.normal(size=(rows, 3)) + shift, -5, 5)
    table[:, 4], table[:, 5] = rng.integers(0, 3, rows), rng.integers(0, 2, rows)
    table[:, :5][rng.random((rows, 5)) < 0.05] = NAN
    return table


def hospitals(rows, names=("north", "south")):
    return np.resize(names, rows)


def attacked(members, non_members, synthetic, seed=0, **settings):
    return run_generator_attacks(
        SCHEMA,
        members,
        non_members,
        synthetic,
        member_hospitals=hospitals(len(members)),
        non_member_hospitals=hospitals(len(non_members)),
        rng=np.random.default_rng(seed),
        **{**FEW, **settings},
    )


def test_points_by_hand():
    seen = np.array([[10, 0, 0, 0, 0, 0], [30, 0, NAN, NAN, 1, 1]], float)
    points = TableFeatures(SCHEMA, seen)(np.array([[40, 5, NAN, 1, 2, NAN]], float))
    one = 1 / np.sqrt(2)
    # Age in deviations (mean 20, 10 apart); a and c, which do not vary, over the public range of 10; b is missing.
    expected = [2, 0, 0.5, 0, 0, one, 0.1, 0, 0, 0, one, 0, 0, 0, one]
    np.testing.assert_allclose(points, [expected])
    codes = TableFeatures(SCHEMA, seen)(np.array([[20, 0, 0, 0, 0, 0], [20, 0, 0, 0, 1, 0]], float))
    assert np.linalg.norm(codes[0] - codes[1]) == pytest.approx(1)


def test_attacks_by_hand():
    candidates, synthetic = np.array([[0.0], [3.0], [10.0]]), np.array([[0.0], [1.0], [4.0]])
    reference = np.array([[2.0], [5.0], [9.0]])
    view = GeneratorView(candidates, synthetic, reference)
    np.testing.assert_allclose(nearest(view), [0, -1, -6])
    # Mean distances to the reference (all three, as there are no five): 16/3, 3, 14/3.
    np.testing.assert_allclose(calibrated_nearest(view), [16 / 3, 2, 14 / 3 - 6])
    # The reference lies 1, 1 and 5 from the synthetic rows: within 1 lie two, one and none of three.
    np.testing.assert_allclose(monte_carlo(view), [2 / 3, 1 / 3, 0])
    width = 3 ** (-1 / 5)
    densities = [
        norm.pdf(candidates, rows.T, scale).mean(axis=1) for rows, scale in ((synthetic, width / 2), (reference, width))
    ]
    np.testing.assert_allclose(density_ratio(view), np.log(densities[0] / densities[1]))


def test_a_memoriser_is_found_by_every_attack():
    members, non_members = patients(60, 0), patients(60, 1)
    table = memorising_table(SCHEMA, members, 300, np.random.default_rng(2))
    result = attacked(members, non_members, table)
    assert tuple(result.attacks) == DEFAULT_ATTACKS
    assert result.headline.name == "density-ratio"
    assert (result.members, result.non_members, result.notes) == (60, 60, ())
    for attack in result.attacks.values():
        assert attack.detects_membership, attack.statement
    assert result.headline.auc > 0.95
    assert result.headline.tpr_at_1pct_fpr.value > 0.5


def test_twenty_memorised_patients_are_found():
    members, non_members = patients(20, 0), patients(60, 1)
    result = attacked(members, non_members, memorising_table(SCHEMA, members, 200, np.random.default_rng(2)))
    assert result.headline.low > 0.8


def test_an_independent_generator_is_at_one_half():
    found = {name: [] for name in DEFAULT_ATTACKS}
    held = dict.fromkeys(DEFAULT_ATTACKS, 0)
    for seed in range(40):
        tables = patients(40, 3 * seed), patients(30, 3 * seed + 1), patients(80, 3 * seed + 2)
        for name, attack in attacked(*tables, seed, resamples=1, permutations=1).attacks.items():
            found[name].append(attack.auc)
            held[name] += attack.includes_chance
    for name, values in found.items():
        assert np.mean(values) == pytest.approx(0.5, abs=3 * np.std(values) / np.sqrt(40)), name
        assert held[name] >= 35, name


def test_a_generator_that_memorised_others_raises_no_alarm():
    others = memorising_table(SCHEMA, patients(60, 5), 300, np.random.default_rng(6))
    result = attacked(patients(80, 0), patients(60, 1), others)
    for attack in result.attacks.values():
        assert attack.low < 0.5 < attack.high, attack.statement


def test_hospitals_that_differ_are_no_leak():
    # All of one hospital's patients train and are unlike the other's; only pairs of one hospital may count.
    members = np.concatenate([patients(60, 0, 3.0), patients(30, 1)])
    non_members = np.concatenate([patients(6, 2, 3.0), patients(60, 3)])
    synthetic = np.concatenate([patients(100, 4, 3.0), patients(50, 5)])
    result = run_generator_attacks(
        SCHEMA,
        members,
        non_members,
        synthetic,
        member_hospitals=["a"] * 60 + ["b"] * 30,
        non_member_hospitals=["a"] * 6 + ["b"] * 60,
        rng=np.random.default_rng(0),
        **FEW,
    )
    assert result.attacks["monte-carlo"].pooled_auc.low > 0.5 or result.headline.pooled_auc.low > 0.5
    assert all(attack.includes_chance for attack in result.attacks.values())


def test_hospitals_without_both_kinds_are_left_out():
    result = run_generator_attacks(
        SCHEMA,
        patients(30, 0),
        patients(20, 1),
        patients(50, 2),
        member_hospitals=["a"] * 20 + ["b"] * 10,
        non_member_hospitals=["a"] * 15 + ["c"] * 5,
        rng=np.random.default_rng(0),
        **FEW,
    )
    assert (result.members, result.non_members) == (20, 15)
    assert result.notes == ("Not scored, as they hold only members or only non-members: b, c.",)


def test_nobody_is_his_own_reference():
    seen = []

    @register_generator_attack("spy", title="Spy")
    def spy(view):
        seen.append(view)
        return np.zeros(len(view.candidates))

    members, non_members = patients(23, 0), patients(14, 1)
    try:
        attacked(members, non_members, patients(30, 2), attacks=["spy"])
        assert len(seen) == 10
        assert sum(len(view.candidates) for view in seen) == 37
        for view in seen:
            assert len(view.reference) in (12, 13)
            gaps = np.linalg.norm(view.candidates[:, None] - view.reference[None], axis=2)
            assert gaps.min() > 0
        own = patients(25, 9)
        seen.clear()
        attacked(members, non_members, patients(30, 2), attacks=["spy"], reference=own)
        assert [(len(view.candidates), len(view.reference)) for view in seen] == [(37, 25)]
    finally:
        unregister_generator_attack("spy")
    assert generator_attack_names() == DEFAULT_ATTACKS


def test_the_same_generator_gives_the_same_result():
    tables = patients(30, 0), patients(20, 1), patients(40, 2)
    assert attacked(*tables, 7) == attacked(*tables, 7)
    assert attacked(*tables, 7) != attacked(*tables, 8)


def test_registering():
    with pytest.raises(SettingsError, match="already"):
        register_generator_attack("nearest", title="Mine")
    with pytest.raises(SettingsError, match="lower-case"):
        register_generator_attack("My Attack", title="Mine")
    with pytest.raises(UnknownNameError, match="'nearest'"):
        find_generator_attack("nearset")
    with pytest.raises(UnknownNameError):
        unregister_generator_attack("nearest")

    @register_generator_attack("broken", title="Broken")
    def broken(view):
        return np.zeros(3)

    try:
        with pytest.raises(SettingsError, match="one number for each of"):
            attacked(patients(30, 0), patients(20, 1), patients(40, 2), attacks=["broken"])
    finally:
        unregister_generator_attack("broken")


def test_what_cannot_be_attacked_is_said():
    members, non_members, synthetic = patients(30, 0), patients(20, 1), patients(40, 2)
    with pytest.raises(DataError, match="synthetic rows are too few"):
        attacked(members, non_members, synthetic[:1])
    with pytest.raises(DataError, match="held-out patients are too few"):
        attacked(members, non_members[:9], synthetic)
    attacked(members, non_members[:9], synthetic, reference=patients(20, 5))
    with pytest.raises(DataError, match="no hospital holds both"):
        run_generator_attacks(
            SCHEMA,
            members,
            non_members,
            synthetic,
            member_hospitals=["a"] * 30,
            non_member_hospitals=["b"] * 20,
            rng=np.random.default_rng(0),
        )
    with pytest.raises(ValueError, match="30 members need one hospital each"):
        run_generator_attacks(
            SCHEMA,
            members,
            non_members,
            synthetic,
            member_hospitals=["a"],
            non_member_hospitals=["a"] * 20,
            rng=np.random.default_rng(0),
        )


def test_the_stand_in_memorises_with_valid_noise():
    source = patients(20, 0)
    rng = np.random.default_rng(1)
    table = memorising_table(SCHEMA, source, 400, rng, number_noise=0.3, code_noise=0.5)
    frame = SCHEMA.decode(table)
    pd.testing.assert_frame_equal(SCHEMA.check(frame, "stand-in"), frame)
    assert (np.nanmin(table[:, 1:4]), np.nanmax(table[:, 1:4])) == (-5, 5)
    exact = memorising_table(SCHEMA, source, 50, rng, number_noise=0.0, code_noise=0.0)
    assert all(any(np.array_equal(row, patient, equal_nan=True) for patient in source) for row in exact)


def test_the_control_catches_and_raises_no_alarm():
    rows = patients(180, 0)
    control = run_generator_control(SCHEMA, rows, hospitals(180, ("a", "b", "c")), 3)
    assert control.caught
    assert not control.false_alarm
    assert control.passed
    assert "passed" in control.statement
    assert control.overfitted.members == control.overfitted.non_members == 60
    small = run_generator_control(SCHEMA, rows, hospitals(180, ("a", "b", "c")), 3, patients=20)
    assert small.overfitted.members == 18  # six a hospital
    assert small.caught
    with pytest.raises(DataError, match="36 are needed"):
        run_generator_control(SCHEMA, rows[:30], hospitals(30), 0)


def test_control_on_cleveland(cleveland):
    federation = cleveland(split_seed=1)
    rows = federation.schema.encode(pd.concat([hospital.train for hospital in federation.hospitals]))
    names = np.concatenate([[hospital.name] * len(hospital.train) for hospital in federation.hospitals])
    for most in (20, 60):
        assert run_generator_control(federation.schema, rows, names, 0, patients=most).passed
