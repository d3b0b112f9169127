"""Settings of hospital-level mechanisms: refused in one sentence, accounted by what they release."""

import subprocess
import sys

import dp_accounting
import pytest

from data.errors import SettingsError
from tff_health.aggregators.hospital_dp import MECHANISMS, HospitalLevelDp
from tff_health.aggregators.rdp_curve import RdpCurve

GOOD = {"mechanism": "gaussian", "clip": 1.0, "noise_multiplier": 1.0, "hospitals": 5, "rounds": 3}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"mechanism": "laplace"}, "choose one of gaussian"),
        ({"clip": 0.0}, "clip is 0.0"),
        ({"clip": -1.0}, "clip is -1.0"),
        ({"clip": float("nan")}, "clip is nan"),
        ({"clip": float("inf")}, "clip is inf"),
        ({"noise_multiplier": -0.1}, "noise_multiplier is -0.1"),
        ({"noise_multiplier": float("nan")}, "noise_multiplier is nan"),
        ({"hospitals": 1}, "at least 2"),
        ({"rounds": 0}, "at least 1 round"),
        ({"mechanism": "gaussian-adaptive"}, "needs more than 10 hospitals"),
        ({"mechanism": "gaussian-adaptive", "hospitals": 10}, "needs more than 10 hospitals"),
        ({"mechanism": "gaussian-adaptive", "clipped_count_stddev": 0.5}, "above half the noise multiplier"),
        ({"mechanism": "gaussian-adaptive", "hospitals": 50, "target_quantile": 1.5}, "between 0 and 1"),
        ({"mechanism": "gaussian-adaptive", "hospitals": 50, "clip_learning_rate": -1.0}, "clip_learning_rate"),
        ({"mechanism": "discrete-gaussian", "noise_multiplier": 0.0}, "needs noise"),
        ({"mechanism": "discrete-gaussian", "bits": 3}, "bits is 3"),
        ({"mechanism": "skellam", "bits": 23}, "bits is 23"),
        ({"mechanism": "skellam", "bits": 8, "dimension": 10**6}, "bits is 8, too few"),
        ({"mechanism": "skellam", "dimension": 0}, "dimension is 0"),
    ],
)
def test_bad_settings(changes, sentence):
    with pytest.raises(SettingsError, match=sentence) as error:
        HospitalLevelDp(**(GOOD | changes))
    assert error.value.exit_code == 2
    assert "\n" not in str(error.value)


def test_checking_settings_imports_neither_tensorflow_nor_the_accountant():
    code = (
        "import sys\n"
        "from tff_health.aggregators import catalogue, executed, guarantees, hospital_dp, rdp_curve\n"
        "hospital_dp.HospitalLevelDp('skellam', 1.0, 1.0, 5, dimension=100)\n"
        "guarantees.guarantees_fixed_weights('mean')\n"
        "print([m for m in ('tensorflow', 'tensorflow_federated', 'dp_accounting') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_release(mechanism):
    dp = HospitalLevelDp(mechanism, 0.5, 1.0, 20, rounds=5, dimension=100)
    release = dp.release()
    if mechanism == "tree":
        assert release == dp_accounting.GaussianDpEvent(1 / 29**0.5)  # 5 leaves, 2 pairs, 1 four: 5 + 8 + 16
    elif dp.secure:
        assert isinstance(release, RdpCurve)
        assert release == dp.release(1).compose(5)
    else:
        assert release == dp_accounting.SelfComposedDpEvent(dp_accounting.GaussianDpEvent(1.0), 5)
    with pytest.raises(SettingsError, match="rounds is 0"):
        dp.release(0)


def test_five_hospitals_are_no_privacy():
    """The figures that docs quote: noise 1, delta 1e-5, 5 rounds and 100."""
    dp = HospitalLevelDp("gaussian", 1.0, 1.0, 5)
    for rounds, epsilon in ((5, 11.5), (100, 92.0)):
        accountant = dp_accounting.pld.PLDAccountant().compose(dp.release(rounds))
        assert accountant.get_epsilon(1e-5) == pytest.approx(epsilon, rel=0.02)


def test_no_noise_has_no_cost_to_state():
    with pytest.raises(SettingsError, match="no guarantee"):
        HospitalLevelDp("gaussian", 1.0, 0.0, 5).release(1)
    with pytest.raises(SettingsError, match="dimension is missing"):
        HospitalLevelDp("skellam", 1.0, 1.0, 5).release(1)


def test_adaptive_clipping_splits_the_noise_between_values_and_count():
    dp = HospitalLevelDp("gaussian-adaptive", 1.0, 1.0, 5, clipped_count_stddev=2.0)
    assert dp.value_noise_multiplier > 1
    assert dp.value_noise_multiplier**-2 + (2 * 2.0) ** -2 == pytest.approx(1.0)
    assert HospitalLevelDp("gaussian-adaptive", 1.0, 1.0, 40).count_stddev == 2.0
