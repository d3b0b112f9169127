"""The patient-level audit catches broken DP-SGD and lets sound DP-SGD pass (plain NumPy; TFF: test_audit_training)."""

import numpy as np
import pytest
import tensorflow as tf

from data.errors import SettingsError
from models.classifier import logistic_regression, mlp
from tff_health.privacy.audit.broken import DemonstrationDpSgd
from tff_health.privacy.audit.canary_gradients import dense_canary_gradients
from tff_health.privacy.audit.canary_rows import HospitalRows, plant_canaries
from tff_health.privacy.audit.noise_streams import audit_noise_streams
from tff_health.privacy.audit.patient_canaries import (
    ReleasedModels,
    audit_patient_level,
    canary_scores,
    silent_updates,
)
from tff_health.privacy.audit.result import AuditError
from tff_health.privacy.gaussian import gaussian_epsilon

CLIP, NOISE, ROUNDS, DELTA, CANARIES = 0.5, 20.0, 20, 1e-10, 500
CLAIMED = gaussian_epsilon(ROUNDS**0.5 / NOISE, DELTA)  # 1.3
# Delta is this small because the bound's term in delta alone is worth more than 1e-7 otherwise.
# Coins and noise are fresh, so a sound mechanism could be flagged by bad luck: at this confidence once in 10^7.
SURE = 1 - 1e-7


@pytest.fixture(scope="module")
def hospitals():
    rng = np.random.default_rng(0)
    return [
        HospitalRows(rng.random((rows, 13)).astype("f"), (rng.random((rows, 1)) < 0.5).astype("f"))
        for rows in (60, 40, 80)
    ]


def audited(hospitals, fault, **settings):
    train = DemonstrationDpSgd(fault, clip=CLIP, noise_multiplier=NOISE, rounds=ROUNDS)
    defaults = {"canaries": CANARIES, "delta": DELTA, "confidence": SURE, "clip": CLIP, "claimed_epsilon": CLAIMED}
    return audit_patient_level(train, hospitals, **{**defaults, **settings})


@pytest.mark.parametrize("view", ["models", "hospital-updates", "hospital-differences"])
@pytest.mark.parametrize("curve", ["any", "gaussian"])
@pytest.mark.parametrize("canary_value", [None, 100.0])
@pytest.mark.parametrize("out", ["absent", "vacant"])
def test_sound_mechanism_passes(hospitals, view, curve, canary_value, out):
    result = audited(hospitals, "none", view=view, curve=curve, canary_value=canary_value, out=out)
    assert not result.flagged, result.sentence()
    assert result.could_flag


@pytest.mark.parametrize("out", ["absent", "vacant"])
@pytest.mark.parametrize(
    ("fault", "settings"),
    [
        ("clip-without-noise", {}),
        ("noise-without-clip", {"canary_value": 1000.0}),
        ("noise-without-clip", {"canary_value": 1000.0, "view": "hospital-updates"}),
        ("same-noise-everywhere", {"view": "hospital-differences"}),
    ],
)
def test_broken_mechanism_is_flagged(hospitals, fault, settings, out):
    result = audited(hospitals, fault, out=out, **settings)
    assert result.flagged, result.sentence()
    assert "FLAGGED" in result.sentence()


def test_the_averaged_model_alone_cannot_show_that_hospitals_share_their_noise(hospitals):
    """Why the third fault needs its own view: without it the audit would be blind, and passes."""
    assert not audited(hospitals, "same-noise-everywhere", view="models").flagged


def test_weak_noise_gives_a_large_bound_below_the_truth(hospitals):
    """Power: at mu = 4.5 in a single hospital the audit must see much, and still not more than there is."""
    train = DemonstrationDpSgd(clip=CLIP, noise_multiplier=1.0, rounds=ROUNDS)
    claimed = gaussian_epsilon(ROUNDS**0.5, 1e-5)
    result = audit_patient_level(
        train, hospitals[:1], canaries=300, delta=1e-5, clip=CLIP, claimed_epsilon=claimed, curve="gaussian"
    )
    assert 3 < result.epsilon_lower < claimed
    assert result.sentence().startswith("An audit with 300 patient-level canaries")


def test_poisson_sampled_training_is_audited_too(hospitals):
    train = DemonstrationDpSgd(clip=CLIP, noise_multiplier=NOISE, rounds=ROUNDS, sampling_rate=0.5)
    # Sampling can only lower epsilon, so the unsampled one is a valid claim.
    result = audit_patient_level(
        train, hospitals, canaries=200, delta=DELTA, confidence=SURE, clip=CLIP, claimed_epsilon=CLAIMED
    )
    assert not result.flagged


def test_positive_control_training_without_privacy_is_seen_through(hospitals):
    """No clip, no noise: nearly every guess is right."""

    def train(rows):
        sound = DemonstrationDpSgd("clip-without-noise", clip=1e9, rounds=ROUNDS)
        return sound(rows)

    result = audit_patient_level(train, hospitals, canaries=200, delta=DELTA)
    assert result.claimed_epsilon is None
    assert not result.flagged
    assert result.epsilon_lower > 2
    assert result.epsilon_lower == pytest.approx(result.ceiling)


@pytest.mark.parametrize("out", ["absent", "vacant"])
def test_rows_that_the_process_gets(hospitals, out):
    planted = plant_canaries(hospitals, 50, value=7.0, silent_columns=3)
    rows = planted.rows(hospitals, out)
    assert set(planted.labels) == {0.0, 1.0}
    seen = np.zeros(50)
    for index, (row, real) in enumerate(zip(rows, hospitals, strict=True)):
        n = len(real.features)
        assert row.features.dtype == row.labels.dtype == np.float32
        assert row.features.shape == (len(row.labels), 13 + 50 + 3)
        np.testing.assert_array_equal(row.features[:n, :13], real.features)
        assert not row.features[:n, 13:].any()
        assert not row.features[n:, :13].any()
        assert not row.features[:, 63:].any()
        # The public count never depends on the coins; the rows do only where out canaries are absent.
        assert row.declared_rows == n + (planted.hospital == index).sum()
        assert len(row.features) == (row.declared_rows if out == "vacant" else row.present.sum())
        seen += row.features[row.present][:, 13:63].sum(0) / 7
        assert not row.features[~row.present].any()
    np.testing.assert_array_equal(seen.astype(bool), planted.included)


@pytest.mark.parametrize("model_function", [logistic_regression, mlp, lambda shape: mlp(shape, (8, 5))])
@pytest.mark.parametrize("clip", [None, 0.3])
def test_canary_gradients_are_those_of_the_network(model_function, clip):
    tf.keras.utils.set_random_seed(4)
    model = model_function((9,))
    labels = np.array([1.0, 0.0, 1.0], np.float32)
    features = np.zeros((3, 9), np.float32)
    features[np.arange(3), 5 + np.arange(3)] = 2.5
    expected = []
    for x, y in zip(features, labels, strict=True):
        with tf.GradientTape() as tape:
            loss = tf.keras.losses.BinaryCrossentropy()([[y]], model(x[None]))
        gradients = tape.gradient(loss, model.trainable_variables)
        if clip is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, clip)
        expected.append(gradients[0][5 + len(expected)])
    weights = [variable.numpy() for variable in model.trainable_variables]
    np.testing.assert_allclose(dense_canary_gradients(weights, 5, 2.5, labels, clip), expected, atol=2e-6)


def test_scores_do_not_look_at_the_coins(hospitals):
    """An attack that peeked would show an epsilon for nothing."""
    planted = plant_canaries(hospitals, 40, value=2.0)
    rows = planted.rows(hospitals, "vacant")
    released = DemonstrationDpSgd(rounds=3)(rows)
    flipped = type(planted)(**{**vars(planted), "included": ~planted.included})
    for view in ("models", "hospital-updates", "hospital-differences"):
        scores = [canary_scores(released, canaries, rows, clip=1.0, view=view) for canaries in (planted, flipped)]
        np.testing.assert_array_equal(*scores)


def test_noise_streams_of_sound_and_of_shared_noise(hospitals):
    for fault, flagged in (("none", False), ("same-noise-everywhere", True), ("clip-without-noise", True)):
        planted = plant_canaries(hospitals, 10, value=2.0, silent_columns=60)
        released = DemonstrationDpSgd(fault, noise_multiplier=4.0, rounds=6)(planted.rows(hospitals, "absent"))
        result = audit_noise_streams(silent_updates(released, planted))
        assert result.flagged == flagged, result.sentence()  # the sound one is flagged once in 10^9
        assert ("FLAGGED" in result.sentence()) == flagged


def test_what_cannot_be_audited_is_refused(hospitals):
    train = DemonstrationDpSgd(rounds=1)
    for settings in ({"out": "gone"}, {"view": "everything"}, {"canaries": 1}):
        with pytest.raises(SettingsError):
            audited(hospitals, "none", **settings)
    with pytest.raises(SettingsError, match="fault"):
        DemonstrationDpSgd("no-such-fault")
    with pytest.raises(AuditError, match="fewer than two"):
        audit_patient_level(lambda rows: ReleasedModels(train(rows).models[:1]), hospitals, canaries=4, delta=0.0)
    with pytest.raises(AuditError, match="needs the hospitals' models"):
        audit_patient_level(
            lambda rows: ReleasedModels(train(rows).models), hospitals, canaries=4, delta=0.0, view="hospital-updates"
        )
    with pytest.raises(AuditError, match="differences need two"):
        audit_patient_level(train, hospitals[:1], canaries=4, delta=0.0, view="hospital-differences")
    with pytest.raises(AuditError, match="one width"):
        audit_patient_level(train, [], canaries=4, delta=0.0)
    with pytest.raises(AuditError, match="dense layers"):
        dense_canary_gradients([np.zeros((3, 3, 1, 2)), np.zeros(2)], 0, 1.0, np.ones(2), None)
