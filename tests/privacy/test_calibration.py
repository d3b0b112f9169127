"""Noise for an epsilon and back, steps for a budget, and the sentences that impossible settings meet."""

from __future__ import annotations

import math
import subprocess
import sys
import time

import dp_accounting as dp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import SettingsError
from tff_health.aggregators.rdp_curve import RdpCurve
from tff_health.privacy.accountant import epsilon
from tff_health.privacy.budget import Budget, check_budget, check_clip, check_noise
from tff_health.privacy.calibration import epsilon_for_noise, noise_for_epsilon, steps_for_budget


def poisson(rate, steps):
    return lambda noise: dp.SelfComposedDpEvent(dp.PoissonSampledDpEvent(rate, dp.GaussianDpEvent(noise)), steps)


def unsampled(steps):
    return lambda noise: dp.SelfComposedDpEvent(dp.GaussianDpEvent(noise), steps)


def with_statistics(noise):
    return dp.ComposedDpEvent([dp.GaussianDpEvent(5.0), poisson(0.1, 50)(noise)])


def tree(noise):
    return dp.SingleEpochTreeAggregationDpEvent(noise, 100)


def curve(noise):
    orders = (1.5, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
    return RdpCurve(orders, tuple(order / (2 * noise**2) for order in orders)).compose(10)


class TestNoiseForEpsilon:
    @pytest.mark.parametrize(
        ("events", "target", "accountant"),
        [
            *((unsampled(20), target, "pld") for target in (0.01, 0.1, 1.0, 3.0, 10.0, 300.0)),
            *((poisson(0.1, 20), target, "pld") for target in (0.1, 1.0, 10.0)),
            (poisson(0.02, 300), 3.0, "pld"),
            (poisson(0.1, 20), 1.0, "rdp"),
            (with_statistics, 1.2, "pld"),
            (tree, 1.0, "pld"),
            (curve, 2.0, "pld"),
        ],
    )
    def test_smallest_noise_from_above(self, events, target, accountant):
        noise = noise_for_epsilon(events, target, 1e-5, accountant)
        assert epsilon(events(noise), 1e-5, accountant).epsilon <= target
        assert epsilon(events(noise / 1.0011), 1e-5, accountant).epsilon > target

    @settings(deadline=None, max_examples=20)
    @given(st.floats(0.3, 30.0), st.integers(1, 500), st.sampled_from([1e-6, 1e-5, 1e-3]))
    def test_round_trip(self, noise, steps, delta):
        cost = epsilon_for_noise(unsampled(steps), noise, delta).epsilon
        assert noise_for_epsilon(unsampled(steps), cost, delta) == pytest.approx(noise, rel=1.1e-3)

    def test_balle_wang_algorithm_1(self):
        # diPLSlib documents calibrateAnalyticGaussianMechanism(1.0, 1e-5, 1.0) = 3.730631634944469.
        assert 3.7306316 <= noise_for_epsilon(dp.GaussianDpEvent, 1.0, 1e-5) <= 3.7306317 * 1.001

    def test_budget_holds_however_the_parts_are_ordered(self):
        # Sums of floats depend on their order; the noise found leaves room for that.
        noise = noise_for_epsilon(lambda z: dp.ComposedDpEvent([dp.GaussianDpEvent(z), unsampled(7)(3 * z)]), 1.0, 1e-5)
        other = dp.ComposedDpEvent([dp.GaussianDpEvent(3 * noise)] * 7 + [dp.GaussianDpEvent(noise)])
        assert epsilon(other, 1e-5).epsilon <= 1.0

    def test_fast_enough_for_settings(self):
        noise_for_epsilon(poisson(0.1, 3), 1.0, 1e-5)  # imports
        start = time.perf_counter()
        noise_for_epsilon(unsampled(20), 1.0, 1e-5)
        between = time.perf_counter()
        noise_for_epsilon(poisson(0.11, 20), 1.0, 1e-5)
        # .002 and .2 s where measured; the bounds leave room for a busy machine.
        assert between - start < 0.5
        assert time.perf_counter() - between < 4.0

    def test_what_does_not_depend_on_noise_may_cost_too_much(self):
        with pytest.raises(SettingsError, match=r"already costs epsilon 0\.726"):
            noise_for_epsilon(lambda z: dp.ComposedDpEvent([dp.GaussianDpEvent(5.0), dp.GaussianDpEvent(z)]), 0.5, 1e-5)

    @pytest.mark.parametrize(("target", "delta"), [(0.0, 1e-5), (-1.0, 1e-5), (math.nan, 1e-5), (1.0, 0.0), (1.0, 1.0)])
    def test_impossible_targets(self, target, delta):
        with pytest.raises(SettingsError, match=r"epsilon must be above 0|delta must lie"):
            noise_for_epsilon(unsampled(1), target, delta)

    def test_infinite_target(self):
        with pytest.raises(SettingsError, match="infinite epsilon needs no noise"):
            noise_for_epsilon(unsampled(1), math.inf, 1e-5)


class TestSteps:
    @pytest.mark.parametrize("step", [dp.GaussianDpEvent(20.0), dp.PoissonSampledDpEvent(0.1, dp.GaussianDpEvent(3.0))])
    @pytest.mark.parametrize("spent", [[], [(dp.GaussianDpEvent(8.0), 1)]])
    def test_as_many_as_fit_and_not_one_more(self, step, spent):
        budget = Budget(1.0, 1e-5, "patient")
        most = steps_for_budget(step, budget, spent)

        def cost(times):
            parts = [dp.SelfComposedDpEvent(event, count) for event, count in [*spent, (step, times)]]
            return epsilon(dp.ComposedDpEvent(parts), 1e-5).epsilon

        assert most > 1
        assert cost(most) <= 1.0 < cost(most + 1)

    def test_calibrated_steps_all_fit(self):
        for events, step in ((unsampled(20), dp.GaussianDpEvent), (poisson(0.1, 20), None)):
            noise = noise_for_epsilon(events, 1.0, 1e-5)
            one = step(noise) if step else dp.PoissonSampledDpEvent(0.1, dp.GaussianDpEvent(noise))
            assert steps_for_budget(one, Budget(1.0, 1e-5, "patient")) == 20

    def test_budget_smaller_than_one_step(self):
        assert steps_for_budget(dp.GaussianDpEvent(1.0), Budget(1.0, 1e-5, "patient")) == 0


class TestChecks:
    def test_good_budget_has_no_warning(self):
        assert check_budget(1.0, 1e-5, "patient", 242) == []
        assert check_budget(1.0, 1e-5, "patient") == []

    def test_delta_of_one_over_n_is_refused_with_a_remedy_that_passes(self):
        with pytest.raises(SettingsError, match=r"delta 0\.01 .* n = 242 patients.* set delta to 0\.0002") as caught:
            check_budget(1.0, 0.01, "patient", 242)
        remedy = float(str(caught.value).split("set delta to ")[1].split()[0])
        assert check_budget(1.0, remedy, "patient", 242) == []

    def test_large_delta_is_warned_of(self):
        (warning,) = check_budget(1.0, 1e-3, "patient", 242)
        assert "1/n^1.5" in warning
        assert "242 patients" in warning

    def test_noise_zero_with_a_claim(self):
        with pytest.raises(SettingsError, match="noise_multiplier 0 cannot give epsilon 1"):
            check_noise(0.0, 1.0)
        check_noise(0.0, None)
        check_noise(1.0, 1.0)

    @pytest.mark.parametrize("noise", [-1.0, math.nan, math.inf])
    def test_noise_that_is_no_noise(self, noise):
        with pytest.raises(SettingsError, match="noise_multiplier"):
            check_noise(noise, None)

    @pytest.mark.parametrize("clip", [0.0, -1.0, math.nan, math.inf])
    def test_clip(self, clip):
        with pytest.raises(SettingsError, match="clip"):
            check_clip(clip)

    def test_settings_need_neither_tensorflow_nor_dp_accounting(self):
        code = (
            "import sys, tff_health.privacy.budget, tff_health.privacy.calibration, tff_health.privacy.ledger, "
            "tff_health.privacy.statement; "
            "print(sorted({'tensorflow', 'dp_accounting', 'scipy', 'pandas'} & set(sys.modules)))"
        )
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert run.stdout.strip() == "[]"
