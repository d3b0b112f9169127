"""What an array of features must be to be measured."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from data.errors import DataError


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
