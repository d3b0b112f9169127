"""Pictures before and after cleaning, where a dataset's pictures were cleaned."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from data.dataset_settings import CHEST_XRAY
from data.image_cleaning import resized, square


def was_cleaned(source: str, options: Mapping[str, Any]) -> bool:
    """Whether the images of a dataset were cleaned before training.

    Args:
        source: the dataset's name in the catalogue.
        options: of the dataset.
    """
    if source != "chest_xray":
        return False
    resolved = CHEST_XRAY.resolve(options)
    return bool(resolved["source"] == "folder" if resolved["cleaning"] is None else resolved["cleaning"])


def cleaning_pictures(
    source: str, options: Mapping[str, Any], *, data_dir: Path | None, seed: int
) -> dict[str, np.ndarray]:
    """`cleaning_before` and `cleaning_after`, uint8 [count, side, side]: middle squares at one size; nothing else.

    Args:
        source: the dataset's name in the catalogue.
        options: of the dataset.
        data_dir: where data files lie.
        seed: same seed, same pictures.

    Raises:
        DataError: a file is missing or cannot be used.
    """
    if not was_cleaned(source, options):
        return {}
    from data.chest_xray import examples_of_cleaning

    examples = examples_of_cleaning(options, data_dir=data_dir, seed=seed)
    pairs = [(square(example.before), square(example.after)) for example in examples]
    side = min(min(picture.shape) for pair in pairs for picture in pair)
    before, after = (np.stack([resized(picture, side) for picture in kind]) for kind in zip(*pairs, strict=True))
    return {"cleaning_before": before, "cleaning_after": after}
