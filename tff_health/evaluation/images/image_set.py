"""Labelled images as measures take them, checked; how hospitals hold theirs is in `data.image_federation`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from data.errors import DataError
from data.image_arrays import checked_images


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with their labels.

    Attributes:
        images: float32 [n, size, size, 1] in [-1, 1].
        labels: int64 [n], 0 or 1.
        name: what they are, in the plural, for messages.

    Raises:
        DataError: an array cannot be measured, or the labels do not fit the images.
    """

    images: np.ndarray
    labels: np.ndarray
    name: str = "images"

    def __post_init__(self) -> None:
        images, labels = checked_images(self.images, self.name), np.asarray(self.labels)
        if labels.shape != (len(images),):
            raise DataError(f"There are {len(images)} {self.name} and labels of shape {labels.shape}: give one each.")
        if not np.isin(labels, (0, 1)).all():
            raise DataError(f"The labels of the {self.name} must be 0 or 1.")
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "labels", labels.astype(np.int64))

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> tuple[int, ...]:
        """The labels that occur."""
        return tuple(int(label) for label in np.unique(self.labels))

    def take(self, rows: np.ndarray) -> ImageSet:
        """Some of them; int [rows] or bool [n]."""
        return replace(self, images=self.images[rows], labels=self.labels[rows])

    def joined(self, others: ImageSet) -> ImageSet:
        """These and the others, of the same size.

        Raises:
            DataError: the others have another size.
        """
        images = checked_images(others.images, others.name, self.images)
        name = f"{self.name} and {others.name}"
        return ImageSet(np.concatenate([self.images, images]), np.concatenate([self.labels, others.labels]), name)

    def split(self, share: float, rng: np.random.Generator) -> tuple[ImageSet, ImageSet]:
        """A share of each class, rounded, one image at least, and the rest; both in random order.

        Args:
            share: above 0, below 1.
            rng: source of the draws.

        Raises:
            ValueError: the share makes no sense.
            DataError: a class has one image only, so that one part would lack it.
        """
        if not 0 < share < 1:
            raise ValueError(f"share must lie between 0 and 1, not {share}")
        parts: tuple[list[np.ndarray], list[np.ndarray]] = [], []
        for label in self.classes:
            rows = rng.permutation(np.flatnonzero(self.labels == label))
            if len(rows) < 2:
                raise DataError(
                    f"Of the {self.name} one alone has label {label}, so they cannot be divided: give more."
                )
            count = min(max(round(share * len(rows)), 1), len(rows) - 1)
            parts[0].append(rows[:count])
            parts[1].append(rows[count:])
        first, rest = (self.take(rng.permutation(np.concatenate(part))) for part in parts)
        return first, rest
