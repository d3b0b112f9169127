"""Every epsilon that is printed carries what is needed to read it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import SettingsError
from tff_health.privacy.statement import PrivacyStatement, format_epsilon
from tff_health.privacy.trust import NOT_SECURE, TRUST_MODELS
from tff_health.reporting.results import Privacy


def statement(**changes):
    values = {
        "unit": "patient",
        "mechanism": "DP-SGD with flat clipping",
        "sampling": "every patient in every step",
        "epsilon": 1.0,
        "delta": 1e-5,
        "accountant": "analytic-gaussian",
        "trust_model": "each-hospital",
        "noise_multiplier": 16.69,
        "clip": 0.5,
        "steps": 20,
        "hospitals": 5,
        "units": 242,
    }
    return PrivacyStatement(**(values | changes))


def test_document_is_the_privacy_of_results_json():
    document = statement(by_hospital={"east": 0.9, "south": 1.0}).document()
    stored = Privacy.model_validate(document)
    assert (stored.unit, stored.epsilon, stored.delta) == ("patient", 1.0, 1e-5)
    assert stored.adjacency.startswith("zero-out")
    assert stored.trust_model == "each hospital adds the full noise"
    assert stored.model_dump(mode="json") == document
    assert document["epsilon_by_hospital"] == {"east": 0.9, "south": 1.0}


def test_sentence_says_unit_epsilon_delta_mechanism_sampling_trust_and_limits():
    text = statement(by_hospital={"east": 0.9, "south": 1.0}).sentence()
    for words in (
        "one patient's row",
        "epsilon 1 at delta 1e-05",
        "2.72 times",
        "DP-SGD with flat clipping (noise multiplier 16.69, clip 0.5, 20 steps, 5 hospitals)",
        "every patient in every step",
        "analytic-gaussian",
        "0.9 in east to 1 in south",
        "Patients trust their own hospital only",
        "floating-point",
        "timing",
        "hyperparameters",
        "this report itself",
        "numbers of rows",
    ):
        assert words in text
    assert NOT_SECURE not in text


@pytest.mark.parametrize("trust_model", TRUST_MODELS)
def test_simulated_secure_aggregation_is_always_labelled(trust_model):
    made = statement(trust_model=trust_model, secure_aggregation="simulated")
    assert NOT_SECURE in made.sentence()
    assert "NOT SECURE" in made.short()
    document = made.document()
    assert document["secure_aggregation"] == "simulated"
    assert NOT_SECURE in document["sentence"]


@pytest.mark.parametrize("trust_model", ["shared-noise", "distributed"])
def test_a_guarantee_that_needs_secure_aggregation_says_when_it_is_missing(trust_model):
    assert "does not hold" in statement(trust_model=trust_model).sentence()
    masked = statement(trust_model=trust_model, secure_aggregation="masked").sentence()
    assert "does not hold" not in masked
    assert "relies on secure aggregation" in masked


def test_colluding_hospital():
    text = statement(trust_model="shared-noise", secure_aggregation="simulated", colluding_epsilon=1.1312).sentence()
    assert "subtracts its own share of the noise, epsilon is 1.14." in text


def test_central_trusts_the_server():
    text = statement(unit="hospital", trust_model="central", units=5).sentence()
    assert "all patients of one hospital together" in text
    assert "not against the server" in text


def test_no_guarantee_is_said_and_never_a_number():
    made = statement(epsilon=math.inf, note="training released something without noise")
    assert made.sentence() == (
        "There is no differential privacy guarantee for one patient's row in one hospital. "
        "Training released something without noise."
    )
    assert made.short() == "no guarantee per patient"
    assert made.document()["epsilon"] is None


def test_loose_delta_is_in_the_statement():
    made = statement(delta=1e-3)
    assert any("1/n^1.5" in warning for warning in made.document()["warnings"])
    assert "1/n^1.5" in made.sentence()


@pytest.mark.parametrize("bad", [{"delta": 0.5}, {"epsilon": -1.0}, {"epsilon": math.nan}, {"trust_model": "hope"}])
def test_what_means_nothing_is_refused(bad):
    with pytest.raises(SettingsError):
        statement(**bad)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (1.1, "1.1"),
        (0.99941, "1"),
        (1.0001, "1.01"),
        (11.480022809173537, "11.5"),
        (91.81728962466877, "91.9"),
        (0.012341, "0.0124"),
        (5255.44, "5256"),
        (0.0, "0"),
        (math.inf, "infinite"),
    ],
)
def test_epsilon_is_rounded_up(value, text):
    assert format_epsilon(value) == text


@given(st.floats(1e-6, 1e6))
def test_printed_epsilon_is_never_below_the_true_one(value):
    printed = float(format_epsilon(value))
    assert value * (1 - 1e-11) <= printed <= value * 1.011
