"""Images side by side in one picture."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
from PIL import Image

from data.errors import SettingsError
from data.image_cleaning import grey_levels
from data.whole_file import write_whole

MOST_SHOWN = 2500
_GAP = 2  # pixels between images
_BETWEEN = 255  # grey level there


def image_grid(pixels: np.ndarray) -> np.ndarray:
    """A picture with as many rows as columns, or one row less; filled row by row.

    Args:
        pixels: float32 [images, size, size, 1] in [-1, 1].

    Returns:
        uint8 [height, width].

    Raises:
        SettingsError: no image, or more than `MOST_SHOWN`.
    """
    if not 1 <= len(pixels) <= MOST_SHOWN:
        raise SettingsError(f"a picture shows 1 to {MOST_SHOWN:,} images, not {len(pixels):,}.")
    size, columns = pixels.shape[1], math.ceil(math.sqrt(len(pixels)))
    rows, step = math.ceil(len(pixels) / columns), size + _GAP
    picture = np.full((rows * step - _GAP, columns * step - _GAP), _BETWEEN, np.uint8)
    for place, image in enumerate(grey_levels(pixels)[..., 0]):
        top, left = place // columns * step, place % columns * step
        picture[top : top + size, left : left + size] = image
    return picture


def write_grid(pixels: np.ndarray, path: Path) -> None:
    """Writes `image_grid` as a PNG.

    Args:
        pixels: as there.
        path: its folder is made.

    Raises:
        SettingsError: no image, or too many.
        DataError: the file cannot be written.
    """
    content = io.BytesIO()
    Image.fromarray(image_grid(pixels)).save(content, "PNG")
    write_whole(path, content.getvalue())
