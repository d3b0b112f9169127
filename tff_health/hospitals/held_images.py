"""A hospital's images as its worker's computations read them, and what it publishes about them. No TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from data.errors import DataError
from data.image_federation import ImageFederation, ImageHospital, LabelledImages
from data.whole_file import write_whole
from tff_health.hospitals.held_facts import HeldFacts, Part, common_facts, data_folder, read_facts, write_facts


class ImageFacts(HeldFacts):
    """What a hospital publishes about its images; attributes also as in `HeldFacts`.

    Attributes:
        format: of this document.
        kind: that they are images.
        size: pixels along each side.
        classes: names of the classes.
        counts: training images of each class.
        test_counts: held-out images of each class.
    """

    format: Literal["tff_health.held_images/2"] = "tff_health.held_images/2"
    kind: Literal["images"] = "images"
    size: int = Field(ge=1, le=4096)
    classes: tuple[str, str]
    counts: tuple[int, int]
    test_counts: tuple[int, int]

    @property
    def summary(self) -> str:
        """The numbers, for people."""
        each = ", ".join(f"{count:,} {name}" for name, count in zip(self.classes, self.counts, strict=True))
        return (
            f"{self.images:,} training images of {self.size} x {self.size} pixels ({each}), {sum(self.test_counts):,} "
            f"held-out images ({self.test_counts[1]:,} {self.classes[1]})"
        )

    @property
    def images(self) -> int:
        """Training images."""
        return sum(self.counts)


def pixels_file(dataset: str, part: Part) -> str:
    """Where pixels lie, relative to the worker's folder: float32 [images, size * size], little-endian, -1 to 1."""
    return f"{data_folder(dataset)}/{part}-pixels.f32"


def labels_file(dataset: str, part: Part) -> str:
    """Where classes lie, relative to the worker's folder: uint8 [images]."""
    return f"{data_folder(dataset)}/{part}-labels.u8"


def image_facts(federation: ImageFederation, hospital: ImageHospital, test: LabelledImages) -> ImageFacts:
    """What a hospital of a federation publishes; arguments as in `write_held_images`."""
    return ImageFacts(
        **common_facts(federation),
        size=federation.size,
        classes=federation.classes,
        counts=_counts(hospital.train),
        test_counts=_counts(test),
    )


def write_held_images(
    folder: Path, dataset: str, federation: ImageFederation, hospital: ImageHospital, test: LabelledImages
) -> ImageFacts:
    """Writes a hospital's images into its worker's folder.

    Args:
        folder: the worker's.
        dataset: the dataset's name in experiments.
        federation: that the hospital is of; what is said about its data is published.
        hospital: whose training images are written.
        test: those that it holds out.

    Raises:
        DataError: a file cannot be written.
    """
    facts = image_facts(federation, hospital, test)
    parts: dict[Part, LabelledImages] = {"train": hospital.train, "test": test}
    for part, images in parts.items():
        pixels = np.ascontiguousarray(images.pixels, "<f4")
        write_whole(folder / pixels_file(dataset, part), pixels.tobytes())
        write_whole(folder / labels_file(dataset, part), images.labels.astype(np.uint8).tobytes())
    write_facts(folder, dataset, facts)
    return facts


def _counts(images: LabelledImages) -> tuple[int, int]:
    negative, positive = np.bincount(images.labels, minlength=2).tolist()
    return negative, positive


def read_image_facts(texts: Mapping[str, bytes], dataset: str) -> dict[str, ImageFacts]:
    """What hospitals published about images, checked to be alike; arguments and errors as in `read_facts`.

    Raises:
        DataError: also where a hospital has images of another size or other classes than the first one.
    """
    facts = read_facts(ImageFacts, texts, dataset)
    one, first_facts = next(iter(facts.items()))
    for name, own in facts.items():
        if (own.size, own.classes) != (first_facts.size, first_facts.classes):
            raise DataError(
                f"{dataset}: hospital {one!r} has images of {first_facts.size} pixels and classes "
                f"{', '.join(first_facts.classes)}, hospital {name!r} of {own.size} pixels and classes "
                f"{', '.join(own.classes)}: all need the same."
            )
    return facts
