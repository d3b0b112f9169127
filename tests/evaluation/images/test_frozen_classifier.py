"""The frozen classifier: it learns, repeats itself, keeps its best epoch, and sees PneumoniaMNIST."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import log_loss, roc_auc_score

from data.errors import DataError
from tff_health.evaluation.images.frozen_classifier import TrainingSettings, train_classifier
from tff_health.evaluation.images.image_set import ImageSet

SHORT = TrainingSettings(epochs=4, least_steps=0)


def test_it_learns_and_repeats_itself(draw) -> None:
    train, stopping, test = draw(300, 0), draw(60, 1), draw(200, 2)
    runs = []
    for global_seed in (1, 2):
        tf.keras.utils.set_random_seed(global_seed)
        runs.append(train_classifier(train, stopping, seed=0, settings=SHORT))
    scores = [run.scores(test.images) for run in runs]
    assert roc_auc_score(test.labels, scores[0]) > 0.95
    np.testing.assert_array_equal(scores[0], scores[1])
    features = runs[0].features(test.images)
    assert (features.shape, features.dtype) == ((200, 64), np.float64)
    logits = np.log(scores[0] / (1 - scores[0]))
    design = np.column_stack([features, np.ones(200)])
    fitted = design @ np.linalg.lstsq(design, logits, rcond=None)[0]
    np.testing.assert_allclose(fitted, logits, atol=1e-3, err_msg="the score is not linear in the features")


def test_the_best_epoch_counts_and_patience_ends_training(draw) -> None:
    train, stopping = draw(120, 0), draw(60, 1)
    wrong = ImageSet(stopping.images, 1 - stopping.labels)
    # What it learns makes these labels worse, so training ends early, and with the weights of an early epoch.
    trained = train_classifier(train, wrong, seed=0, settings=TrainingSettings(epochs=30, least_steps=0, patience=2))
    assert trained.epochs < 5
    assert trained.stopping_loss == pytest.approx(log_loss(wrong.labels, trained.scores(wrong.images)), rel=1e-4)


def test_balance_raises_the_rare_class(draw) -> None:
    train, stopping, test = draw(200, 0, share=0.1), draw(60, 1), draw(200, 2)
    plain, balanced = (
        train_classifier(train, stopping, seed=0, settings=TrainingSettings(epochs=1, least_steps=0, balanced=balanced))
        for balanced in (False, True)
    )
    assert balanced.scores(test.images).mean() > plain.scores(test.images).mean() + 0.05


def test_what_cannot_be_trained_on(draw) -> None:
    images = draw(20, 0)
    with pytest.raises(DataError, match="All X-rays have label 1: a classifier needs images of both classes"):
        train_classifier(ImageSet(images.images, np.ones(20), "X-rays"), images, seed=0)
    with pytest.raises(DataError, match="64 pixels a side"):
        train_classifier(images, draw(4, 0, size=64), seed=0)
    trained = train_classifier(images, images, seed=0, settings=TrainingSettings(epochs=1, least_steps=0))
    with pytest.raises(DataError, match="64 pixels a side and those trained on 28"):
        trained.features(draw(4, 0, size=64).images)


def test_a_thousand_chest_x_rays_are_enough_for_nine_tenths(pneumonia) -> None:
    train, _ = pneumonia["train"].split(0.2, np.random.default_rng(0))
    trained = train_classifier(train, pneumonia["val"], seed=0, settings=TrainingSettings(epochs=3, least_steps=0))
    test = pneumonia["test"]
    assert roc_auc_score(test.labels, trained.scores(test.images)) > 0.88
