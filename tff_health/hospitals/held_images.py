"""A hospital's images as its worker's computations read them, and what it publishes about them. No TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.errors import DataError
from data.image_federation import ImageFederation, ImageHospital
from data.whole_file import write_whole
from tff_health.hospitals.held_table import FACTS_FILE, data_folder


class ImageFacts(BaseModel):
    """What a hospital publishes about its images.

    Attributes:
        format: of this document.
        kind: that they are images.
        title, source, licence, protocol, notes, data_kind: see `ImageFederation`.
        size: pixels along each side.
        classes: names of the classes.
        counts: images of each class.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["tff_health.held_images/1"] = "tff_health.held_images/1"
    kind: Literal["images"] = "images"
    title: str
    source: str
    licence: str
    protocol: str
    notes: tuple[str, ...] = ()
    data_kind: Literal["real", "simulated"]
    size: int = Field(ge=1, le=4096)
    classes: tuple[str, str]
    counts: tuple[int, int]

    @property
    def summary(self) -> str:
        """The numbers, for people."""
        each = ", ".join(f"{count:,} {name}" for name, count in zip(self.classes, self.counts, strict=True))
        return f"{self.images:,} training images of {self.size} x {self.size} pixels ({each})"

    @property
    def images(self) -> int:
        """How many there are."""
        return sum(self.counts)


def pixels_file(dataset: str) -> str:
    """Where pixels lie, relative to the worker's folder: float32 [images, size * size], little-endian, -1 to 1."""
    return f"{data_folder(dataset)}/pixels.f32"


def labels_file(dataset: str) -> str:
    """Where classes lie, relative to the worker's folder: uint8 [images]."""
    return f"{data_folder(dataset)}/labels.u8"


def image_facts(federation: ImageFederation, hospital: ImageHospital) -> ImageFacts:
    """What a hospital of a federation publishes."""
    counts = np.bincount(hospital.train.labels, minlength=len(federation.classes))
    return ImageFacts(
        title=federation.title,
        source=federation.source,
        licence=federation.licence,
        protocol=federation.protocol,
        notes=federation.notes,
        data_kind=federation.kind,
        size=federation.size,
        classes=federation.classes,
        counts=tuple(counts.tolist()),
    )


def write_held_images(folder: Path, dataset: str, federation: ImageFederation, hospital: ImageHospital) -> ImageFacts:
    """Writes a hospital's images into its worker's folder.

    Args:
        folder: the worker's.
        dataset: the dataset's name in experiments.
        federation: that the hospital is of; what is said about its data is published.
        hospital: whose images are written.

    Raises:
        DataError: a file cannot be written.
    """
    facts = image_facts(federation, hospital)
    pixels = np.ascontiguousarray(hospital.train.pixels, "<f4")
    write_whole(folder / pixels_file(dataset), pixels.tobytes())
    write_whole(folder / labels_file(dataset), hospital.train.labels.astype(np.uint8).tobytes())
    write_whole(folder / data_folder(dataset) / FACTS_FILE, facts.model_dump_json(indent=1).encode())
    return facts


def read_image_facts(texts: Mapping[str, bytes], dataset: str) -> dict[str, ImageFacts]:
    """What hospitals published about a dataset of images, checked to be of one size and the same classes.

    Args:
        texts: of the facts' files, by hospital.
        dataset: for messages.

    Raises:
        DataError: what a hospital says cannot be read, or it has images of another size or other classes.
    """
    facts = {}
    for name, text in texts.items():
        try:
            facts[name] = ImageFacts.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            raise DataError(
                f"{dataset}: what hospital {name!r} publishes cannot be read as facts about images "
                f"({'.'.join(map(str, first['loc']))}: {first['msg']}): it needs the same version of this software."
            ) from error
    one, first_facts = next(iter(facts.items()))
    for name, own in facts.items():
        if (own.size, own.classes) != (first_facts.size, first_facts.classes):
            raise DataError(
                f"{dataset}: hospital {one!r} has images of {first_facts.size} pixels and classes "
                f"{', '.join(first_facts.classes)}, hospital {name!r} of {own.size} pixels and classes "
                f"{', '.join(own.classes)}: all need the same."
            )
    return facts
