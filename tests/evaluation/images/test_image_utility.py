"""Utility of synthetic images: against scikit-learn by hand, for useful and useless images, and its rules."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score

from data.errors import DataError, SettingsError, UnknownNameError
from tff_health.evaluation.images.frozen_classifier import TrainingSettings
from tff_health.evaluation.images.image_set import ImageSet
from tff_health.evaluation.images.utility import (
    ARMS,
    CLASSIFIERS,
    arm_images,
    image_utility,
    low_data,
    predict_held_out_images,
)
from tff_health.evaluation.threshold import choose_threshold

SHORT = TrainingSettings(epochs=3, least_steps=0)


def logistic(train: ImageSet) -> LogisticRegression:
    return LogisticRegression(max_iter=1000).fit(train.images.reshape(len(train), -1), train.labels)


def test_equals_scikit_learn_by_hand_under_both_rules(draw) -> None:
    train, test, validation = draw(80, 0), draw(150, 1, share=0.3), draw(60, 2)
    scores = logistic(train).predict_proba(test.images.reshape(150, -1))[:, 1]
    plain = predict_held_out_images(train, test, classifiers=["logistic-regression"])
    found = {name: float(values[0]) for name, values in plain.metrics().items()}
    assert found["logistic-regression/accuracy"] == pytest.approx(accuracy_score(test.labels, scores >= 0.5))
    assert found["logistic-regression/auc"] == pytest.approx(roc_auc_score(test.labels, scores))
    chosen = predict_held_out_images(
        train, test, classifiers=["logistic-regression"], threshold_images=validation, criterion="youden"
    )
    asked = logistic(train).predict_proba(validation.images.reshape(60, -1))[:, 1]
    threshold = choose_threshold(validation.labels, asked, "youden")
    assert threshold != 0.5
    np.testing.assert_array_equal(chosen.called["logistic-regression"], scores >= threshold)


def test_useful_images_are_worth_more_than_useless_ones(draw) -> None:
    real, test, useful = draw(200, 0), draw(200, 1), draw(200, 2)
    useless = ImageSet(useful.images, np.random.default_rng(0).permutation(useful.labels))
    settings = {"seed": 0, "classifiers": ["logistic-regression", "random-forest"], "resamples": 100}
    found = image_utility(real, useful, test, **settings)
    names = (*settings["classifiers"], "mean")
    assert set(found) == {
        f"{arm}/{name}/{measure}" for arm in ARMS for name in names for measure in ("accuracy", "auc")
    }
    worthless = image_utility(real, useless, test, arms=["tstr"], **settings)
    for name in names:
        interval = worthless[f"tstr/{name}/auc"]
        assert interval.low < interval.value < interval.high
        assert interval.high < 0.8
        assert found[f"tstr/{name}/auc"].low > 0.9
    assert found["low-data-augmented/mean/auc"].value > found["low-data/mean/auc"].value
    again = image_utility(real, useful, test, arms=["tstr"], **settings)
    assert all(again[name] == found[name] for name in again)


def test_the_network_learns_from_synthetic_images(draw) -> None:
    test = draw(200, 1)
    found = image_utility(draw(20, 0), draw(200, 2), test, arms=["tstr"], classifiers=["cnn"], settings=SHORT)
    assert found["tstr/cnn/auc"].value > 0.9


def test_arms_are_what_their_names_say(draw) -> None:
    real, synthetic = draw(100, 0, share=0.3), draw(40, 1)
    sizes = {arm: len(arm_images(real, synthetic, arm)) for arm in ARMS}
    assert sizes == {"tstr": 40, "trtr": 100, "augmented": 140, "low-data": 10, "low-data-augmented": 50}
    tenth = arm_images(real, synthetic, "low-data", seed=3)
    np.testing.assert_array_equal(tenth.images, low_data(real, seed=3).images)
    np.testing.assert_array_equal(tenth.images, arm_images(real, synthetic, "low-data-augmented", seed=3).images[:10])
    assert np.bincount(tenth.labels).tolist() == [7, 3]
    fifth = {image.tobytes() for image in low_data(real, 0.2, seed=3).images}
    assert {image.tobytes() for image in tenth.images} < fifth
    assert {image.tobytes() for image in low_data(real, seed=4).images} != {i.tobytes() for i in tenth.images}
    with pytest.raises(UnknownNameError, match="did you mean 'tstr'"):
        arm_images(real, synthetic, "tsrt")


def test_one_class_trains_nothing_and_says_so(draw) -> None:
    images, test = draw(30, 0), draw(50, 1, share=0.4)
    sick = ImageSet(images.images, np.ones(30), "synthetic images")
    predictions = predict_held_out_images(sick, test)
    values = predictions.metrics()
    for name in CLASSIFIERS:
        assert values[f"{name}/accuracy"] == pytest.approx(0.4)
        assert values[f"{name}/auc"] == pytest.approx(0.5)
    assert "All synthetic images have label 1" in predictions.note


def test_a_class_of_one_image_still_trains_the_network(draw) -> None:
    images = draw(30, 0)
    rows = np.append(np.flatnonzero(images.labels == 0), np.flatnonzero(images.labels == 1)[0])
    predictions = predict_held_out_images(images.take(rows), draw(20, 1), classifiers=["cnn"], settings=SHORT)
    assert np.isfinite(predictions.scores["cnn"]).all()
    assert not predictions.note


def test_bad_requests(draw) -> None:
    images = draw(20, 0)
    with pytest.raises(SettingsError, match="name at least one"):
        predict_held_out_images(images, images, classifiers=[])
    with pytest.raises(UnknownNameError, match="did you mean 'random-forest'"):
        predict_held_out_images(images, images, classifiers=["random_forest"])
    with pytest.raises(DataError, match="64 pixels a side"):
        predict_held_out_images(images, draw(4, 0, size=64))
    with pytest.raises(DataError, match="64 pixels a side"):
        predict_held_out_images(images, images, threshold_images=draw(4, 0, size=64))
    with pytest.raises(DataError, match="64 pixels a side"):
        images.joined(draw(4, 0, size=64))
