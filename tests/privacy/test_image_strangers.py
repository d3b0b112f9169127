"""Why training images are told from validation images: a publisher's test images are told apart by how they look."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data.modality import load_image_dataset
from tff_health.experiments.images.image_sets import stranger_images, training_images
from tff_health.privacy.generator_attacks.image_membership import image_membership


def test_test_images_pass_for_strangers_of_a_generator_that_met_neither(real_data: Path) -> None:
    federation = load_image_dataset("chest_xray", {"hospitals": 1, "images": 1600}, data_dir=real_data, seed=0)
    images = training_images(federation).images
    members, synthetic = images[: len(images) // 2], images[len(images) // 2 :]
    assert stranger_images(federation).name == "validation images"

    def attacked(strangers: np.ndarray) -> tuple[float, float]:
        result = image_membership(
            members,
            strangers,
            synthetic,
            rng=np.random.default_rng(0),
            attacks=["calibrated-nearest"],
            resamples=10,
            permutations=9,
        )
        return result.headline.low, result.headline.high

    low, _ = attacked(federation.test.pixels)
    assert low > 0.52
    low, high = attacked(stranger_images(federation).images)
    assert low < 0.5 < high
