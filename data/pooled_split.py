"""Held-out patients drawn from all rows before they are dealt to hospitals, as studies on one table do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from data.errors import SettingsError, clip
from data.federation import Hospital
from data.hospitals import iid


def pooled_split_hospitals(
    frame: pd.DataFrame,
    labels: np.ndarray,
    deal: Callable[[np.ndarray], Sequence[np.ndarray]],
    test_fraction: float,
    seed: int,
) -> tuple[Hospital, ...]:
    """Hospitals named "hospital 1", ... whose training rows together are those of scikit-learn's stratified split.

    So that figures compare with those of studies that split one table by `train_test_split(..., random_state=seed)`.

    Args:
        frame: the whole table.
        labels: int64 [rows] of the table.
        deal: from the labels of the training rows to the positions of each hospital's.
        test_fraction: share of all rows held out.
        seed: of the split; held-out rows are dealt to the hospitals at random, evenly.

    Raises:
        SettingsError: either part would lack a class, or a class has one row.
    """
    try:
        train, test = train_test_split(
            np.arange(len(labels)), test_size=test_fraction, random_state=seed, shuffle=True, stratify=labels
        )
    except ValueError as error:
        raise SettingsError(
            f"test_fraction = {test_fraction:g} cannot divide {len(labels)} rows into training and held-out ones that "
            f"both have every class ({clip(str(error), 200).rstrip('.')}); choose one nearer to 0.25."
        ) from error
    trained = deal(labels[train])
    held_out = iid(labels[test], len(trained), seed)
    return tuple(
        Hospital(
            f"hospital {number}",
            frame.iloc[train[own]].reset_index(drop=True),
            frame.iloc[test[others]].reset_index(drop=True),
        )
        for number, (own, others) in enumerate(zip(trained, held_out, strict=True), start=1)
    )
