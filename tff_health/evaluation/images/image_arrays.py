"""What arrays of images, labels and features must be to be measured at all."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from data.errors import DataError

RANGE = 2.0
"""Width of the pixels' range [-1, 1]: the peak of PSNR and the L of SSIM."""
_ROUNDING = 1e-4


def checked_images(images: npt.ArrayLike, name: str, like: np.ndarray | None = None) -> np.ndarray:
    """Returns images as float32 [n, size, size, 1].

    Args:
        images: [n, size, size, 1], n >= 1, pixels in [-1, 1].
        name: what they are, in the plural, for messages, as in "synthetic images".
        like: checked images that these are compared with, of the same size.

    Raises:
        DataError: there is no image, the shape is another, or a pixel is not a number or outside [-1, 1].
    """
    checked = np.asarray(images, np.float32)
    if checked.ndim != 4 or checked.shape[1] != checked.shape[2] or checked.shape[3] != 1:
        raise DataError(f"The {name} have shape {checked.shape}: give them as [n, size, size, 1].")
    if len(checked) == 0:
        raise DataError(f"There are no {name}: give one at least.")
    if not np.isfinite(checked).all():
        wrong = int(np.flatnonzero(~np.isfinite(checked).all(axis=(1, 2, 3)))[0])
        raise DataError(
            f"The {name} hold a pixel that is not a finite number, first in image {wrong + 1}: leave such images out, "
            "or look at the generator that made them."
        )
    if np.abs(checked).max() > RANGE / 2 + _ROUNDING:
        raise DataError(
            f"The {name} hold pixels from {checked.min():.4g} to {checked.max():.4g}: scale them to [-1, 1]."
        )
    if like is not None and checked.shape[1:] != like.shape[1:]:
        raise DataError(
            f"The {name} are {checked.shape[1]} pixels a side and those they are compared with {like.shape[1]}: bring "
            "both to one size."
        )
    return checked


def checked_features(features: npt.ArrayLike, name: str, like: np.ndarray | None = None) -> np.ndarray:
    """Returns features as float64 [n, entries].

    Args:
        features: [n, entries], n >= 2.
        name: whose they are, in the plural, for messages, as in "synthetic images".
        like: checked features that these are compared with, of the same width.

    Raises:
        DataError: fewer than two images, another shape, or an entry that is not a finite number.
    """
    checked = np.asarray(features, np.float64)
    if checked.ndim != 2:
        raise DataError(f"The features of the {name} have shape {checked.shape}: give them as [n, entries].")
    if len(checked) < 2:
        raise DataError(f"There are features of {len(checked)} {name}: give two at least.")
    if not np.isfinite(checked).all():
        raise DataError(f"The features of the {name} hold an entry that is not a finite number: look at their images.")
    if like is not None and checked.shape[1] != like.shape[1]:
        raise DataError(
            f"The features of the {name} have {checked.shape[1]} entries and those they are compared with "
            f"{like.shape[1]}: take both from one classifier."
        )
    return checked


@dataclass(frozen=True, eq=False)
class LabelledImages:
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

    def take(self, rows: np.ndarray) -> LabelledImages:
        """Some of them; int [rows] or bool [n]."""
        return replace(self, images=self.images[rows], labels=self.labels[rows])

    def joined(self, others: LabelledImages) -> LabelledImages:
        """These and the others, of the same size.

        Raises:
            DataError: the others have another size.
        """
        images = checked_images(others.images, others.name, self.images)
        name = f"{self.name} and {others.name}"
        return LabelledImages(np.concatenate([self.images, images]), np.concatenate([self.labels, others.labels]), name)

    def split(self, share: float, rng: np.random.Generator) -> tuple[LabelledImages, LabelledImages]:
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
