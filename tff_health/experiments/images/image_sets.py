"""A federation's images as measures take them."""

from __future__ import annotations

from data.image_federation import ImageFederation, LabelledImages
from tff_health.evaluation.images.image_set import ImageSet
from tff_health.experiments.images.parts import Part, joined
from tff_health.privacy.generator_attacks.inference import FEWEST


def training_images(federation: ImageFederation) -> ImageSet:
    """Every hospital's training images."""
    return _of(joined(federation), "training images")


def trained_images(part: Part) -> ImageSet:
    """Those that a generator was trained on."""
    return _of(part.train, "training images")


def test_images(federation: ImageFederation) -> ImageSet:
    """Those that everything is scored on."""
    return _of(federation.test, "test images")


def validation_images(federation: ImageFederation) -> ImageSet | None:
    """Those to choose by; None where there are none."""
    return _of(federation.validation, "validation images") if len(federation.validation) else None


def stranger_images(federation: ImageFederation) -> ImageSet:
    """Held-out images that training images are told from.

    The validation images, which are drawn from the same pictures as the training images; test images where there are
    too few. A publisher's test images may differ from both, which passes for memorisation, as PneumoniaMNIST's do
    (tests/privacy/test_image_strangers.py).
    """
    if len(federation.validation) >= FEWEST:
        return _of(federation.validation, "validation images")
    return test_images(federation)


def _of(images: LabelledImages, name: str) -> ImageSet:
    return ImageSet(images.pixels, images.labels, name)
