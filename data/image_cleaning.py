"""Cleaning of chest X-rays: side markers, borders, noise, then one common size. Works on uint8 [height, width].

The paper on the federated DCGAN names "common size, artefact and noise cleaning" without saying how; these steps are
ours and are conservative: what is not surely a marker or a border stays. Sizes are shares of the picture's shorter
side, because pictures come in all resolutions. Below `SMALLEST_CLEANED` pixels a letter is a pixel or two and cannot
be told from a rib, so there the median filter is all that is done.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

SMALLEST_CLEANED = 128
"""Shorter side in pixels from which markers and borders are looked for."""

_WORKING = 400  # pixels of the shorter side that are enough to clean at; more only costs time

# Border: lines from an edge inwards, nearly all of whose pixels are black (or white), up to a share of the side.
_BLACK, _WHITE = 12, 243
_BORDER_SHARE = 0.97
_DEEPEST_BORDER = 0.25

# Marker: a bright shape of thin strokes and of a letter's size, sharply cut, in the outer part of the picture. What is
# written by a machine has an edge of one pixel; bones have soft ones. Chosen on the 92 pictures of Kermany's that were
# at hand: among the shapes of enough contrast, letters have a sharpness of 1 or more, ribs at most .81, the wall of one
# arm bone .93, electrodes and clips .75 and more.
_STROKE = 0.045  # wider strokes are anatomy
_TOP_HAT = 45
_LETTER = (0.02, 0.13)
_OUTER = 0.32
_CONTRAST = 55
_SHARPNESS = 0.95


@dataclass(frozen=True)
class CleaningExample:
    """One picture on its way.

    Attributes:
        before: uint8 [height, width], the whole picture as it came, at a resolution to be looked at.
        after: uint8 [height, width], the whole picture cleaned; smaller by the border.
        image: uint8 [size, size], what is trained on.
    """

    before: np.ndarray
    after: np.ndarray
    image: np.ndarray


def clean(image: np.ndarray, size: int, cleaning: bool) -> np.ndarray:
    """A picture at the common size: its middle square, resampled.

    Args:
        image: uint8 [height, width], neither side below `size`.
        size: pixels along each side of the result.
        cleaning: whether markers, borders and noise are taken out before.

    Returns:
        uint8 [size, size].
    """
    return resized(square(cleaned(image, size) if cleaning else image), size)


def cleaned(image: np.ndarray, size: int) -> np.ndarray:
    """The whole picture without markers, borders and noise.

    Args:
        image: uint8 [height, width].
        size: of the image that will be made of it, which tells the resolution that is worth keeping.

    Returns:
        uint8 [height, width] of at least `size`, at a lower resolution where the picture is a large one.
    """
    if min(image.shape) >= SMALLEST_CLEANED:
        image = crop_border(remove_markers(reduced(image, max(_WORKING, 3 * size))))
        image = reduced(image, max(SMALLEST_CLEANED, 3 * size))
    return median(image)


def scaled(images: np.ndarray) -> np.ndarray:
    """Grey levels 0 to 255 of any shape as float32 in [-1, 1]: 0 becomes -1, 255 becomes 1."""
    return (images.astype(np.float32) - np.float32(127.5)) / np.float32(127.5)


def grey_levels(pixels: np.ndarray) -> np.ndarray:
    """Pixels in [-1, 1] of any shape as the nearest grey levels, uint8: the inverse of `scaled`."""
    return np.clip(np.rint(pixels * 127.5 + 127.5), 0, 255).astype(np.uint8)


def reduced(image: np.ndarray, side: int) -> np.ndarray:
    """The picture with means of whole blocks for pixels, so that its shorter side stays at `side` or more."""
    factor = min(image.shape) // side
    return np.asarray(Image.fromarray(image).reduce(factor)) if factor > 1 else image


def crop_border(image: np.ndarray) -> np.ndarray:
    """The picture without black or white bars along its edges; of each side at most a quarter goes."""
    top, bottom = _border(image), _border(image[::-1])
    left, right = _border(image.T), _border(image.T[::-1])
    return image[top : image.shape[0] - bottom, left : image.shape[1] - right]


def _border(image: np.ndarray) -> int:
    """How many rows from the top are a bar: black throughout, or white throughout."""
    deepest = int(_DEEPEST_BORDER * len(image))
    rows = image[:deepest]
    black = (rows <= _BLACK).mean(axis=1) >= _BORDER_SHARE
    white = (rows >= _WHITE).mean(axis=1) >= _BORDER_SHARE
    # Of one colour: white collimator edges inside a black bar are rare, a white neck below black air is not.
    return max(int(np.argmin(np.append(bar, False))) for bar in (black, white))


def remove_markers(image: np.ndarray) -> np.ndarray:
    """The picture with burnt-in letters ("R", "L", "A-P") near its edges painted over with the grey around them.

    A letter is a connected bright shape of thin strokes (white top-hat transform), of a letter's size, that lies in
    the outer part of the picture and falls to the ground around it within a pixel. Electrodes and clips on the skin
    that meet all of this go too.
    """
    short = min(image.shape)
    stroke = max(3, round(_STROKE * short))
    thin = ndimage.white_tophat(image, size=(stroke, stroke)) > _TOP_HAT
    shapes, number = ndimage.label(thin, structure=np.ones((3, 3), bool))
    margin = max(2, round(0.012 * short))
    result = image.copy()
    for index, box in enumerate(ndimage.find_objects(shapes, number), start=1):
        if not _is_letter_sized(box, image.shape):
            continue
        wide = tuple(slice(max(side.start - 2 * margin, 0), side.stop + 2 * margin) for side in box)
        shape = shapes[wide] == index
        letter = ndimage.binary_dilation(shape, iterations=margin)
        if (~letter).any() and _is_written(image[wide], shape, ground := np.median(image[wide][~letter])):
            result[wide][letter] = ground
    return result


def _is_written(image: np.ndarray, shape: np.ndarray, ground: float) -> bool:
    """Whether the shape stands out of the ground and its edge is as steep as that of a letter."""
    contrast = np.median(image[shape]) - ground
    if contrast < _CONTRAST:
        return False
    edge = ndimage.binary_dilation(shape) & ~ndimage.binary_erosion(shape)
    steps = ndimage.morphological_gradient(image, size=(3, 3))[edge]
    return bool(np.median(steps) >= _SHARPNESS * contrast)


def _is_letter_sized(box: tuple[slice, slice], shape: tuple[int, ...]) -> bool:
    """Whether a shape's box has a letter's measures and lies in the outer part of the picture."""
    short = min(shape)
    smallest, largest = _LETTER[0] * short, _LETTER[1] * short
    height, width = (side.stop - side.start for side in box)
    if not (smallest <= height <= largest and smallest / 2 <= width <= largest):
        return False
    middles = [(side.start + side.stop) / 2 / length for side, length in zip(box, shape, strict=True)]
    return min(middles[1], 1 - middles[1]) < _OUTER


def median(image: np.ndarray) -> np.ndarray:
    """The picture with every pixel replaced by the median of the 3 x 3 around it."""
    return np.asarray(ndimage.median_filter(image, size=3, mode="reflect"))


def square(image: np.ndarray) -> np.ndarray:
    """The middle square, as wide as the shorter side, as MedMNIST cuts Kermany's pictures."""
    height, width = image.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def resized(image: np.ndarray, size: int) -> np.ndarray:
    """The square picture at `size` x `size`, bilinear with antialiasing; the same picture where it has that size.

    Of Pillow's filters this one comes nearest to what MedMNIST made of Kermany's pictures.
    """
    if image.shape == (size, size):
        return image
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR))


def cleaning_examples(images: Iterable[np.ndarray], size: int) -> tuple[CleaningExample, ...]:
    """Pictures before and after cleaning, for a report.

    Args:
        images: uint8 [height, width] each, neither side below `size`.
        size: pixels along each side of what is trained on.
    """
    side = max(SMALLEST_CLEANED, 3 * size)
    return tuple(
        CleaningExample(reduced(image, side), cleaned(image, size), clean(image, size, True)) for image in images
    )
