"""What an array of images must be to be compared with others at all."""

from __future__ import annotations

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
