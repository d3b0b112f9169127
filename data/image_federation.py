"""Hospitals that hold labelled images, and a federation of them with one size and one pair of classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from data.dataset_texts import check_dataset_texts
from data.errors import DataError
from data.hospital_names import check_hospital_names


@dataclass(frozen=True)
class LabelledImages:
    """Grey images with their classes.

    Attributes:
        pixels: float32 [images, size, size, 1] in [-1, 1]: -1 is black, 1 white.
        labels: int64 [images], 0 or 1.
        groups: str [images]: the patient where it is known, else an identifier of the image's own. Images of one
            group stay together wherever images are divided.
    """

    pixels: np.ndarray
    labels: np.ndarray
    groups: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: np.ndarray) -> LabelledImages:
        """The images at these positions, or where a mask [images] is true, as a copy."""
        return LabelledImages(self.pixels[rows], self.labels[rows], self.groups[rows])


@dataclass(frozen=True)
class ImageHospital:
    """One hospital's images; all of them take part in training.

    Attributes:
        name: as reports call it.
        train: its images.
    """

    name: str
    train: LabelledImages

    @property
    def trains(self) -> bool:
        """Whether the hospital takes part in training."""
        return len(self.train) > 0


@dataclass(frozen=True)
class ImageFederation:
    """A dataset of images as the hospitals hold it.

    Attributes:
        name: the dataset's name in settings.
        title: for people.
        kind: whether the images are of patients or simulated.
        classes: names of the classes 0 and 1.
        size: pixels along each side.
        hospitals: with distinct names.
        validation: images to choose models and settings by, held by nobody; may be empty.
        test: images held out from everybody, used for scoring alone.
        source: where the images come from, citable.
        licence: the data's licence.
        protocol: one sentence on how images were selected and split.
        notes: sentences that a reader of the figures must know.
        single_class_accepted: whether a hospital may train with one class only, because a published protocol
            has it so; elsewhere it is taken for a mistake.
    """

    name: str
    title: str
    kind: Literal["real", "simulated"]
    classes: tuple[str, str]
    size: int
    hospitals: tuple[ImageHospital, ...]
    validation: LabelledImages
    test: LabelledImages
    source: str
    licence: str
    protocol: str
    notes: tuple[str, ...] = ()
    single_class_accepted: bool = False

    def __post_init__(self) -> None:
        check_hospital_names(self.name, [hospital.name for hospital in self.hospitals])
        if len(self.classes) != 2 or self.classes[0] == self.classes[1]:
            raise DataError(f"{self.name}: classes must be two different names, not {self.classes!r}.")
        check_dataset_texts(
            self.name, (self.title, self.source, self.licence, self.protocol, *self.notes, *self.classes)
        )
        for hospital in self.hospitals:
            _check(hospital.train, f"{self.name}, hospital {hospital.name!r}", self.size)
        _check(self.validation, f"{self.name}, validation images", self.size)
        _check(self.test, f"{self.name}, test images", self.size)

    @property
    def members(self) -> tuple[ImageHospital, ...]:
        """The hospitals that train."""
        return tuple(hospital for hospital in self.hospitals if hospital.trains)

    @property
    def training_images(self) -> dict[str, int]:
        """Training images of each hospital that trains."""
        return {hospital.name: len(hospital.train) for hospital in self.members}

    @property
    def positive_images(self) -> dict[str, int]:
        """Those of class 1 among them."""
        return {hospital.name: int(hospital.train.labels.sum()) for hospital in self.members}

    @property
    def held_out(self) -> int:
        """Images that everything is scored on."""
        return len(self.test)

    def require_trainable(self) -> ImageFederation:
        """Returns itself, or says which hospital cannot take part in training.

        Raises:
            DataError: no hospital has images, one of them has none, or one has a single class and the protocol
                does not have it so, or all of them together have.
        """
        if not self.members:
            raise DataError(f"{self.name}: no hospital has training images; give one of them images of both classes.")
        everything = np.concatenate([hospital.train.labels for hospital in self.members])
        for hospital in self.hospitals:
            if not hospital.trains:
                raise DataError(
                    f"{self.name}, hospital {hospital.name!r}: there are no training images; give it some or leave "
                    "it out."
                )
            present = np.unique(hospital.train.labels)
            if len(present) < 2 and not (self.single_class_accepted and len(np.unique(everything)) == 2):
                raise DataError(
                    f"{self.name}, hospital {hospital.name!r}: every training image is of the class "
                    f"{self.classes[int(present[0])]!r}; training needs both classes, so merge it with another "
                    "hospital, leave it out or choose a milder skew."
                )
        return self

    def require_scored(self) -> ImageFederation:
        """Returns itself, or says that nothing can be scored.

        Raises:
            DataError: there are no test images, or all are of one class.
        """
        present = np.unique(self.test.labels)
        if len(present) < 2:
            found = f"only the class {self.classes[int(present[0])]!r}" if len(present) else "no image"
            raise DataError(f"{self.name}: the test images hold {found}; hold out images of both classes to score on.")
        return self

    def with_notes(self, *notes: str) -> ImageFederation:
        """A copy with these notes added."""
        return replace(self, notes=(*self.notes, *notes))


def _check(images: LabelledImages, owner: str, size: int) -> None:
    """Raises DataError where the images are not as `LabelledImages` and the federation's size have it."""
    pixels, labels, groups = images.pixels, images.labels, images.groups
    if pixels.dtype != np.float32 or pixels.shape[1:] != (size, size, 1):
        raise DataError(
            f"{owner}: pixels are {pixels.dtype} {list(pixels.shape)}; hand over float32 [images, {size}, {size}, 1]."
        )
    if labels.dtype != np.int64 or labels.shape != pixels.shape[:1]:
        raise DataError(
            f"{owner}: labels are {labels.dtype} {list(labels.shape)}; hand over int64 [{len(pixels)}], one an image."
        )
    if groups.dtype.kind != "U" or groups.shape != pixels.shape[:1]:
        raise DataError(
            f"{owner}: groups are {groups.dtype} {list(groups.shape)}; hand over text [{len(pixels)}], one an image."
        )
    if not np.isfinite(pixels).all():
        raise DataError(f"{owner}: a pixel is infinite or not a number; leave the image out or repair it.")
    if len(pixels) and (pixels.min() < -1 or pixels.max() > 1):
        raise DataError(
            f"{owner}: pixels run from {pixels.min():g} to {pixels.max():g}; scale them to -1 (black) to 1 (white)."
        )
    if wrong := sorted(set(np.unique(labels).tolist()) - {0, 1}):
        raise DataError(f"{owner}: {wrong[0]} is no label; use 0 and 1, the positions of the two classes.")
