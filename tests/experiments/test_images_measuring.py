"""What is measured of generators of images: copies are found out, figures are those of the measures themselves."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from tiny_images import Copier, Unlabelled, draw, load

from data.image_federation import LabelledImages
from tff_health.evaluation.images.frozen_classifier import TrainingSettings
from tff_health.experiments.dataset_checkpoints import DatasetCheckpoints
from tff_health.experiments.images import frozen
from tff_health.experiments.images.measuring import UNLABELLED, measure_real, measure_synthetic
from tff_health.experiments.images.parts import joined, parts
from tff_health.experiments.images.settings import ImageEvaluationSettings, ImagesArm
from tff_health.synthesis.images.synthesizer import Realism

FEDERATION = load({}, data_dir=None, seed=1)
(WHOLE,) = parts(ImagesArm.model_validate({"method": "dcgan"}), FEDERATION)
QUICK: Any = {"classifiers": ("logistic-regression",), "fd_clf": False, "coverage": False}


def measured(
    images: LabelledImages | np.ndarray, *, only: bool = True, realism: Realism | None = None, **changes: Any
) -> dict[str, Any]:
    chosen = ImageEvaluationSettings(**(QUICK | changes))
    options: dict[str, Any] = {"augments": True, "only": only, "seed": 3, "resamples": 50, "realism": realism}
    return measure_synthetic(FEDERATION, WHOLE, images, chosen, None, **options)


@pytest.fixture(scope="module")
def copied() -> dict[str, Any]:
    return measured(Copier().fit(FEDERATION, seed=1).generator.sample(96, seed=2))


@pytest.fixture(scope="module")
def honest() -> dict[str, Any]:
    return measured(draw(96, 77))


def test_scores_are_those_of_a_classifier_trained_on_the_synthetic_images(honest):
    train, test = draw(96, 77), FEDERATION.test
    model = LogisticRegression(max_iter=5000).fit(train.pixels.reshape(96, -1), train.labels)
    scores = model.predict_proba(test.pixels.reshape(len(test), -1))[:, 1]
    metrics = honest["metrics"]
    assert metrics["tstr/logistic-regression/auc"] == pytest.approx(roc_auc_score(test.labels, scores), abs=0.02)
    assert metrics["tstr/mean/auc"] == metrics["tstr/logistic-regression/auc"]
    assert metrics["augmented/mean/auc"] > 0.8
    assert "low-data-augmented/mean/auc" in metrics
    low, high = honest["intervals"]["tstr/mean/auc"]
    assert low <= metrics["tstr/mean/auc"] <= high
    json.dumps(honest)  # as a checkpoint holds it


def test_copies_are_found_out_and_others_are_not(copied, honest):
    assert copied["metrics"]["memorisation/dcr_share"] > 0.95
    assert 0.3 < honest["metrics"]["memorisation/dcr_share"] < 0.7
    assert copied["metrics"]["memorisation/psnr_median"] > copied["metrics"]["memorisation/psnr_median_holdout"] + 10
    assert copied["attacks"]["nearest"]["auc"]["low"] > 0.6
    assert honest["attacks"]["nearest"]["auc"]["low"] < 0.5
    assert copied["metrics"]["duplicates/training_near"] == 1
    assert honest["metrics"]["duplicates/training_near"] == 0
    assert "the validation images" in copied["attacks"]["nearest"]["note"]


def test_a_discriminator_that_knows_its_images_is_found_out():
    known = {images.tobytes() for images in joined(FEDERATION).pixels}

    def remembers(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(len(labels))
        return np.array([image.tobytes() in known for image in images]) + rng.normal(size=len(labels))

    def diverged(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return np.full(len(labels), np.nan)

    quiet = {"classifiers": (), "diversity": False, "memorisation": False}
    attacks = measured(draw(96, 77), realism=remembers, **quiet)["attacks"]
    assert list(attacks) == ["nearest", "calibrated-nearest", "discriminator"]
    assert 0.6 < attacks["discriminator"]["auc"]["value"] < 0.9
    assert "the validation images" in attacks["discriminator"]["note"]
    assert "discriminator" not in measured(draw(96, 77), realism=diverged, **quiet)["attacks"]


def test_a_generator_that_makes_one_image_has_no_diversity(honest):
    images = draw(96, 77)
    same = LabelledImages(np.repeat(images.pixels[:1], 96, axis=0), images.labels, images.groups)
    collapsed = measured(same, membership=False, memorisation=False)["metrics"]
    for label in FEDERATION.classes:
        assert collapsed[f"diversity/{label}/ssim_synthetic"] == pytest.approx(1)
        assert collapsed[f"diversity/{label}/ssim_difference"] > 0.3
        assert abs(honest["metrics"][f"diversity/{label}/ssim_difference"]) < 0.15
        difference = collapsed[f"diversity/{label}/ms_ssim_synthetic"] - collapsed[f"diversity/{label}/ms_ssim_real"]
        assert collapsed[f"diversity/{label}/ms_ssim_difference"] == pytest.approx(difference)


def test_images_without_labels_train_no_classifier():
    images = joined(FEDERATION)
    made = Unlabelled(16, FEDERATION.classes, np.array([1, 1]), images.pixels, images.labels)
    document = measured(made.unlabelled(96, seed=1))
    assert document["notes"] == [UNLABELLED]
    assert {name.split("/")[0] for name in document["metrics"]} == {"memorisation", "duplicates"}
    assert document["attacks"]


def test_each_measure_can_be_left_out():
    nothing = {"classifiers": (), "diversity": False, "memorisation": False, "membership": False}
    document = measured(draw(96, 77), **nothing)
    assert document["metrics"] == {}
    assert document["attacks"] == {}
    assert measured(draw(96, 77), **nothing | {"diversity": True}, only=False)["intervals"] == {}


def test_real_images_are_measured_once_for_what_no_seed_changes():
    chosen = ImageEvaluationSettings(**QUICK)
    first, second = (
        measure_real(FEDERATION, chosen, first=seed == 0, only=False, seed=seed, resamples=20) for seed in (0, 1)
    )
    assert set(first["metrics"]) - set(second["metrics"]) == {"duplicates/exact", "duplicates/near"}
    assert first["metrics"]["trtr/mean/auc"] > 0.8
    # Another tenth of the images, another classifier.
    assert first["metrics"]["low-data/mean/auc"] != second["metrics"]["low-data/mean/auc"]


def test_features_come_from_one_kept_network_and_see_a_shift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    quick = TrainingSettings(epochs=2, least_steps=20)
    trainings = []

    def train(*images: Any, seed: int) -> Any:
        trainings.append(seed)
        return train_classifier(*images, seed=seed, settings=quick)

    train_classifier = frozen.train_classifier
    monkeypatch.setattr(frozen, "train_classifier", train)
    silent: Any = SimpleNamespace(refused=print)
    kept = [
        frozen.frozen_classifier(
            FEDERATION, DatasetCheckpoints(tmp_path, "tiny", "settings", silent), "digest", tmp_path / "lock", 5
        )
        for _ in range(2)
    ]
    assert trainings == [5]
    np.testing.assert_array_equal(*(one.features(FEDERATION.test.pixels) for one in kept))
    assert kept[0].epochs == kept[1].epochs
    chosen = ImageEvaluationSettings(classifiers=(), diversity=False, memorisation=False, membership=False)

    def distances(images: LabelledImages) -> dict[str, float]:
        document = measure_synthetic(
            FEDERATION, WHOLE, images, chosen, kept[1], augments=True, only=True, seed=3, resamples=50
        )
        return document["metrics"]

    near = distances(draw(96, 77))
    shifted = draw(96, 77)
    far = distances(LabelledImages(-shifted.pixels, shifted.labels, shifted.groups))
    assert near["fd_clf/ratio"] == pytest.approx(near["fd_clf/value"] / near["fd_clf/floor"])
    assert far["fd_clf/ratio"] > 2 * near["fd_clf/ratio"]
    assert far["kernel_distance/value"] > near["kernel_distance/value"]
    assert far["coverage/coverage"] < near["coverage/coverage"]
