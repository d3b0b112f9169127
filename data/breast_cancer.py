"""Breast Cancer Wisconsin (Diagnostic): 569 real patients that ship with scikit-learn, no download needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer

from data.dataset_settings import BREAST_CANCER
from data.federation import Federation
from data.hospitals import partition_rows, simulated_hospitals
from data.schema import Column, Schema

# Each hospital keeps at least this many rows of each class, so that training and test rows both have both
# classes and a class is never one patient.
MIN_PER_CLASS = 4

# Highest plausible value of each of the ten measures of a nucleus, as the mean over the nuclei of an image,
# its standard error, and the mean of the three worst nuclei; the lowest is 0 for all, as they are lengths,
# areas and indices of shape. Rounded up to a simple number above the greatest values that the dataset's own
# documentation publishes (scikit-learn's description holds the table), so they are public and are never read
# off the rows.
_HIGHEST = {
    "radius": (40, 5, 50),
    "texture": (50, 8, 60),
    "perimeter": (250, 35, 350),
    "area": (3500, 800, 6000),
    "smoothness": (0.25, 0.05, 0.3),
    "compactness": (0.5, 0.2, 1.5),
    "concavity": (0.6, 0.6, 1.5),
    "concave points": (0.3, 0.1, 0.4),
    "symmetry": (0.4, 0.15, 0.8),
    "fractal dimension": (0.15, 0.05, 0.25),
}

_TARGET = Column(
    "diagnosis",
    "binary",
    codebook={0: "benign", 1: "malignant"},
    description="diagnosis of the breast mass",
)

SCHEMA = Schema(
    (
        *(
            Column(
                name,
                "continuous",
                bounds=(0.0, float(highest[statistic])),
                description=f"{measure} of the cell nuclei, {description}",
            )
            for statistic, (pattern, description) in enumerate(
                (
                    ("mean {}", "mean"),
                    ("{} error", "standard error"),
                    ("worst {}", "mean of the three largest"),
                )
            )
            for measure, highest in _HIGHEST.items()
            for name in (pattern.format(measure),)
        ),
        _TARGET,
    ),
    target="diagnosis",
)
"""Thirty measures under scikit-learn's names, in its order, and the diagnosis; the source states no units."""


def load(settings: Mapping[str, Any], *, data_dir: Path | None, seed: int) -> Federation:
    """The 569 patients dealt to simulated hospitals; malignant is the positive class.

    Args:
        settings: `hospitals` (5), `partition` (`dirichlet`, `iid`, `size_skew` or `one_class`), `alpha` (.5),
            `min_rows` of a hospital (20), `test_fraction` (.25), `split_seed` (the experiment's seed).
        data_dir: unused; the file ships with scikit-learn.
        seed: the experiment's seed.

    Raises:
        SettingsError: a setting is unknown, out of range, or asks for more than 569 rows can give.
    """
    resolved = BREAST_CANCER.resolve(settings)
    split_seed = seed if resolved["split_seed"] is None else resolved["split_seed"]
    frame = read_patients()
    labels = frame["diagnosis"].to_numpy(np.int64)
    parts = partition_rows(
        resolved["partition"],
        labels,
        resolved["hospitals"],
        split_seed,
        alpha=resolved["alpha"],
        min_rows=resolved["min_rows"],
        min_per_class=MIN_PER_CLASS,
    )
    alone = resolved["partition"] == "one_class"
    skew = f" with alpha {resolved['alpha']:g}" if resolved["partition"] in ("dirichlet", "size_skew") else ""
    least = "all of one class" if alone else f"{MIN_PER_CLASS} of each class"
    return Federation(
        name="breast_cancer",
        title="Breast Cancer Wisconsin (Diagnostic)",
        kind="real",
        schema=SCHEMA,
        hospitals=simulated_hospitals(frame, labels, parts, resolved["test_fraction"], split_seed),
        source="W. Wolberg, O. Mangasarian, N. Street, W. Street, Breast Cancer Wisconsin (Diagnostic), UCI "
        "Machine Learning Repository (1993), doi 10.24432/C5DW2B, as shipped with scikit-learn",
        licence="CC BY 4.0",
        protocol=(
            f"569 patients dealt to {resolved['hospitals']} simulated hospitals by "
            f"{resolved['partition']}{skew}, at least {resolved['min_rows']} patients and {least} in "
            f"each; {resolved['test_fraction']:.0%} of each hospital held out, stratified "
            f"(seed {split_seed})."
        ),
        notes=("The patients are real and come from one clinic; the hospitals are simulated.",),
        single_class_accepted=alone,
    )


def read_patients() -> pd.DataFrame:
    """All 569 rows in scikit-learn's order, checked against `SCHEMA`."""
    bunch = load_breast_cancer()
    frame = pd.DataFrame(bunch.data, columns=[str(name) for name in bunch.feature_names])
    # scikit-learn codes malignant as 0; here the positive class is 1.
    frame["diagnosis"] = 1 - bunch.target
    return SCHEMA.check(frame, "scikit-learn's breast cancer table")
