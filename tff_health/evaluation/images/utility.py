"""Utility: classifiers trained on synthetic images and tested on real, held-out ones, beside their controls.

The arms, all tested on the same images: `tstr`, trained on synthetic images; `trtr`, on the real training images;
`augmented`, on both; `low-data`, on a tenth of the real ones; `low-data-augmented`, on that tenth and the synthetic
ones (TSTR: Esteban, Hyland and Raetsch, arXiv 1706.02633).

What decides, in every arm alike: an image is called positive where its score reaches the threshold, which is .5 or,
where threshold images are given, is chosen for each classifier of each arm on those, real images that nobody tests
on. The network stops training by a tenth of its own arm's images, so that no real image helps it in `tstr`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from data.errors import DataError, SettingsError, UnknownNameError
from data.image_arrays import checked_images
from data.streams import stream
from tff_health.evaluation.bootstrap import LEVEL, RESAMPLES, Interval
from tff_health.evaluation.images.frozen_classifier import DEFAULT_TRAINING, TrainingSettings, train_classifier
from tff_health.evaluation.images.image_set import ImageSet
from tff_health.evaluation.synthesis.classifiers import bare_classifier
from tff_health.evaluation.synthesis.intervals import held_out_intervals
from tff_health.evaluation.synthesis.utility import HeldOutPredictions
from tff_health.evaluation.threshold import DEFAULT_THRESHOLD, Criterion, choose_threshold

NETWORK = "cnn"
CLASSIFIERS = {
    "logistic-regression": "logistic regression on pixels (L2, C = 1)",
    "random-forest": "random forest of 100 trees on pixels",
    NETWORK: "convolutional network (`models/xray_classifier.py`)",
}
"""Name -> what it is."""
ARMS = ("tstr", "trtr", "augmented", "low-data", "low-data-augmented")
LOW_SHARE = 0.1
_STOPPING_SHARE = 0.1


def predict_held_out_images(
    train: ImageSet,
    test: ImageSet,
    *,
    seed: int = 0,
    classifiers: Sequence[str] | None = None,
    threshold_images: ImageSet | None = None,
    criterion: Criterion = "accuracy",
    settings: TrainingSettings = DEFAULT_TRAINING,
) -> HeldOutPredictions:
    """Fits classifiers on one set of images and has them predict another.

    Images of one class train nothing: every classifier then calls that class for all, with equal scores (AUC .5), and
    `note` says so.

    Args:
        train: what the classifiers learn from.
        test: what they are asked.
        seed: of the forest and of the network.
        classifiers: names out of `CLASSIFIERS`; all by default.
        threshold_images: real images, none of `test`, that the threshold is chosen on; None for .5.
        criterion: of that choice.
        settings: of the network's training.

    Raises:
        DataError: the images are of several sizes.
        SettingsError: no classifier is named, or one that does not exist.
        PredictionsError: the threshold images are of one class.
    """
    checked_images(test.images, test.name, train.images)
    if threshold_images is not None:
        checked_images(threshold_images.images, threshold_images.name, train.images)
    names = tuple(CLASSIFIERS if classifiers is None else dict.fromkeys(classifiers))
    if not names:
        raise SettingsError("classifiers is empty: name at least one.")
    for name in names:
        if name not in CLASSIFIERS:
            raise UnknownNameError.among("classifier of images", name, CLASSIFIERS)
    called: dict[str, np.ndarray] = {}
    scores: dict[str, np.ndarray] = {}
    if len(train.classes) < 2:
        only = train.classes[0]
        for name in names:
            called[name], scores[name] = np.full(len(test), only), np.zeros(len(test))
        return HeldOutPredictions(test.labels, called, scores, _one_class(train))
    for name in names:
        classifier = _Network(seed, settings) if name == NETWORK else _Pixels(name, len(train), seed)
        classifier.fit(train)
        threshold = DEFAULT_THRESHOLD
        if threshold_images is not None:
            asked = classifier.scores(threshold_images.images)
            threshold = choose_threshold(threshold_images.labels, asked, criterion)
        scores[name] = classifier.scores(test.images)
        called[name] = (scores[name] >= threshold).astype(np.int64)
    return HeldOutPredictions(test.labels, called, scores)


def arm_images(real: ImageSet, synthetic: ImageSet, arm: str, *, seed: int = 0) -> ImageSet:
    """What an arm's classifiers are trained on.

    Args:
        real: training images.
        synthetic: a generator's.
        arm: one of `ARMS`.
        seed: of the low-data arms' draw; both get the same tenth.

    Raises:
        UnknownNameError: there is no such arm.
    """
    if arm not in ARMS:
        raise UnknownNameError.among("arm of utility", arm, ARMS)
    if arm == "tstr":
        return synthetic
    basis = low_data(real, seed=seed) if arm.startswith("low-data") else real
    return basis.joined(synthetic) if arm.endswith("augmented") else basis


def low_data(real: ImageSet, share: float = LOW_SHARE, *, seed: int = 0) -> ImageSet:
    """A share of each class, drawn without replacement.

    Args:
        real: training images.
        share: above 0, below 1.
        seed: the same one draws the same images; of two shares the smaller's images are among the larger's.

    Raises:
        ValueError: the share makes no sense.
        DataError: a class has one image only.
    """
    return real.split(share, stream(seed, "low data"))[0]


def image_utility(
    real: ImageSet,
    synthetic: ImageSet,
    test: ImageSet,
    *,
    seed: int = 0,
    arms: Sequence[str] = ARMS,
    classifiers: Sequence[str] | None = None,
    threshold_images: ImageSet | None = None,
    criterion: Criterion = "accuracy",
    settings: TrainingSettings = DEFAULT_TRAINING,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> dict[str, Interval]:
    """Accuracy and AUC of every arm, with bootstrap intervals over the test images; the classifiers stay as they are.

    Args:
        real: training images.
        synthetic: a generator's.
        test: real images that neither the generator nor a classifier saw.
        seed: of the classifiers, the tenth and the resamples; all arms see the same drawn test images.
        arms: out of `ARMS`.
        classifiers: as in `predict_held_out_images`, like the rest.
        threshold_images: what the threshold is chosen on.
        criterion: of that choice.
        settings: of the network's training.
        resamples: bootstrap resamples.
        level: coverage aimed at.

    Returns:
        `ARM/CLASSIFIER/accuracy`, `ARM/CLASSIFIER/auc`, ..., `ARM/mean/auc` -> interval.

    Raises:
        DataError, SettingsError, PredictionsError: as in `predict_held_out_images`.
        ValueError: the number of resamples or the level makes no sense.
    """
    intervals: dict[str, Interval] = {}
    for arm in arms:
        predictions = predict_held_out_images(
            arm_images(real, synthetic, arm, seed=seed),
            test,
            seed=seed,
            classifiers=classifiers,
            threshold_images=threshold_images,
            criterion=criterion,
            settings=settings,
        )
        found = held_out_intervals(predictions, stream(seed, "image utility"), resamples=resamples, level=level)
        intervals.update({f"{arm}/{name}": interval for name, interval in found.items()})
    return intervals


def stopping_split(train: ImageSet, rng: np.random.Generator) -> tuple[ImageSet, ImageSet]:
    """What the network learns from, and the tenth by which its training stops; the same where a class has one image."""
    try:
        stopping, rest = train.split(_STOPPING_SHARE, rng)
    except DataError:  # that one must be trained on
        stopping = rest = train
    return rest, stopping


class _Pixels:
    """One of scikit-learn's classifiers on the pixels as they are."""

    def __init__(self, name: str, images: int, seed: int) -> None:
        self._classifier: Any = bare_classifier(name, images, seed)

    def fit(self, train: ImageSet) -> None:
        self._classifier.fit(train.images.reshape(len(train), -1), train.labels)

    def scores(self, images: np.ndarray) -> np.ndarray:
        # Probabilities, not decision functions: .5 must mean the same for all.
        probabilities = self._classifier.predict_proba(images.reshape(len(images), -1))[:, 1]
        return np.asarray(probabilities, np.float64)


class _Network:
    def __init__(self, seed: int, settings: TrainingSettings) -> None:
        self._seed, self._settings = seed, settings

    def fit(self, train: ImageSet) -> None:
        rest, stopping = stopping_split(train, stream(self._seed, "stopping images"))
        self._trained = train_classifier(rest, stopping, seed=self._seed, settings=self._settings)

    def scores(self, images: np.ndarray) -> np.ndarray:
        return self._trained.scores(images)


def _one_class(train: ImageSet) -> str:
    return (
        f"All {train.name} have label {train.classes[0]}, so each classifier calls every image that: its accuracy is "
        "that class's share of the held-out images and its AUC .5."
    )
