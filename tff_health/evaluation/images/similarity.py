"""How alike two images are: SSIM, MS-SSIM and PSNR."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from data.errors import DataError
from data.image_arrays import RANGE, checked_images

WINDOW = 11
"""Pixels a side of the Gaussian window, with a standard deviation of 1.5, as Wang et al. have it."""
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_PAIRS = 500  # at a time, to bound memory


def ssim(first: npt.ArrayLike, second: npt.ArrayLike) -> np.ndarray:
    """Structural similarity of pairs of images (Wang et al., IEEE Transactions on Image Processing 13, 2004).

    Mean over all positions at which the 11 x 11 Gaussian window lies within the image, 18 x 18 of them for 28
    pixels; K1 = .01, K2 = .03, L = 2.

    Args:
        first: float32 [n, size, size, 1] in [-1, 1], size >= 11.
        second: as many of the same size; the i-th is compared with the first's i-th.

    Returns:
        float64 [n], at most 1, which equal images have.

    Raises:
        DataError: the images cannot be compared, or are smaller than the window.
    """
    import tensorflow as tf  # here, so that the logs can be silenced before

    one, other = _pairs(first, second)
    return _in_blocks(lambda a, b: tf.image.ssim(a, b, RANGE, filter_size=WINDOW).numpy(), one, other)


def ms_ssim(first: npt.ArrayLike, second: npt.ArrayLike) -> np.ndarray:
    """Multi-scale structural similarity (Wang, Simoncelli and Bovik, Asilomar Conference 2003).

    The paper's five scales take images of 176 pixels. Here there are as many as leave the smallest image no smaller
    than the window, with the first of the paper's weights divided by their sum: two scales for 28 pixels (28 and 14,
    weights .136 and .864), three for 64 (64, 32 and 16, weights .071, .453 and .476). Values compare at one size only.

    Args:
        first: as in `ssim`.
        second: likewise.

    Returns:
        float64 [n], from 0 to 1.

    Raises:
        DataError: as in `ssim`.
    """
    import tensorflow as tf  # here, so that the logs can be silenced before

    one, other = _pairs(first, second)
    weights = scale_weights(one.shape[1])

    def measure(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.asarray(tf.image.ssim_multiscale(a, b, RANGE, power_factors=weights, filter_size=WINDOW).numpy())

    return _in_blocks(measure, one, other)


def scale_weights(size: int) -> tuple[float, ...]:
    """The weights of MS-SSIM's scales, finest first; their sum is 1.

    Args:
        size: pixels a side, 11 or more.
    """
    scales = sum(size // 2**scale >= WINDOW for scale in range(len(SCALE_WEIGHTS)))
    return tuple(weight / sum(SCALE_WEIGHTS[:scales]) for weight in SCALE_WEIGHTS[:scales])


def psnr(first: npt.ArrayLike, second: npt.ArrayLike) -> np.ndarray:
    """Peak signal-to-noise ratio of pairs of images in decibels: 10 log10(L^2 / mean squared difference), L = 2.

    Args:
        first: float32 [n, size, size, 1] in [-1, 1].
        second: as many of the same size.

    Returns:
        float64 [n], infinite for equal images.

    Raises:
        DataError: the images cannot be compared.
    """
    one, other = _same_number(first, second)
    difference = one.astype(np.float64) - other
    return psnr_of_distance(np.sqrt((difference**2).sum(axis=(1, 2, 3))), difference[0].size)


def psnr_of_distance(distance: np.ndarray, pixels: int) -> np.ndarray:
    """The ratio in decibels that belongs to a Euclidean distance in pixels.

    Args:
        distance: any shape, 0 or more.
        pixels: of an image.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(20 * np.log10(RANGE * np.sqrt(pixels) / np.asarray(distance, np.float64)))


def _pairs(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    one, other = _same_number(first, second)
    if one.shape[1] < WINDOW:
        raise DataError(f"SSIM takes images of {WINDOW} pixels a side or more, not {one.shape[1]}: use PSNR for these.")
    return one, other


def _same_number(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    one = checked_images(first, "first images")
    other = checked_images(second, "second images", one)
    if len(one) != len(other):
        raise DataError(f"Images are compared in pairs, but there are {len(one)} first and {len(other)} second ones.")
    return one, other


def _in_blocks(
    measure: Callable[[np.ndarray, np.ndarray], np.ndarray], first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    blocks = [slice(start, start + _PAIRS) for start in range(0, len(first), _PAIRS)]
    return np.concatenate([measure(first[block], second[block]) for block in blocks]).astype(np.float64)
