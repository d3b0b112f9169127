"""What a private arm is planned to run, from its settings and the hospitals' sizes."""

from __future__ import annotations

import dp_accounting as dp
import pytest

from data.errors import SettingsError
from tff_health.experiments.privacy_plan import plan_privacy
from tff_health.experiments.settings import ArmSettings, Candidate
from tff_health.privacy.accountant import epsilon

ROWS = {"a": 100, "b": 60}


def candidate(**privacy: object) -> Candidate:
    settings = ArmSettings.model_validate({"method": "fedavg", "privacy": {"level": "patient", "clip": 1.0, **privacy}})
    return settings.candidates("mlp", "mean", 1)[0]


def test_a_single_round_is_held_to_the_budget_by_the_arms_own_accountant() -> None:
    round_ = dp.PoissonSampledDpEvent(0.1, dp.GaussianDpEvent(1.0))
    tight, loose = (epsilon(round_, 1e-5, name).epsilon for name in ("pld", "rdp"))
    assert tight < loose
    between = {"epsilon": (tight + loose) / 2, "noise_multiplier": 1.0, "sampling_rate": 0.1}
    plan_privacy(candidate(accountant="pld", **between), ROWS)
    with pytest.raises(SettingsError, match="single round"):
        plan_privacy(candidate(accountant="rdp", **between), ROWS)


def test_every_hospital_divides_by_the_same_number() -> None:
    plan = plan_privacy(candidate(epsilon=1.0, sampling_rate=0.5), ROWS)
    assert plan.patient is not None
    assert plan.patient.expected_batch == 0.5 * 160 / 2
